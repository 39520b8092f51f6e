// SPDX-License-Identifier: Apache-2.0
#include "fs/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fs/capabilities.h"
#include "fs/landlock.h"
#include "fs/log.h"
#include "fs/syscalls.h"

/* Files, terminals and sockets of the caller's. Ours close on exec, so those do not. */
static int close_inherited(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (dir == NULL)
		return errno;
	while ((entry = readdir(dir)) != NULL) {
		const int fd = atoi(entry->d_name); /* 0 for the dots */

		if (fd > STDERR_FILENO && fcntl(fd, F_GETFD) == 0)
			close(fd);
	}
	closedir(dir);
	return 0;
}

static int drop_capabilities(void)
{
	return fs_capabilities_keep(0);
}

/* No program that is started can have more rights: the two after this insist on it. */
static int forgo_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

/* In this order: each may need what a later one takes away. */
static const struct {
	const char *name;
	int (*enter)(void); /* Return: 0 or an errno. */
} parts[] = {
	{ "inherited descriptors", close_inherited },
	{ "capabilities", drop_capabilities },
	{ "no_new_privs", forgo_privileges },
	{ "Landlock", fs_landlock_deny },
	{ "seccomp", fs_syscalls_limit },
};

int fs_sandbox_enter(enum fs_sandbox wanted, int session_fd)
{
	char missing[512] = "";

	if (wanted == FS_SANDBOX_OFF)
		return 0;
	fcntl(session_fd, F_SETFD, FD_CLOEXEC); /* it may have come from the caller */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const int error = parts[i].enter();
		const size_t used = strlen(missing);

		if (error != 0)
			snprintf(missing + used, sizeof(missing) - used, "%s%s (%s)",
				 used > 0 ? ", " : "", parts[i].name, strerror(error));
	}
	if (missing[0] == '\0')
		return 0;
	if (wanted == FS_SANDBOX_REQUIRE)
		return fs_log_fail(SFT_E_MOUNT,
				   "the sandbox is required, but this system refuses: %s",
				   missing);
	fs_log("warning: the sandbox is not whole; this system refuses: %s (-o "
	       "sandbox=off silences this)",
	       missing);
	return 0;
}

void fs_sandbox_watch(enum fs_sandbox wanted, bool removes)
{
	if (wanted != FS_SANDBOX_OFF)
		fs_capabilities_keep(FS_CAPABILITY(CAP_SYS_ADMIN) |
				     FS_CAPABILITY(CAP_DAC_READ_SEARCH) |
				     (removes ? FS_CAPABILITY(CAP_DAC_OVERRIDE) : 0));
}
