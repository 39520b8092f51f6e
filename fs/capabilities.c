// SPDX-License-Identifier: Apache-2.0
#include "fs/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the bounding set: what a program that is started could get. */
static void limit_programs(uint64_t keep)
{
	/* Until the kernel knows no more of them. Wants CAP_SETPCAP. */
	for (int number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
		if (!(keep >> number & 1))
			prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
}

int fs_capabilities_keep(uint64_t keep)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	limit_programs(keep);
	if (syscall(SYS_capget, &header, sets) != 0)
		return errno;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		sets[i].permitted &= (uint32_t)(keep >> (32 * i));
		sets[i].effective = sets[i].permitted;
		/* The kernel takes out of the ambient set what is not in this one. */
		sets[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, sets) == 0 ? 0 : errno;
}
