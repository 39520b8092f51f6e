/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/notify.h - telling the kernel what to drop: pages after a change, names of slices
 *
 * By a thread of its own: a handler must not, for the kernel may be waiting for the very
 * page, or the very name, that the handler is about to answer.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include "fs/opened.h"
#include "fs/slices.h"

struct fs_notifier;

/* Return: NULL where memory is short. All arguments outlive it. */
struct fs_notifier *fs_notifier_new(const struct sft_model *model,
				    struct fs_opened *opened, struct fs_slices *slices);

/* Starts the thread; false if it cannot. Call after the last fork. */
bool fs_notifier_start(struct fs_notifier *notifier, struct fuse_session *session);

/* Has the pages dropped of what changed, once for each change. Never waits. */
void fs_notifier_changed(struct fs_notifier *notifier);

/* Has the names given back that fs_slices_next_gone() has. Never waits. */
void fs_notifier_wake(struct fs_notifier *notifier);

/* Stops the thread if there is one; before the session goes. */
void fs_notifier_stop(struct fs_notifier *notifier);

/* NULL is fine. */
void fs_notifier_free(struct fs_notifier *notifier);

#endif /* FS_NOTIFY_H */
