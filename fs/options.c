// SPDX-License-Identifier: Apache-2.0
#include "fs/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"

/* Values of -o as they were written; checked once all are there. */
struct values {
	char *view, *io, *missing, *sandbox, *uid, *gid, *umask;
	int nonempty;
	struct sft_filter *filter;
	int exit_status; /* of what cannot wait: rules of the filter */
};

#define VALUE(text, field)                                                               \
	{                                                                                \
		text, offsetof(struct values, field), 1                                  \
	}
/* FUSE_OPT_KEY() without a warning of clang: libfuse widens an unsigned -1. */
#define KEY(text, key)                                                                   \
	{                                                                                \
		text, UINT_MAX, key                                                      \
	}
#define IGNORED(text) KEY(text, FUSE_OPT_KEY_DISCARD)

/* Options that may be given again and again: each is a rule of the filter. */
enum {
	KEY_INCLUDE,
	KEY_EXCLUDE,
	KEY_RENAME,
};

static const struct fuse_opt templates[] = {
	KEY("include=", KEY_INCLUDE),
	KEY("exclude=", KEY_EXCLUDE),
	KEY("rename=", KEY_RENAME),
	VALUE("view=%s", view),
	VALUE("io=%s", io),
	VALUE("missing=%s", missing),
	VALUE("sandbox=%s", sandbox),
	VALUE("uid=%s", uid),
	VALUE("gid=%s", gid),
	VALUE("umask=%s", umask),
	VALUE("nonempty", nonempty),
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

/* Adds a rule to the filter, which is made with the first. Return: an exit status. */
static int add_rule(struct values *values, int key, const char *text)
{
	enum sft_status status;
	struct sft_error err;

	if (values->filter == NULL)
		values->filter = sft_filter_new();
	if (values->filter == NULL)
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	if (key == KEY_INCLUDE)
		status = sft_filter_include(values->filter, text, &err);
	else if (key == KEY_EXCLUDE)
		status = sft_filter_exclude(values->filter, text, &err);
	else
		status = sft_filter_rename(values->filter, text, &err);
	if (status == SFT_OK)
		return 0;
	fs_log_error(&err);
	return 2;
}

/*
 * Called for the rules of the filter, and for what no template knows: that is kept for
 * libfuse, but for other tools' comments.
 */
static int take_option(void *data, const char *arg, int key, struct fuse_args *outargs)
{
	struct values *values = data;

	(void)outargs;
	if (key == KEY_INCLUDE || key == KEY_EXCLUDE || key == KEY_RENAME) {
		if (values->exit_status == 0)
			values->exit_status = add_rule(values, key, strchr(arg, '=') + 1);
		return 0;
	}
	if (key == FUSE_OPT_KEY_OPT &&
	    (strncmp(arg, "x-", 2) == 0 || strncmp(arg, "comment=", 8) == 0))
		return 0;
	return 1;
}

static int parse_o(const char *text, struct values *values, struct fuse_args *fuse)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int failed = fuse_opt_add_arg(&args, FS_PROGRAM) != 0 ||
		     fuse_opt_add_arg(&args, "-o") != 0 ||
		     fuse_opt_add_arg(&args, text) != 0 ||
		     fuse_opt_parse(&args, values, templates, take_option) != 0;

	/* The rest of args is "-o" and a list, or nothing. */
	for (int i = 1; !failed && i < args.argc; i++)
		failed = fuse_opt_add_arg(fuse, args.argv[i]) != 0;
	fuse_opt_free_args(&args);
	if (failed)
		return fs_log_fail(SFT_E_NO_MEMORY,
				   "cannot take apart the options of -o");
	return values->exit_status;
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

/* Turns the values into options. */
static int apply(struct fs_options *options, struct values *values)
{
	static const char *const io_words[] = { "auto", "map", "pread", NULL };
	static const char *const missing_words[] = { "error", "skip", NULL };
	static const char *const sandbox_words[] = { "off", "on", "require", NULL };
	unsigned long number;
	int idx = 0;
	int exit_status = 0;

	if (values->io != NULL) {
		exit_status = parse_word("io", values->io, io_words, &idx);
		options->model.io = (enum sft_io)idx; /* the words are in its order */
	}
	if (exit_status == 0 && values->missing != NULL) {
		exit_status = parse_word("missing", values->missing, missing_words, &idx);
		options->model.skip_missing = idx == 1;
	}
	if (exit_status == 0 && values->sandbox != NULL) {
		exit_status = parse_word("sandbox", values->sandbox, sandbox_words, &idx);
		options->sandbox = (enum fs_sandbox)idx; /* in its order, too */
	}
	if (exit_status == 0 && values->uid != NULL) {
		exit_status =
			parse_number("uid", values->uid, 10, UINT32_MAX - 1, &number);
		options->uid = (uid_t)number;
		options->has_uid = true;
	}
	if (exit_status == 0 && values->gid != NULL) {
		exit_status =
			parse_number("gid", values->gid, 10, UINT32_MAX - 1, &number);
		options->gid = (gid_t)number;
		options->has_gid = true;
	}
	if (exit_status == 0 && values->umask != NULL) {
		exit_status = parse_number("umask", values->umask, 8, 0777, &number);
		options->umask = (mode_t)number;
		options->has_umask = true;
	}
	if (exit_status == 0 && values->view != NULL)
		exit_status = check_view(values->view);
	options->nonempty = values->nonempty != 0;
	options->view = values->view;
	values->view = NULL;
	return exit_status;
}

/* ---- the command line ---- */

/* Long options without a letter: a mode, or a rule of the filter, or what they say. */
enum {
	OPTION_MODE = 256,
	OPTION_RULE = 512,
	OPTION_FORCE = 768,
};

static int fail_switch(int option, char **argv)
{
	const char letter[] = { '-', (char)optopt, '\0' };
	const char *arg = optopt > 0 && optopt < OPTION_MODE ? letter : argv[optind - 1];
	char shown[64];

	sft_escape(shown, sizeof(shown), arg, strlen(arg));
	return fs_log_fail(SFT_E_USAGE,
			   option == ':' ? "%s: wants a value; see --help"
					 : "%s: no such option; see --help",
			   shown);
}

static int take_switch(int option, char **argv, struct fs_options *options,
		       struct values *values)
{
	switch (option) {
	case 'f':
		options->foreground = true;
		return 0;
	case 'd':
		options->debug = true;
		options->foreground = true;
		return 0;
	case 's':
		options->single_thread = true;
		return 0;
	case 'l':
		options->long_list = true;
		return 0;
	case 'o':
		return parse_o(optarg, values, &options->fuse);
	case OPTION_FORCE:
		options->force = true;
		return 0;
	default:
		break;
	}
	if (option >= OPTION_RULE)
		return add_rule(values, option - OPTION_RULE, optarg);
	if (option < OPTION_MODE)
		return fail_switch(option, argv);
	options->mode = (enum fs_mode)(option - OPTION_MODE);
	return 0;
}

static int parse_switches(int argc, char **argv, struct fs_options *options,
			  struct values *values)
{
	static const struct option longs[] = {
		{ "check", no_argument, NULL, OPTION_MODE + FS_MODE_CHECK },
		{ "list", no_argument, NULL, OPTION_MODE + FS_MODE_LIST },
		{ "cat", no_argument, NULL, OPTION_MODE + FS_MODE_CAT },
		{ "extract", no_argument, NULL, OPTION_MODE + FS_MODE_EXTRACT },
		{ "force", no_argument, NULL, OPTION_FORCE },
		{ "include", required_argument, NULL, OPTION_RULE + KEY_INCLUDE },
		{ "exclude", required_argument, NULL, OPTION_RULE + KEY_EXCLUDE },
		{ "rename", required_argument, NULL, OPTION_RULE + KEY_RENAME },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int exit_status = 0;
	int option;

	opterr = 0;
	while (exit_status == 0 &&
	       (option = getopt_long(argc, argv, ":fdshVlo:", longs, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			options->mode = option == 'h' ? FS_MODE_HELP : FS_MODE_VERSION;
			return 0;
		}
		exit_status = take_switch(option, argv, options, values);
	}
	return exit_status;
}

static int check_operands(const struct fs_options *options)
{
	const int count = options->operand_count;

	switch (options->mode) {
	case FS_MODE_MOUNT:
		if (count == 0)
			return fs_log_fail(SFT_E_USAGE, "no SOURCE given; see --help");
		if (count == 1)
			return fs_log_fail(SFT_E_USAGE,
					   "no MOUNTPOINT given; see --help");
		if (count > 2)
			return fs_log_fail(SFT_E_USAGE,
					   "%d operands, but a mount takes two, "
					   "SOURCE and MOUNTPOINT; see --help",
					   count);
		break;
	case FS_MODE_CHECK:
		if (count == 0)
			return fs_log_fail(SFT_E_USAGE,
					   "--check wants a SOURCE; see --help");
		break;
	case FS_MODE_LIST:
		if (count == 0 || count > 2)
			return fs_log_fail(SFT_E_USAGE,
					   "--list wants a SOURCE and at most one "
					   "PATH; see --help");
		break;
	case FS_MODE_CAT:
		if (count < 2)
			return fs_log_fail(SFT_E_USAGE,
					   "--cat wants a SOURCE and at least one PATH; "
					   "see --help");
		break;
	case FS_MODE_EXTRACT:
		if (count < 2)
			return fs_log_fail(SFT_E_USAGE,
					   "--extract wants a SOURCE and a DIR; see "
					   "--help");
		break;
	case FS_MODE_HELP:
	case FS_MODE_VERSION:
		return 0;
	}
	if (options->operands[0][0] == '\0')
		return fs_log_fail(SFT_E_USAGE, "the SOURCE is empty; see --help");
	if (options->long_list && options->mode != FS_MODE_LIST)
		return fs_log_fail(SFT_E_USAGE, "-l goes with --list; see --help");
	if (options->force && options->mode != FS_MODE_EXTRACT)
		return fs_log_fail(SFT_E_USAGE,
				   "--force goes with --extract; see --help");
	return 0;
}

int fs_options_parse(int argc, char **argv, struct fs_options *options)
{
	struct values values = { 0 };
	int exit_status;

	*options = (struct fs_options){ .model.warn = fs_log_warning,
					.sandbox = FS_SANDBOX_DEFAULT };
	if (fuse_opt_add_arg(&options->fuse, FS_PROGRAM) != 0)
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	exit_status = parse_switches(argc, argv, options, &values);
	if (exit_status == 0 && options->debug &&
	    fuse_opt_add_arg(&options->fuse, "-d") != 0)
		exit_status = fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	if (exit_status == 0)
		exit_status = apply(options, &values);
	options->filter = values.filter;
	options->model.filter = values.filter;
	options->operands = argv + optind;
	options->operand_count = argc - optind;
	free(values.view);
	free(values.io);
	free(values.missing);
	free(values.sandbox);
	free(values.uid);
	free(values.gid);
	free(values.umask);
	return exit_status == 0 ? check_operands(options) : exit_status;
}

void fs_options_done(struct fs_options *options)
{
	free(options->view);
	sft_filter_free(options->filter);
	fuse_opt_free_args(&options->fuse);
}
