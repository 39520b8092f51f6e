// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* pipe2() */
#include "fs/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/autodir.h"
#include "fs/log.h"
#include "fs/relay.h"
#include "fs/sandbox.h"
#include "fs/service.h"
#include "fs/signals.h"
#include "fs/unmount.h"
#include "fs/worker.h"

#define READY_MILLISECONDS 60000 /* for the kernel's first request and its answer */

struct supervisor {
	struct fs_mountpoint *mountpoint;
	struct fs_idle idle;
	pid_t worker;
	int signal_fd; /* readable: a signal came */
	int ready_fd;  /* readable: the mount answers */
	int tell_fd;   /* to the waiting command; -1 in the foreground */
	bool detached; /* by a signal */
	bool killed;   /* by a second one */
	bool verbose;
	bool ready;
	bool stopping; /* and the service manager knows */
	struct fs_relay relay;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Points descriptors from @first to @last at nothing: somebody may wait for their end. */
static void drop_standard_fds(int first, int last)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = first; null >= 0 && fd <= last; fd++)
		dup2(null, fd);
	close_fd(&null);
}

/* Lets the command go, and leaves its terminal. */
static void on_ready(struct supervisor *supervisor)
{
	const char *path = supervisor->mountpoint->path;
	char shown[512];
	char byte;

	if (read(supervisor->ready_fd, &byte, 1) != 1) {
		close_fd(&supervisor->ready_fd); /* the worker's end tells why */
		return;
	}
	supervisor->ready = true;
	fs_idle_begin(&supervisor->idle);
	close_fd(&supervisor->ready_fd);
	if (supervisor->verbose)
		fs_log("mounted on %s",
		       sft_escape(shown, sizeof(shown), path, strlen(path)));
	if (supervisor->mountpoint->is_chosen)
		fs_autodir_announce(supervisor->mountpoint);
	if (supervisor->tell_fd < 0) {
		fs_service_ready(path, 0);
		return;
	}
	fs_log_to_syslog();
	drop_standard_fds(STDIN_FILENO, STDERR_FILENO);
	if (write(supervisor->tell_fd, "R", 1) != 1)
		fs_log("the command that mounted is gone");
	close_fd(&supervisor->tell_fd);
}

/* Tells the service manager, once. */
static void stop(struct supervisor *supervisor)
{
	if (!supervisor->stopping)
		fs_service_stopping();
	supervisor->stopping = true;
}

static void on_signal(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	if (read(supervisor->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info) ||
	    info.ssi_signo == SIGCHLD)
		return; /* the end of the log pipe tells of the worker's end */
	if (supervisor->detached || supervisor->mountpoint->is_fd) {
		supervisor->killed = true;
		kill(supervisor->worker, SIGKILL);
		return;
	}
	supervisor->detached = true;
	stop(supervisor);
	switch (fs_unmount_ours(supervisor->mountpoint, true)) {
	case FS_UNMOUNT_DONE:
		fs_autodir_remove(supervisor->mountpoint);
		break;
	case FS_UNMOUNT_GONE:
		fs_log("unmounted already; files in use are served until they are "
		       "closed");
		break;
	case FS_UNMOUNT_BUSY:
	case FS_UNMOUNT_FAILED:
		fs_log("cannot unmount: is something mounted on top, or below? A second "
		       "signal ends the service all the same");
		break;
	}
}

/* Unmounts if nobody uses the mount, never by force; else waits again. */
static void on_idle(struct supervisor *supervisor)
{
	if (fs_idle_left(&supervisor->idle) != 0)
		return;
	/* Who came in the meantime makes it busy; a current folder does at any time. */
	switch (fs_unmount_ours(supervisor->mountpoint, false)) {
	case FS_UNMOUNT_DONE:
		stop(supervisor);
		fs_log("unmounted: nobody used it for %" PRIu32 " seconds",
		       supervisor->idle.seconds);
		fs_autodir_remove(supervisor->mountpoint);
		supervisor->idle.seconds = 0;
		break;
	case FS_UNMOUNT_GONE:
		supervisor->idle.seconds = 0;
		break;
	case FS_UNMOUNT_BUSY:
	case FS_UNMOUNT_FAILED:
		fs_idle_begin(&supervisor->idle);
		break;
	}
}

/* The kernel's first request did not come, or was not answered. */
static void give_up(struct supervisor *supervisor)
{
	fs_log("the mount does not answer; giving up (mount)");
	kill(supervisor->worker, SIGKILL);
	supervisor->ready = true; /* no need to look again */
	supervisor->idle.seconds = 0;
}

/* Waits until the worker has closed its end of the log pipe, which is when it ends. */
static void watch(struct supervisor *supervisor)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = supervisor->signal_fd, .events = POLLIN },
			{ .fd = supervisor->relay.fd, .events = POLLIN },
			{ .fd = supervisor->ready_fd, .events = POLLIN },
		};
		const int found = poll(fds, sizeof(fds) / sizeof(fds[0]),
				       supervisor->ready ? fs_idle_left(&supervisor->idle)
							 : READY_MILLISECONDS);

		if (found == 0 && supervisor->ready)
			on_idle(supervisor);
		else if (found == 0)
			give_up(supervisor);
		if (found <= 0)
			continue;
		if (fds[2].revents != 0)
			on_ready(supervisor);
		if (fds[0].revents != 0)
			on_signal(supervisor);
		if (fds[1].revents != 0 && !fs_relay_pass(&supervisor->relay))
			return;
	}
}

/* Cleans up after the worker. Return: the exit status of all of it. */
static int finish(struct supervisor *supervisor)
{
	int status;

	if (supervisor->ready)
		stop(supervisor);
	/* It is ending, with a status that this cannot change; or it pretends to be. */
	kill(supervisor->worker, SIGKILL);
	while (waitpid(supervisor->worker, &status, 0) < 0) {
		if (errno != EINTR)
			return fs_log_fail(SFT_E_IO,
					   "cannot learn how the service ended: %s",
					   strerror(errno));
	}
	/* Mostly there is none any more; a forced unmount or a crash leaves one. */
	if (fs_unmount_dead(supervisor->mountpoint) == FS_UNMOUNT_FAILED)
		fs_log("cannot remove the dead mount; try '" FS_PROGRAM " -u'");
	else
		fs_autodir_remove(supervisor->mountpoint);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (WTERMSIG(status) == SIGSYS)
		fs_log("the serving process tried to leave its sandbox and was killed; "
		       "the mount is gone (mount)");
	else if (!supervisor->killed)
		fs_log("the serving process was killed by signal %d; the mount is gone "
		       "(mount)",
		       WTERMSIG(status));
	return 1;
}

/* Gives up before there is a worker, and takes the mount away. */
static noreturn void fail_and_exit(const char *what, struct fuse_session *session,
				   struct fs_mountpoint *mountpoint)
{
	fs_log_fail(SFT_E_IO, "cannot %s: %s", what, strerror(errno));
	/* Nobody served it: it still is what was mounted. */
	fuse_session_unmount(session);
	fs_autodir_remove(mountpoint);
	_exit(1);
}

/* Makes a pipe between processes of ours. */
static bool open_pipe(int fds[2])
{
	return pipe2(fds, O_CLOEXEC) == 0;
}

/* The worker's process: its standard error is the pipe to the supervisor. */
static int work(struct fs_context *context, struct fuse_session *session,
		pid_t supervisor, int log_fd, int ready_fd)
{
	int exit_status;

	drop_standard_fds(STDIN_FILENO, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	close(log_fd);
	context->ready_fd = ready_fd;
	exit_status = fs_work(context, session, supervisor);
	/*
	 * Never served, or a forced unmount: what was open is not released, it ends with
	 * the process, and the supervisor takes the mount away.
	 */
	if (exit_status != 0 || atomic_load(&context->activity->open_files) > 0)
		_exit(exit_status);
	/* Finds the connection closed and leaves the path, now another's, alone. */
	fuse_session_unmount(session);
	return exit_status;
}

/* Starts the worker; returns in that, and ends this process with it. */
static int run(struct fs_context *context, struct fuse_session *session,
	       struct fs_mountpoint *mountpoint, int tell_fd)
{
	struct supervisor supervisor = {
		.mountpoint = mountpoint,
		.idle = { .activity = context->activity,
			  .seconds = context->options->idle_seconds },
		.tell_fd = tell_fd,
		.verbose = context->options->verbose,
	};
	const pid_t self = getpid();
	int log_fds[2], ready_fds[2];

	if (!open_pipe(log_fds) || !open_pipe(ready_fds))
		fail_and_exit("open a pipe", session, mountpoint);
	supervisor.signal_fd =
		fs_signals_watch(SIGCHLD); /* before the fork: none is lost */
	if (supervisor.signal_fd < 0)
		fail_and_exit("watch for signals", session, mountpoint);
	signal(SIGPIPE, SIG_IGN);
	fs_log_never_wait();
	supervisor.worker = fork();
	if (supervisor.worker < 0)
		fail_and_exit("fork", session, mountpoint);
	if (supervisor.worker == 0) {
		close(log_fds[0]);
		close(ready_fds[0]);
		close(supervisor.signal_fd);
		if (tell_fd >= 0)
			close(tell_fd);
		fs_autodir_leave(mountpoint);
		return work(context, session, self, log_fds[1], ready_fds[1]);
	}
	close(log_fds[1]);
	close(ready_fds[1]);
	/* The worker's alone from here: with its end the kernel sees the connection's. */
	close(fuse_session_fd(session));
	fs_sandbox_watch(context->options->sandbox, mountpoint->made_fd >= 0);
	supervisor.relay.fd = log_fds[0];
	supervisor.ready_fd = ready_fds[0];
	watch(&supervisor);
	_exit(finish(&supervisor));
}

/* The command waits for the mount to answer, or for the supervisor's exit status. */
static int wait_ready(int fd, pid_t supervisor)
{
	ssize_t len;
	int status;
	char byte;

	do {
		len = read(fd, &byte, 1);
	} while (len < 0 && errno == EINTR);
	if (len == 1)
		return 0;
	while (waitpid(supervisor, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return WEXITSTATUS(status); /* it left a message */
	return fs_log_fail(SFT_E_MOUNT,
			   "the mount was taken away before it could be used");
}

int fs_supervise(struct fs_context *context, struct fuse_session *session,
		 struct fs_mountpoint *mountpoint)
{
	int fds[2];
	int exit_status;
	pid_t supervisor;

	if (context->options->foreground)
		return run(context, session, mountpoint, -1);
	if (!open_pipe(fds))
		fail_and_exit("open a pipe", session, mountpoint);
	supervisor = fork();
	if (supervisor < 0)
		fail_and_exit("fork", session, mountpoint);
	if (supervisor > 0) {
		close(fds[1]);
		close(fuse_session_fd(session));
		exit_status = wait_ready(fds[0], supervisor);
		if (exit_status == 0)
			fs_service_ready(mountpoint->path, supervisor);
		_exit(exit_status);
	}
	close(fds[0]);
	setsid();
	if (chdir("/") != 0)
		fs_log("cannot leave the current folder: %s", strerror(errno));
	return run(context, session, mountpoint, fds[1]);
}
