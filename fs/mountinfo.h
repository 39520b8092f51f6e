/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/mountinfo.h - what is mounted where, from /proc/self/mountinfo
 *
 * The identity of a mount tells whether a path still is what we mounted there. Its id can
 * be another's after the mount is gone: only newer kernels have ids that are not used
 * again.
 */
#ifndef FS_MOUNTINFO_H
#define FS_MOUNTINFO_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define FS_TYPE "fuse.safetensorsfs"

struct fs_mount_id {
	uint64_t unique;       /* never used again; 0 where it is not known */
	unsigned long id;      /* of the mount; used again, at once, when it is gone */
	unsigned major, minor; /* of its device */
	char type[64];         /* file system type, perhaps cut */
};

/**
 * fs_mountinfo_find() - find the topmost mount at a path
 * @path:   absolute, without symbolic links
 * @ret_id: filled
 *
 * Does not touch the path itself, so a dead or busy mount does no harm.
 *
 * Return: false if nothing is mounted there, or /proc is not to be had.
 */
bool fs_mountinfo_find(const char *path, struct fs_mount_id *ret_id);

/**
 * fs_mountinfo_distinguish() - learn what tells the mount at a path from all later ones
 * @path: as of fs_mountinfo_find()
 * @id:   as that filled it; its @unique is set where the kernel, Linux 6.8 or later,
 * tells
 *
 * Does not ask the process that serves the mount, which need not be there yet.
 */
void fs_mountinfo_distinguish(const char *path, struct fs_mount_id *id);

/**
 * fs_mountinfo_where() - where a mount is now: a folder above it may have been renamed
 * @id: of the mount
 *
 * A later mount of that id and type is taken for this one where @id->unique is not known.
 *
 * Return: false if there is no such mount any more.
 */
bool fs_mountinfo_where(const struct fs_mount_id *id, char ret_path[PATH_MAX]);

#endif /* FS_MOUNTINFO_H */
