/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/faults/switch.h - a fault that a test turns on and off while programs run
 *
 * A file of SWITCH_LEN bytes, mapped by the test and by what makes the faults, so that
 * nothing has to be opened later: a sandboxed process could not.
 *
 *	byte 0		     1			  2	     3		4
 *	|  fault of reads    |	of questions	  |  every   |	delay	|  file name, NUL
 *
 * A fault is a letter, and NUL is none:
 *
 *	e  EIO
 *	s  ESTALE
 *	i  EINTR
 *	0  the end of the file
 *	1  a single byte less than was asked for
 *	h  hangs for as long as the letter stands there
 *
 * Faults strike each @every-th time (0 is 1), in the file of that name, or in all files
 * if there is none. Without regard to names, all take @delay times 10 ms longer.
 */
#ifndef TESTS_FAULTS_SWITCH_H
#define TESTS_FAULTS_SWITCH_H

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#define SWITCH_LEN 4096u

struct fault_switch {
	_Atomic(char) read, ask;
	_Atomic(unsigned char) every, delay;
	char name[SWITCH_LEN - 4];
};

/* Return: NULL where there is no such file. */
static inline struct fault_switch *switch_open(const char *path)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	void *map = fd < 0 ? MAP_FAILED
			   : mmap(NULL, SWITCH_LEN, PROT_READ | PROT_WRITE, MAP_SHARED,
				  fd, 0);

	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? NULL : map;
}

/* Waits, if that is the fault, or all are slow; returns the fault, or '\0'. */
static inline char switch_meet(struct fault_switch *faults, _Atomic(char) *fault,
			       _Atomic(unsigned) *count)
{
	const unsigned every = faults->every > 0 ? faults->every : 1;

	if (faults->delay > 0)
		poll(NULL, 0, faults->delay * 10);
	if (*fault == '\0' || atomic_fetch_add(count, 1) % every != every - 1)
		return '\0';
	while (*fault == 'h')
		poll(NULL, 0, 2);
	return *fault;
}

#endif /* TESTS_FAULTS_SWITCH_H */
