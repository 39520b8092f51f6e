/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/slices.h - the inodes of slices, which are named and not listed
 *
 * All other inode numbers are refs, written as numbers (fs/inode.h). There are more
 * slices than numbers, so those that the kernel asked for sit in one locked table: a
 * row for each lookup that it has not forgotten, with the folder and the name.
 *
 *	bit 63  62        16 15     0
 *	|  1   |   serial   |  row   |
 *
 * Rows that nobody has open are given back, the oldest first, once there are many. The
 * kernel may still know such a number for a moment: it is told ESTALE then, and looks the
 * name up again by itself.
 */
#ifndef FS_SLICES_H
#define FS_SLICES_H

#include <fuse_lowlevel.h>

#include "core/sft.h"

#define FS_SLICE_BIT (UINT64_C(1) << 63)
#define FS_SLICES_MAX 65536u     /* rows */
#define FS_SLICES_IDLE_MAX 4096u /* rows that nobody has open */
#define FS_SLICE_NAME_MAX 255u   /* bytes of a name */

struct fs_slices;

/* A folder of the tree, and a name of a slice in it. */
struct fs_slice_name {
	struct sft_ref folder;
	char text[FS_SLICE_NAME_MAX + 1]; /* NUL-terminated */
};

/* Return: NULL where memory is short. */
struct fs_slices *fs_slices_new(void);

/* NULL is fine. */
void fs_slices_free(struct fs_slices *slices);

/* Whether an inode number is of this kind. */
static inline bool fs_slices_has(fuse_ino_t ino)
{
	return (ino & FS_SLICE_BIT) != 0;
}

/**
 * fs_slices_add() - count a lookup
 * @name: of a slice
 *
 * Return: the inode number; 0 where each of FS_SLICES_MAX is open.
 */
fuse_ino_t fs_slices_add(struct fs_slices *slices, const struct fs_slice_name *name);

/* Finds what a number stands for. Return: false for one that was given back. */
bool fs_slices_find(struct fs_slices *slices, fuse_ino_t ino,
		    struct fs_slice_name *ret_name);

/* Takes lookups back that the kernel has forgotten; any number is fine. */
void fs_slices_forget(struct fs_slices *slices, fuse_ino_t ino, uint64_t lookups);

/* Keeps a row until fs_slices_close(). Return: false for one that was given back. */
bool fs_slices_open(struct fs_slices *slices, fuse_ino_t ino);
void fs_slices_close(struct fs_slices *slices, fuse_ino_t ino);

/* ---- for the thread of fs/notify.h ---- */

/* Whether fs_slices_next_gone() has something. */
bool fs_slices_any_gone(struct fs_slices *slices);

/* Takes a name that was given back, the oldest first. Return: false if there is none. */
bool fs_slices_next_gone(struct fs_slices *slices, struct fs_slice_name *ret_name);

/**
 * fs_slices_next_open() - walk the rows that were ever opened
 * @at: 0 at first; moved on
 *
 * Return: an inode number; 0 at the end.
 */
fuse_ino_t fs_slices_next_open(struct fs_slices *slices, size_t *at);

#endif /* FS_SLICES_H */
