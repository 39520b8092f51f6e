/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/mountpoint.h - is this a place to mount on, and how to leave it again
 */
#ifndef FS_MOUNTPOINT_H
#define FS_MOUNTPOINT_H

#include <limits.h>
#include <stdbool.h>

#include "fs/mountinfo.h"

struct fs_mountpoint {
	char path[PATH_MAX]; /* absolute; "/dev/fd/N" as it was given */
	bool is_fd;          /* mounted by somebody else, who handed us the descriptor */
	struct fs_mount_id id;
};

/**
 * fs_mountpoint_check() - resolve a mount point and refuse what cannot be one
 * @name:       as the person wrote it
 * @nonempty:   no warning if it hides files
 * @mountpoint: filled
 *
 * A dead mount of ours is taken away, with a line that says so.
 *
 * Return: 0, or the exit status after a message with the remedy.
 */
int fs_mountpoint_check(const char *name, bool nonempty,
			struct fs_mountpoint *mountpoint);

enum fs_detach {
	FS_DETACH_DONE,
	FS_DETACH_GONE,   /* there was nothing of ours to detach */
	FS_DETACH_FAILED, /* something is mounted on top, or the system refused */
};

/**
 * fs_mountpoint_detach() - unmount, but let those who have files open go on
 * @mountpoint: mounted by us, and served: its id cannot be another mount's then
 *
 * Finds the mount where it is now.
 */
enum fs_detach fs_mountpoint_detach(const struct fs_mountpoint *mountpoint);

/**
 * fs_mountpoint_remove_dead() - the same after the worker died
 *
 * The kernel gives the id of a mount that is gone to the next one, so only a mount that
 * nobody serves is taken for ours.
 */
enum fs_detach fs_mountpoint_remove_dead(const struct fs_mountpoint *mountpoint);

/* Says why a mount is likely to fail before it is tried; 0, or the exit status. */
int fs_mountpoint_check_system(const struct fs_mountpoint *mountpoint);

#endif /* FS_MOUNTPOINT_H */
