/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/unmount.h - taking mounts of ours away
 */
#ifndef FS_UNMOUNT_H
#define FS_UNMOUNT_H

#include "fs/mountpoint.h"
#include "fs/options.h"

enum fs_unmounted {
	FS_UNMOUNT_DONE,
	FS_UNMOUNT_GONE,   /* there was nothing of ours */
	FS_UNMOUNT_BUSY,   /* a file is open, or it is somebody's current folder */
	FS_UNMOUNT_FAILED, /* something is mounted on top, or the system refused */
};

/**
 * fs_unmount_path() - unmount what is on top at a path
 * @path: absolute, without symbolic links
 * @lazy: detach it at once, and let those who use it go on
 * @said: receives why the system refused, escaped; "" else
 * @cap:  size of @said in bytes
 *
 * By umount(2), or else by fusermount3, which is setuid root for those who may not.
 * Neither asks the process that serves the mount.
 *
 * Return: FS_UNMOUNT_DONE, _BUSY or _FAILED.
 */
enum fs_unmounted fs_unmount_path(const char *path, bool lazy, char *said, size_t cap);

/**
 * fs_unmount_ours() - unmount what we mounted
 * @mountpoint: gone already, perhaps, but a moment ago at most
 *
 * Finds the mount where it is now.
 */
enum fs_unmounted fs_unmount_ours(const struct fs_mountpoint *mountpoint, bool lazy);

/**
 * fs_unmount_dead() - the same, lazily, after the worker died
 *
 * Where the next mount cannot be told from ours (fs/mountinfo.h), only one that nobody
 * serves is taken for it.
 */
enum fs_unmounted fs_unmount_dead(const struct fs_mountpoint *mountpoint);

/* --unmount: each operand is a mount of ours. Return: the exit status. */
int fs_unmount(const struct fs_options *options);

#endif /* FS_UNMOUNT_H */
