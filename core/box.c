// SPDX-License-Identifier: Apache-2.0
#include "core/box.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- the text ---- */

/* An integer of any length in digits. */
struct number {
	bool is_given;
	bool is_negative;
	bool is_huge; /* past 64 bits */
	uint64_t size;
};

enum item_kind {
	ITEM_INDEX,
	ITEM_RANGE,
	ITEM_REST, /* "..." */
};

struct item {
	enum item_kind kind;
	struct number begin, end;
};

struct reader {
	const uint8_t *at, *end;
};

static bool take(struct reader *reader, char wanted)
{
	if (reader->at == reader->end || *reader->at != (uint8_t)wanted)
		return false;
	reader->at++;
	return true;
}

static bool is_digit(const struct reader *reader)
{
	return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

/* Reads a number, or nothing. Return: false for what only looks like one. */
static bool read_number(struct reader *reader, struct number *number)
{
	*number = (struct number){ .is_negative = take(reader, '-') };
	if (!is_digit(reader))
		return !number->is_negative;
	number->is_given = true;
	if (take(reader, '0'))
		return !is_digit(reader);
	for (; is_digit(reader); reader->at++)
		if (!sft_mul(number->size, 10, &number->size) ||
		    !sft_add(number->size, *reader->at - (unsigned)'0', &number->size))
			number->is_huge = true;
	return true;
}

/* Reads what stands between two commas. */
static bool read_item(struct reader *reader, struct item *item)
{
	if (take(reader, '.')) {
		const bool second = take(reader, '.');

		item->kind = ITEM_REST;
		return second && take(reader, '.');
	}
	if (!read_number(reader, &item->begin))
		return false;
	if (!take(reader, ':')) {
		item->kind = ITEM_INDEX;
		return item->begin.is_given;
	}
	item->kind = ITEM_RANGE;
	if (!read_number(reader, &item->end))
		return false;
	if (take(reader, ':')) /* the step, which may be missing all the same */
		(void)take(reader, '1');
	return true;
}

/* Return: the number of items; 0 where the text is malformed or has too many. */
static size_t read_items(struct sft_bytes text, struct item items[SFT_BOX_RANK_MAX + 1],
			 bool *ret_has_rest)
{
	struct reader reader = { text.data, text.data + text.len };
	size_t count = 0;

	*ret_has_rest = false;
	do {
		struct item *item = &items[count];

		if (count == SFT_BOX_RANK_MAX + 1 || !read_item(&reader, item) ||
		    (item->kind == ITEM_REST && *ret_has_rest))
			return 0;
		*ret_has_rest = *ret_has_rest || item->kind == ITEM_REST;
		count++;
	} while (take(&reader, ','));
	return reader.at == reader.end ? count : 0;
}

/* ---- one dimension ---- */

/* What is taken of a dimension. */
struct span {
	bool is_index;
	uint64_t dim, begin, count;
};

/* A bound as numpy clamps it. */
static uint64_t clamp(const struct number *number, uint64_t dim, uint64_t absent)
{
	if (!number->is_given)
		return absent;
	if (number->is_huge || number->size > dim)
		return number->is_negative ? 0 : dim;
	/* "-0" is 0, as in Python. */
	return number->is_negative && number->size > 0 ? dim - number->size
						       : number->size;
}

static bool cut_dim(const struct item *item, uint64_t dim, struct span *span)
{
	uint64_t end;

	*span = (struct span){ .dim = dim, .count = dim };
	if (item == NULL) /* not named */
		return true;
	if (item->kind == ITEM_INDEX) {
		const struct number *number = &item->begin;
		const bool from_end = number->is_negative && number->size > 0;

		/* The first one counted from the end is -1, so -dim is inside. */
		if (number->is_huge || number->size > dim ||
		    (!from_end && number->size == dim))
			return false;
		span->is_index = true;
		span->begin = from_end ? dim - number->size : number->size;
		span->count = 1;
		return true;
	}
	span->begin = clamp(&item->begin, dim, 0);
	end = clamp(&item->end, dim, dim);
	span->count = end > span->begin ? end - span->begin : 0;
	if (span->count == 0)
		span->begin = 0;
	return true;
}

/* ---- all of them ---- */

/* Return: the number of dimensions; SFT_BOX_RANK_MAX + 1 for more. */
static size_t read_dims(const struct sft_header *header, const struct sft_tensor *tensor,
			uint64_t dims[SFT_BOX_RANK_MAX + 1])
{
	struct sft_shape shape = sft_tensor_shape(header, tensor);
	size_t rank = 0;

	while (rank <= SFT_BOX_RANK_MAX && sft_shape_next(&shape, &dims[rank]))
		rank++;
	return rank;
}

/* Return: false where an item does not fit its dimension, or there are too many. */
static bool cut_dims(const struct item *items, size_t count, bool has_rest,
		     const uint64_t *dims, size_t rank, struct span *spans)
{
	const size_t named = count - has_rest;
	size_t item = 0;

	if (named > rank)
		return false;
	for (size_t i = 0; i < rank; i++) {
		const struct item *cut = NULL;
		bool in_rest;

		/* "..." goes on until the items behind it fill what is left. */
		in_rest = item < count && items[item].kind == ITEM_REST &&
			  rank - i > count - item - 1;
		if (!in_rest && item < count && items[item].kind == ITEM_REST)
			item++;
		if (!in_rest && item < count)
			cut = &items[item++];
		if (!cut_dim(cut, dims[i], &spans[i]))
			return false;
	}
	return true;
}

static void write_text(const struct span *spans, size_t rank, struct sft_box *box)
{
	size_t keep = 0; /* bytes up to the last item that is no ":" behind the first */

	box->text_len = 0;
	for (size_t i = 0; i < rank; i++) {
		const struct span *span = &spans[i];
		char *out = box->text + box->text_len;
		const bool is_all = !span->is_index && span->count == span->dim;

		if (i > 0)
			*out++ = ',';
		if (span->is_index)
			out += sprintf(out, "%" PRIu64, span->begin);
		else if (is_all)
			*out++ = ':';
		else
			out += sprintf(out, "%" PRIu64 ":%" PRIu64, span->begin,
				       span->begin + span->count);
		box->text_len = (size_t)(out - box->text);
		if (i == 0 || !is_all)
			keep = box->text_len;
	}
	if (rank == 0)
		keep = (size_t)sprintf(box->text, "...");
	box->text_len = keep;
}

/* ---- where the bytes are ---- */

/* Appends a level, or makes the last one longer where this goes on with it. */
static void add_level(struct sft_rows *rows, uint64_t count, uint64_t stride)
{
	const size_t next = rows->level_count;

	if (next > 0 &&
	    rows->levels[next - 1].count * rows->levels[next - 1].stride == stride) {
		rows->levels[next - 1].count *= count;
		return;
	}
	rows->levels[next].count = count;
	rows->levels[next].stride = stride;
	rows->level_count++;
}

/*
 * Finds the rows of a box that has elements; everything is within the tensor, whose bits
 * fit 64 bits. Counts bits, and then makes them bytes. Return: false where a piece does
 * not begin or end on a byte.
 */
static bool find_rows(uint8_t bits, const struct span *spans, size_t rank,
		      struct sft_box *box)
{
	struct sft_rows *rows = &box->rows;
	uint64_t stride = bits; /* from one to the next in the dimension at hand */
	uint64_t run = bits;    /* in one piece so far */
	uint64_t off = 0;
	uint64_t unaligned;

	for (size_t i = rank; i > 0; i--) {
		const struct span *span = &spans[i - 1];

		off += span->begin * stride;
		if (run == stride && rows->level_count == 0)
			run *= span->count;
		else if (span->count > 1)
			add_level(rows, span->count, stride);
		stride *= span->dim;
	}
	unaligned = off % 8 + run % 8;
	for (size_t i = 0; i < rows->level_count; i++) {
		unaligned += rows->levels[i].stride % 8;
		rows->levels[i].stride /= 8;
	}
	rows->row_len = run / 8;
	box->off = off / 8;
	return unaligned == 0;
}

bool sft_box_cut(const struct sft_header *header, const struct sft_tensor *tensor,
		 struct sft_bytes text, struct sft_box *ret_box)
{
	const uint8_t bits = sft_dtype(tensor->dtype)->bits;
	uint64_t dims[SFT_BOX_RANK_MAX + 1];
	struct item items[SFT_BOX_RANK_MAX + 1];
	struct span spans[SFT_BOX_RANK_MAX];
	bool has_rest;
	const size_t count = read_items(text, items, &has_rest);
	const size_t rank = count > 0 ? read_dims(header, tensor, dims) : 0;
	bool is_empty = false;

	if (count == 0 || rank > SFT_BOX_RANK_MAX ||
	    !cut_dims(items, count, has_rest, dims, rank, spans))
		return false;
	ret_box->rank = 0;
	ret_box->off = 0;
	ret_box->rows.level_count = 0;
	for (size_t i = 0; i < rank; i++) {
		is_empty = is_empty || spans[i].count == 0;
		if (!spans[i].is_index)
			ret_box->dims[ret_box->rank++] = spans[i].count;
	}
	write_text(spans, rank, ret_box);
	if (!is_empty && !find_rows(bits, spans, rank, ret_box))
		return false;
	ret_box->elements = is_empty ? 0 : 1;
	/* Cannot wrap: at most the tensor's own, none of whose dimensions is 0. */
	for (size_t i = 0; !is_empty && i < ret_box->rank; i++)
		ret_box->elements *= ret_box->dims[i];
	ret_box->len = ret_box->elements * bits / 8;
	return true;
}
