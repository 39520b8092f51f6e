// SPDX-License-Identifier: Apache-2.0
/*
 * fs/info_compare.c - a screen about two models
 *
 *	- model.embed_positions.weight            F16 [2048, 4096]
 *	~ model.layers.0-31.mlp.up_proj.weight    F16 -> BF16 [4096, 11008]
 *	+ lm_head.bias                            F16 [32000]
 */
#include <stdio.h>
#include <string.h>

#include "fs/figure.h"
#include "fs/info.h"

#define GAP 2
#define MARK_WIDTH 2
#define LABEL_MIN 24
#define TREE_LINES_MIN 6

/* How a kind of change is shown. */
struct mark {
	const char *text;
	enum fs_colour colour;
};

static struct mark mark_of(uint32_t changes)
{
	if (changes == SFT_ONLY_FIRST)
		return (struct mark){ "- ", FS_RED };
	if (changes == SFT_ONLY_SECOND)
		return (struct mark){ "+ ", FS_GREEN };
	if (changes != 0 && (changes & (SFT_ONLY_FIRST | SFT_ONLY_SECOND)) == 0)
		return (struct mark){ "~ ", FS_YELLOW };
	return (struct mark){ "  ", FS_PLAIN }; /* several kinds below it */
}

struct note {
	char text[2 * sizeof(struct sft_side) + 16];
};

static void describe_row(const struct fs_screen *screen, const struct fs_row *row,
			 struct note *note)
{
	const struct sft_side *first = &row->line.first;
	const struct sft_side *second = &row->line.second;
	const struct sft_side *only = first->dtype != NULL ? first : second;
	const char *arrow = screen->signs->arrow;

	note->text[0] = '\0';
	if (only->dtype == NULL) {
		if (!row->is_open || row->line.count > 1)
			fs_figure_noun(note->text, row->sums.tensors, "tensor");
	} else if (first->dtype == NULL || second->dtype == NULL) {
		snprintf(note->text, sizeof(note->text), "%s %s", only->dtype,
			 only->shape);
	} else if (row->line.changes == SFT_OTHER_DTYPE) {
		snprintf(note->text, sizeof(note->text), "%s %s %s %s", first->dtype,
			 arrow, second->dtype, first->shape);
	} else if (row->line.changes == SFT_OTHER_SHAPE) {
		snprintf(note->text, sizeof(note->text), "%s %s %s %s", first->dtype,
			 first->shape, arrow, second->shape);
	} else {
		snprintf(note->text, sizeof(note->text), "%s %s %s %s %s", first->dtype,
			 first->shape, arrow, second->dtype, second->shape);
	}
}

static void put_rows(const struct fs_screen *screen, const struct fs_rows *rows)
{
	const int room = screen->columns - MARK_WIDTH - GAP;
	char shown[4 * sizeof(struct note)];
	int label = 0, longest = 0, left;
	struct note note;

	for (size_t i = 1; i < rows->count; i++) {
		const int width = fs_info_label_width(screen, rows, i);
		int note_width;

		describe_row(screen, &rows->items[i], &note);
		note_width = fs_screen_width(screen, note.text);
		label = width > label ? width : label;
		longest = note_width > longest ? note_width : longest;
	}
	if (label > room - longest) /* half each, or what the other leaves */
		label = longest < room / 2 ? room - longest
			: label < room / 2 ? label
					   : room / 2;
	for (size_t at = fs_rows_next(rows, 0); at != 0; at = fs_rows_next(rows, at)) {
		const struct mark mark = mark_of(rows->items[at].line.changes);

		describe_row(screen, &rows->items[at], &note);
		fs_screen_put(screen, mark.colour, mark.text);
		left = fs_info_label(screen, rows, at, label);
		fs_screen_fit(screen, note.text, room - label, FS_CUT_END, shown,
			      sizeof(shown));
		printf("%*s", shown[0] != '\0' ? left + GAP : 0, "");
		fs_screen_put(screen,
			      rows->items[at].line.is_folder ? FS_DIM : mark.colour,
			      shown);
		putchar('\n');
	}
}

static void put_title(const struct fs_screen *screen, const struct fs_subject *subject,
		      uint32_t change)
{
	const struct mark mark = mark_of(change);
	char path[1024], shown[4096];

	sft_escape(path, sizeof(path), subject->path, strlen(subject->path));
	fs_screen_fit(screen, path, screen->columns - MARK_WIDTH, FS_CUT_MIDDLE, shown,
		      sizeof(shown));
	fs_screen_put(screen, mark.colour, mark.text);
	fs_screen_put(screen, FS_BOLD, shown);
	printf("\n%*s", MARK_WIDTH, "");
	fs_info_totals(screen, subject->model, MARK_WIDTH, false);
}

/* One of the counts, unless it is 0. */
static void add_count(struct fs_flow *flow, uint64_t count, const char *what)
{
	char number[FS_FIGURE_MAX], text[2 * FS_FIGURE_MAX];

	if (count == 0)
		return;
	snprintf(text, sizeof(text), "%s %s", fs_figure_exact(number, count), what);
	fs_flow_add(flow, FS_PLAIN, flow->screen->signs->dot, text);
}

/* Return: the lines that they take; @counts: only that. */
static int put_counts(const struct fs_screen *screen,
		      const struct sft_differences *differences, bool counts)
{
	struct fs_flow flow = { screen, 0, 0, counts, 0 };

	add_count(&flow, differences->only_first, "only in the first");
	add_count(&flow, differences->only_second, "only in the second");
	add_count(&flow, differences->other_dtype, "of another dtype");
	add_count(&flow, differences->other_shape, "of another shape");
	if (flow.lines == 0)
		fs_flow_add(&flow, FS_PLAIN, "", "the same names, dtypes and shapes");
	add_count(&flow, differences->alike, "alike");
	return fs_flow_end(&flow);
}

/* Lines left for the tree by all else. */
static size_t tree_lines(const struct fs_screen *screen,
			 const struct fs_subject subjects[2],
			 const struct sft_differences *differences)
{
	int lines = screen->lines - 4; /* the paths, two empty lines */

	for (size_t i = 0; i < 2; i++)
		lines -= fs_info_totals(screen, subjects[i].model, MARK_WIDTH, true);
	lines -= put_counts(screen, differences, true);
	return (size_t)(lines > TREE_LINES_MIN ? lines : TREE_LINES_MIN);
}

enum sft_status fs_info_compare(const struct fs_screen *screen,
				const struct fs_subject subjects[2],
				const struct sft_comparison *comparison,
				struct sft_error *err)
{
	const struct sft_differences differences = sft_comparison_differences(comparison);
	struct sft_outline *outline = NULL;
	struct fs_rows rows = { 0 };
	enum sft_status status = sft_outline_comparison(comparison, &outline, err);

	if (status != SFT_OK)
		return status;
	status = fs_rows_choose(outline, tree_lines(screen, subjects, &differences),
				&rows, err);
	if (status == SFT_OK) {
		put_title(screen, &subjects[0], SFT_ONLY_FIRST);
		put_title(screen, &subjects[1], SFT_ONLY_SECOND);
		putchar('\n');
		put_counts(screen, &differences, false);
		if (rows.count > 1)
			putchar('\n');
		put_rows(screen, &rows);
	}
	fs_rows_done(&rows);
	sft_outline_free(outline);
	return status;
}
