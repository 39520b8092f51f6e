/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/info.h - the parts of --info: see fs_info() in fs/offline.h
 */
#ifndef FS_INFO_H
#define FS_INFO_H

#include "fs/rows.h"
#include "fs/screen.h"

/* A model that is shown. */
struct fs_subject {
	const char *path; /* as it was called */
	struct sft_model *model;
	struct sft_error *warnings; /* the first ones */
	size_t warning_count;
	size_t dropped_count; /* of further warnings */
};

/* ---- info_model.c ---- */

/* A screen about one model. Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO. */
SFT_MUST_CHECK enum sft_status fs_info_model(const struct fs_screen *screen,
					     const struct fs_subject *subject,
					     struct sft_error *err);

/*
 * How many files, bytes, tensors and parameters: a line, or more where it is narrow.
 * Return: how many; @counts: only that.
 */
int fs_info_totals(const struct fs_screen *screen, const struct sft_model *model,
		   int indent, bool counts);

/* ---- info_compare.c ---- */

/* A screen about two, the same in what it returns. */
SFT_MUST_CHECK enum sft_status fs_info_compare(const struct fs_screen *screen,
					       const struct fs_subject subjects[2],
					       const struct sft_comparison *comparison,
					       struct sft_error *err);

/* ---- info_tree.c ---- */

/* Cells that the name of a row takes, with what draws the tree. */
int fs_info_label_width(const struct fs_screen *screen, const struct fs_rows *rows,
			size_t at);

/* Prints it, cut to a width. Return: the cells that are left of that. */
int fs_info_label(const struct fs_screen *screen, const struct fs_rows *rows, size_t at,
		  int width);

/* Where the columns of a table are; all in cells. */
struct fs_table {
	int left;  /* what numbers stand behind */
	int label; /* of it: the name */
	int dtype; /* the longest that there is */
	int note;  /* behind the name and two spaces; 0: there is none */
	bool has_share;
};

/* Finds out how wide the columns of rows have to be. */
struct fs_table fs_info_table(const struct fs_screen *screen, const struct fs_rows *rows);

/* A line that says what the numbers of a table are. */
void fs_info_headings(const struct fs_screen *screen, const struct fs_table *table);

/* The numbers at the end of a table's line. */
void fs_info_numbers(const struct fs_screen *screen, const struct fs_table *table,
		     const struct sft_sums *sums, const struct sft_sums *all);

/* The colour of a dtype: its place among those of the model, the largest first. */
enum fs_colour fs_info_dtype_colour(size_t place);

/* Prints the rows as a table. @places: of the dtypes, as in struct sft_info. */
void fs_info_tree(const struct fs_screen *screen, const struct fs_rows *rows,
		  const struct fs_table *table, const size_t places[SFT_DTYPES_MAX]);

#endif /* FS_INFO_H */
