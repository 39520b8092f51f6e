// SPDX-License-Identifier: Apache-2.0
/*
 * tests/sandbox/probe.c - system calls from inside the sandbox, for a test to choose
 *
 * Linked with the driver's own objects, it stands between fs_op_lookup() and
 * sft_lookup(). A look for the name
 *
 *	probe.ID.CALL.ARGUMENT...
 *
 * makes the system call on the thread that serves the request, and writes a line with
 * the ID, the thread and the result, negative errno and all, among the driver's
 * messages. CALL is a name, or a number with what an architecture's other tables add
 * to it. ARGUMENT is a number or a word of argument_of(). With `gather.ID...` GATHERED
 * threads wait for each other first.
 */
#define _GNU_SOURCE /* gettid() */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/sft.h"
#include "tests/sandbox/calls.h"

#define ARGUMENTS_MAX 6
#define ABSENT (-10000L) /* no errno */
#define GATHERED 4

bool __real_sft_lookup(const struct sft_model *model, struct sft_ref folder,
		       const char *name, size_t len, struct sft_ref *ret_ref);
bool __wrap_sft_lookup(const struct sft_model *model, struct sft_ref folder,
		       const char *name, size_t len, struct sft_ref *ret_ref);

/* What system calls take that is no number. */
struct things {
	char zeros[4096];
	struct sockaddr_in port;     /* $PROBE_PORT of this host */
	struct sockaddr_un abstract; /* the abstract socket $PROBE_SOCKET */
	char *program[2];            /* arguments and environment of a program */
	uint32_t header[2];          /* of capset(): version 3, this thread */
	uint32_t all[6];             /* capabilities, in all three sets */
};

static const char *text(const char *variable)
{
	const char *value = getenv(variable);

	return value != NULL ? value : "";
}

static void fill(struct things *things)
{
	memset(things, 0, sizeof(*things));
	things->port.sin_family = AF_INET;
	things->port.sin_port = htons((uint16_t)atoi(text("PROBE_PORT")));
	things->port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	things->abstract.sun_family = AF_UNIX;
	snprintf(things->abstract.sun_path + 1, sizeof(things->abstract.sun_path) - 1,
		 "%s", text("PROBE_SOCKET"));
	things->program[0] = things->zeros;
	things->header[0] = 0x20080522;
	memset(things->all, 0xff, sizeof(things->all));
}

static long argument_of(const char *word, struct things *things)
{
	if (strcmp(word, "PATH") == 0)
		return (long)text("PROBE_PATH");
	if (strcmp(word, "DOT") == 0)
		return (long)".";
	if (strcmp(word, "MEM") == 0)
		return (long)"/proc/self/mem";
	if (strcmp(word, "FUSE") == 0)
		return (long)"/dev/fuse";
	if (strcmp(word, "TRUE") == 0)
		return (long)"/bin/true";
	if (strcmp(word, "ZEROS") == 0)
		return (long)things->zeros;
	if (strcmp(word, "PORT") == 0)
		return (long)&things->port;
	if (strcmp(word, "ABSTRACT") == 0)
		return (long)&things->abstract;
	if (strcmp(word, "PROGRAM") == 0)
		return (long)things->program;
	if (strcmp(word, "HEADER") == 0)
		return (long)things->header;
	if (strcmp(word, "ALL") == 0)
		return (long)things->all;
	if (strcmp(word, "ESCAPES") == 0)
		return (long)"\033[31mred\rx\302\2331m\177\a\n";
	if (strcmp(word, "PID") == 0)
		return atol(text("PROBE_PID"));
	if (strcmp(word, "SELF") == 0)
		return getpid();
	return atol(word);
}

/* getpid() of the other tables of x86-64: of 32 bits, and x32's. Return: as syscall(). */
static long call_foreign(const char *name)
{
#ifdef __x86_64__
	long result = 20;

	if (strcmp(name, "x32") == 0)
		return syscall(0x40000000 | SYS_getpid);
	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 :
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
#else
	(void)name;
	return ABSENT;
#endif
}

/* Return: the result, or a negative errno, or ABSENT where this machine has no such call.
 */
static long call(const char *name, const long arguments[ARGUMENTS_MAX])
{
	const int number = number_of_call(name);
	long result;

	if (strcmp(name, "int80") == 0 || strcmp(name, "x32") == 0)
		return call_foreign(name);
	if (number < 0 && strspn(name, "0123456789") != strlen(name))
		return ABSENT;
	result = syscall(number >= 0 ? number : atol(name), arguments[0], arguments[1],
			 arguments[2], arguments[3], arguments[4], arguments[5]);
	return result == -1 ? -errno : result;
}

static void probe(char *words, const char *id)
{
	const char *name = strsep(&words, ".");
	long arguments[ARGUMENTS_MAX] = { 0 };
	struct things things;
	char line[300];
	long result;
	int len;

	fill(&things);
	for (size_t i = 0; i < ARGUMENTS_MAX && words != NULL; i++)
		arguments[i] = argument_of(strsep(&words, "."), &things);
	result = name != NULL ? call(name, arguments) : -EINVAL;
	len = snprintf(line, sizeof(line), "probe: %s %d %ld\n", id, gettid(), result);
	if (write(STDERR_FILENO, line, (size_t)len) != len)
		return; /* the call was to close it */
}

static void gather(void)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static pthread_cond_t all_there = PTHREAD_COND_INITIALIZER;
	static unsigned count;

	pthread_mutex_lock(&mutex);
	if (++count % GATHERED == 0)
		pthread_cond_broadcast(&all_there);
	else
		pthread_cond_wait(&all_there, &mutex);
	pthread_mutex_unlock(&mutex);
}

bool __wrap_sft_lookup(const struct sft_model *model, struct sft_ref folder,
		       const char *name, size_t len, struct sft_ref *ret_ref)
{
	char copy[256];
	char *words = copy;
	const char *first;

	snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
	first = strsep(&words, ".");
	if (words == NULL ||
	    (strcmp(first, "probe") != 0 && strcmp(first, "gather") != 0))
		return __real_sft_lookup(model, folder, name, len, ret_ref);
	if (strcmp(first, "gather") == 0)
		gather();
	first = strsep(&words, ".");
	probe(words, first);
	return false;
}
