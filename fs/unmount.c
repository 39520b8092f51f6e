// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* environ */
#include "fs/unmount.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/autodir.h"
#include "fs/capture.h"
#include "fs/log.h"

/* Return: its exit status, or -1 where it cannot be run. */
static int run_fusermount(const char *path, bool lazy)
{
	char program[] = "fusermount3";
	char plain_flag[] = "-u", lazy_flag[] = "-uz";
	char end[] = "--";
	auto_free char *copy = strdup(path);
	char *argv[] = { program, lazy ? lazy_flag : plain_flag, end, copy, NULL };
	int status;
	pid_t pid;

	if (copy == NULL || posix_spawnp(&pid, program, NULL, NULL, argv, environ) != 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

enum fs_unmounted fs_unmount_path(const char *path, bool lazy, char *said, size_t cap)
{
	struct fs_capture capture;
	char text[256];
	int error, status;

	said[0] = '\0';
	if (umount2(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
		return FS_UNMOUNT_DONE;
	error = errno;
	if (error == EBUSY)
		return FS_UNMOUNT_BUSY;
	snprintf(said, cap, "%s", strerror(error));
	if (!fs_capture_begin(&capture))
		return FS_UNMOUNT_FAILED;
	status = run_fusermount(path, lazy);
	fs_capture_end(&capture, text, sizeof(text));
	if (status == 0)
		return FS_UNMOUNT_DONE;
	if (strstr(text, strerror(EBUSY)) != NULL)
		return FS_UNMOUNT_BUSY;
	snprintf(said, cap, "%s; %s", strerror(error),
		 status < 0 ? "fusermount3 cannot be run" : text);
	return FS_UNMOUNT_FAILED;
}

enum fs_unmounted fs_unmount_ours(const struct fs_mountpoint *mountpoint, bool lazy)
{
	struct fs_mount_id top;
	char path[PATH_MAX];
	char said[256];

	if (mountpoint->is_fd || !fs_mountinfo_where(&mountpoint->id, path))
		return FS_UNMOUNT_GONE;
	/* Unmounting goes by path: not if something else was mounted on top. */
	if (!fs_mountinfo_find(path, &top) || top.id != mountpoint->id.id)
		return FS_UNMOUNT_FAILED;
	return fs_unmount_path(path, lazy, said, sizeof(said));
}

enum fs_unmounted fs_unmount_dead(const struct fs_mountpoint *mountpoint)
{
	char path[PATH_MAX];

	if (mountpoint->is_fd || !fs_mountinfo_where(&mountpoint->id, path) ||
	    !fs_mountpoint_is_dead(path))
		return FS_UNMOUNT_GONE;
	return fs_unmount_ours(mountpoint, true);
}

/* ---- by name ---- */

/* Return: 0, or the exit status after a message. */
static int find_ours(const char *name, char ret_path[PATH_MAX])
{
	struct fs_mount_id id;
	char shown[512], type[128];

	sft_escape(shown, sizeof(shown), name, strlen(name));
	if (!fs_mountpoint_resolve(name, ret_path))
		return fs_log_fail(SFT_E_MOUNT, "%s: %s", shown, strerror(errno));
	if (!fs_mountinfo_find(ret_path, &id))
		return fs_log_fail(SFT_E_MOUNT, "%s: nothing is mounted here", shown);
	if (strcmp(id.type, FS_TYPE) != 0)
		return fs_log_fail(
			SFT_E_MOUNT,
			"%s: what is mounted here is none of ours but a %s; "
			"see umount(8)",
			shown, sft_escape(type, sizeof(type), id.type, strlen(id.type)));
	return 0;
}

static int unmount_one(const char *name, bool lazy)
{
	char path[PATH_MAX];
	char shown[512], said[512];
	enum fs_unmounted result;
	int exit_status = find_ours(name, path);

	if (exit_status != 0)
		return exit_status;
	result = fs_unmount_path(path, lazy, said, sizeof(said));
	/* Who has files of a dead mount open cannot use them any more. */
	if (result == FS_UNMOUNT_BUSY && fs_mountpoint_is_dead(path))
		result = fs_unmount_path(path, true, said, sizeof(said));
	if (result == FS_UNMOUNT_DONE) {
		if (!lazy)
			fs_autodir_wait(path);
		return 0;
	}
	sft_escape(shown, sizeof(shown), name, strlen(name));
	if (result == FS_UNMOUNT_BUSY)
		return fs_log_fail(SFT_E_MOUNT,
				   "%s: in use: a file is open, or it is somebody's "
				   "current folder ('fuser -vm %s' tells whose); --lazy "
				   "detaches it and lets them finish",
				   shown, shown);
	return fs_log_fail(SFT_E_MOUNT, "%s: cannot be unmounted: %s", shown, said);
}

int fs_unmount(const struct fs_options *options)
{
	int exit_status = 0;

	for (int i = 0; i < options->operand_count; i++)
		if (unmount_one(options->operands[i], options->lazy) != 0)
			exit_status = 1;
	return exit_status;
}
