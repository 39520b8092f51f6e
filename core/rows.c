// SPDX-License-Identifier: Apache-2.0
#include "core/rows.h"

#include <string.h>

#include "core/backing.h"

/* What a read() may bring at once of rows and of what is between them; on the stack. */
#define SPAN_LEN 65536u
/* Bytes between two rows that cost as much as another read(). */
#define GAP_MAX 4096u

uint64_t sft_rows_count(const struct sft_rows *rows)
{
	uint64_t count = 1;

	for (size_t i = 0; i < rows->level_count; i++)
		count *= rows->levels[i].count;
	return count;
}

uint64_t sft_rows_off(const struct sft_rows *rows, uint64_t row)
{
	uint64_t off = 0;

	for (size_t i = 0; row > 0 && i < rows->level_count; i++) {
		off += row % rows->levels[i].count * rows->levels[i].stride;
		row /= rows->levels[i].count;
	}
	return off;
}

/* A place in rows; steps within the innermost level need no division. */
struct cursor {
	const struct sft_rows *rows;
	uint64_t row;
	uint64_t inner; /* rows left in the innermost level behind this one */
	uint64_t off;   /* of the next byte */
	uint64_t left;  /* bytes of the row from there */
};

static struct cursor cursor_at(const struct sft_rows *rows, uint64_t skip)
{
	const uint64_t row = skip / rows->row_len;
	const uint64_t in_row = skip % rows->row_len;

	return (struct cursor){
		.rows = rows,
		.row = row,
		.inner = rows->levels[0].count - 1 - row % rows->levels[0].count,
		.off = sft_rows_off(rows, row) + in_row,
		.left = rows->row_len - in_row,
	};
}

/* Goes to the next row, of which there is one. */
static void next_row(struct cursor *cursor)
{
	const struct sft_rows *rows = cursor->rows;

	cursor->row++;
	if (cursor->inner > 0) {
		cursor->inner--;
		cursor->off += rows->levels[0].stride - (rows->row_len - cursor->left);
	} else {
		cursor->inner = rows->levels[0].count - 1;
		cursor->off = sft_rows_off(rows, cursor->row);
	}
	cursor->left = rows->row_len;
}

static size_t shorter(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

/*
 * Sees how far one read() should go: to the end of this row, or of later ones that are
 * near. Return: where that is in the source.
 */
static uint64_t find_end(struct cursor cursor, size_t len, size_t *ret_len)
{
	const uint64_t begin = cursor.off;
	size_t done = shorter(cursor.left, len);
	uint64_t end = begin + done;

	while (done < len) {
		size_t part;

		next_row(&cursor);
		part = shorter(cursor.left, len - done);
		if (cursor.off - end > GAP_MAX || cursor.off + part - begin > SPAN_LEN)
			break;
		done += part;
		end = cursor.off + part;
	}
	*ret_len = done;
	return end;
}

/* Copies @len bytes of rows out of a span that begins where the cursor stands. */
static void gather(struct cursor *cursor, const uint8_t *span, uint8_t *out, size_t len)
{
	const uint64_t begin = cursor->off;

	while (len > 0) {
		const size_t part = shorter(cursor->left, len);

		if (part == 0) {
			next_row(cursor);
			continue;
		}
		memcpy(out, span + (cursor->off - begin), part);
		cursor->off += part;
		cursor->left -= part;
		out += part;
		len -= part;
	}
}

static enum sft_status read_rows(const struct sft_raw *raw, uint64_t skip, uint8_t *out,
				 size_t len, struct sft_error *err)
{
	struct cursor cursor = cursor_at(raw->rows, skip);
	enum sft_status status = SFT_OK;
	uint8_t span[SPAN_LEN];

	while (status == SFT_OK && len > 0) {
		uint64_t end;
		size_t part;

		if (cursor.left == 0)
			next_row(&cursor);
		end = find_end(cursor, len, &part);
		if (end - cursor.off == part) { /* one row, or a part of it */
			status = sft_read_all(raw->fd, out, part, raw->off + cursor.off,
					      err);
			cursor.off += part;
			cursor.left -= part;
		} else {
			status = sft_read_all(raw->fd, span, (size_t)(end - cursor.off),
					      raw->off + cursor.off, err);
			if (status == SFT_OK)
				gather(&cursor, span, out, part);
		}
		out += part;
		len -= part;
	}
	return status;
}

enum sft_status sft_raw_read(const struct sft_raw *raw, uint64_t skip, uint8_t *out,
			     size_t len, struct sft_error *err)
{
	if (raw->rows != NULL)
		return read_rows(raw, skip, out, len, err);
	return sft_read_all(raw->fd, out, len, raw->off + skip, err);
}
