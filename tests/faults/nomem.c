// SPDX-License-Identifier: Apache-2.0
/*
 * tests/faults/nomem.c - the n-th allocation of a program fails
 *
 *	NOMEM_AT=n NOMEM_COUNT=file [NOMEM_ON=1] LD_PRELOAD=libnomem.so program
 *
 * With NOMEM_ON all after it fail, too. The file, of at least 8 bytes, is where
 * allocations are counted, those of all processes that the program forks together; a
 * test learns from it whether there were n of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
	atomic_ullong *count; /* NULL: nothing fails yet */
	unsigned long long at;
	int goes_on;
} state;

__attribute__((constructor)) static void init(void)
{
	const char *path = getenv("NOMEM_COUNT");
	const char *at = getenv("NOMEM_AT");
	const int fd = path != NULL && at != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED
			   : mmap(NULL, sizeof(*state.count), PROT_READ | PROT_WRITE,
				  MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		abort(); /* or a test would pass for nothing */
	state.at = strtoull(at, NULL, 10);
	state.goes_on = getenv("NOMEM_ON") != NULL;
	state.count = map;
}

static int fails(void)
{
	unsigned long long number;

	if (state.count == NULL)
		return 0;
	number = atomic_fetch_add(state.count, 1) + 1;
	if (number < state.at || (number > state.at && !state.goes_on))
		return 0;
	errno = ENOMEM;
	return 1;
}

/* What glibc calls its own; dlsym() would allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
