/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/activity.h - whether anybody uses the mount
 *
 * The worker's threads write it down, the supervisor reads it: it lies in memory that
 * both have. What the kernel answers out of its caches nobody hears of.
 */
#ifndef FS_ACTIVITY_H
#define FS_ACTIVITY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct fs_activity {
	atomic_size_t open_files; /* opened and not released yet; mapped ones are open */
	_Atomic(uint64_t) last;   /* request: millisecond of a clock of fs/activity.c's */
};

/* In memory that a fork shares. Return: NULL where that is short. */
struct fs_activity *fs_activity_new(void);

/* NULL is fine. */
void fs_activity_free(struct fs_activity *activity);

/* A request came, or a file was closed. Safe from any thread; lock-free. */
void fs_activity_note(struct fs_activity *activity);

/* A wait until nobody has used the mount for a while. */
struct fs_idle {
	const struct fs_activity *activity;
	uint32_t seconds; /* that long; 0: it never ends */
	uint64_t since;   /* begins no earlier, by the same clock */
};

/* Begins to wait, or begins again. */
void fs_idle_begin(struct fs_idle *idle);

/**
 * fs_idle_left() - how long to wait before this can be asked again
 *
 * Return: 0 if it is over: no file is open and no request came for so long; else a number
 * of milliseconds after which it may be, or -1, as poll() takes them.
 */
int fs_idle_left(const struct fs_idle *idle);

#endif /* FS_ACTIVITY_H */
