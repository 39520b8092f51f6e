/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/opened.h - which inodes may have pages in the kernel's cache
 *
 * One bit for each inode that was ever opened; those of slices are in fs/slices.h. When
 * the source changes, fs/notify.h has the kernel forget their pages.
 */
#ifndef FS_OPENED_H
#define FS_OPENED_H

#include <fuse_lowlevel.h>

#include "core/sft.h"

struct fs_opened;

/* Return: NULL where memory is short. @model outlives it. */
struct fs_opened *fs_opened_new(const struct sft_model *model);

/* Notes an inode, before the reply to its open. Lock-free. */
void fs_opened_add(struct fs_opened *opened, struct sft_ref ref);

/**
 * fs_opened_drop() - have the kernel drop the pages of what sft_ref_changed()
 * @is_over: asked now and then, with @arg; true ends it
 *
 * Not from a handler: the kernel may be waiting for the very page that it fills.
 *
 * Return: false where nobody listens any more.
 */
bool fs_opened_drop(const struct fs_opened *opened, struct fuse_session *session,
		    bool (*is_over)(const void *arg), const void *arg);

/* NULL is fine. */
void fs_opened_free(struct fs_opened *opened);

#endif /* FS_OPENED_H */
