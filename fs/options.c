// SPDX-License-Identifier: Apache-2.0
#include "fs/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"
#include "fs/mountopts.h"
#include "fs/rules.h"

/* Long options without a letter: a mode, or a rule of the filter, or what they say. */
enum {
	OPTION_MODE = 256,
	OPTION_RULE = 512,
	OPTION_FORCE = 768,
	OPTION_DEPTH,
	OPTION_JSON,
	OPTION_SUM,
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

static int take_depth(const char *text, size_t *ret_depth)
{
	char shown[64];
	char *end;

	*ret_depth = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && *ret_depth > 0)
		return 0; /* one that is too large is a large one */
	return fs_log_fail(SFT_E_USAGE, "--depth %s: not a number from 1 up",
			   sft_escape(shown, sizeof(shown), text, strlen(text)));
}

/* @name: NULL: the usual one */
static int take_digest(const char *name, enum sft_digest_kind *ret_kind)
{
	char shown[64];

	*ret_kind = SFT_DIGEST_XXH128;
	if (name == NULL)
		return 0;
	for (unsigned i = 0; i < SFT_DIGEST_COUNT; i++) {
		*ret_kind = (enum sft_digest_kind)i;
		if (strcmp(name, sft_digest_name(*ret_kind)) == 0)
			return 0;
	}
	return fs_log_fail(SFT_E_USAGE, "--sum=%s: not one of %s, %s",
			   sft_escape(shown, sizeof(shown), name, strlen(name)),
			   sft_digest_name(SFT_DIGEST_XXH128),
			   sft_digest_name(SFT_DIGEST_SHA256));
}

static int take_mode(enum fs_mode mode, struct fs_options *options)
{
	if (options->mode != FS_MODE_MOUNT && options->mode != mode)
		return fs_log_fail(SFT_E_USAGE,
				   "more than one of -u, --check, --list, --cat, "
				   "--extract, --info and --sum; see --help");
	options->mode = mode;
	return 0;
}

static int take_switch(int option, char **argv, struct fs_options *options,
		       struct fs_mountopts *mountopts)
{
	int exit_status;

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
	case 'v':
		options->verbose = true;
		return 0;
	case 'l':
		options->long_list = true;
		return 0;
	case 'u':
		return take_mode(FS_MODE_UNMOUNT, options);
	case 'z':
		options->lazy = true;
		return 0;
	case 'o':
		return fs_mountopts_take(mountopts, optarg);
	case OPTION_FORCE:
		options->force = true;
		return 0;
	case OPTION_DEPTH:
		return take_depth(optarg, &options->depth);
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_SUM:
		exit_status = take_digest(optarg, &options->digest);
		return exit_status == 0 ? take_mode(FS_MODE_SUM, options) : exit_status;
	default:
		break;
	}
	if (option >= OPTION_RULE)
		return fs_rule_add(&options->filter, (enum fs_rule)(option - OPTION_RULE),
				   optarg);
	if (option < OPTION_MODE)
		return fail_switch(option, argv);
	return take_mode((enum fs_mode)(option - OPTION_MODE), options);
}

static int parse_switches(int argc, char **argv, struct fs_options *options,
			  struct fs_mountopts *mountopts)
{
	static const struct option longs[] = {
		{ "unmount", no_argument, NULL, 'u' },
		{ "lazy", no_argument, NULL, 'z' },
		{ "check", no_argument, NULL, OPTION_MODE + FS_MODE_CHECK },
		{ "list", no_argument, NULL, OPTION_MODE + FS_MODE_LIST },
		{ "cat", no_argument, NULL, OPTION_MODE + FS_MODE_CAT },
		{ "extract", no_argument, NULL, OPTION_MODE + FS_MODE_EXTRACT },
		{ "force", no_argument, NULL, OPTION_FORCE },
		{ "depth", required_argument, NULL, OPTION_DEPTH },
		{ "info", no_argument, NULL, OPTION_MODE + FS_MODE_INFO },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "sum", optional_argument, NULL, OPTION_SUM },
		{ "include", required_argument, NULL, OPTION_RULE + FS_RULE_INCLUDE },
		{ "exclude", required_argument, NULL, OPTION_RULE + FS_RULE_EXCLUDE },
		{ "rename", required_argument, NULL, OPTION_RULE + FS_RULE_RENAME },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int exit_status = 0;
	int option;

	opterr = 0;
	while (exit_status == 0 &&
	       (option = getopt_long(argc, argv, ":fdshVvluzo:", longs, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			options->mode = option == 'h' ? FS_MODE_HELP : FS_MODE_VERSION;
			return 0;
		}
		exit_status = take_switch(option, argv, options, mountopts);
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
		if (count > 2)
			return fs_log_fail(SFT_E_USAGE,
					   "%d operands, but a mount takes at most two, "
					   "SOURCE and MOUNTPOINT; see --help",
					   count);
		break;
	case FS_MODE_UNMOUNT:
		if (count == 0)
			return fs_log_fail(SFT_E_USAGE,
					   "-u wants a MOUNTPOINT; see --help");
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
	case FS_MODE_INFO:
		if (count == 0)
			return fs_log_fail(SFT_E_USAGE,
					   "--info wants a SOURCE; see --help");
		break;
	case FS_MODE_SUM:
		if (count == 0)
			return fs_log_fail(SFT_E_USAGE,
					   "--sum wants a SOURCE; see --help");
		break;
	case FS_MODE_HELP:
	case FS_MODE_VERSION:
		return 0;
	}
	if (options->operands[0][0] == '\0')
		return fs_log_fail(SFT_E_USAGE, "the %s is empty; see --help",
				   options->mode == FS_MODE_UNMOUNT ? "MOUNTPOINT"
								    : "SOURCE");
	return 0;
}

/* Options about one mode alone. */
static int check_switches(const struct fs_options *options)
{
	if (options->mode == FS_MODE_HELP || options->mode == FS_MODE_VERSION)
		return 0;
	if (options->lazy && options->mode != FS_MODE_UNMOUNT)
		return fs_log_fail(SFT_E_USAGE, "-z goes with -u; see --help");
	if (options->long_list && options->mode != FS_MODE_LIST)
		return fs_log_fail(SFT_E_USAGE, "-l goes with --list; see --help");
	if (options->force && options->mode != FS_MODE_EXTRACT)
		return fs_log_fail(SFT_E_USAGE,
				   "--force goes with --extract; see --help");
	if (options->depth > 0 && options->mode != FS_MODE_LIST)
		return fs_log_fail(SFT_E_USAGE, "--depth goes with --list; see --help");
	if (options->json && options->mode != FS_MODE_INFO)
		return fs_log_fail(SFT_E_USAGE, "--json goes with --info; see --help");
	return 0;
}

int fs_options_parse(int argc, char **argv, struct fs_options *options)
{
	struct fs_mountopts mountopts = { .options = options };
	int exit_status;

	*options = (struct fs_options){ .model.warn = fs_log_warning,
					.sandbox = FS_SANDBOX_DEFAULT };
	if (fuse_opt_add_arg(&options->fuse, FS_PROGRAM) != 0)
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	exit_status = parse_switches(argc, argv, options, &mountopts);
	if (exit_status == 0 && options->debug &&
	    fuse_opt_add_arg(&options->fuse, "-d") != 0)
		exit_status = fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	if (exit_status == 0)
		exit_status = fs_mountopts_apply(&mountopts);
	options->model.filter = options->filter;
	options->operands = argv + optind;
	options->operand_count = argc - optind;
	fs_mountopts_done(&mountopts);
	if (exit_status == 0)
		exit_status = check_operands(options);
	return exit_status == 0 ? check_switches(options) : exit_status;
}

void fs_options_done(struct fs_options *options)
{
	free(options->view);
	sft_filter_free(options->filter);
	fuse_opt_free_args(&options->fuse);
}
