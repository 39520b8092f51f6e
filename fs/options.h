/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/options.h - the command line
 *
 *	safetensorsfs [options] SOURCE [MOUNTPOINT]
 *	safetensorsfs -u [-z] MOUNTPOINT...
 *	safetensorsfs --info [--json] SOURCE...
 *	safetensorsfs --check SOURCE...
 *	safetensorsfs --list [-l] [--depth N] SOURCE [PATH]
 *	safetensorsfs --cat SOURCE PATH...
 *	safetensorsfs --extract SOURCE DIR [PATH...]
 *	safetensorsfs --sum[=KIND] SOURCE...
 *
 * Options may stand anywhere, so that mount(8) can call `safetensorsfs SOURCE MOUNTPOINT
 * -o ...`. What -o holds and we do not know goes to libfuse, which refuses the rest.
 */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/sft.h"

enum fs_mode {
	FS_MODE_MOUNT,
	FS_MODE_UNMOUNT,
	FS_MODE_CHECK,
	FS_MODE_LIST,
	FS_MODE_CAT,
	FS_MODE_EXTRACT,
	FS_MODE_INFO,
	FS_MODE_SUM,
	FS_MODE_HELP,
	FS_MODE_VERSION,
};

/* What the serving process gives up: see fs/sandbox.h. */
enum fs_sandbox {
	FS_SANDBOX_OFF,
	FS_SANDBOX_ON,      /* as far as the system has it */
	FS_SANDBOX_REQUIRE, /* or else no mount */
};

struct fs_options {
	enum fs_mode mode;
	bool foreground;
	bool debug;
	bool verbose; /* tell what was opened, and where it is mounted */
	bool single_thread;
	bool long_list;
	bool force;   /* write again what is there */
	size_t depth; /* of the list; 0: all of it */
	bool lazy;    /* unmount what is in use, too */
	bool json;
	enum sft_digest_kind digest; /* of sums */
	bool nonempty;               /* no warning about a mount point that hides files */
	bool xattr;                  /* extended attributes */
	bool direct;                 /* no copy of what is read stays in the page cache */
	enum fs_sandbox sandbox;
	char *view;            /* shown at the root; NULL: the default */
	uint32_t idle_seconds; /* unmount after so long without use; 0: never */
	bool has_uid, has_gid, has_umask;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	struct sft_filter *filter; /* of @model; or NULL */
	struct sft_options model;
	char **operands; /* of argv; operand_count of them */
	int operand_count;
	struct fuse_args fuse; /* for libfuse */
};

/**
 * fs_options_parse() - read the command line
 * @argc, @argv: as main() has them; reordered, and borrowed by @options
 * @options:     filled; the caller's, to be freed with fs_options_done()
 *
 * Return: 0, or the exit status after a message.
 */
int fs_options_parse(int argc, char **argv, struct fs_options *options);

void fs_options_done(struct fs_options *options);

/* Prints the help to standard output. */
void fs_options_help(void);

#endif /* FS_OPTIONS_H */
