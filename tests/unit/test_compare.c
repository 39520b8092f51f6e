// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_compare.c - two models against each other
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

#define A "\"a\":[\"U8\",[2,3],[0,6]]"
#define B "\"b.w\":[\"F16\",[2],[6,10]]"

static const struct {
	const char *what;
	const char *first, *second; /* headers of 10 bytes of data */
	struct sft_differences want;
} rows[] = {
	{ "the same", "{" A "," B "}", "{" A "," B "}", { 2, 0, 0, 0, 0 } },
	{ "another order, and spaces",
	  "{" A "," B "}",
	  "{" B ", \"a\": [\"U8\", [ 2 , 3 ], [0, 6]]}",
	  { 2, 0, 0, 0, 0 } },
	{ "metadata does not count",
	  "{" A "," B "}",
	  "{\"__metadata__\":{\"x\":\"y\",\"c\":\"a\"}," A "," B "}",
	  { 2, 0, 0, 0, 0 } },
	{ "another place",
	  "{" A "," B "}",
	  "{\"a\":[\"U8\",[2,3],[4,10]],\"b.w\":[\"F16\",[2],[0,4]]}",
	  { 2, 0, 0, 0, 0 } },
	{ "one more in the first",
	  "{" A "," B "}",
	  "{\"a\":[\"U8\",[2,3],[0,6]],\"b.v\":[\"F16\",[2],[6,10]]}",
	  { 1, 1, 1, 0, 0 } },
	{ "another dtype",
	  "{" A "," B "}",
	  "{" A ",\"b.w\":[\"BF16\",[2],[6,10]]}",
	  { 1, 0, 0, 1, 0 } },
	{ "another shape",
	  "{" A "," B "}",
	  "{\"a\":[\"U8\",[3,2],[0,6]]," B "}",
	  { 1, 0, 0, 0, 1 } },
	{ "a dimension more",
	  "{" A "," B "}",
	  "{\"a\":[\"U8\",[2,3,1],[0,6]]," B "}",
	  { 1, 0, 0, 0, 1 } },
	{ "both",
	  "{" A "," B "}",
	  "{" A ",\"b.w\":[\"U8\",[4],[6,10]]}",
	  { 1, 0, 0, 1, 1 } },
	{ "nothing in common",
	  "{" A "," B "}",
	  "{\"c\":[\"U8\",[10],[0,10]]}",
	  { 0, 2, 1, 0, 0 } },
};

static struct sft_model *open_header(const char *folder, const char *name,
				     const char *header)
{
	write_model(folder, name, header, 10);
	return open_model(folder, name, NULL);
}

static void check_differences(const char *row, struct sft_differences got,
			      struct sft_differences want)
{
	CHECK_UINT(row, got.alike, want.alike);
	CHECK_UINT(row, got.only_first, want.only_first);
	CHECK_UINT(row, got.only_second, want.only_second);
	CHECK_UINT(row, got.other_dtype, want.other_dtype);
	CHECK_UINT(row, got.other_shape, want.other_shape);
}

/* One way, and the other way round. */
static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_model *first = open_header(*state, "1", rows[i].first);
		struct sft_model *second = open_header(*state, "2", rows[i].second);
		struct sft_comparison *comparison = NULL;
		struct sft_differences want = rows[i].want;

		assert_int_equal(sft_compare(first, second, &comparison, NULL), SFT_OK);
		check_differences(rows[i].what, sft_comparison_differences(comparison),
				  want);
		sft_comparison_free(comparison);
		assert_int_equal(sft_compare(second, first, &comparison, NULL), SFT_OK);
		want.only_first = rows[i].want.only_second;
		want.only_second = rows[i].want.only_first;
		check_differences(rows[i].what, sft_comparison_differences(comparison),
				  want);
		sft_comparison_free(comparison);
		sft_close(first);
		sft_close(second);
	}
	sft_comparison_free(NULL);
}

/* The outline has what differs alone, with both sides of it. */
static void test_outline(void **state)
{
	struct sft_model *first =
		open_header(*state, "1",
			    "{\"l.0.w\":[\"U8\",[2],[0,2]],\"l.1.w\":[\"U8\",[2],[2,4]],"
			    "\"l.0.v\":[\"U8\",[3],[4,7]],\"x\":[\"U8\",[3],[7,10]]}");
	struct sft_model *second = open_header(
		*state, "2",
		"{\"l.0.w\":[\"F16\",[1],[0,2]],\"l.1.w\":[\"F16\",[1],[2,4]],"
		"\"l.0.v\":[\"U8\",[3],[4,7]],\"y\":[\"U8\",[3],[7,10]]}");
	struct sft_line *lines = calloc(4, sizeof(*lines));
	struct sft_comparison *comparison = NULL;
	struct sft_outline *outline = NULL;
	struct sft_line root;
	size_t count;

	assert_non_null(lines);
	assert_int_equal(sft_compare(first, second, &comparison, NULL), SFT_OK);
	assert_int_equal(sft_outline_comparison(comparison, &outline, NULL), SFT_OK);
	sft_outline_root(outline, &root);
	CHECK_UINT("all", root.each.tensors, 4);
	CHECK_UINT("all", root.changes,
		   SFT_ONLY_FIRST | SFT_ONLY_SECOND | SFT_OTHER_DTYPE | SFT_OTHER_SHAPE);
	assert_int_equal(sft_outline_list(outline, root.node, lines, 4, &count, NULL),
			 SFT_OK);
	CHECK_UINT("lines", count, 3);
	CHECK_TEXT("layers", lines[0].label, "l.0-1.w");
	CHECK_UINT("layers", lines[0].count, 2);
	CHECK_UINT("layers", lines[0].changes, SFT_OTHER_DTYPE | SFT_OTHER_SHAPE);
	CHECK_TEXT("layers", lines[0].first.dtype, "U8");
	CHECK_TEXT("layers", lines[0].first.shape, "[2]");
	CHECK_TEXT("layers", lines[0].second.dtype, "F16");
	CHECK_TEXT("layers", lines[0].second.shape, "[1]");
	CHECK_TEXT("x", lines[1].label, "x");
	CHECK_UINT("x", lines[1].changes, SFT_ONLY_FIRST);
	CHECK_TEXT("x", lines[1].second.dtype, NULL);
	CHECK_TEXT("y", lines[2].label, "y");
	CHECK_UINT("y", lines[2].changes, SFT_ONLY_SECOND);
	CHECK_TEXT("y", lines[2].first.dtype, NULL);
	CHECK_TEXT("y", lines[2].second.shape, "[3]");
	sft_outline_free(outline);
	sft_comparison_free(comparison);
	sft_close(first);
	sft_close(second);
	free(lines);
}

/* Nothing differs: an outline without lines. */
static void test_empty_outline(void **state)
{
	struct sft_model *model = open_header(*state, "1", "{" A "," B "}");
	struct sft_comparison *comparison = NULL;
	struct sft_outline *outline = NULL;
	struct sft_line root;
	size_t count;

	assert_int_equal(sft_compare(model, model, &comparison, NULL), SFT_OK);
	assert_int_equal(sft_outline_comparison(comparison, &outline, NULL), SFT_OK);
	sft_outline_root(outline, &root);
	CHECK_UINT("none", root.each.tensors, 0);
	assert_int_equal(sft_outline_list(outline, root.node, NULL, 0, &count, NULL),
			 SFT_OK);
	CHECK_UINT("none", count, 0);
	sft_outline_free(outline);
	sft_comparison_free(comparison);
	sft_close(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_rows),
		IN_FOLDER(test_outline),
		IN_FOLDER(test_empty_outline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
