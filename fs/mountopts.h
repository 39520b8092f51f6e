/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/mountopts.h - what -o holds
 *
 * Options are gathered as they are written, from however many -o, and checked once all
 * are there: the last of a name counts.
 */
#ifndef FS_MOUNTOPTS_H
#define FS_MOUNTOPTS_H

#include "fs/options.h"

struct fs_mountopts {
	/* As they were written, or NULL. */
	char *view, *io, *missing, *sandbox, *idle, *uid, *gid, *umask;
	int nonempty, direct, xattr;
	struct fs_options *options; /* receives rules, and what is libfuse's */
	int exit_status;            /* of a rule that is wrong */
};

/**
 * fs_mountopts_take() - gather the options of one -o
 * @opts: its options are set, all else zero at first
 * @text: comma-separated; "\," is a comma of a value
 *
 * Return: 0, or the exit status after a message.
 */
int fs_mountopts_take(struct fs_mountopts *opts, const char *text);

/**
 * fs_mountopts_apply() - check what was gathered, and put it into the options
 *
 * Return: 0, or the exit status after a message.
 */
int fs_mountopts_apply(struct fs_mountopts *opts);

void fs_mountopts_done(struct fs_mountopts *opts);

#endif /* FS_MOUNTOPTS_H */
