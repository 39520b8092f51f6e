/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/team.h - threads that do one job together, and the one that waits for them
 */
#ifndef FS_TEAM_H
#define FS_TEAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "fs/progress.h"

#define FS_TEAM_MAX 256u

struct fs_team {
	void (*work)(void *arg); /* what each does until there is nothing left */
	void *arg;
	unsigned count; /* threads */
	atomic_uint running;
	int end_fd;           /* readable: all have ended */
	pthread_mutex_t gate; /* locked until fs_team_watch() lets them in */
	pthread_t threads[FS_TEAM_MAX];
};

/* How many threads keep all processors busy: at least 2, at most FS_TEAM_MAX. */
unsigned fs_team_size(void);

/**
 * fs_team_start() - start the threads
 * @team: the caller's; must not move until fs_team_end()
 * @size: threads that there should be; it may become fewer
 *
 * They begin to work in fs_team_watch(), which has to follow.
 *
 * Return: 0, or the exit status after a message. fs_team_end() follows in any case.
 */
int fs_team_start(struct fs_team *team, unsigned size, void (*work)(void *arg),
		  void *arg);

/* Waits for the threads. */
void fs_team_end(struct fs_team *team);

/* What the waiting thread does. */
struct fs_watch {
	int signal_fd; /* of fs_signals_watch(), from before the team was started; or -1
			*/
	struct fs_progress *progress;
	void (*draw)(void *arg); /* shows where things stand */
	void (*stop)(void *arg); /* has the threads come to an end soon */
	void *arg;
};

/**
 * fs_team_watch() - draw, have the threads begin, and wait for the end
 *
 * A first signal asks for the end, a second one is not waited for.
 *
 * Return: the number of the first signal; 0: there was none.
 */
int fs_team_watch(struct fs_team *team, const struct fs_watch *watch);

#endif /* FS_TEAM_H */
