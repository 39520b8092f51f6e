/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/opened.h - which inodes may have pages in the kernel's cache, and dropping them
 *
 * One bit for each inode that was ever opened. When the source changes, a thread of its
 * own tells the kernel to forget their pages: a handler must not, for the kernel may be
 * waiting for the very page that the handler is about to fill.
 */
#ifndef FS_OPENED_H
#define FS_OPENED_H

#include <fuse_lowlevel.h>

#include "core/sft.h"

struct fs_opened;

/* Return: NULL where memory is short. @model outlives it. */
struct fs_opened *fs_opened_new(const struct sft_model *model);

/* Starts the thread; false if it cannot. Call after the last fork. */
bool fs_opened_start(struct fs_opened *opened, struct fuse_session *session);

/* Notes an inode, before the reply to its open. Lock-free. */
void fs_opened_add(struct fs_opened *opened, struct sft_ref ref);

/* Has the pages dropped of what sft_ref_changed(), once for each change. Never waits. */
void fs_opened_invalidate(struct fs_opened *opened);

/* Stops the thread if there is one; before the session goes. */
void fs_opened_stop(struct fs_opened *opened);

/* Frees; NULL is fine. */
void fs_opened_free(struct fs_opened *opened);

#endif /* FS_OPENED_H */
