// SPDX-License-Identifier: Apache-2.0
/*
 * fs/info_tree.c - the names of a model as a table
 *
 *	model.layers.0-31 ×32     each 404.8 MB    6.5 B   13.0 GB   96 %
 *	├─input_layernorm.weight  F16 [4096]     131,072  262.1 kB   <1 %
 *	└─mlp                     96 tensors       4.3 B    8.7 GB   64 %
 */
#include <stdio.h>
#include <string.h>

#include "fs/figure.h"
#include "fs/info.h"

#define COUNT_WIDTH 7
#define BYTES_WIDTH 8
#define SHARE_WIDTH 5
#define GAP 2

/* Narrower, and a column is left out. */
#define COLUMNS_OF_NOTE 56
#define COLUMNS_OF_SHARE 64

#define LEFT_MIN 40 /* before the numbers, for bars want some room */

/* ---- names ---- */

/* What stands before a name: lines from its parents. @out: room for every depth. */
static void draw_branches(const struct fs_screen *screen, const struct fs_rows *rows,
			  size_t at, char *out, size_t cap)
{
	const struct fs_signs *signs = screen->signs;
	const char *parts[64];
	size_t count = 0;

	for (size_t i = at; rows->items[i].depth > 1; i = rows->items[i].parent) {
		const bool is_last = fs_rows_is_last(rows, i);

		if (count == sizeof(parts) / sizeof(parts[0]))
			break;
		if (i == at)
			parts[count++] = is_last ? signs->last_branch : signs->branch;
		else
			parts[count++] = is_last ? signs->blank : signs->pipe;
	}
	out[0] = '\0';
	while (count-- > 0)
		snprintf(out + strlen(out), cap - strlen(out), "%s", parts[count]);
}

/* What stands behind it: how many there are. */
static void describe_count(const struct fs_screen *screen, const struct fs_row *row,
			   char out[48])
{
	char number[FS_FIGURE_MAX];

	out[0] = '\0';
	if (row->line.count > 1)
		snprintf(out, 48, " %s%.30s", screen->signs->times,
			 fs_figure_exact(number, row->line.count));
}

static void describe_name(const struct fs_screen *screen, const struct fs_row *row,
			  char out[SFT_LABEL_MAX])
{
	char number[FS_FIGURE_MAX];

	if (row->more == 0)
		snprintf(out, SFT_LABEL_MAX, "%s", row->line.label);
	else
		snprintf(out, SFT_LABEL_MAX, "%s %s more", screen->signs->ellipsis,
			 fs_figure_exact(number, row->more));
}

int fs_info_label_width(const struct fs_screen *screen, const struct fs_rows *rows,
			size_t at)
{
	char branches[512], name[SFT_LABEL_MAX], count[48];

	draw_branches(screen, rows, at, branches, sizeof(branches));
	describe_name(screen, &rows->items[at], name);
	describe_count(screen, &rows->items[at], count);
	return fs_screen_width(screen, branches) + fs_screen_width(screen, name) +
	       fs_screen_width(screen, count);
}

int fs_info_label(const struct fs_screen *screen, const struct fs_rows *rows, size_t at,
		  int width)
{
	const struct fs_row *row = &rows->items[at];
	char branches[512], name[SFT_LABEL_MAX], count[48], shown[4 * SFT_LABEL_MAX];
	int left = width;

	draw_branches(screen, rows, at, branches, sizeof(branches));
	describe_name(screen, row, name);
	describe_count(screen, row, count);
	left -= fs_screen_fit(screen, branches, width / 2, FS_CUT_END, shown,
			      sizeof(shown));
	fs_screen_put(screen, FS_DIM, shown);
	left -= fs_screen_width(screen, count);
	left -= fs_screen_fit(screen, name, left > 0 ? left : 0, FS_CUT_MIDDLE, shown,
			      sizeof(shown));
	fs_screen_put(screen,
		      row->more > 0         ? FS_DIM
		      : row->line.is_folder ? FS_BOLD
					    : FS_PLAIN,
		      shown);
	fs_screen_put(screen, FS_CYAN, count);
	return left > 0 ? left : 0;
}

/* ---- notes ---- */

struct note {
	char text[256];
	size_t dtype_len; /* bytes in front that name a dtype */
};

static void describe_row(const struct fs_row *row, int dtype_width, struct note *note)
{
	const struct sft_line *line = &row->line;
	char bytes[FS_FIGURE_MAX];

	*note = (struct note){ .dtype_len = 0 };
	if (line->is_alias) {
		snprintf(note->text, sizeof(note->text), "alias");
	} else if (line->first.dtype != NULL) {
		note->dtype_len = strlen(line->first.dtype);
		snprintf(note->text, sizeof(note->text), "%-*s %s", dtype_width,
			 line->first.dtype, line->first.shape);
	} else if (line->count > 1) {
		snprintf(note->text, sizeof(note->text), "each %s",
			 fs_figure_bytes(bytes, line->each.bytes));
	} else if (!row->is_open) {
		fs_figure_noun(note->text, row->sums.tensors, "tensor");
	}
}

/* ---- the table ---- */

static int least(int a, int b)
{
	return a < b ? a : b;
}

static int most(int a, int b)
{
	return a > b ? a : b;
}

/* Finds out how long names and notes are, and the names of dtypes in these. */
static void measure(const struct fs_screen *screen, const struct fs_rows *rows,
		    struct fs_table *table)
{
	struct note note;

	for (size_t i = 1; i < rows->count; i++) {
		const char *dtype = rows->items[i].line.first.dtype;

		if (dtype != NULL)
			table->dtype = most(table->dtype, (int)strlen(dtype));
	}
	for (size_t i = 1; i < rows->count; i++) {
		describe_row(&rows->items[i], table->dtype, &note);
		table->note = most(table->note, fs_screen_width(screen, note.text));
		table->label = most(table->label, fs_info_label_width(screen, rows, i));
	}
}

struct fs_table fs_info_table(const struct fs_screen *screen, const struct fs_rows *rows)
{
	struct fs_table table = { .has_share = screen->columns >= COLUMNS_OF_SHARE };
	const int numbers = GAP + COUNT_WIDTH + GAP + BYTES_WIDTH +
			    (table.has_share ? GAP + SHARE_WIDTH : 0);
	const int room = screen->columns - numbers;
	int behind; /* the name */

	measure(screen, rows, &table);
	/* A long name gets half of the room, or what notes leave; notes get the rest. */
	table.note = least(table.note, room - GAP - least(table.label, room / 2));
	if (screen->columns < COLUMNS_OF_NOTE)
		table.note = 0;
	behind = table.note > 0 ? GAP + table.note : 0;
	table.left = least(room, most(LEFT_MIN, table.label + behind));
	table.label = table.left - behind;
	return table;
}

static void put_right(const struct fs_screen *screen, enum fs_colour colour,
		      const char *text, int width)
{
	printf("%*s", GAP + width - fs_screen_width(screen, text), "");
	fs_screen_put(screen, colour, text);
}

void fs_info_headings(const struct fs_screen *screen, const struct fs_table *table)
{
	printf("%*s", table->left, "");
	put_right(screen, FS_DIM, "params", COUNT_WIDTH);
	put_right(screen, FS_DIM, "bytes", BYTES_WIDTH);
	if (table->has_share)
		put_right(screen, FS_DIM, "share", SHARE_WIDTH);
	putchar('\n');
}

void fs_info_numbers(const struct fs_screen *screen, const struct fs_table *table,
		     const struct sft_sums *sums, const struct sft_sums *all)
{
	char text[FS_FIGURE_MAX];

	put_right(screen, FS_PLAIN, fs_figure_count(text, sums->parameters), COUNT_WIDTH);
	put_right(screen, FS_PLAIN, fs_figure_bytes(text, sums->bytes), BYTES_WIDTH);
	if (table->has_share)
		put_right(screen, FS_DIM,
			  fs_figure_share(text, (double)sums->bytes, (double)all->bytes),
			  SHARE_WIDTH);
	putchar('\n');
}

enum fs_colour fs_info_dtype_colour(size_t place)
{
	static const enum fs_colour colours[] = { FS_GREEN,   FS_YELLOW, FS_BLUE,
						  FS_MAGENTA, FS_CYAN,   FS_RED };

	return place < sizeof(colours) / sizeof(colours[0]) ? colours[place] : FS_PLAIN;
}

/* The place of the only dtype that a row has. */
static size_t place_of(const struct fs_row *row, const size_t places[SFT_DTYPES_MAX])
{
	for (size_t i = 0; i < SFT_DTYPES_MAX; i++)
		if (row->line.dtypes == 1u << i)
			return places[i];
	return SFT_DTYPES_MAX;
}

static void put_note(const struct fs_screen *screen, const struct fs_table *table,
		     const struct fs_row *row, enum fs_colour colour)
{
	char shown[sizeof(((struct note *)NULL)->text)];
	struct note note;
	int used;

	describe_row(row, table->dtype, &note);
	used = fs_screen_fit(screen, note.text, table->note, FS_CUT_END, shown,
			     sizeof(shown));
	printf("%*s", GAP, "");
	if (note.dtype_len > 0 && note.dtype_len <= strlen(shown)) {
		char dtype[32];

		snprintf(dtype, sizeof(dtype), "%.*s", (int)note.dtype_len, shown);
		fs_screen_put(screen, colour, dtype);
		fputs(shown + strlen(dtype), stdout);
	} else {
		fs_screen_put(screen, FS_DIM, shown);
	}
	printf("%*s", table->note - used, "");
}

void fs_info_tree(const struct fs_screen *screen, const struct fs_rows *rows,
		  const struct fs_table *table, const size_t places[SFT_DTYPES_MAX])
{
	for (size_t at = fs_rows_next(rows, 0); at != 0; at = fs_rows_next(rows, at)) {
		const struct fs_row *row = &rows->items[at];

		printf("%*s", fs_info_label(screen, rows, at, table->label), "");
		if (table->note > 0)
			put_note(screen, table, row,
				 fs_info_dtype_colour(place_of(row, places)));
		fs_info_numbers(screen, table, &row->sums, &rows->items[0].sums);
	}
}
