// SPDX-License-Identifier: Apache-2.0
#include "fs/mountopts.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"
#include "fs/rules.h"

#define VALUE(text, field)                                                               \
	{                                                                                \
		text, offsetof(struct fs_mountopts, field), 1                            \
	}
/* FUSE_OPT_KEY() without a warning of clang: libfuse widens an unsigned -1. */
#define KEY(text, key)                                                                   \
	{                                                                                \
		text, UINT_MAX, key                                                      \
	}
#define IGNORED(text) KEY(text, FUSE_OPT_KEY_DISCARD)

static const struct fuse_opt templates[] = {
	KEY("include=", FS_RULE_INCLUDE),
	KEY("exclude=", FS_RULE_EXCLUDE),
	KEY("rename=", FS_RULE_RENAME),
	VALUE("view=%s", view),
	VALUE("io=%s", io),
	VALUE("missing=%s", missing),
	VALUE("sandbox=%s", sandbox),
	VALUE("idle=%s", idle),
	VALUE("uid=%s", uid),
	VALUE("gid=%s", gid),
	VALUE("umask=%s", umask),
	VALUE("nonempty", nonempty),
	VALUE("direct", direct),
	VALUE("xattr", xattr),
	/* What mount(8) and fstab pass along; the mount is read-only and safe all the
	   same. */
	IGNORED("rw"),
	IGNORED("dev"),
	IGNORED("suid"),
	IGNORED("exec"),
	IGNORED("atime"),
	IGNORED("relatime"),
	IGNORED("strictatime"),
	IGNORED("norelatime"),
	IGNORED("nostrictatime"),
	IGNORED("diratime"),
	IGNORED("nodiratime"),
	IGNORED("lazytime"),
	IGNORED("nolazytime"),
	IGNORED("iversion"),
	IGNORED("noiversion"),
	IGNORED("mand"),
	IGNORED("nomand"),
	IGNORED("silent"),
	IGNORED("loud"),
	IGNORED("sync"),
	IGNORED("async"),
	IGNORED("dirsync"),
	IGNORED("nosuid"),
	IGNORED("nodev"),
	IGNORED("noexec"),
	IGNORED("noatime"),
	IGNORED("ro"),
	IGNORED("nousers"),
	IGNORED("noowner"),
	IGNORED("nogroup"),
	IGNORED("defaults"),
	IGNORED("auto"),
	IGNORED("noauto"),
	IGNORED("user"),
	IGNORED("nouser"),
	IGNORED("users"),
	IGNORED("owner"),
	IGNORED("group"),
	IGNORED("nofail"),
	IGNORED("_netdev"),
	/* Our supervisor unmounts when the worker dies. */
	IGNORED("auto_unmount"),
	FUSE_OPT_END,
};

/*
 * Called for the rules of the filter, and for what no template knows: that is kept for
 * libfuse, but for other tools' comments.
 */
static int take_option(void *data, const char *arg, int key, struct fuse_args *outargs)
{
	struct fs_mountopts *opts = data;

	(void)outargs;
	if (key == FS_RULE_INCLUDE || key == FS_RULE_EXCLUDE || key == FS_RULE_RENAME) {
		if (opts->exit_status == 0)
			opts->exit_status =
				fs_rule_add(&opts->options->filter, (enum fs_rule)key,
					    strchr(arg, '=') + 1);
		return 0;
	}
	if (key == FUSE_OPT_KEY_OPT &&
	    (strncmp(arg, "x-", 2) == 0 || strncmp(arg, "comment=", 8) == 0))
		return 0;
	return 1;
}

int fs_mountopts_take(struct fs_mountopts *opts, const char *text)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int failed = fuse_opt_add_arg(&args, FS_PROGRAM) != 0 ||
		     fuse_opt_add_arg(&args, "-o") != 0 ||
		     fuse_opt_add_arg(&args, text) != 0 ||
		     fuse_opt_parse(&args, opts, templates, take_option) != 0;

	/* The rest of args is "-o" and a list, or nothing. */
	for (int i = 1; !failed && i < args.argc; i++)
		failed = fuse_opt_add_arg(&opts->options->fuse, args.argv[i]) != 0;
	fuse_opt_free_args(&args);
	if (failed)
		return fs_log_fail(SFT_E_NO_MEMORY,
				   "cannot take apart the options of -o");
	return opts->exit_status;
}

/* ---- values ---- */

/* A number, or a message and an exit status. */
static int parse_number(const char *name, const char *text, int base, unsigned long max,
			unsigned long *ret_value)
{
	char shown[64];
	char *end;

	errno = 0;
	*ret_value = strtoul(text, &end, base);
	if (errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' &&
	    *ret_value <= max)
		return 0;
	return fs_log_fail(SFT_E_USAGE, "-o %s=%s: not %s number up to %s", name,
			   sft_escape(shown, sizeof(shown), text, strlen(text)),
			   base == 8 ? "an octal" : "a",
			   base == 8 ? "777" : "4294967294");
}

/* One of several words, or a message and an exit status. */
static int parse_word(const char *name, const char *text, const char *const *words,
		      int *ret_idx)
{
	char shown[64];
	char list[256] = "";

	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret_idx = i;
			return 0;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 i > 0 ? ", " : "", words[i]);
	}
	return fs_log_fail(SFT_E_USAGE, "-o %s=%s: not one of %s", name,
			   sft_escape(shown, sizeof(shown), text, strlen(text)), list);
}

static int check_view(const char *view)
{
	const char *words[1u << SFT_VIEW_BITS];
	int unused;

	for (size_t i = 0; i < sft_view_count(); i++)
		words[i] = sft_view_name(i);
	words[sft_view_count()] = NULL;
	return parse_word("view", view, words, &unused);
}

int fs_mountopts_apply(struct fs_mountopts *opts)
{
	static const char *const io_words[] = { "auto", "map", "pread", NULL };
	static const char *const missing_words[] = { "error", "skip", NULL };
	static const char *const sandbox_words[] = { "off", "on", "require", NULL };
	struct fs_options *options = opts->options;
	unsigned long number;
	int idx = 0;
	int exit_status = 0;

	if (opts->io != NULL) {
		exit_status = parse_word("io", opts->io, io_words, &idx);
		options->model.io = (enum sft_io)idx; /* the words are in its order */
	}
	if (exit_status == 0 && opts->missing != NULL) {
		exit_status = parse_word("missing", opts->missing, missing_words, &idx);
		options->model.skip_missing = idx == 1;
	}
	if (exit_status == 0 && opts->sandbox != NULL) {
		exit_status = parse_word("sandbox", opts->sandbox, sandbox_words, &idx);
		options->sandbox = (enum fs_sandbox)idx; /* in its order, too */
	}
	if (exit_status == 0 && opts->idle != NULL) {
		exit_status =
			parse_number("idle", opts->idle, 10, UINT32_MAX - 1, &number);
		options->idle_seconds = (uint32_t)number;
	}
	if (exit_status == 0 && opts->uid != NULL) {
		exit_status = parse_number("uid", opts->uid, 10, UINT32_MAX - 1, &number);
		options->uid = (uid_t)number;
		options->has_uid = true;
	}
	if (exit_status == 0 && opts->gid != NULL) {
		exit_status = parse_number("gid", opts->gid, 10, UINT32_MAX - 1, &number);
		options->gid = (gid_t)number;
		options->has_gid = true;
	}
	if (exit_status == 0 && opts->umask != NULL) {
		exit_status = parse_number("umask", opts->umask, 8, 0777, &number);
		options->umask = (mode_t)number;
		options->has_umask = true;
	}
	if (exit_status == 0 && opts->view != NULL)
		exit_status = check_view(opts->view);
	options->nonempty = opts->nonempty != 0;
	options->direct = opts->direct != 0;
	options->xattr = opts->xattr != 0;
	options->view = opts->view;
	opts->view = NULL;
	return exit_status;
}

void fs_mountopts_done(struct fs_mountopts *opts)
{
	free(opts->view);
	free(opts->io);
	free(opts->missing);
	free(opts->sandbox);
	free(opts->idle);
	free(opts->uid);
	free(opts->gid);
	free(opts->umask);
}
