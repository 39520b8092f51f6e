// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_layout.c - a read lands on the right bytes
 *
 * The layout under test is, in this order: 4 bytes of text, 10 bytes at 100 of shard 7,
 * nothing at all, 3 bytes of the model's memory, 5 bytes at 2^40 of shard 1. Most rows
 * sit on either side of its edges: 4, 14, 17 and 22.
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

		CHECK_UINT(row, got->is_own, !is_memory);
		assert_memory_equal(got->memory, want->text, want->len);
	} else {
		CHECK_UINT(row, got->shard, want->shard);
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
		CHECK_UINT("shard", ext[1].shard, i);
		CHECK_UINT("place", ext[1].file_off, i * 2);
		CHECK_UINT("length", ext[1].len, 2);
	}
	sft_layout_done(&layout);
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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),      cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_measuring), cmocka_unit_test(test_many),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
