/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/offline.h - what works without a mount
 */
#ifndef FS_OFFLINE_H
#define FS_OFFLINE_H

#include "fs/options.h"

/* For messages that say that nothing can be mounted. */
#define FS_OFFLINE_WORK "--info, --list, --cat, --extract, --sum and --check work without"

/* --check: one line for each source. Return: 0 if all are good, else 1. */
int fs_check(const struct fs_options *options);

/* --list: the paths of the tree, or of a part of it. Return: the exit status. */
int fs_list(const struct fs_options *options);

/* --cat: files of the tree to standard output. Return: the exit status. */
int fs_cat(const struct fs_options *options);

/* --extract: files of the tree below a folder. Return: the exit status. */
int fs_extract(const struct fs_options *options);

/*
 * --info: a screen about a model, or in what several differ from the first. Return: the
 * exit status; of several, that of diff(1): 0 alike, 1 different, 2 trouble.
 */
int fs_info(const struct fs_options *options);

/*
 * --sum: a line for each tensor, as the view `sums` has it. Return: the exit status; 1 if
 * a line is not there.
 */
int fs_sum(const struct fs_options *options);

/* What is printed has to arrive; a full disk behind a redirection is an error. */
int fs_offline_flush(int exit_status);

#endif /* FS_OFFLINE_H */
