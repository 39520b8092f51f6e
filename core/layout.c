// SPDX-License-Identifier: Apache-2.0
#include "core/layout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/bytes.h"

/* Rows that a layout owns. */
struct sft_kept_rows {
	struct sft_kept_rows *next;
	struct sft_rows rows;
};

void sft_layout_init(struct sft_layout *layout, bool measures)
{
	*layout =
		(struct sft_layout){ .measures = measures, .room = SFT_SEGMENTS_INLINE };
	layout->segments = layout->few;
}

void sft_layout_done(struct sft_layout *layout)
{
	if (layout->segments != layout->few)
		free(layout->segments);
	free(layout->text);
	while (layout->rows != NULL) {
		struct sft_kept_rows *next = layout->rows->next;

		free(layout->rows);
		layout->rows = next;
	}
	sft_layout_init(layout, layout->measures);
}

void sft_layout_trim(struct sft_layout *layout)
{
	uint8_t *text =
		layout->text_len > 0 ? realloc(layout->text, layout->text_len) : NULL;
	struct sft_segment *segments =
		layout->segments != layout->few
			? realloc(layout->segments,
				  layout->count * sizeof(*layout->segments))
			: NULL;

	if (text != NULL) {
		layout->text = text;
		layout->text_room = layout->text_len;
	}
	if (segments != NULL) {
		layout->segments = segments;
		layout->room = layout->count;
	}
}

/* Makes the described file longer; false where nothing is to be appended. */
static bool extend(struct sft_layout *layout, uint64_t len)
{
	if (layout->status != SFT_OK)
		return false;
	if (!sft_add(layout->len, len, &layout->len) || layout->len > SFT_FILE_LEN_MAX) {
		layout->status = SFT_E_LIMIT;
		return false;
	}
	return len > 0 && !layout->measures;
}

static void append(struct sft_layout *layout, const struct sft_segment *segment)
{
	assert(layout->segments != NULL && layout->room > 0);
	if (layout->count == layout->room) {
		const bool few = layout->segments == layout->few;
		const size_t room = layout->room * 4;
		struct sft_segment *grown;

		grown = realloc(few ? NULL : layout->segments, room * sizeof(*grown));
		if (grown == NULL) {
			layout->status = SFT_E_NO_MEMORY;
			return;
		}
		if (few)
			memcpy(grown, layout->few, sizeof(layout->few));
		layout->segments = grown;
		layout->room = room;
	}
	layout->segments[layout->count++] = *segment;
}

/* Copies text behind that of earlier literals. */
static bool keep_text(struct sft_layout *layout, const void *bytes, size_t len)
{
	if (layout->text_room - layout->text_len < len) {
		size_t room = layout->text_room * 2;
		uint8_t *grown;

		if (room < layout->text_len + len)
			room = layout->text_len + len;
		grown = realloc(layout->text, room);
		if (grown == NULL) {
			layout->status = SFT_E_NO_MEMORY;
			return false;
		}
		layout->text = grown;
		layout->text_room = room;
	}
	memcpy(layout->text + layout->text_len, bytes, len);
	layout->text_len += len;
	return true;
}

void sft_layout_literal(struct sft_layout *layout, const void *bytes, uint64_t len)
{
	struct sft_segment *last =
		layout->count > 0 ? &layout->segments[layout->count - 1] : NULL;

	/* Cannot wrap: at most the limit so far, and what is in memory now. */
	layout->literal_len += len;
	if (layout->literal_len > SFT_LITERAL_LEN_MAX && layout->status == SFT_OK)
		layout->status = SFT_E_LIMIT;
	if (!extend(layout, len) || !keep_text(layout, bytes, (size_t)len))
		return;
	if (last != NULL && last->kind == SFT_SEGMENT_LITERAL)
		last->end = layout->len;
	else
		append(layout, &(struct sft_segment){ .kind = SFT_SEGMENT_LITERAL,
						      .end = layout->len,
						      .off = layout->text_len - len });
}

void sft_layout_memory(struct sft_layout *layout, const void *bytes, uint64_t len)
{
	if (extend(layout, len))
		append(layout, &(struct sft_segment){ .kind = SFT_SEGMENT_MEMORY,
						      .end = layout->len,
						      .memory = bytes });
}

void sft_layout_range(struct sft_layout *layout, uint32_t file, uint64_t off,
		      uint64_t len)
{
	const size_t count = layout->count;
	struct sft_segment *last = count > 0 ? &layout->segments[count - 1] : NULL;
	const uint64_t begin = count > 1 ? layout->segments[count - 2].end : 0;

	if (!extend(layout, len))
		return;
	if (last != NULL && last->kind == SFT_SEGMENT_RANGE && last->idx == file &&
	    last->off + (last->end - begin) == off)
		last->end = layout->len;
	else
		append(layout, &(struct sft_segment){ .kind = SFT_SEGMENT_RANGE,
						      .end = layout->len,
						      .idx = file,
						      .off = off });
}

/* Copies rows; NULL where memory is short. */
static const struct sft_rows *keep_rows(struct sft_layout *layout,
					const struct sft_rows *rows)
{
	struct sft_kept_rows *kept = malloc(sizeof(*kept));

	if (kept == NULL) {
		layout->status = SFT_E_NO_MEMORY;
		return NULL;
	}
	*kept = (struct sft_kept_rows){ layout->rows, *rows };
	layout->rows = kept;
	return &kept->rows;
}

void sft_layout_rows(struct sft_layout *layout, uint32_t file, uint64_t off,
		     const struct sft_rows *rows)
{
	/* Cannot wrap: they do not overlap, and are within a file. */
	if (!extend(layout, sft_rows_count(rows) * rows->row_len))
		return;
	rows = keep_rows(layout, rows);
	if (rows != NULL)
		append(layout, &(struct sft_segment){ .kind = SFT_SEGMENT_ROWS,
						      .end = layout->len,
						      .idx = file,
						      .off = off,
						      .rows = rows });
}

void sft_layout_cast(struct sft_layout *layout, uint32_t file, uint64_t off,
		     const struct sft_rows *rows, uint8_t dtype, uint64_t count)
{
	uint64_t len;

	if (!sft_mul(count, sizeof(float), &len))
		len = UINT64_MAX;
	if (!extend(layout, len))
		return;
	if (rows != NULL)
		rows = keep_rows(layout, rows);
	if (layout->status == SFT_OK)
		append(layout, &(struct sft_segment){ .kind = SFT_SEGMENT_CAST,
						      .end = layout->len,
						      .idx = file,
						      .off = off,
						      .rows = rows,
						      .dtype = dtype });
}

void sft_layout_lazy(struct sft_layout *layout, sft_lazy_fill fill, uint32_t idx,
		     size_t len)
{
	assert(len <= SFT_LAZY_LEN_MAX);
	if (extend(layout, len))
		append(layout, &(struct sft_segment){ .kind = SFT_SEGMENT_LAZY,
						      .end = layout->len,
						      .fill = fill,
						      .idx = idx });
}

/* Goes on with a hash. */
static uint64_t hash(uint64_t id, const void *bytes, uint64_t len)
{
	return len > 0 ? XXH3_64bits_withSeed(bytes, (size_t)len, id) : id;
}

static uint64_t hash_rows(uint64_t id, const struct sft_rows *rows)
{
	id = hash(id, &rows->row_len, sizeof(rows->row_len));
	for (size_t i = 0; i < rows->level_count; i++)
		id = hash(id, &rows->levels[i], sizeof(rows->levels[i]));
	return id;
}

uint64_t sft_layout_id(const struct sft_layout *layout)
{
	uint64_t id = hash(0, layout->text, layout->text_len);
	uint64_t begin = 0;

	for (size_t i = 0; i < layout->count; i++) {
		const struct sft_segment *segment = &layout->segments[i];
		const uint64_t numbers[] = { segment->end, segment->off, segment->idx,
					     segment->kind, segment->dtype };

		id = hash(id, numbers, sizeof(numbers));
		if (segment->kind == SFT_SEGMENT_MEMORY)
			id = hash(id, segment->memory, segment->end - begin);
		else if ((segment->kind == SFT_SEGMENT_ROWS ||
			  segment->kind == SFT_SEGMENT_CAST) &&
			 segment->rows != NULL)
			id = hash_rows(id, segment->rows);
		begin = segment->end;
	}
	return id;
}

/* The segment that holds the byte at @off, which is inside the file. */
static size_t find_segment(const struct sft_layout *layout, uint64_t off)
{
	size_t low = 0;
	size_t high = layout->count - 1;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (layout->segments[mid].end <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* @len bytes, all of them inside the segment, from @skip bytes after its begin. */
static struct sft_extent cut(const struct sft_layout *layout,
			     const struct sft_segment *segment, uint64_t skip, size_t len)
{
	struct sft_extent extent = { .kind = segment->kind, .len = len };

	switch (extent.kind) {
	case SFT_SEGMENT_LITERAL:
		extent.memory = layout->text + segment->off + skip;
		break;
	case SFT_SEGMENT_MEMORY:
		extent.memory = segment->memory + skip;
		break;
	case SFT_SEGMENT_RANGE:
		extent.idx = segment->idx;
		extent.file_off = segment->off + skip;
		break;
	case SFT_SEGMENT_ROWS:
	case SFT_SEGMENT_CAST:
		extent.idx = segment->idx;
		extent.file_off = segment->off;
		extent.rows = segment->rows;
		extent.dtype = segment->dtype;
		extent.skip = skip;
		break;
	case SFT_SEGMENT_LAZY:
		extent.idx = segment->idx;
		extent.fill = segment->fill;
		extent.skip = skip;
		break;
	}
	return extent;
}

size_t sft_layout_map(const struct sft_layout *layout, uint64_t off, size_t len,
		      struct sft_extent *ret_ext, size_t max)
{
	size_t used = 0;

	assert(!layout->measures && layout->status == SFT_OK);
	if (off >= layout->len)
		return 0;
	if (len > layout->len - off)
		len = (size_t)(layout->len - off);
	for (size_t i = find_segment(layout, off); len > 0 && used < max; i++) {
		const struct sft_segment *segment = &layout->segments[i];
		const uint64_t begin = i > 0 ? segment[-1].end : 0;
		const uint64_t left = segment->end - off;
		const size_t part = left < len ? (size_t)left : len;

		ret_ext[used++] = cut(layout, segment, off - begin, part);
		off += part;
		len -= part;
	}
	return used;
}
