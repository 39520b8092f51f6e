// SPDX-License-Identifier: Apache-2.0
/*
 * fs/main.c - safetensorsfs, the program
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "fs/log.h"
#include "fs/mount.h"
#include "fs/offline.h"
#include "fs/options.h"
#include "fs/unmount.h"

/* More than a reply, which comes and goes too often. */
#define LARGE_LEN (4 << 20)

/* Whether a mode works on a model without a mount. */
static bool is_offline(enum fs_mode mode)
{
	return mode == FS_MODE_CHECK || mode == FS_MODE_LIST || mode == FS_MODE_CAT ||
	       mode == FS_MODE_EXTRACT || mode == FS_MODE_INFO || mode == FS_MODE_SUM;
}

static int run(const struct fs_options *options)
{
	switch (options->mode) {
	case FS_MODE_HELP:
		fs_options_help();
		return 0;
	case FS_MODE_VERSION:
		printf("safetensorsfs %s, libfuse %s\n", FS_VERSION, fuse_pkgversion());
		return 0;
	case FS_MODE_UNMOUNT:
		return fs_unmount(options);
	case FS_MODE_CHECK:
		return fs_check(options);
	case FS_MODE_LIST:
		return fs_list(options);
	case FS_MODE_CAT:
		return fs_cat(options);
	case FS_MODE_EXTRACT:
		return fs_extract(options);
	case FS_MODE_INFO:
		return fs_info(options);
	case FS_MODE_SUM:
		return fs_sum(options);
	case FS_MODE_MOUNT:
		break;
	}
	return fs_mount(options);
}

/*
 * Descriptors 0 to 2 may be closed: files opened later must not get their numbers, or a
 * message would be written into one. What goes to them fails, as if they were closed.
 */
static bool fill_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct fs_options options;
	int exit_status;

	/* What is large goes back at once; left to itself the threshold rises to 32 MiB.
	 */
	mallopt(M_MMAP_THRESHOLD, LARGE_LEN);
	if (!fill_standard_fds())
		return 1; /* there may be nobody to tell */
	exit_status = fs_options_parse(argc, argv, &options);

	if (exit_status == 0 && is_offline(options.mode))
		exit_status = fs_mount_check_options(&options);
	if (exit_status == 0)
		exit_status = run(&options);
	if (exit_status == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		exit_status = fs_log_fail(SFT_E_IO, "cannot write to standard output");
	fs_options_done(&options);
	return exit_status;
}
