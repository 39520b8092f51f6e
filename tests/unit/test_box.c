// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_box.c - slices: which text means which part, and where its bytes are
 *
 * Each row is a tensor, a text, and all that is known of the part, written down as
 *
 *	canonical text | shape | off+len | rows: row_len then count*stride from the inner
 *
 * or "-" where the text is no slice. mount/test_slices.py has thousands more, of numpy.
 */
#include "core/box.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/headers.h"
#include "tests/unit/support.h"

struct row {
	const char *dtype, *shape, *text, *want;
};

#define U64_MAX "18446744073709551615"

static const struct row rows[] = {
	/* One dimension. */
	{ "F32", "[6]", ":", ": | 6, | 0+24 |" },
	{ "F32", "[6]", "0", "0 | | 0+4 |" },
	{ "F32", "[6]", "5", "5 | | 20+4 |" },
	{ "F32", "[6]", "-1", "5 | | 20+4 |" },
	{ "F32", "[6]", "-6", "0 | | 0+4 |" },
	{ "F32", "[6]", "-0", "0 | | 0+4 |" },
	{ "F32", "[6]", "6", "-" },
	{ "F32", "[6]", "-7", "-" },
	{ "F32", "[6]", "2:4", "2:4 | 2, | 8+8 |" },
	{ "F32", "[6]", ":-2", "0:4 | 4, | 0+16 |" },
	{ "F32", "[6]", "-2:", "4:6 | 2, | 16+8 |" },
	{ "F32", "[6]", "-9:9", ": | 6, | 0+24 |" },
	{ "F32", "[6]", "4:2", "0:0 | 0, | 0+0 |" },
	{ "F32", "[6]", "6:", "0:0 | 0, | 0+0 |" },
	{ "F32", "[6]", "::1", ": | 6, | 0+24 |" },
	{ "F32", "[6]", "1:3:", "1:3 | 2, | 4+8 |" },
	{ "F32", "[6]", "1:3:1", "1:3 | 2, | 4+8 |" },
	{ "F32", "[6]", "...", ": | 6, | 0+24 |" },
	{ "F32", "[6]", "...,1", "1 | | 4+4 |" },
	{ "F32", "[6]", "1,...", "1 | | 4+4 |" },
	/* Numbers of any length. */
	{ "F32", "[6]", "1:" U64_MAX, "1:6 | 5, | 4+20 |" },
	{ "F32", "[6]", "1:" U64_MAX "0", "1:6 | 5, | 4+20 |" },
	{ "F32", "[6]", "-" U64_MAX "0:2", "0:2 | 2, | 0+8 |" },
	{ "F32", "[6]", "18446744073709551616", "-" },
	{ "F32", "[6]", "-18446744073709551616", "-" },
	{ "F32", "[6]", U64_MAX, "-" },
	{ "F32", "[6]", "-" U64_MAX, "-" },
	/* What is malformed. */
	{ "F32", "[6]", "", "-" },
	{ "F32", "[6]", "+1", "-" },
	{ "F32", "[6]", "01", "-" },
	{ "F32", "[6]", "00", "-" },
	{ "F32", "[6]", "-01", "-" },
	{ "F32", "[6]", "-", "-" },
	{ "F32", "[6]", "--1", "-" },
	{ "F32", "[6]", ":-", "-" },
	{ "F32", "[6]", " 1", "-" },
	{ "F32", "[6]", "1 ", "-" },
	{ "F32", "[6]", "1:2:2", "-" },
	{ "F32", "[6]", "::-1", "-" },
	{ "F32", "[6]", "1:2:11", "-" },
	{ "F32", "[6]", "1:2:1:", "-" },
	{ "F32", "[6]", "1,", "-" },
	{ "F32", "[6]", ",1", "-" },
	{ "F32", "[6]", ",", "-" },
	{ "F32", "[6]", ".", "-" },
	{ "F32", "[6]", "..", "-" },
	{ "F32", "[6]", "....", "-" },
	{ "F32", "[6]", "...1", "-" },
	{ "F32", "[6]", "...,...", "-" },
	{ "F32", "[6]", "1.0", "-" },
	{ "F32", "[6]", "None", "-" },
	{ "F32", "[6]", "1,1", "-" },
	{ "F32", "[6]", "1,...,1", "-" },
	/* Scalars, and dimensions of nothing. */
	{ "F32", "[]", "...", "... | | 0+4 |" },
	{ "F32", "[]", ":", "-" },
	{ "F32", "[]", "0", "-" },
	{ "F32", "[0]", ":", ": | 0, | 0+0 |" },
	{ "F32", "[0]", "0:0", ": | 0, | 0+0 |" },
	{ "F32", "[0]", "0", "-" },
	{ "F32", "[0]", "-0", "-" },
	{ "F32", "[0]", "-1", "-" },
	{ "U8", "[" U64_MAX ",0]", "-1", "18446744073709551614 | 0, | 0+0 |" },
	{ "U8", "[" U64_MAX ",0]", U64_MAX, "-" },
	{ "U8", "[" U64_MAX ",0]", "-" U64_MAX, "0 | 0, | 0+0 |" },
	{ "U8", "[" U64_MAX ",0]",
	  "5:", "5:" U64_MAX " | 18446744073709551610,0, | 0+0 |" },
	{ "F64", "[0,9223372036854775808,9223372036854775808]", ":,1:3,7",
	  ":,1:3,7 | 0,2, | 0+0 |" },
	/* In one piece, though there are several dimensions. */
	{ "U8", "[4,6]", "2", "2 | 6, | 12+6 |" },
	{ "U8", "[4,6]", "1:3", "1:3 | 2,6, | 6+12 |" },
	{ "U8", "[4,6]", "2,1:4", "2,1:4 | 3, | 13+3 |" },
	{ "U8", "[4,6]", "2:3,1:4", "2:3,1:4 | 1,3, | 13+3 |" },
	{ "U8", "[4,6]", "3,5", "3,5 | | 23+1 |" },
	{ "U8", "[4,1]", ":,0", ":,0 | 4, | 0+4 |" },
	{ "U8", "[1,6]", ":,2:4", ":,2:4 | 1,2, | 2+2 |" },
	{ "U8", "[2,3,4]", "1,1:,:", "1,1:3 | 2,4, | 16+8 |" },
	{ "U8", "[2,3,4]", "...,:", ": | 2,3,4, | 0+24 |" },
	/* In rows. */
	{ "U8", "[4,6]", ":,1", ":,1 | 4, | 1+4 | 1 4*6" },
	{ "U8", "[4,6]", "...,1", ":,1 | 4, | 1+4 | 1 4*6" },
	{ "U8", "[4,6]", ":,1:4", ":,1:4 | 4,3, | 1+12 | 3 4*6" },
	{ "U8", "[4,6]", "1:3,4:", "1:3,4:6 | 2,2, | 10+4 | 2 2*6" },
	{ "F32", "[4,6]", "1:3,4:", "1:3,4:6 | 2,2, | 40+16 | 8 2*24" },
	{ "U8", "[2,3,4]", ":,1", ":,1 | 2,4, | 4+8 | 4 2*12" },
	{ "U8", "[2,3,4]", ":,1:", ":,1:3 | 2,2,4, | 4+16 | 8 2*12" },
	{ "U8", "[2,3,4]", "...,0", ":,:,0 | 2,3, | 0+6 | 1 6*4" }, /* levels that join */
	{ "U8", "[2,3,4]", ":,:2,0", ":,0:2,0 | 2,2, | 0+4 | 1 2*4 2*12" },
	{ "U8", "[2,3,4]", ":,1,1:3", ":,1,1:3 | 2,2, | 5+4 | 2 2*12" },
	{ "U8", "[2,3,4]", "0,:,2:", "0,:,2:4 | 3,2, | 2+6 | 2 3*4" },
	{ "U8", "[2,2,2,2]", ":,0,:,0", ":,0,:,0 | 2,2, | 0+4 | 1 2*2 2*8" },
	{ "U8", "[2,2,2,2]", ":,:,0", ":,:,0 | 2,2,2, | 0+8 | 2 4*4" },
	{ "U8", "[3,1,5]", ":,:,1:2", ":,:,1:2 | 3,1,1, | 1+3 | 1 3*5" },
	/* Under a byte. */
	{ "F4", "[4,4]", "1", "1 | 4, | 2+2 |" },
	{ "F4", "[4,4]", ":,0:2", ":,0:2 | 4,2, | 0+4 | 1 4*2" },
	{ "F4", "[4,4]", ":,1:3", "-" }, /* begins within a byte */
	{ "F4", "[4,4]", ":,0", "-" },   /* ends within one */
	{ "F4", "[4,4]", "0,0", "-" },
	{ "F4", "[4,4]", "0:0,0", "0:0,0 | 0, | 0+0 |" }, /* nothing ends nowhere */
	{ "F4", "[4,3]", "0", "-" },
	{ "F4", "[4,3]", "0:2", "0:2 | 2,3, | 0+3 |" },
	{ "F4", "[4,3]", "1:3", "-" },
	{ "F4", "[4,3]", "2:", "2:4 | 2,3, | 3+3 |" },
	{ "F4", "[4,3]", ":,0:2", "-" }, /* every other row begins within a byte */
	{ "F4", "[2,1]", ":", ": | 2,1, | 0+1 |" },
	{ "F6_E2M3", "[4,8]", ":,4:", ":,4:8 | 4,4, | 3+12 | 3 4*6" },
	{ "F6_E2M3", "[4,8]", ":,2:", "-" },
	{ "F6_E3M2", "[4,3]", "1:", "-" },
	{ "F6_E3M2", "[8,3]", "4:", "4:8 | 4,3, | 9+9 |" },
};

static void dump(const struct sft_box *box, char *out, size_t cap)
{
	size_t used =
		(size_t)snprintf(out, cap, "%.*s | ", (int)box->text_len, box->text);

	for (size_t i = 0; i < box->rank; i++)
		used += (size_t)snprintf(out + used, cap - used, "%" PRIu64 ",",
					 box->dims[i]);
	used += (size_t)snprintf(out + used, cap - used, "%s%" PRIu64 "+%" PRIu64 " |",
				 box->rank > 0 ? " | " : "| ", box->off, box->len);
	if (box->rows.level_count > 0)
		used += (size_t)snprintf(out + used, cap - used, " %" PRIu64,
					 box->rows.row_len);
	for (size_t i = 0; i < box->rows.level_count; i++)
		used += (size_t)snprintf(out + used, cap - used, " %" PRIu64 "*%" PRIu64,
					 box->rows.levels[i].count,
					 box->rows.levels[i].stride);
}

/* A header of one tensor; its offsets are not looked at here. */
static struct sft_header header_with(const char *dtype, const char *shape)
{
	struct sft_header header;
	char text[4096];

	snprintf(text, sizeof(text), "{\"t\":[\"%s\",%s,[0,0]]}", dtype, shape);
	header = header_of(sft_bytes_of(text));
	assert_int_equal(sft_header_parse(&header, 0, NULL), SFT_OK);
	return header;
}

/* Cuts a text that ends where its memory does. */
static bool cut(const struct sft_header *header, const char *text, size_t len,
		struct sft_box *box)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	bool is_slice;

	assert_non_null(copy);
	memcpy(copy, text, len);
	is_slice = sft_box_cut(header, &header->tensors[0], bytes_at(copy, len), box);
	free(copy);
	return is_slice;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_header header = header_with(rows[i].dtype, rows[i].shape);
		struct sft_box box, again;
		char name[256], got[4096] = "-", same[4096];

		snprintf(name, sizeof(name), "%s %s %s", rows[i].dtype, rows[i].shape,
			 rows[i].text);
		if (cut(&header, rows[i].text, strlen(rows[i].text), &box)) {
			dump(&box, got, sizeof(got));
			/* The canonical text means the same, and is its own. */
			assert_true(cut(&header, box.text, box.text_len, &again));
			dump(&again, same, sizeof(same));
			CHECK_TEXT(name, same, got);
		}
		CHECK_TEXT(name, got, rows[i].want);
		sft_header_done(&header);
	}
}

/* The longest canonical text, and one dimension too many. */
static void test_most_dimensions(void **state)
{
	char shape[4096] = "[0";
	char text[4096];
	struct sft_header header;
	struct sft_box box;
	size_t used = 2;

	(void)state;
	for (size_t i = 1; i < SFT_BOX_RANK_MAX; i++)
		used += (size_t)snprintf(shape + used, sizeof(shape) - used, ",%s",
					 U64_MAX);
	strcpy(shape + used, "]");
	used = 0;
	for (size_t i = 0; i < SFT_BOX_RANK_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s-2:-1",
					 i > 0 ? "," : "");
	header = header_with("U8", shape);
	assert_true(cut(&header, text, strlen(text), &box));
	assert_int_equal(box.rank, SFT_BOX_RANK_MAX);
	assert_int_equal(box.text_len, 1 + 63 * (1 + 20 + 1 + 20));
	assert_true(box.text_len <= SFT_SLICE_LEN_MAX);
	assert_memory_equal(box.text, ":,18446744073709551613:18446744073709551614", 43);
	/* One item more than dimensions, and far more than there can be. */
	strcat(text, ",:");
	assert_false(cut(&header, text, strlen(text), &box));
	for (size_t i = 0; i < 600; i++)
		strcat(text, ",:");
	assert_false(cut(&header, text, strlen(text), &box));
	sft_header_done(&header);
}

static void test_too_many_dimensions(void **state)
{
	static const char one[] = "1,";
	char shape[256] = "[";
	struct sft_header header;
	struct sft_box box;

	(void)state;
	for (size_t i = 0; i < SFT_BOX_RANK_MAX; i++)
		strcat(shape, one);
	strcat(shape, "1]");
	header = header_with("U8", shape);
	assert_false(cut(&header, "...", 3, &box));
	assert_false(cut(&header, "0", 1, &box));
	sft_header_done(&header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_most_dimensions),
		cmocka_unit_test(test_too_many_dimensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
