// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* CPU_COUNT() */
#include "fs/team.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fs/log.h"
#include "fs/signals.h"

#define SIZE_MIN 2u /* one reads while the other writes */
#define DRAW_MILLISECONDS 200

unsigned fs_team_size(void)
{
	cpu_set_t set;
	unsigned count = SIZE_MIN;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = (unsigned)CPU_COUNT(&set);
	if (count < SIZE_MIN)
		return SIZE_MIN;
	return count < FS_TEAM_MAX ? count : FS_TEAM_MAX;
}

/* One less is running. */
static void leave(struct fs_team *team)
{
	if (atomic_fetch_sub(&team->running, 1) == 1)
		eventfd_write(team->end_fd, 1);
}

static void *begin(void *arg)
{
	struct fs_team *team = arg;

	pthread_mutex_lock(&team->gate);
	pthread_mutex_unlock(&team->gate);
	team->work(team->arg);
	leave(team);
	return NULL;
}

int fs_team_start(struct fs_team *team, unsigned size, void (*work)(void *arg), void *arg)
{
	team->work = work;
	team->arg = arg;
	team->count = 0;
	team->end_fd = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&team->gate, NULL);
	pthread_mutex_lock(&team->gate);
	atomic_init(&team->running, 1); /* who starts them is one until all are counted */
	for (; team->end_fd >= 0 && team->count < size; team->count++) {
		atomic_fetch_add(&team->running, 1);
		if (pthread_create(&team->threads[team->count], NULL, begin, team) != 0) {
			atomic_fetch_sub(&team->running, 1);
			break;
		}
	}
	if (team->count > 0) {
		leave(team);
		return 0;
	}
	pthread_mutex_unlock(&team->gate);
	return fs_log_fail(SFT_E_NO_MEMORY, "cannot start threads");
}

void fs_team_end(struct fs_team *team)
{
	for (unsigned i = 0; i < team->count; i++)
		pthread_join(team->threads[i], NULL);
	pthread_mutex_destroy(&team->gate);
	if (team->end_fd >= 0)
		close(team->end_fd);
}

int fs_team_watch(struct fs_team *team, const struct fs_watch *watch)
{
	struct pollfd fds[] = {
		{ .fd = team->end_fd, .events = POLLIN },
		{ .fd = watch->signal_fd, .events = POLLIN },
	};
	const int wait = watch->progress->is_shown ? DRAW_MILLISECONDS : -1;
	int signal_number = 0;

	watch->draw(watch->arg);
	pthread_mutex_unlock(&team->gate);
	for (;; watch->draw(watch->arg)) {
		struct signalfd_siginfo info;

		poll(fds, 2, wait);
		if (fds[0].revents != 0)
			return signal_number;
		if (signal_number != 0 || fds[1].revents == 0 ||
		    read(watch->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
			continue;
		signal_number = (int)info.ssi_signo;
		fds[1].fd = -1;
		watch->stop(watch->arg);
		fs_signals_unblock();
	}
}
