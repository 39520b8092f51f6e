// SPDX-License-Identifier: Apache-2.0
/*
 * tests/faults/faulty.c - a pread() that fails when it is told to
 *
 *	FAULTY_SWITCH=file FAULTY_SOURCE=model.safetensors LD_PRELOAD=libfaulty.so program
 *
 * Only reads of that one file meet the faults of the switch, whatever descriptor they go
 * by.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/faults/switch.h"

typedef ssize_t (*pread_function)(int, void *, size_t, off_t);

static struct {
	pread_function pread;
	struct fault_switch *faults;
	struct stat source;
	_Atomic(unsigned) reads;
} state;

__attribute__((constructor)) static void init(void)
{
	const char *faults = getenv("FAULTY_SWITCH");
	const char *source = getenv("FAULTY_SOURCE");

	*(void **)&state.pread = dlsym(RTLD_NEXT, "pread64");
	if (faults != NULL && source != NULL && stat(source, &state.source) == 0)
		state.faults = switch_open(faults);
}

static bool is_source(int fd)
{
	struct stat info;

	return fstat(fd, &info) == 0 && info.st_ino == state.source.st_ino &&
	       info.st_dev == state.source.st_dev;
}

/* Return: what pread() returns, faults and all. */
static ssize_t faulty_pread(int fd, void *buf, size_t len, off_t off)
{
	if (state.faults == NULL || !is_source(fd))
		return state.pread(fd, buf, len, off);
	switch (switch_meet(state.faults, &state.faults->read, &state.reads)) {
	case 'e':
		errno = EIO;
		return -1;
	case 's':
		errno = ESTALE;
		return -1;
	case 'i':
		errno = EINTR;
		return -1;
	case '0':
		return 0;
	case '1':
		return state.pread(fd, buf, len > 1 ? len - 1 : len, off);
	}
	return state.pread(fd, buf, len, off);
}

/* The names that a program may know it by. */
ssize_t pread64(int fd, void *buf, size_t len, off_t off);
ssize_t __pread64_chk(int fd, void *buf, size_t len, off_t off, size_t room);

ssize_t pread64(int fd, void *buf, size_t len, off_t off)
{
	return faulty_pread(fd, buf, len, off);
}

ssize_t __pread64_chk(int fd, void *buf, size_t len, off_t off, size_t room)
{
	(void)room;
	return faulty_pread(fd, buf, len, off);
}
