/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/progress.h - a line on the terminal: how much is done, how fast, how long yet
 *
 *	 42% [=========>             ]  3.2 GB of 7.5 GB  1.2 GB/s  0:04 left
 *
 * On standard error, and only if that is a terminal. No wider than that, however wide it
 * is now; no control but the carriage return.
 */
#ifndef FS_PROGRESS_H
#define FS_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct fs_progress {
	bool is_shown;
	uint64_t total;
	pthread_mutex_t lock; /* of the terminal, and of all that follows */
	size_t shown_len;     /* columns that the line takes now */
	double time;          /* seconds: of the last look at the rate; 0: none yet */
	uint64_t written;     /* at that time */
	double rate;          /* bytes a second, mostly of the last seconds */
};

/* Return: whether standard error can show any. */
bool fs_progress_is_wanted(void);

/**
 * fs_progress_init() - prepare a line
 * @is_shown: false: nothing of it will ever be seen
 * @total:    bytes that there will be
 */
void fs_progress_init(struct fs_progress *progress, bool is_shown, uint64_t total);

/* Takes the line away. */
void fs_progress_done(struct fs_progress *progress);

/**
 * fs_progress_draw() - show where things stand
 * @done:    bytes, of @total
 * @written: of these, by this run: they make the rate
 */
void fs_progress_draw(struct fs_progress *progress, uint64_t done, uint64_t written);

/* Takes the line away for a message, and lets it come back. Safe from any thread. */
void fs_progress_pause(struct fs_progress *progress);
void fs_progress_resume(struct fs_progress *progress);

/* @begin: of CLOCK_MONOTONIC */
double fs_seconds_since(const struct timespec *begin);

#endif /* FS_PROGRESS_H */
