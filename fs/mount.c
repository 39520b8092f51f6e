// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* asprintf() */
#include "fs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/autodir.h"
#include "fs/capture.h"
#include "fs/log.h"
#include "fs/mountpoint.h"
#include "fs/offline.h"
#include "fs/opening.h"
#include "fs/ops.h"
#include "fs/supervisor.h"

/* SOURCE as an absolute path, for the first column of `df` and /proc/mounts. */
static char *absolute(const char *source)
{
	const char *slash = strrchr(source, '/');
	const char *base = slash != NULL ? slash + 1 : source;
	auto_free char *folder = NULL;
	auto_free char *resolved = NULL;
	char *path;

	if (strcmp(base, "") == 0 || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return realpath(source, NULL);
	/* The last part stays as it is: a snapshot's name says more than its blob's. */
	folder = slash == NULL ? strdup(".")
			       : strndup(source, (size_t)(slash - source) + 1);
	resolved = folder != NULL ? realpath(folder, NULL) : NULL;
	if (resolved == NULL)
		return strdup(source);
	return asprintf(&path, "%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved,
			base) >= 0
		       ? path
		       : NULL;
}

/*
 * Adds what no caller may change, last so that it wins. The name of the source is
 * escaped: a comma in a file name must not begin another option.
 */
static bool add_fixed_options(struct fuse_args *args, const char *source)
{
	static const char fixed[] = "ro,nosuid,nodev,noexec,noatime,default_permissions,"
				    "subtype=safetensorsfs";
	auto_free char *path = absolute(source);
	auto_free char *name = NULL;
	char *opts = NULL; /* grown by libfuse */
	bool added;

	if (path == NULL || asprintf(&name, "fsname=%s", path) < 0)
		return false;
	added = fuse_opt_add_opt_escaped(&opts, name) == 0 &&
		fuse_opt_add_arg(args, "-o") == 0 && fuse_opt_add_arg(args, opts) == 0 &&
		fuse_opt_add_arg(args, "-o") == 0 && fuse_opt_add_arg(args, fixed) == 0;
	free(opts);
	return added;
}

/* Return: 0, or the exit status after a message. */
static int new_session(struct fs_context *context, const struct fs_options *options,
		       const char *source, struct fuse_session **ret_session)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	const struct fuse_args *given = &options->fuse;
	struct fuse_session *session = NULL;
	struct fs_capture capture;
	char said[512] = "";
	bool ready = true;

	for (int i = 0; i < given->argc; i++)
		ready = ready && fuse_opt_add_arg(&args, given->argv[i]) == 0;
	ready = ready && add_fixed_options(&args, source);
	if (ready && fs_capture_begin(&capture)) {
		session = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), context);
		fs_capture_end(&capture, said, sizeof(said));
	} else if (ready) {
		snprintf(said, sizeof(said), "cannot open a pipe: %s", strerror(errno));
		ready = false;
	}
	fuse_opt_free_args(&args);
	*ret_session = session;
	if (session != NULL)
		return 0;
	if (!ready || said[0] == '\0')
		return fs_log_fail(SFT_E_MOUNT, "cannot prepare the session%s%s",
				   said[0] != '\0' ? ": " : "", said);
	if (strstr(said, "alloc") != NULL) /* text is all that libfuse tells */
		return fs_log_fail(SFT_E_NO_MEMORY, "cannot prepare the session: %s",
				   said);
	return fs_log_fail(SFT_E_USAGE, "%s; see --help", said);
}

int fs_mount_check_options(const struct fs_options *options)
{
	struct fuse_session *session;
	int exit_status;

	if (options->fuse.argc <= 1) /* the name of the program */
		return 0;
	exit_status = new_session(NULL, options, options->operands[0], &session);
	if (exit_status == 0)
		fuse_session_destroy(session);
	return exit_status;
}

static const char forbidden[] =
	"; this container or sandbox forbids mounts: give it '--cap-add SYS_ADMIN', "
	"where "
	"there is AppArmor '--security-opt apparmor=unconfined', too, or leave "
	"no_new_privs; " FS_OFFLINE_WORK;

/* As opposed to a mount point that may not be mounted on. */
static bool is_forbidden(const char *said)
{
	return strstr(said, strerror(EPERM)) != NULL ||
	       strstr(said, "mount failed: Permission denied") != NULL ||
	       /* After mount(2) got EPERM. The words are those of libfuse 3.14, 3.17. */
	       strstr(said, "exec fusermount3") != NULL ||
	       strstr(said, "for fusermount3 failed") != NULL;
}

static int mount_session(struct fuse_session *session, struct fs_mountpoint *mountpoint)
{
	struct fs_capture capture;
	char said[1024];
	int failed;

	if (!fs_capture_begin(&capture))
		return fs_log_fail(SFT_E_MOUNT, "cannot open a pipe: %s",
				   strerror(errno));
	failed = fuse_session_mount(session, mountpoint->path);
	fs_capture_end(&capture, said, sizeof(said));
	if (failed) {
		char shown[512];

		sft_escape(shown, sizeof(shown), mountpoint->path,
			   strlen(mountpoint->path));
		if (said[0] == '\0')
			snprintf(said, sizeof(said), "%s", strerror(errno));
		return fs_log_fail(SFT_E_MOUNT, "%s: cannot mount: %s%s", shown, said,
				   is_forbidden(said) ? forbidden : "");
	}
	if (mountpoint->is_fd)
		return 0;
	if (fs_mountinfo_find(mountpoint->path, &mountpoint->id)) {
		fs_mountinfo_distinguish(mountpoint->path, &mountpoint->id);
		return 0;
	}
	fuse_session_unmount(session); /* while the path is known to be ours */
	return fs_log_fail(SFT_E_MOUNT, "the mount is not in /proc/self/mountinfo: %s",
			   strerror(errno));
}

/*
 * The kernel reads ahead 128 KiB at a time, unless the mount's own limit is raised before
 * it is first used. Only root may; others keep what there is.
 */
static bool raise_read_ahead(const struct fs_mountpoint *mountpoint)
{
	auto_close_fd int fd = -1;
	char path[64];
	char text[16];
	int len;

	if (mountpoint->is_fd)
		return false;
	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb",
		 mountpoint->id.major, mountpoint->id.minor);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	len = snprintf(text, sizeof(text), "%u", FS_READ_AHEAD / 1024);
	return fd >= 0 && write(fd, text, (size_t)len) == len;
}

/* ---- all of it ---- */

static int serve(struct fs_context *context, const char *source,
		 struct fs_mountpoint *mountpoint)
{
	struct fuse_session *session;
	int exit_status = new_session(context, context->options, source, &session);

	if (exit_status != 0)
		return exit_status;
	exit_status = mount_session(session, mountpoint);
	if (exit_status == 0) {
		context->raised_read_ahead = raise_read_ahead(mountpoint);
		exit_status = fs_supervise(context, session, mountpoint);
	}
	fuse_session_destroy(session);
	return exit_status;
}

static int find_mountpoint(const struct fs_options *options,
			   struct fs_mountpoint *mountpoint)
{
	int exit_status;

	if (options->operand_count == 1)
		return fs_autodir_prepare(options->operands[0], mountpoint);
	exit_status = fs_mountpoint_check(
		options->operands[1],
		options->nonempty ? FS_NONEMPTY_ALLOW : FS_NONEMPTY_WARN, mountpoint);
	if (exit_status == 0 && mountpoint->is_fd && options->idle_seconds > 0)
		return fs_log_fail(SFT_E_USAGE,
				   "-o idle= does not go with /dev/fd: only who mounted "
				   "that can unmount it");
	return exit_status;
}

/* What the worker keeps of the kernel's requests. Return: false where memory is short. */
static bool new_tables(struct fs_context *context, const struct sft_model *model)
{
	context->model = model;
	context->opened = fs_opened_new(model);
	context->slices = fs_slices_new();
	context->notifier = fs_notifier_new(model, context->opened, context->slices);
	context->lanes = fs_lanes_new();
	context->passthrough = fs_passthrough_new(model);
	context->activity = fs_activity_new();
	return context->opened != NULL && context->slices != NULL &&
	       context->notifier != NULL && context->lanes != NULL &&
	       context->passthrough != NULL && context->activity != NULL;
}

static void free_tables(struct fs_context *context)
{
	fs_activity_free(context->activity);
	fs_passthrough_free(context->passthrough);
	fs_lanes_free(context->lanes);
	fs_notifier_free(context->notifier);
	fs_slices_free(context->slices);
	fs_opened_free(context->opened);
}

int fs_mount(const struct fs_options *options)
{
	const char *source = options->operands[0];
	struct fs_context context = { .options = options, .ready_fd = -1 };
	struct fs_mountpoint mountpoint = { .made_fd = -1 };
	struct sft_model *model = NULL;
	int exit_status;

	/* An inherited SIG_IGN would take the children's status away. */
	signal(SIGCHLD, SIG_DFL);
	exit_status = fs_open_model(options, source, &model);
	if (exit_status != 0)
		return exit_status;
	exit_status = find_mountpoint(options, &mountpoint);
	if (exit_status == 0)
		exit_status = fs_mountpoint_check_system(&mountpoint);
	if (exit_status == 0)
		exit_status = new_tables(&context, model)
				      ? serve(&context, source, &mountpoint)
				      : fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	free_tables(&context);
	sft_close(model);
	fs_autodir_remove(&mountpoint); /* not in the worker: it left that */
	return exit_status;
}
