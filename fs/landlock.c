// SPDX-License-Identifier: Apache-2.0
#include "fs/landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Of linux/landlock.h, which on most machines is older than the kernel: the flag that
 * asks for the ABI, and what a ruleset may handle. A kernel that knows less takes this
 * for an older structure, as long as what it does not know is zero.
 */
#define CREATE_RULESET_VERSION 1u

struct rights {
	uint64_t fs, net, scoped; /* bits of LANDLOCK_ACCESS_FS_*, _NET_* and _SCOPE_* */
};

/* All rights of an ABI. */
static const struct rights rights_of[] = {
	[1] = { .fs = 0x1fff },             /* execute, read, write, make and remove */
	[2] = { .fs = 0x3fff },             /* link and rename between folders */
	[3] = { .fs = 0x7fff },             /* truncate */
	[4] = { .fs = 0x7fff, .net = 0x3 }, /* bind and connect TCP */
	[5] = { .fs = 0xffff, .net = 0x3 }, /* ioctl of devices */
	[6] = { .fs = 0xffff, .net = 0x3, .scoped = 0x3 }, /* abstract sockets, signals */
};

#define ABI_MAX (long)(sizeof(rights_of) / sizeof(rights_of[0]) - 1)

int fs_landlock_deny(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	int error = 0;
	long fd;

	if (abi < 0)
		return errno;
	if (abi < 1 || abi > ABI_MAX)
		abi = ABI_MAX;
	fd = syscall(SYS_landlock_create_ruleset, &rights_of[abi], sizeof(struct rights),
		     0);
	if (fd < 0)
		return errno;
	/* A set without rules: what it handles is denied. */
	if (syscall(SYS_landlock_restrict_self, (int)fd, 0) != 0)
		error = errno;
	close((int)fd);
	return error;
}
