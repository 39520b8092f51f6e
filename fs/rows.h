/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/rows.h - as much of an outline as fits a screen
 */
#ifndef FS_ROWS_H
#define FS_ROWS_H

#include "core/sft.h"

/* A line of an outline, or what is left of some. */
struct fs_row {
	struct sft_line line; /* without a label where @more is not 0 */
	struct sft_sums sums; /* of all that the row stands for */
	uint64_t more;        /* lines that are left out; their sums are in @sums */
	uint64_t times;       /* how many of line.each are in @sums */
	size_t parent;        /* index of a row; of the root: the root */
	size_t first, count;  /* the rows below it that are shown */
	size_t depth;         /* of the root: 0 */
	bool is_open;         /* these are all, or the last stands for the others */
	bool is_too_long;     /* not open, for what is below it did not fit */
};

struct fs_rows {
	struct fs_row *items; /* [0] is the root, which is not to be printed */
	size_t count;
};

/**
 * fs_rows_choose() - choose the rows that tell most
 * @outline: listed
 * @max:     rows to print, at least 2
 * @rows:    filled; the caller's, to be freed with fs_rows_done() also after a failure
 *
 * Folders are opened, the large ones and those near the root first, if what is in them
 * fits as a whole; then, as far as there is room, the first of those that do not.
 *
 * Return: SFT_OK or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status fs_rows_choose(const struct sft_outline *outline,
					      size_t max, struct fs_rows *rows,
					      struct sft_error *err);

void fs_rows_done(struct fs_rows *rows);

/* The row to be printed after this one, the root before all; the root after the last. */
size_t fs_rows_next(const struct fs_rows *rows, size_t at);

/* Whether a row is the last below its parent. */
bool fs_rows_is_last(const struct fs_rows *rows, size_t at);

#endif /* FS_ROWS_H */
