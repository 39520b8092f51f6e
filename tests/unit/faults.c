// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* vasprintf() */
#include "tests/unit/faults.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A function that stands in for malloc() has no other place for its state. */
static atomic_long calls_left; /* 0: none fails from now on */

void fault_set(long nth)
{
	atomic_store(&calls_left, nth);
}

bool fault_clear(void)
{
	return atomic_exchange(&calls_left, 0) == 0;
}

static bool refuse(void)
{
	long left = atomic_load(&calls_left);

	/* Shards are opened by several threads at once. */
	while (left > 0)
		if (atomic_compare_exchange_weak(&calls_left, &left, left - 1))
			break;
	if (left != 1)
		return false;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *old, size_t len);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
DIR *__real_opendir(const char *path);

void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *old, size_t len);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
DIR *__wrap_opendir(const char *path);
__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **out, const char *format,
							  ...);

void *__wrap_malloc(size_t len)
{
	return refuse() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
	return refuse() ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *old, size_t len)
{
	return refuse() ? NULL : __real_realloc(old, len);
}

char *__wrap_strdup(const char *text)
{
	return refuse() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
	return refuse() ? NULL : __real_strndup(text, len);
}

DIR *__wrap_opendir(const char *path)
{
	return refuse() ? NULL : __real_opendir(path);
}

int __wrap_asprintf(char **out, const char *format, ...)
{
	va_list args;
	int len;

	if (refuse()) {
		*out = (char *)1; /* undefined, so nobody may look at it */
		return -1;
	}
	va_start(args, format);
	len = vasprintf(out, format, args);
	va_end(args);
	return len;
}

void *fault_malloc(size_t len)
{
	return __wrap_malloc(len);
}
