// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_header.c - the length field, and headers that the reference reads
 *
 * Each row of `good` is a header with one oddity of the format notes, section 2, and all
 * that comes out of it. Headers that are refused are in test_parse.c.
 */
#include "core/header.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/headers.h"
#include "tests/unit/support.h"

/* ---- the length field ---- */

static const struct {
	const char *what;
	uint8_t field[SFT_LEN_FIELD_LEN];
	uint64_t file_len;
	enum sft_status status;
	uint64_t len;
	const char *detail;
} lens[] = {
	{ "empty file",
	  { 0 },
	  0,
	  SFT_E_HEADER_TOO_SMALL,
	  0,
	  "only 0 bytes, no room for the 8 of a header length" },
	{ "7 bytes",
	  { 0 },
	  7,
	  SFT_E_HEADER_TOO_SMALL,
	  0,
	  "only 7 bytes, no room for the 8 of a header length" },
	{ "no header", { 0 }, 8, SFT_OK, 0, NULL },
	{ "fits exactly", { 2 }, 10, SFT_OK, 2, NULL },
	{ "one too long",
	  { 3 },
	  10,
	  SFT_E_INVALID_HEADER_LENGTH,
	  0,
	  "header of 3 bytes in a file of 10" },
	{ "little endian", { 0x40, 0xe2, 0x01 }, 1 << 20, SFT_OK, 123456, NULL },
	{ "the limit", { 0x00, 0xe1, 0xf5, 0x05 }, 100000008, SFT_OK, 100000000, NULL },
	{ "the limit in a short file",
	  { 0x00, 0xe1, 0xf5, 0x05 },
	  100000007,
	  SFT_E_INVALID_HEADER_LENGTH,
	  0,
	  "header of 100000000 bytes in a file of 100000007" },
	{ "over the limit",
	  { 0x01, 0xe1, 0xf5, 0x05 },
	  UINT64_MAX,
	  SFT_E_HEADER_TOO_LARGE,
	  0,
	  "header of 100000001 bytes, the limit is 100000000" },
	{ "over the limit, and the file",
	  { 0x01, 0xe1, 0xf5, 0x05 },
	  10,
	  SFT_E_HEADER_TOO_LARGE,
	  0,
	  "header of 100000001 bytes, the limit is 100000000" },
	{ "2^32 + 2",
	  { 2, 0, 0, 0, 1 },
	  10,
	  SFT_E_HEADER_TOO_LARGE,
	  0,
	  "header of 4294967298 bytes, the limit is 100000000" },
	{ "2^64 - 1",
	  { 255, 255, 255, 255, 255, 255, 255, 255 },
	  10,
	  SFT_E_HEADER_TOO_LARGE,
	  0,
	  "header of 18446744073709551615 bytes, the limit is 100000000" },
};

static void test_len(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
		const char *row = lens[i].what;
		struct sft_error err = { .detail = "untouched" };
		uint64_t len = 4711;

		CHECK_UINT(row,
			   sft_header_decode_len(lens[i].field, lens[i].file_len, &len,
						 &err),
			   lens[i].status);
		if (lens[i].status == SFT_OK) {
			CHECK_UINT(row, len, lens[i].len);
			CHECK_TEXT(row, err.detail, "untouched");
		} else {
			CHECK_UINT(row, len, 4711);
			CHECK_TEXT(row, err.detail, lens[i].detail);
			CHECK_UINT(row, err.status, lens[i].status);
			CHECK_UINT(row, err.pos, 0);
		}
	}
}

/* ---- the text ---- */

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define A_TEXT "a: F32 [2] 0-8 in 7\n"

static const struct {
	const char *what;
	struct sft_bytes text;
	const char *want;
} good[] = {
	{ "nothing", BYTES("{}"), "" },
	{ "one tensor", BYTES("{" A "}"), A_TEXT },
	{ "white space all over",
	  BYTES(" \t\n\r{ \"a\" : { \"dtype\" : \"F32\" , \"shape\" : [ 2 , 3 ] , "
		"\"data_offsets\" : [ 0 , 24 ] } } \n"),
	  "a: F32 [2, 3] 0-24 in 7\n" },
	{ "any order of fields",
	  BYTES("{\"a\":{\"data_offsets\":[8,16],\"shape\":[],\"dtype\":\"U64\"}}"),
	  "a: U64 [] 8-16 in 7\n" },
	{ "the array form", BYTES("{\"a\":[\"F32\",[2],[0,8]]}"), A_TEXT },
	{ "dtype as an object",
	  BYTES("{\"a\":{\"dtype\":{\"F32\": null },\"shape\":[2],"
		"\"data_offsets\":[0,8]}}"),
	  A_TEXT },
	{ "both", BYTES("{\"a\":[ {\"F32\":null} , [ 2 ] , [ 0, 8 ] ]}"), A_TEXT },
	{ "escaped keys",
	  BYTES("{\"\\u0061\":{\"\\u0064type\":\"\\u0046\\u0033\\u0032\","
		"\"sh\\u0061pe\":[2],\"data\\u005foffsets\":[0,8]}}"),
	  A_TEXT },
	{ "unknown fields, twice and nested",
	  BYTES("{\"a\":{\"x\":[1,{\"dtype\":[]}],\"dtype\":\"F32\",\"x\":1e308,"
		"\"dtype\\u0000\":null,\"shape\":[2],\"Shape\":[9],\"\":{},"
		"\"data_offsets\":[0,8]}}"),
	  A_TEXT },
	{ "the widest integers",
	  BYTES("{\"a\":[\"U8\",[18446744073709551615,0],[18446744073709551614,"
		"18446744073709551615]]}"),
	  "a: U8 [18446744073709551615, 0] 18446744073709551614-18446744073709551615 in "
	  "7\n" },
	{ "names of all kinds",
	  BYTES("{\"\":[\"U8\",[],[0,1]],\"/"
		"\":[\"U8\",[],[1,2]],\"..\":[\"U8\",[],[2,3]],"
		"\"a\":[\"U8\",[],[3,4]],\"a\\u0000\":[\"U8\",[],[4,5]],"
		"\"\\ud83d\\ude00\x7f\":[\"U8\",[],[5,6]],\"__metadata__\\u0000\":"
		"[\"U8\",[],[6,7]],\"weight_map\":[\"U8\",[],[7,8]]}"),
	  ": U8 [] 0-1 in 7\n/: U8 [] 1-2 in 7\n..: U8 [] 2-3 in 7\na: U8 [] 3-4 in 7\n"
	  "a\\u0000: U8 [] 4-5 in 7\n\xf0\x9f\x98\x80\\u007f: U8 [] 5-6 in 7\n"
	  "__metadata__\\u0000: U8 [] 6-7 in 7\nweight_map: U8 [] 7-8 in 7\n" },
	{ "not checked here: order, shape, end before begin",
	  BYTES("{\"b\":[\"F4\",[1],[9,3]],\"a\":[\"F32\",[2],[0,1]]}"),
	  "b: F4 [1] 9-3 in 7\na: F32 [2] 0-1 in 7\n" },
	{ "the last of equal names, in the first one's place",
	  BYTES("{\"a\":[\"U8\",[1],[0,1]],\"b\":[\"U8\",[2],[1,3]],\"\\u0061\":"
		"[\"I8\",[3],[3,6]]}"),
	  "a: I8 [3] 3-6 in 7\nb: U8 [2] 1-3 in 7\n" },
	{ "three equal names",
	  BYTES("{\"a\":[\"U8\",[1],[0,1]],\"a\":[\"U8\",[2],[1,3]],\"a\":[\"I8\",[3],"
		"[3,6]]}"),
	  "a: I8 [3] 3-6 in 7\n" },
	{ "metadata first", BYTES("{\"__metadata__\":{\"format\":\"pt\"}," A "}"),
	  A_TEXT "format = pt\n" },
	{ "metadata last", BYTES("{" A ",\"__metadata__\":{ \"k\" : \"v\" , \"\":\"\"}}"),
	  A_TEXT "k = v\n = \n" },
	{ "metadata of an escaped key",
	  BYTES("{\"\\u005f_metadata__\":{\"a\\nb\":\"c\\u0000d\"}}"),
	  "a\\u000ab = c\\u0000d\n" },
	{ "metadata that looks like a tensor",
	  BYTES("{\"__metadata__\":{\"dtype\":\"F32\"}}"), "dtype = F32\n" },
	{ "metadata keys twice: both, and the last counts",
	  BYTES("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"), "k = 1\nk = 2\n" },
	{ "metadata null", BYTES("{\"__metadata__\": null}"), "" },
	{ "metadata empty", BYTES("{\"__metadata__\":{}}"), "" },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		struct sft_header header = header_of(good[i].text);
		struct sft_error err = { .detail = "" };
		const enum sft_status status = sft_header_parse(&header, 7, &err);
		char *dump = header_dump(&header);

		CHECK_TEXT(good[i].what, err.detail, "");
		CHECK_UINT(good[i].what, status, SFT_OK);
		CHECK_TEXT(good[i].what, dump, good[i].want);
		free(dump);
		sft_header_done(&header);
	}
}

static void test_dtypes(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < SFT_DTYPE_COUNT; i++) {
		const char *name = sft_dtype(i)->name;
		struct sft_header header;
		char text[128];

		snprintf(text, sizeof(text),
			 "{\"a\":[\"%s\",[],[0,1]],\"b\":[{\"%s\":null},[],[1,2]]}", name,
			 name);
		header = header_of(sft_bytes_of(text));
		CHECK_UINT(name, sft_header_parse(&header, 0, NULL), SFT_OK);
		CHECK_UINT(name, header.tensor_count, 2);
		CHECK_UINT(name, header.tensors[0].dtype, i);
		CHECK_UINT(name, header.tensors[1].dtype, i);
		sft_header_done(&header);
	}
}

/* Any number of tensors, and of duplicates among them. */
static void test_many(void **state)
{
	static const size_t count = 5000;
	struct sft_header header;
	char *text = malloc(count * 64);
	size_t used = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		used += (size_t)sprintf(text + used,
					"%c\"%zu\":[\"U8\",[%zu],[0,0]],\"same\":[\"U8\","
					"[%zu],[0,0]]",
					i == 0 ? '{' : ',', i, i, i);
	text[used++] = '}';
	header = header_of(bytes_at(text, used));
	assert_int_equal(sft_header_parse(&header, 0, NULL), SFT_OK);
	assert_int_equal(header.tensor_count, count + 1);
	for (size_t i = 0; i <= count; i++) {
		const size_t want = i == 0 ? 0 : i == 1 ? count - 1 : i - 1;
		struct sft_shape shape = sft_tensor_shape(&header, &header.tensors[i]);
		uint64_t dim = UINT64_MAX;
		char name[16];

		snprintf(name, sizeof(name), "%zu", want);
		assert_true(sft_shape_next(&shape, &dim));
		CHECK_UINT(name, dim, want);
		CHECK_BYTES(name, sft_tensor_name(&header, &header.tensors[i]),
			    i == 1 ? BYTES("same") : sft_bytes_of(name));
	}
	sft_header_done(&header);
	free(text);
}

/* ---- shapes for people ---- */

static void test_shape_format(void **state)
{
	static const char dim[] = "18446744073709551615";
	struct sft_header header = header_of(
		BYTES("{\"a\":[\"U8\",[18446744073709551615,18446744073709551615"
		      ",18446744073709551615],[0,0]],\"b\":[\"U8\",[ ],[0,0]],"
		      "\"c\":[\"U8\",[ 1 ,23],[0,0]]}"));
	char out[128], want[128];

	(void)state;
	assert_int_equal(sft_header_parse(&header, 0, NULL), SFT_OK);
	sft_shape_format(sft_tensor_shape(&header, &header.tensors[0]), out, sizeof(out));
	snprintf(want, sizeof(want), "[%s, %s, %s]", dim, dim, dim);
	assert_string_equal(out, want);
	sft_shape_format(sft_tensor_shape(&header, &header.tensors[0]), out, 48);
	snprintf(want, sizeof(want), "[%s, ...]", dim);
	assert_string_equal(out, want);
	sft_shape_format(sft_tensor_shape(&header, &header.tensors[1]), out, 48);
	assert_string_equal(out, "[]");
	sft_shape_format(sft_tensor_shape(&header, &header.tensors[2]), out, 48);
	assert_string_equal(out, "[1, 23]");
	sft_header_done(&header);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_len),          cmocka_unit_test(test_good),
		cmocka_unit_test(test_dtypes),       cmocka_unit_test(test_many),
		cmocka_unit_test(test_shape_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
