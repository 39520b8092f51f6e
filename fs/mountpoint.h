/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/mountpoint.h - is this a place to mount on
 */
#ifndef FS_MOUNTPOINT_H
#define FS_MOUNTPOINT_H

#include <limits.h>
#include <stdbool.h>

#include "fs/mountinfo.h"

struct fs_mountpoint {
	char path[PATH_MAX]; /* absolute; "/dev/fd/N" as it was given */
	bool is_fd;          /* mounted by somebody else, who handed us the descriptor */
	bool is_chosen;      /* by us, not by the caller: see fs/autodir.h */
	int made_fd;         /* of the folder, if it was made for this mount; else -1 */
	struct fs_mount_id id;
};

/* What to do about a mount point that hides files. */
enum fs_nonempty {
	FS_NONEMPTY_WARN,
	FS_NONEMPTY_ALLOW,
	FS_NONEMPTY_REFUSE,
};

/**
 * fs_mountpoint_check() - resolve a mount point and refuse what cannot be one
 * @name:       as the person wrote it
 * @nonempty:   whether it may hide files
 * @mountpoint: filled
 *
 * A dead mount of ours is taken away, with a line that says so.
 *
 * Return: 0, or the exit status after a message with the remedy.
 */
int fs_mountpoint_check(const char *name, enum fs_nonempty nonempty,
			struct fs_mountpoint *mountpoint);

/**
 * fs_mountpoint_resolve() - the absolute path of a mount point, without symbolic links
 *
 * Works where a dead mount answers nothing.
 *
 * Return: false with an errno.
 */
bool fs_mountpoint_resolve(const char *name, char ret_path[PATH_MAX]);

/**
 * fs_mountpoint_is_dead() - whether the process that served a mount is gone
 *
 * Asks it, in a process of its own, for five seconds at most: one that hangs is not dead.
 */
bool fs_mountpoint_is_dead(const char *path);

/* Says why a mount is likely to fail before it is tried; 0, or the exit status. */
int fs_mountpoint_check_system(const struct fs_mountpoint *mountpoint);

#endif /* FS_MOUNTPOINT_H */
