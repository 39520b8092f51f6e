// SPDX-License-Identifier: Apache-2.0
#include "fs/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fs/log.h"
#include "fs/sandbox.h"

/* What libfuse has to say, in our form. With -d there is much of it. */
__attribute__((format(printf, 2, 0))) static void
log_of_fuse(enum fuse_log_level level, const char *format, va_list args)
{
	char line[1024];

	(void)level;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	if (line[0] != '\0')
		fs_log("%s", line);
}

static bool is_over(void *session)
{
	return fuse_session_exited(session);
}

static void *wait_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

/*
 * libfuse ends its threads with pthread_cancel(). When that is first called the C library
 * loads another for it, and aborts if it cannot: so it is called now, while there is
 * memory and nothing is forbidden yet.
 */
static bool prepare_cancel(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		return false;
	pthread_cancel(thread);
	return pthread_join(thread, NULL) == 0;
}

/* Says how many files the kernel reads itself; not what keeps it from that. */
static void report(const struct fs_context *context, size_t count)
{
	if (context->options->verbose && count > 0)
		fs_log("the kernel reads %zu of the files itself (passthrough)", count);
}

static int run_loop(const struct fs_options *options, struct fuse_session *session)
{
	struct fuse_loop_config *config;
	int result;

	if (options->single_thread)
		return fuse_session_loop(session);
	config = fuse_loop_cfg_create();
	if (config == NULL)
		return -ENOMEM;
	fuse_loop_cfg_set_max_threads(config, FS_THREADS_MAX);
	result = fuse_session_loop_mt(session, config);
	fuse_loop_cfg_destroy(config);
	return result;
}

/*
 * Answers the kernel's first request, which says what it can do. It comes from the kernel
 * and nobody else; the files that are passed through have to be given away between that
 * and the sandbox. Return: 0, or an exit status after a message.
 */
static int agree(struct fs_context *context, struct fuse_session *session)
{
	struct fuse_buf buf = { 0 };
	int len;

	do {
		len = fuse_session_receive_buf(session, &buf);
	} while (len == -EINTR);
	if (len > 0)
		fuse_session_process_buf(session, &buf);
	free(buf.mem);
	if (len <= 0) /* unmounted already: the loop ends at once, and says so */
		return 0;
	if (context->options->direct && !context->reads_direct)
		return fs_log_fail(
			SFT_E_MOUNT,
			"-o direct: this system cannot map files that are read "
			"without a cache; it takes Linux 6.6 and libfuse 3.17, and "
			"this is libfuse %s",
			fuse_pkgversion());
	if (context->passes_through)
		report(context, fs_passthrough_register(context->passthrough,
							fuse_session_fd(session)));
	return 0;
}

int fs_work(struct fs_context *context, struct fuse_session *session, pid_t supervisor)
{
	static const int ignored[] = {
		SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2
	};
	sigset_t none;
	int exit_status;
	int result;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != supervisor) /* gone before prctl() */
		return 1;
	fuse_set_log_func(log_of_fuse);
	if (!prepare_cancel())
		return fs_log_fail(SFT_E_NO_MEMORY, "cannot start a thread");
	exit_status = agree(context, session);
	if (exit_status == 0)
		exit_status = fs_sandbox_enter(context->options->sandbox,
					       fuse_session_fd(session));
	if (exit_status != 0)
		return exit_status;
	sft_model_watch(context->model, is_over, session);
	if (!fs_notifier_start(context->notifier, session))
		return fs_log_fail(SFT_E_NO_MEMORY, "cannot start a thread");
	if (context->ready_fd >= 0 && write(context->ready_fd, "R", 1) != 1)
		fs_log("cannot report that the mount is ready");
	result = run_loop(context->options, session);
	fs_notifier_stop(context->notifier);
	if (context->ready_fd >= 0)
		close(context->ready_fd);
	if (result == -1) /* libfuse's, and no errno */
		return fs_log_fail(SFT_E_NO_MEMORY, "cannot start the serving threads");
	/* The kernel's answer when the end comes while a request is being taken. */
	if (result < 0 && result != -ECONNABORTED)
		return fs_log_fail(SFT_E_IO, "the connection to the kernel broke: %s",
				   strerror(-result));
	return 0;
}
