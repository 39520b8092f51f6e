/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/opening.h - opening a source, the same way for whatever is done with it then
 */
#ifndef FS_OPENING_H
#define FS_OPENING_H

#include "fs/options.h"

/**
 * fs_open_model() - open a source as the command line says
 * @options:   how; with @options->verbose a line tells what it is and how long it took
 * @source:    as the person wrote it
 * @ret_model: the caller's, to be closed with sft_close(); set on success only
 *
 * Return: 0, or the exit status after a message.
 */
int fs_open_model(const struct fs_options *options, const char *source,
		  struct sft_model **ret_model);

/* The line of -v about a source that was opened in @seconds, by something else. */
void fs_report_opened(const char *source, const struct sft_model *model, double seconds);

#endif /* FS_OPENING_H */
