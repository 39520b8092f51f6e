// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_layout.c - a read lands on the right bytes
 *
 * The layout under test is, in this order: 4 bytes of text, 10 bytes at 100 of shard 7,
 * nothing at all, 3 bytes of the model's memory, 5 bytes at 2^40 of shard 1. Most rows
 * sit on either side of its edges: 4, 14, 17 and 22. What is computed rather than found
 * has a layout and rows of its own.
 */
#include "core/layout.h"

#include "tests/unit/support.h"

#define MAX 8

static const uint8_t memory[3] = { 'm', 'e', 'm' };
static const uint64_t far = UINT64_C(1) << 40;

static void describe(struct sft_layout *layout)
{
	sft_layout_literal(layout, "te", 2);
	sft_layout_literal(layout, "xt", 2);
	sft_layout_range(layout, 7, 100, 10);
	sft_layout_range(layout, 9, 5, 0);
	sft_layout_literal(layout, "", 0);
	sft_layout_memory(layout, memory, sizeof(memory));
	sft_layout_range(layout, 1, far, 5);
}

/* What a row expects of an extent: text and memory by content, a range by its place. */
struct want {
	const char *text; /* NULL: a range */
	uint32_t shard;
	uint64_t file_off;
	size_t len;
};

static const struct {
	const char *what;
	uint64_t off;
	size_t len;
	size_t count;
	struct want ext[4];
} rows[] = {
	{ "nothing", 0, 0, 0, { { 0 } } },
	{ "inside the text", 1, 2, 1, { { "ex", 0, 0, 2 } } },
	{ "end of the text", 3, 1, 1, { { "t", 0, 0, 1 } } },
	{ "over its edge", 3, 2, 2, { { "t", 0, 0, 1 }, { NULL, 7, 100, 1 } } },
	{ "the range", 4, 10, 1, { { NULL, 7, 100, 10 } } },
	{ "inside the range", 8, 3, 1, { { NULL, 7, 104, 3 } } },
	{ "over its end", 13, 2, 2, { { NULL, 7, 109, 1 }, { "m", 0, 0, 1 } } },
	{ "the memory", 14, 3, 1, { { "mem", 0, 0, 3 } } },
	{ "its last byte", 16, 2, 2, { { "m", 0, 0, 1 }, { NULL, 1, far, 1 } } },
	{ "the last byte", 21, 1, 1, { { NULL, 1, far + 4, 1 } } },
	{ "one byte too many", 21, 2, 1, { { NULL, 1, far + 4, 1 } } },
	{ "at the end", 22, 1, 0, { { 0 } } },
	{ "far past it", UINT64_MAX, SIZE_MAX, 0, { { 0 } } },
	{ "more than all",
	  0,
	  SIZE_MAX,
	  4,
	  { { "text", 0, 0, 4 },
	    { NULL, 7, 100, 10 },
	    { "mem", 0, 0, 3 },
	    { NULL, 1, far, 5 } } },
};

static void check_extent(const char *row, const struct sft_extent *got,
			 const struct want *want)
{
	CHECK_UINT(row, got->len, want->len);
	CHECK_UINT(row, got->memory != NULL, want->text != NULL);
	if (want->text != NULL) {
		const bool is_memory =
			got->memory >= memory && got->memory < memory + sizeof(memory);

		CHECK_UINT(row, got->kind,
			   is_memory ? SFT_SEGMENT_MEMORY : SFT_SEGMENT_LITERAL);
		assert_memory_equal(got->memory, want->text, want->len);
	} else {
		CHECK_UINT(row, got->kind, SFT_SEGMENT_RANGE);
		CHECK_UINT(row, got->idx, want->shard);
		CHECK_UINT(row, got->file_off, want->file_off);
	}
}

static void test_rows(void **state)
{
	struct sft_layout layout;

	(void)state;
	sft_layout_init(&layout, false);
	describe(&layout);
	CHECK_UINT("status", layout.status, SFT_OK);
	CHECK_UINT("length", layout.len, 22);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_extent ext[MAX];
		const size_t count =
			sft_layout_map(&layout, rows[i].off, rows[i].len, ext, MAX);

		CHECK_UINT(rows[i].what, count, rows[i].count);
		for (size_t j = 0; j < count; j++)
			check_extent(rows[i].what, &ext[j], &rows[i].ext[j]);
	}
	sft_layout_done(&layout);
}

/* With room for a single extent, a walk gives the same bytes one piece after the other.
 */
static void test_one_at_a_time(void **state)
{
	struct sft_layout layout;
	uint64_t off = 0;
	size_t i = 0;

	(void)state;
	sft_layout_init(&layout, false);
	describe(&layout);
	for (struct sft_extent ext; sft_layout_map(&layout, off, 100, &ext, 1) == 1;
	     i++) {
		check_extent("piece", &ext, &rows[ARRAY_COUNT(rows) - 1].ext[i]);
		off += ext.len;
	}
	CHECK_UINT("pieces", i, 4);
	CHECK_UINT("bytes", off, 22);
	sft_layout_done(&layout);
}

static void test_measuring(void **state)
{
	struct sft_layout layout;

	(void)state;
	sft_layout_init(&layout, true);
	describe(&layout);
	CHECK_UINT("length", layout.len, 22);
	CHECK_UINT("segments", layout.count, 0);
	CHECK_UINT("text", layout.text_len, 0);
	sft_layout_done(&layout);
}

/* More segments than there is room for at first; each byte is found again. */
static void test_many(void **state)
{
	const uint32_t count = 1000;
	struct sft_layout layout;

	(void)state;
	sft_layout_init(&layout, false);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t byte = (uint8_t)i;

		sft_layout_literal(&layout, &byte, 1);
		sft_layout_range(&layout, i, i * 2, 2);
	}
	CHECK_UINT("status", layout.status, SFT_OK);
	for (uint32_t i = 0; i < count; i++) {
		struct sft_extent ext[2];

		CHECK_UINT("found", sft_layout_map(&layout, i * 3, 3, ext, 2), 2);
		CHECK_UINT("text", *ext[0].memory, (uint8_t)i);
		CHECK_UINT("shard", ext[1].idx, i);
		CHECK_UINT("place", ext[1].file_off, i * 2);
		CHECK_UINT("length", ext[1].len, 2);
	}
	sft_layout_done(&layout);
}

/* ---- what is computed ---- */

static enum sft_status fill_nothing(const struct sft_model *model, uint32_t idx,
				    struct sft_lazy *lazy, struct sft_error *err)
{
	(void)model;
	(void)idx;
	(void)lazy;
	(void)err;
	return SFT_OK;
}

static enum sft_status fill_too(const struct sft_model *model, uint32_t idx,
				struct sft_lazy *lazy, struct sft_error *err)
{
	return fill_nothing(model, idx, lazy, err);
}

/* 2 bytes of text, 3 elements as 12 bytes, 4 of tensor 6, none, 64 of tensor 7: edges at
 * 2, 14, 18, 82. */
static void describe_computed(struct sft_layout *layout)
{
	sft_layout_literal(layout, "te", 2);
	sft_layout_cast(layout, 5, far, NULL, 3, 3);
	sft_layout_cast(layout, 5, far + 3, NULL, 3, 0);
	sft_layout_lazy(layout, fill_nothing, 6, 4);
	sft_layout_lazy(layout, fill_too, 8, 0);
	sft_layout_lazy(layout, fill_too, 7, SFT_LAZY_LEN_MAX);
}

static const struct {
	const char *what;
	uint64_t off;
	size_t len;
	size_t count;
	struct {
		enum sft_segment_kind kind;
		uint64_t skip;
		size_t len;
	} ext[4];
} computed[] = {
	{ "all of the cast", 2, 12, 1, { { SFT_SEGMENT_CAST, 0, 12 } } },
	{ "part of an element", 3, 2, 1, { { SFT_SEGMENT_CAST, 1, 2 } } },
	{ "its last byte", 13, 1, 1, { { SFT_SEGMENT_CAST, 11, 1 } } },
	{ "into the cast",
	  1,
	  3,
	  2,
	  { { SFT_SEGMENT_LITERAL, 0, 1 }, { SFT_SEGMENT_CAST, 0, 2 } } },
	{ "out of the cast",
	  12,
	  3,
	  2,
	  { { SFT_SEGMENT_CAST, 10, 2 }, { SFT_SEGMENT_LAZY, 0, 1 } } },
	{ "inside the lazy one", 15, 2, 1, { { SFT_SEGMENT_LAZY, 1, 2 } } },
	{ "lazy ones are not one",
	  16,
	  3,
	  2,
	  { { SFT_SEGMENT_LAZY, 2, 2 }, { SFT_SEGMENT_LAZY, 0, 1 } } },
	{ "the last byte", 81, 9, 1, { { SFT_SEGMENT_LAZY, 63, 1 } } },
	{ "at the end", 82, 1, 0, { { SFT_SEGMENT_LITERAL, 0, 0 } } },
	{ "more than all",
	  0,
	  SIZE_MAX,
	  4,
	  { { SFT_SEGMENT_LITERAL, 0, 2 },
	    { SFT_SEGMENT_CAST, 0, 12 },
	    { SFT_SEGMENT_LAZY, 0, 4 },
	    { SFT_SEGMENT_LAZY, 0, 64 } } },
};

/* What says where the bytes come from goes with every part of them. */
static void check_computed(const char *row, const struct sft_extent *got,
			   enum sft_segment_kind kind, uint64_t skip, size_t len)
{
	CHECK_UINT(row, got->kind, kind);
	CHECK_UINT(row, got->skip, skip);
	CHECK_UINT(row, got->len, len);
	CHECK_UINT(row, got->memory != NULL, kind == SFT_SEGMENT_LITERAL);
	if (kind == SFT_SEGMENT_CAST) {
		CHECK_UINT(row, got->idx, 5);
		CHECK_UINT(row, got->file_off, far); /* of all elements */
		CHECK_UINT(row, got->dtype, 3);
	} else if (kind == SFT_SEGMENT_LAZY) {
		CHECK_UINT(row, got->idx == 6 || got->idx == 7, true);
		CHECK_UINT(row, got->fill == fill_nothing, got->idx == 6);
		CHECK_UINT(row, got->fill == fill_too, got->idx == 7);
	}
}

static void test_computed(void **state)
{
	struct sft_layout layout;

	(void)state;
	sft_layout_init(&layout, false);
	describe_computed(&layout);
	CHECK_UINT("status", layout.status, SFT_OK);
	CHECK_UINT("length", layout.len, 82);
	CHECK_UINT("segments", layout.count, 4);
	for (size_t i = 0; i < ARRAY_COUNT(computed); i++) {
		struct sft_extent ext[MAX];
		const size_t count = sft_layout_map(&layout, computed[i].off,
						    computed[i].len, ext, MAX);

		CHECK_UINT(computed[i].what, count, computed[i].count);
		for (size_t j = 0; j < count; j++)
			check_computed(computed[i].what, &ext[j], computed[i].ext[j].kind,
				       computed[i].ext[j].skip, computed[i].ext[j].len);
	}
	sft_layout_done(&layout);
	sft_layout_init(&layout, true);
	describe_computed(&layout);
	CHECK_UINT("measured", layout.len, 82);
	CHECK_UINT("segments", layout.count, 0);
	sft_layout_done(&layout);
}

/* ---- ranges in a row ---- */

/* Ranges as {file, off, len}, and how many segments they are. */
static const struct {
	const char *what;
	struct {
		uint32_t file;
		uint64_t off, len;
	} ranges[3];
	size_t count;
} merged[] = {
	{ "one after the other", { { 1, 0, 4 }, { 1, 4, 4 }, { 1, 8, 1 } }, 1 },
	{ "with one of nothing between", { { 1, 0, 4 }, { 1, 4, 0 }, { 1, 4, 4 } }, 1 },
	{ "nothing of elsewhere between", { { 1, 0, 4 }, { 2, 9, 0 }, { 1, 4, 4 } }, 1 },
	{ "of different files", { { 1, 0, 4 }, { 2, 4, 4 }, { 3, 8, 1 } }, 3 },
	{ "with a gap", { { 1, 0, 4 }, { 1, 5, 4 }, { 1, 9, 1 } }, 2 },
	{ "that overlap", { { 1, 0, 4 }, { 1, 3, 4 }, { 1, 7, 1 } }, 2 },
	{ "the same one", { { 1, 0, 4 }, { 1, 0, 4 }, { 1, 0, 4 } }, 3 },
	{ "backwards", { { 1, 8, 4 }, { 1, 4, 4 }, { 1, 0, 4 } }, 3 },
	{ "back to where the first one ended",
	  { { 1, 0, 4 }, { 2, 0, 4 }, { 1, 4, 4 } },
	  3 },
	{ "far away",
	  { { 1, 1, 1 }, { 1, 2, UINT64_C(1) << 61 }, { 1, 2 + (UINT64_C(1) << 61), 1 } },
	  1 },
};

/* Merged or not, byte for byte the same place. */
static void check_ranges(size_t row, bool text_first)
{
	struct sft_layout layout;
	uint64_t off = text_first ? 3 : 0;

	sft_layout_init(&layout, false);
	if (text_first)
		sft_layout_literal(&layout, "abc", 3);
	for (size_t i = 0; i < 3; i++)
		sft_layout_range(&layout, merged[row].ranges[i].file,
				 merged[row].ranges[i].off, merged[row].ranges[i].len);
	CHECK_UINT(merged[row].what, layout.count, merged[row].count + text_first);
	for (size_t i = 0; i < 3; i++) {
		struct sft_extent ext;
		const uint64_t len = merged[row].ranges[i].len;

		if (len == 0)
			continue;
		CHECK_UINT(merged[row].what, sft_layout_map(&layout, off, 1, &ext, 1), 1);
		CHECK_UINT(merged[row].what, ext.idx, merged[row].ranges[i].file);
		CHECK_UINT(merged[row].what, ext.file_off, merged[row].ranges[i].off);
		off += len;
		CHECK_UINT(merged[row].what, sft_layout_map(&layout, off - 1, 1, &ext, 1),
			   1);
		CHECK_UINT(merged[row].what, ext.idx, merged[row].ranges[i].file);
		CHECK_UINT(merged[row].what, ext.file_off,
			   merged[row].ranges[i].off + len - 1);
	}
	CHECK_UINT(merged[row].what, layout.len, off);
	sft_layout_done(&layout);
}

static void test_merged(void **state)
{
	struct sft_layout layout;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(merged); i++) {
		check_ranges(i, false);
		check_ranges(i, true);
	}
	/* Casts stay apart: each has its own first element. */
	sft_layout_init(&layout, false);
	sft_layout_cast(&layout, 1, 0, NULL, 3, 4);
	sft_layout_cast(&layout, 1, 4, NULL, 3, 4);
	sft_layout_range(&layout, 1, 8, 4);
	CHECK_UINT("casts", layout.count, 3);
	sft_layout_done(&layout);
}

/* Rows are one segment, found by the byte; the layout has a copy of them. */
static void test_rows_of_a_file(void **state)
{
	struct sft_rows source = { 4, 1, { { 3, 10 } } };
	struct sft_layout layout;
	struct sft_extent ext[3];

	(void)state;
	sft_layout_init(&layout, false);
	sft_layout_literal(&layout, "ab", 2);
	sft_layout_rows(&layout, 7, 100, &source);
	sft_layout_cast(&layout, 8, 200, &source, 3, 12);
	source.row_len = 99;
	CHECK_UINT("length", layout.len, 2 + 12 + 48);
	CHECK_UINT("found", sft_layout_map(&layout, 7, SIZE_MAX, ext, 3), 2);
	CHECK_UINT("kind", ext[0].kind, SFT_SEGMENT_ROWS);
	CHECK_UINT("file", ext[0].idx, 7);
	CHECK_UINT("off", ext[0].file_off, 100);
	CHECK_UINT("skip", ext[0].skip, 5);
	CHECK_UINT("len", ext[0].len, 7);
	CHECK_UINT("row", ext[0].rows->row_len, 4);
	CHECK_UINT("kind", ext[1].kind, SFT_SEGMENT_CAST);
	CHECK_UINT("off", ext[1].file_off, 200);
	CHECK_UINT("skip", ext[1].skip, 0);
	CHECK_UINT("len", ext[1].len, 48);
	CHECK_UINT("row", ext[1].rows->levels[0].stride, 10);
	sft_layout_done(&layout);
	/* Nothing is kept where it only measures. */
	source.row_len = 4;
	sft_layout_init(&layout, true);
	sft_layout_rows(&layout, 7, 100, &source);
	sft_layout_cast(&layout, 8, 200, &source, 3, 12);
	CHECK_UINT("length", layout.len, 12 + 48);
	CHECK_UINT("segments", layout.count, 0);
	assert_null(layout.rows);
	sft_layout_done(&layout);
}

/* ---- what a file is made of ---- */

static const uint8_t digits[] = "0123456789";

/* A file with every kind of segment; @change makes one thing of it another. */
static uint64_t id_of(unsigned change)
{
	struct sft_rows columns = { 4, 2, { { 3, 10 + (change == 1) }, { 2, 40 } } };
	struct sft_layout layout;
	uint64_t id;

	columns.level_count -= change == 2;
	columns.row_len += change == 3;
	sft_layout_init(&layout, false);
	sft_layout_literal(&layout, change == 4 ? "ac" : "ab", 2);
	sft_layout_memory(&layout, digits + (change == 5), 3);
	sft_layout_range(&layout, 1 + (change == 6), 100 + (change == 7),
			 10 + (change == 8));
	sft_layout_rows(&layout, 1, 200, &columns);
	sft_layout_cast(&layout, 1, 300, change == 9 ? NULL : &columns, 3, 24);
	sft_layout_cast(&layout, 1, 400, NULL, 3 + (change == 10), 24);
	if (change == 11)
		sft_layout_range(&layout, 1, 500, 1);
	id = sft_layout_id(&layout);
	sft_layout_done(&layout);
	return id;
}

static void test_id(void **state)
{
	uint64_t ids[12];

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(ids); i++) {
		ids[i] = id_of(i);
		CHECK_UINT("again", id_of(i), ids[i]);
		for (unsigned j = 0; j < i; j++)
			CHECK_UINT("another", ids[i] != ids[j], true);
	}
}

/* What is given back was not in use. */
static void test_trim(void **state)
{
	struct sft_layout layout;

	(void)state;
	for (size_t count = 0; count < 40; count += 1 + count / 4) {
		struct sft_extent ext[2];

		sft_layout_init(&layout, false);
		for (uint32_t i = 0; i < count; i++) {
			sft_layout_range(&layout, i, 2, 1);
			sft_layout_literal(&layout, &"abcdefghijklmnopqrstuvwxyz"[i % 26],
					   1);
		}
		sft_layout_trim(&layout);
		CHECK_UINT("length", layout.len, 2 * count);
		for (uint32_t i = 0; i < count; i++) {
			CHECK_UINT("found",
				   sft_layout_map(&layout, (uint64_t)2 * i, 2, ext, 2),
				   2);
			CHECK_UINT("file", ext[0].idx, i);
			CHECK_UINT("text", *ext[1].memory, 'a' + i % 26);
		}
		sft_layout_done(&layout);
	}
}

/* A measuring layout counts what no memory could hold, so limits can be met here. */
static void test_limits(void **state)
{
	struct sft_layout layout;

	(void)state;
	sft_layout_init(&layout, true);
	sft_layout_range(&layout, 0, 0, SFT_FILE_LEN_MAX);
	CHECK_UINT("longest file", layout.status, SFT_OK);
	sft_layout_range(&layout, 0, 0, 1);
	CHECK_UINT("longer", layout.status, SFT_E_LIMIT);
	sft_layout_done(&layout);

	sft_layout_range(&layout, 0, 0, 1);
	sft_layout_range(&layout, 0, 0, UINT64_MAX);
	CHECK_UINT("a sum that wraps", layout.status, SFT_E_LIMIT);
	sft_layout_done(&layout);

	sft_layout_literal(&layout, "", SFT_LITERAL_LEN_MAX);
	CHECK_UINT("longest literal", layout.status, SFT_OK);
	sft_layout_literal(&layout, "", 1);
	CHECK_UINT("longer literal", layout.status, SFT_E_LIMIT);
	sft_layout_range(&layout, 0, 0, 1);
	CHECK_UINT("stays failed", layout.status, SFT_E_LIMIT);
	sft_layout_done(&layout);

	sft_layout_cast(&layout, 0, 0, NULL, 0, SFT_FILE_LEN_MAX / 4);
	CHECK_UINT("longest cast", layout.status, SFT_OK);
	sft_layout_cast(&layout, 0, 0, NULL, 0, 1);
	CHECK_UINT("longer cast", layout.status, SFT_E_LIMIT);
	sft_layout_done(&layout);

	sft_layout_cast(&layout, 0, 0, NULL, 0, (UINT64_C(1) << 62) + 1);
	CHECK_UINT("a product that wraps", layout.status, SFT_E_LIMIT);
	sft_layout_done(&layout);

	sft_layout_lazy(&layout, fill_nothing, 0, SFT_LAZY_LEN_MAX);
	sft_layout_range(&layout, 0, 0, SFT_FILE_LEN_MAX - SFT_LAZY_LEN_MAX);
	CHECK_UINT("lazy ones count", layout.status, SFT_OK);
	sft_layout_lazy(&layout, fill_nothing, 0, 1);
	CHECK_UINT("longer by one", layout.status, SFT_E_LIMIT);
	sft_layout_done(&layout);

	/* Only literals take memory. */
	sft_layout_memory(&layout, NULL, SFT_LITERAL_LEN_MAX + 1);
	CHECK_UINT("long memory", layout.status, SFT_OK);
	sft_layout_done(&layout);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),      cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_measuring), cmocka_unit_test(test_many),
		cmocka_unit_test(test_computed),  cmocka_unit_test(test_merged),
		cmocka_unit_test(test_id),        cmocka_unit_test(test_rows_of_a_file),
		cmocka_unit_test(test_trim),      cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
