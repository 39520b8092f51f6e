// SPDX-License-Identifier: Apache-2.0
/*
 * fs/info_model.c - a screen about one model
 *
 * From the top: what is most wanted of a model that one has just got. The tree takes the
 * lines that the other parts leave.
 */
#include <stdio.h>
#include <string.h>

#include "fs/figure.h"
#include "fs/info.h"

#define DTYPES_MAX 6u
#define PAIRS_MAX 16u /* of metadata, or of aliases */
/* The same where the screen is not high. */
#define DTYPES_SMALL 4u
#define PAIRS_SMALL 4u
#define LINES_HIGH 40
#define WARNINGS_SHOWN 3u
#define TREE_LINES_MIN 6
#define DTYPE_WIDTH 11 /* the longest name */
#define KEY_MAX 32

/* ---- totals ---- */

int fs_info_totals(const struct fs_screen *screen, const struct sft_model *model,
		   int indent, bool counts)
{
	const struct sft_info *info = sft_model_info(model);
	const struct sft_totals totals = sft_model_totals(model);
	struct fs_flow flow = { screen, indent, indent, counts, 0 };
	char text[FS_FIGURE_MAX], gib[FS_FIGURE_MAX];
	char bytes[2 * FS_FIGURE_MAX + 4];

	fs_figure_bytes(text, totals.len);
	fs_figure_gib(gib, totals.len);
	snprintf(bytes, sizeof(bytes), gib[0] != '\0' ? "%s (%s)" : "%s", text, gib);
	fs_flow_add(&flow, FS_PLAIN, screen->signs->dot,
		    fs_figure_noun(text, totals.shard_count, "file"));
	fs_flow_add(&flow, FS_BOLD, screen->signs->dot, bytes);
	fs_flow_add(&flow, FS_PLAIN, screen->signs->dot,
		    fs_figure_noun(text, info->all.tensors, "tensor"));
	fs_figure_count(text, info->all.parameters);
	strcat(text, info->all.parameters == 1 ? " parameter" : " parameters");
	fs_flow_add(&flow, FS_BOLD, screen->signs->dot, text);
	return fs_flow_end(&flow);
}

/* Adds the last part of a path. */
static void name_file(struct fs_flow *flow, const char *path)
{
	const char *slash = strrchr(path, '/');
	char text[SFT_LABEL_MAX];

	snprintf(text, sizeof(text), "%.500s:", slash != NULL ? slash + 1 : path);
	fs_flow_add(flow, FS_PLAIN, " ", text);
}

/* Return: the lines that they take; @counts: only that. */
static int put_warnings(const struct fs_screen *screen, const struct fs_subject *subject,
			bool counts)
{
	const size_t all = subject->warning_count + subject->dropped_count;
	char text[sizeof(subject->warnings->detail)], number[FS_FIGURE_MAX];
	char *rest, *word;
	int lines = 0;

	for (size_t i = 0; i < subject->warning_count && i < WARNINGS_SHOWN; i++) {
		struct fs_flow flow = { screen, 2, 0, counts, 0 };

		fs_flow_add(&flow, FS_YELLOW, "", "warning:");
		if (sft_model_totals(subject->model).shard_count > 1)
			name_file(&flow, subject->warnings[i].file);
		snprintf(text, sizeof(text), "%s", subject->warnings[i].detail);
		for (word = strtok_r(text, " ", &rest); word != NULL;
		     word = strtok_r(NULL, " ", &rest))
			fs_flow_add(&flow, FS_PLAIN, " ", word);
		lines += fs_flow_end(&flow);
	}
	if (all <= WARNINGS_SHOWN)
		return lines;
	if (!counts)
		printf("%s %s more warnings\n", screen->signs->ellipsis,
		       fs_figure_exact(number, all - WARNINGS_SHOWN));
	return lines + 1;
}

/* ---- dtypes ---- */

/* The dtypes that there are, the one with most bytes first. */
struct ranking {
	size_t order[SFT_DTYPES_MAX];
	size_t count;
	size_t places[SFT_DTYPES_MAX]; /* the inverse */
};

static void rank_dtypes(const struct sft_info *info, struct ranking *ranking)
{
	ranking->count = 0;
	for (size_t i = 0; i < info->dtype_count; i++) {
		const struct sft_sums *sums = &info->dtypes[i].sums;
		size_t at = ranking->count;

		if (sums->tensors == 0)
			continue;
		for (; at > 0 &&
		       info->dtypes[ranking->order[at - 1]].sums.bytes < sums->bytes;
		     at--)
			ranking->order[at] = ranking->order[at - 1];
		ranking->order[at] = i;
		ranking->count++;
	}
	for (size_t i = 0; i < ranking->count; i++)
		ranking->places[ranking->order[i]] = i;
}

/* How many have a line of their own; the rest shares one more. */
static size_t dtypes_shown(const struct fs_screen *screen, const struct ranking *ranking)
{
	const size_t max = screen->lines < LINES_HIGH ? DTYPES_SMALL : DTYPES_MAX;

	return ranking->count <= max ? ranking->count : max - 1;
}

static size_t dtype_lines(const struct fs_screen *screen, const struct ranking *ranking)
{
	const size_t shown = dtypes_shown(screen, ranking);

	return shown + (shown < ranking->count);
}

static void put_dtypes(const struct fs_screen *screen, const struct fs_table *table,
		       const struct sft_info *info, const struct ranking *ranking)
{
	struct sft_sums rest = { 0 };
	char text[FS_FIGURE_MAX];
	const size_t shown = dtypes_shown(screen, ranking);

	fs_info_headings(screen, table);
	for (size_t i = 0; i < ranking->count; i++) {
		const struct sft_dtype_info *dtype = &info->dtypes[ranking->order[i]];
		const enum fs_colour colour = fs_info_dtype_colour(i);

		if (i >= shown) {
			rest.tensors += dtype->sums.tensors;
			rest.parameters += dtype->sums.parameters;
			rest.bytes += dtype->sums.bytes;
			continue;
		}
		fs_screen_cell(screen, colour, dtype->name, DTYPE_WIDTH + 1, FS_CUT_END);
		fs_screen_bar(screen, colour, (double)dtype->sums.bytes,
			      (double)info->all.bytes, table->left - DTYPE_WIDTH - 1);
		fs_info_numbers(screen, table, &dtype->sums, &info->all);
	}
	if (shown == ranking->count)
		return;
	snprintf(text, sizeof(text), "%s %zu more", screen->signs->ellipsis,
		 ranking->count - shown);
	fs_screen_cell(screen, FS_DIM, text, table->left, FS_CUT_END);
	fs_info_numbers(screen, table, &rest, &info->all);
}

/* ---- metadata and aliases ---- */

struct pairs {
	struct sft_text_pair items[PAIRS_MAX];
	size_t count; /* of all there are */
	size_t shown;
};

static void limit_pairs(const struct fs_screen *screen, struct pairs *pairs)
{
	const size_t max = screen->lines < LINES_HIGH ? PAIRS_SMALL : PAIRS_MAX;

	/* What is left takes a line as well. */
	pairs->shown = pairs->count <= max ? pairs->count : max - 1;
}

/* Lines that they take, with the empty one before them. */
static size_t pair_lines(const struct pairs *pairs)
{
	if (pairs->count == 0)
		return 0;
	return 2 + pairs->shown + (pairs->count > pairs->shown);
}

/* Text of the file, which is seen even where it is empty. */
static const char *show_text(struct sft_bytes text, char *out, size_t cap)
{
	return text.len > 0 ? sft_escape(out, cap, text.data, text.len) : "\"\"";
}

static void put_pairs(const struct fs_screen *screen, const char *title,
		      const char *between, const struct pairs *pairs)
{
	const int room = screen->columns - 2 - fs_screen_width(screen, between);
	char text[4096], shown[8192], number[FS_FIGURE_MAX];
	int width = 0;

	if (pairs->count == 0)
		return;
	for (size_t i = 0; i < pairs->shown; i++) {
		const char *key = show_text(pairs->items[i].key, text, sizeof(text));
		const int key_width = fs_screen_width(screen, key);

		width = key_width > width ? key_width : width;
	}
	width = width > KEY_MAX ? KEY_MAX : width;
	width = width > room / 2 ? room / 2 : width;
	putchar('\n');
	fs_screen_put(screen, FS_BOLD, title);
	putchar('\n');
	for (size_t i = 0; i < pairs->shown; i++) {
		const struct sft_text_pair *pair = &pairs->items[i];

		fputs("  ", stdout);
		fs_screen_cell(screen, FS_PLAIN, show_text(pair->key, text, sizeof(text)),
			       width, FS_CUT_MIDDLE);
		fs_screen_put(screen, FS_DIM, between);
		fs_screen_fit(screen, show_text(pair->value, text, sizeof(text)),
			      room - width, FS_CUT_END, shown, sizeof(shown));
		puts(shown);
	}
	if (pairs->count > pairs->shown)
		printf("  %s %s more\n", screen->signs->ellipsis,
		       fs_figure_exact(number, pairs->count - pairs->shown));
}

/* Takes a pair away from those that have more lines. Return: false if there is none. */
static bool shorten(struct pairs *a, struct pairs *b)
{
	struct pairs *longer = a->shown >= b->shown ? a : b;

	if (longer->shown <= 1)
		return false;
	longer->shown--;
	return true;
}

/* ---- all of it ---- */

/* Prints the parts, now that it is known what they are. */
static void put_parts(const struct fs_screen *screen, const struct fs_subject *subject,
		      const struct fs_rows *rows, const struct pairs *metadata,
		      const struct pairs *aliases)
{
	const struct sft_info *info = sft_model_info(subject->model);
	const struct fs_table table = fs_info_table(screen, rows);
	char path[1024], shown[4096], arrow[16];
	struct ranking ranking = { .count = 0 };

	rank_dtypes(info, &ranking);
	sft_escape(path, sizeof(path), subject->path, strlen(subject->path));
	fs_screen_fit(screen, path, screen->columns, FS_CUT_MIDDLE, shown, sizeof(shown));
	fs_screen_put(screen, FS_BOLD, shown);
	putchar('\n');
	fs_info_totals(screen, subject->model, 0, false);
	put_warnings(screen, subject, false);
	if (rows->count > 1) { /* there is something but the root */
		putchar('\n');
		put_dtypes(screen, &table, info, &ranking);
		putchar('\n');
		fs_info_tree(screen, rows, &table, ranking.places);
	}
	put_pairs(screen, "metadata", "  ", metadata);
	snprintf(arrow, sizeof(arrow), " %s ", screen->signs->arrow);
	put_pairs(screen, "aliases", arrow, aliases);
}

/* Lines left for the tree by all else. */
static int lines_left(const struct fs_screen *screen, const struct fs_subject *subject,
		      const struct pairs *metadata, const struct pairs *aliases)
{
	struct ranking ranking;
	int used = 4; /* the path, two empty lines, what the numbers are */

	rank_dtypes(sft_model_info(subject->model), &ranking);
	used += fs_info_totals(screen, subject->model, 0, true);
	used += put_warnings(screen, subject, true);
	used += (int)dtype_lines(screen, &ranking);
	used += (int)(pair_lines(metadata) + pair_lines(aliases));
	return screen->lines - used;
}

enum sft_status fs_info_model(const struct fs_screen *screen,
			      const struct fs_subject *subject, struct sft_error *err)
{
	struct pairs metadata = { .count = 0 }, aliases = { .count = 0 };
	struct sft_outline *outline = NULL;
	struct fs_rows rows = { 0 };
	int left;
	enum sft_status status = sft_model_metadata(subject->model, metadata.items,
						    PAIRS_MAX, &metadata.count, err);

	if (status != SFT_OK)
		return status;
	aliases.count = sft_model_aliases(subject->model, aliases.items, PAIRS_MAX);
	limit_pairs(screen, &metadata);
	limit_pairs(screen, &aliases);
	do
		left = lines_left(screen, subject, &metadata, &aliases);
	while (left < TREE_LINES_MIN && shorten(&metadata, &aliases));
	left = left < TREE_LINES_MIN ? TREE_LINES_MIN : left;
	status = sft_outline_model(subject->model, &outline, err);
	if (status != SFT_OK)
		return status;
	status = fs_rows_choose(outline, (size_t)left, &rows, err);
	if (status == SFT_OK)
		put_parts(screen, subject, &rows, &metadata, &aliases);
	fs_rows_done(&rows);
	sft_outline_free(outline);
	return status;
}
