// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_parse.c - headers that are refused: at which byte, and with what words
 *
 * The position is counted from the start of the file, so it is 8 more than the offset in
 * the text. Whatever was read before the fault is freed by sft_header_done().
 */
#include "core/header.h"

#include "tests/unit/headers.h"
#include "tests/unit/support.h"

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define FLOAT "a floating-point number where an unsigned integer should be"
#define NO_UINT "expected an unsigned integer, found "

static const struct {
	struct sft_bytes text;
	size_t off; /* in the text */
	const char *detail;
} rows[] = {
	/* The whole. */
	{ BYTES(""), 0, "the JSON text ends where '{' should be" },
	{ BYTES("{"), 1, "the JSON text ends where '\"' should be" },
	{ BYTES("null"), 0, "expected '{', found 'n'" },
	{ BYTES("[]"), 0, "expected '{', found '['" },
	{ BYTES("\xef\xbb\xbf{}"), 0, "expected '{', found '\xef\xbb\xbf'" },
	{ BYTES("{}{}"), 2, "expected the end, found '{'" },
	{ BYTES("{}\0"), 2, "expected the end, found '\\u0000'" },
	{ BYTES("{} \x0b"), 3, "expected the end, found '\\u000b'" },
	{ BYTES("{" A ",}"), 54, "expected '\"', found '}'" },
	{ BYTES("{" A " " A "}"), 54, "expected ',' or '}', found '\\\"'" },
	{ BYTES("{'a':1}"), 1, "expected '\"', found '''" },
	{ BYTES("{\"a\" {}}"), 5, "expected ':', found '{'" },
	/* A tensor. */
	{ BYTES("{\"a\":null}"), 5, "expected '{', found 'n'" },
	{ BYTES("{\"a\":\"F32\"}"), 5, "expected '{', found '\\\"'" },
	{ BYTES("{\"a\": {}}"), 6, "tensor without dtype" },
	{ BYTES("{\"a\":{\"dtype\":\"F32\"}}"), 5, "tensor without shape" },
	{ BYTES("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}"), 5,
	  "tensor without data_offsets" },
	{ BYTES("{\"a\":{\"shape\":[],\"data_offsets\":[0,0]}}"), 5,
	  "tensor without dtype" },
	{ BYTES("{\"a\":{\"Dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}"), 5,
	  "tensor without dtype" },
	{ BYTES("{\"a\":{\"dtype\":\"U8\", \"dtype\":\"U8\"}}"), 20,
	  "second dtype of a tensor" },
	{ BYTES("{\"a\":{\"shape\":[],\"sh\\u0061pe\":[]}}"), 17,
	  "second shape of a tensor" },
	{ BYTES("{\"a\":{\"data_offsets\":[0,1],\"data_offsets\":[0,1]}}"), 27,
	  "second data_offsets of a tensor" },
	{ BYTES("{\"a\":{\"x\":[1,]}}"), 13, "expected a value, found ']'" },
	{ BYTES("{\"a\":{\"x\":\"\\udc00\"}}"), 11, "lone surrogate \\udc00" },
	{ BYTES("{\"a\":{\"x\":1e309}}"), 10, "number out of range" },
	/* A tensor as an array. */
	{ BYTES("{\"a\": []}"), 6, "tensor without dtype" },
	{ BYTES("{\"a\":[\"F32\"]}"), 5, "tensor without shape" },
	{ BYTES("{\"a\":[\"F32\",[2]]}"), 5, "tensor without data_offsets" },
	{ BYTES("{\"a\":[\"F32\",[2],[0,8],null]}"), 5,
	  "tensor of more than 3 elements" },
	{ BYTES("{\"a\":[[2],\"F32\",[0,8]]}"), 6, "expected '\"', found '['" },
	/* A dtype. */
	{ BYTES("{\"a\":[\"f32\"]}"), 6, "unknown dtype \"f32\"" },
	{ BYTES("{\"a\":[\"F32\\u0000\"]}"), 6, "unknown dtype \"F32\\u0000\"" },
	{ BYTES("{\"a\":[17]}"), 6, "expected '\"', found '1'" },
	{ BYTES("{\"a\":[{}]}"), 6, "dtype is an empty object" },
	{ BYTES("{\"a\":[{\"F33\":null}]}"), 6, "unknown dtype \"F33\"" },
	{ BYTES("{\"a\":[{\"F32\":{}}]}"), 13, "expected null, found '{'" },
	{ BYTES("{\"a\":[{\"F32\":null,\"F32\":null}]}"), 6,
	  "dtype is an object of two keys" },
	{ BYTES("{\"a\":[{\"F32\" null}]}"), 13, "expected ':', found 'n'" },
	{ BYTES("{\"a\":[{\"F32\":null]"), 17, "expected ',' or '}', found ']'" },
	/* A shape. */
	{ BYTES("{\"a\":[\"U8\",2,[0,2]]}"), 11, "expected '[', found '2'" },
	{ BYTES("{\"a\":[\"U8\",null,[0,2]]}"), 11, "expected '[', found 'n'" },
	{ BYTES("{\"a\":[\"U8\",[2.0],[0,2]]}"), 12, FLOAT },
	{ BYTES("{\"a\":[\"U8\",[2e0],[0,2]]}"), 12, FLOAT },
	{ BYTES("{\"a\":[\"U8\",[-0],[0,0]]}"), 12, NO_UINT "'-'" },
	{ BYTES("{\"a\":[\"U8\",[02],[0,2]]}"), 12, "integer with a leading zero" },
	{ BYTES("{\"a\":[\"U8\",[18446744073709551616],[0,2]]}"), 12,
	  "integer above 2^64-1" },
	{ BYTES("{\"a\":[\"U8\",[[2]],[0,2]]}"), 12, NO_UINT "'['" },
	{ BYTES("{\"a\":[\"U8\",[2,],[0,2]]}"), 14, NO_UINT "']'" },
	{ BYTES("{\"a\":[\"U8\",{\"0\":2},[0,2]]}"), 11, "expected '[', found '{'" },
	/* Offsets. */
	{ BYTES("{\"a\":[\"U8\",[2], []]}"), 16, "data_offsets has 0 numbers, not 2" },
	{ BYTES("{\"a\":[\"U8\",[2],[2]]}"), 15, "data_offsets has 1 numbers, not 2" },
	{ BYTES("{\"a\":[\"U8\",[2],[0,2,2]]}"), 15,
	  "data_offsets has 3 numbers, not 2" },
	{ BYTES("{\"a\":[\"U8\",[2],[0,\"2\"]]}"), 18, NO_UINT "'\\\"'" },
	{ BYTES("{\"a\":[\"U8\",[2],[0,2.0]]}"), 18, FLOAT },
	/* Every occurrence of a name is checked, also one that does not count. */
	{ BYTES("{\"a\":[\"U9\",[2],[0,2]],\"a\":[\"U8\",[2],[0,2]]}"), 6,
	  "unknown dtype \"U9\"" },
	/* Metadata. */
	{ BYTES("{\"__metadata__\":[]}"), 16, "expected '{', found '['" },
	{ BYTES("{\"__metadata__\":\"x\"}"), 16, "expected '{', found '\\\"'" },
	{ BYTES("{\"__metadata__\":nul}"), 16, "expected 'null'" },
	{ BYTES("{\"__metadata__\":{\"k\":1}}"), 21, "expected '\"', found '1'" },
	{ BYTES("{\"__metadata__\":{\"k\":null}}"), 21, "expected '\"', found 'n'" },
	{ BYTES("{\"__metadata__\":{\"k\":\"v\" \"l\":\"w\"}}"), 25,
	  "expected ',' or '}', found '\\\"'" },
	{ BYTES("{\"__metadata__\":{\"dtype\":\"F32\",\"shape\":[]}}"), 39,
	  "expected '\"', found '['" },
	{ BYTES("{\"__metadata__\":null, \"__metadata__\":{}}"), 22,
	  "second __metadata__" },
	{ BYTES("{\"__metadata__\":{},\"\\u005f_metadata__\":{}}"), 19,
	  "second __metadata__" },
};

static void check_row(struct sft_bytes text, enum sft_status want, size_t off,
		      const char *detail)
{
	const char *row = (const char *)text.data;
	struct sft_header header = header_of(text);
	struct sft_error err = { .detail = "" };
	const enum sft_status status = sft_header_parse(&header, 0, &err);

	CHECK_TEXT(row, err.detail, detail);
	CHECK_UINT(row, status, want);
	CHECK_UINT(row, err.status, want);
	CHECK_UINT(row, err.pos, 8 + off);
	sft_header_done(&header);
	assert_null(header.text);
	assert_null(header.tensors);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_row(rows[i].text, SFT_E_INVALID_HEADER_DESERIALIZATION, rows[i].off,
			  rows[i].detail);
}

/* UTF-8 comes before any JSON, padding included. */
static void test_utf8(void **state)
{
	static const char detail[] = "the header is not UTF-8";

	(void)state;
	check_row(BYTES("\xff"), SFT_E_INVALID_HEADER, 0, detail);
	check_row(BYTES("not JSON \xc0\x80"), SFT_E_INVALID_HEADER, 9, detail);
	check_row(BYTES("{\"\xed\xa0\x80\":1}"), SFT_E_INVALID_HEADER, 2, detail);
	check_row(BYTES("{}      \xc3"), SFT_E_INVALID_HEADER, 8, detail);
	check_row(BYTES("{\"a\":{\"x\":\"\xf4\x90\x80\x80\"}}"), SFT_E_INVALID_HEADER, 11,
		  detail);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
