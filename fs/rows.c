// SPDX-License-Identifier: Apache-2.0
#include "fs/rows.h"

#include <stdlib.h>

#include "core/cleanup.h"

/* Fewer rows of a folder than these tell nothing. */
#define PART_MIN 3u

/* A folder is opened before one that lies a level deeper and is less than so much larger.
 */
#define DEPTH_FACTOR 8

/* Fits: the sums of the model do, see sft_open(). */
static struct sft_sums multiply(struct sft_sums each, uint64_t times)
{
	each.tensors *= times;
	each.parameters *= times;
	each.bytes *= times;
	return each;
}

static void subtract(struct sft_sums *sums, const struct sft_sums *part)
{
	sums->tensors -= part->tensors;
	sums->parameters -= part->parameters;
	sums->bytes -= part->bytes;
}

/* Appends the lines below a row, and what they leave of it. */
static void add_rows(struct fs_rows *rows, size_t parent, const struct sft_line *lines,
		     size_t shown, uint64_t all)
{
	struct fs_row *above = &rows->items[parent];
	struct sft_sums rest = above->sums;

	above->first = rows->count;
	for (size_t i = 0; i < shown; i++) {
		struct fs_row *row = &rows->items[rows->count++];

		*row = (struct fs_row){
			.line = lines[i],
			.times = above->times * lines[i].count,
			.parent = parent,
			.depth = above->depth + 1,
		};
		row->sums = multiply(lines[i].each, row->times);
		subtract(&rest, &row->sums);
	}
	if (shown < all)
		rows->items[rows->count++] = (struct fs_row){
			.sums = rest,
			.more = all - shown,
			.parent = parent,
			.depth = above->depth + 1,
		};
	above->count = rows->count - above->first;
	above->is_open = true;
}

/* How much it tells to open a folder: the larger the more, the deeper the less. */
static double weight_of(const struct fs_row *row)
{
	double weight =
		(double)(row->sums.bytes > 0 ? row->sums.bytes : row->sums.tensors);

	for (size_t i = 0; i < row->depth; i++)
		weight /= DEPTH_FACTOR;
	return weight;
}

/* The next folder to be opened, of those that were found too long or of the others. */
static bool find_next(const struct fs_rows *rows, bool is_too_long, size_t *ret_at)
{
	bool found = false;

	for (size_t i = 0; i < rows->count; i++) {
		const struct fs_row *row = &rows->items[i];

		if (!row->line.is_folder || row->is_open ||
		    row->is_too_long != is_too_long)
			continue;
		if (!found || weight_of(row) > weight_of(&rows->items[*ret_at]))
			*ret_at = i;
		found = true;
	}
	return found;
}

/* What choosing works with. */
struct chooser {
	const struct sft_outline *outline;
	struct fs_rows *rows;
	size_t max;
	/* The folder listed last, whose lines are still there; the root to begin with. */
	size_t listed;
	struct sft_line *lines;
	size_t count; /* that it has, of which there may be fewer here */
};

/* Rows that there is room for; the root is not printed. */
static size_t room_of(const struct chooser *chooser)
{
	return chooser->max - (chooser->rows->count - 1);
}

/* Opens folders that fit as a whole, until none is left. */
static enum sft_status open_whole(struct chooser *chooser, struct sft_error *err)
{
	struct fs_rows *rows = chooser->rows;
	size_t at;

	while (find_next(rows, false, &at)) {
		const size_t room = room_of(chooser);
		const enum sft_status status =
			sft_outline_list(chooser->outline, rows->items[at].line.node,
					 chooser->lines, room, &chooser->count, err);

		if (status != SFT_OK)
			return status;
		chooser->listed = at;
		if (chooser->count <= room)
			add_rows(rows, at, chooser->lines, chooser->count,
				 chooser->count);
		else
			rows->items[at].is_too_long = true;
	}
	return SFT_OK;
}

/* Opens one that does not fit, as far as it does. */
static enum sft_status open_part(struct chooser *chooser, struct sft_error *err)
{
	const size_t room = room_of(chooser);
	enum sft_status status = SFT_OK;
	size_t at;

	if (room < PART_MIN || !find_next(chooser->rows, true, &at))
		return SFT_OK;
	if (at != chooser->listed) /* with a million names, once is enough */
		status = sft_outline_list(chooser->outline,
					  chooser->rows->items[at].line.node,
					  chooser->lines, room, &chooser->count, err);
	if (status == SFT_OK)
		add_rows(chooser->rows, at, chooser->lines, room - 1, chooser->count);
	return status;
}

enum sft_status fs_rows_choose(const struct sft_outline *outline, size_t max,
			       struct fs_rows *rows, struct sft_error *err)
{
	auto_free struct sft_line *lines = calloc(max, sizeof(*lines));
	struct chooser chooser = {
		.outline = outline,
		.rows = rows,
		.max = max,
		.lines = lines,
	};
	enum sft_status status;

	*rows = (struct fs_rows){ .items = calloc(max + 1, sizeof(*rows->items)) };
	if (lines == NULL || rows->items == NULL)
		return sft_fail_memory(err);
	rows->count = 1;
	sft_outline_root(outline, &rows->items[0].line);
	rows->items[0].times = 1;
	rows->items[0].sums = rows->items[0].line.each;
	status = open_whole(&chooser, err);
	return status == SFT_OK ? open_part(&chooser, err) : status;
}

void fs_rows_done(struct fs_rows *rows)
{
	free(rows->items);
	*rows = (struct fs_rows){ 0 };
}

bool fs_rows_is_last(const struct fs_rows *rows, size_t at)
{
	const struct fs_row *above = &rows->items[rows->items[at].parent];

	return at + 1 == above->first + above->count;
}

size_t fs_rows_next(const struct fs_rows *rows, size_t at)
{
	if (rows->items[at].count > 0)
		return rows->items[at].first;
	while (at > 0 && fs_rows_is_last(rows, at))
		at = rows->items[at].parent;
	return at > 0 ? at + 1 : 0;
}
