// SPDX-License-Identifier: Apache-2.0
#include "fs/signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/signalfd.h>

static const int handled[] = { SIGTERM, SIGINT, SIGHUP };

#define HANDLED_COUNT (sizeof(handled) / sizeof(handled[0]))

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int fs_signals_watch(int also)
{
	sigset_t signals;

	sigemptyset(&signals);
	if (also != 0)
		sigaddset(&signals, also);
	for (size_t i = 0; i < HANDLED_COUNT; i++)
		if (!is_ignored(handled[i]))
			sigaddset(&signals, handled[i]);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

void fs_signals_unblock(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < HANDLED_COUNT; i++)
		sigaddset(&signals, handled[i]);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
}
