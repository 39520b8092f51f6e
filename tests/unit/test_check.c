// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_check.c - rows 6 to 10 of the format notes, and which of them comes
 * first
 *
 * Tensors are written in the array form, for it is short. Each refused row says where in
 * the header the fault is by the text that stands there.
 */
#include "core/header.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/headers.h"
#include "tests/unit/support.h"

#define POW61 "2305843009213693952"
#define POW63 "9223372036854775808"
#define MAX64 "18446744073709551615"

static const struct {
	const char *text;
	uint64_t data_len;
} good[] = {
	{ "{}", 0 },
	{ "{\"a\":[\"U8\",[],[0,1]]}", 1 },
	{ "{\"a\":[\"F32\",[2,3],[0,24]]}", 24 },
	{ "{\"a\":[\"F32\",[2,3],[0,24]]}   ", 24 },
	/* The order of the header does not matter. */
	{ "{\"b\":[\"U8\",[2],[3,5]],\"c\":[\"U8\",[1],[5,6]],\"a\":[\"U8\",[3],[0,3]]}",
	  6 },
	/* Nothing, at the begin, between, and at the end; also when listed otherwise. */
	{ "{\"a\":[\"U8\",[0],[0,0]]}", 0 },
	{ "{\"x\":[\"U8\",[0],[0,0]],\"a\":[\"U8\",[3],[0,3]],\"y\":[\"U8\",[0,9],[3,3]],"
	  "\"b\":[\"U8\",[1],[3,4]],\"z\":[\"F4\",[0],[4,4]]}",
	  4 },
	{ "{\"a\":[\"U8\",[3],[0,3]],\"x\":[\"U8\",[0],[0,0]],\"z\":[\"U8\",[0],[3,3]]}",
	  3 },
	{ "{\"z\":[\"U8\",[0],[3,3]],\"a\":[\"U8\",[3],[0,3]],\"x\":[\"U8\",[0],[3,3]]}",
	  3 },
	/* The product is taken from the left, so a zero saves what comes behind it. */
	{ "{\"a\":[\"U8\",[0," POW63 ",4],[0,0]]}", 0 },
	{ "{\"a\":[\"U8\",[" POW63 ",0," POW63 "],[0,0]]}", 0 },
	{ "{\"a\":[\"U8\",[" MAX64 ",0],[0,0]]}", 0 },
	/* Under a byte, only the whole has to fill its bytes. */
	{ "{\"a\":[\"F4\",[2],[0,1]]}", 1 },
	{ "{\"a\":[\"F4\",[2,1],[0,1]]}", 1 },
	{ "{\"a\":[\"F6_E2M3\",[4],[0,3]]}", 3 },
	{ "{\"a\":[\"F6_E3M2\",[2,1,2],[0,3]]}", 3 },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		const char *text = good[i].text;
		struct sft_header header = header_of(sft_bytes_of(text));
		struct sft_error err = { .detail = "" };
		char *before, *after;

		CHECK_UINT(text, sft_header_parse(&header, 0, &err), SFT_OK);
		before = header_dump(&header);
		CHECK_UINT(text,
			   sft_check(&header, 8 + strlen(text) + good[i].data_len, &err),
			   SFT_OK);
		CHECK_TEXT(text, err.detail, "");
		after = header_dump(&header); /* checking changes nothing */
		CHECK_TEXT(text, after, before);
		free(before);
		free(after);
		sft_header_done(&header);
	}
}

#define OFFSET SFT_E_INVALID_OFFSET
#define OVERFLOW SFT_E_VALIDATION_OVERFLOW
#define SLICE SFT_E_MISALIGNED_SLICE
#define INFO SFT_E_TENSOR_INVALID_INFO
#define BUFFER SFT_E_METADATA_INCOMPLETE_BUFFER
#define CUT ": the file was cut short, or is still being downloaded"
#define MORE ": something was appended to it"

static const struct {
	const char *text;
	uint64_t data_len;
	enum sft_status status;
	const char *at; /* "": behind the header */
	const char *detail;
} bad[] = {
	/* 6: begin is where the one before ends, and end is not before begin. */
	{ "{\"a\":[\"U8\",[3],[1,4]]}", 4, OFFSET, "[1,4]",
	  "tensor \"a\": data begins at 1, but the first has to begin at 0: a hole" },
	{ "{\"a\":[\"U8\",[3],[0,3]],\"b\":[\"U8\",[1],[4,5]]}", 5, OFFSET, "[4,5]",
	  "tensor \"b\": data begins at 4, but the one before ends at 3: a hole" },
	{ "{\"a\":[\"U8\",[3],[0,3]],\"b\":[\"U8\",[2],[2,4]]}", 4, OFFSET, "[2,4]",
	  "tensor \"b\": data begins at 2, but the one before ends at 3: an overlap" },
	{ "{\"b\":[\"U8\",[2],[2,4]],\"a\":[\"U8\",[3],[0,3]]}", 4, OFFSET, "[2,4]",
	  "tensor \"b\": data begins at 2, but the one before ends at 3: an overlap" },
	{ "{\"a\":[\"U8\",[3],[0,3]],\"b\":[\"U8\",[3], [0,3] ]}", 3, OFFSET, "[0,3] ]",
	  "tensor \"b\": data begins at 0, but the one before ends at 3: an overlap" },
	{ "{\"a\":[\"U8\",[3],[3,0]]}", 3, OFFSET, "[3,0]",
	  "tensor \"a\": data_offsets [3, 0] end before they begin" },
	{ "{\"a\":[\"U8\",[3],[0,3]],\"b\":[\"U8\",[0],[3,2]]}", 3, OFFSET, "[3,2]",
	  "tensor \"b\": data_offsets [3, 2] end before they begin" },
	{ "{\"a\":[\"U8\",[3],[0,3]],\"x\":[\"U8\",[0],[1,1]]}", 3, OFFSET, "[1,1]",
	  "tensor \"x\": data begins at 1, but the one before ends at 3: an overlap" },
	{ "{\"a\":[\"U8\",[3],[0,3]],\"x\":[\"U8\",[0],[4,4]]}", 4, OFFSET, "[4,4]",
	  "tensor \"x\": data begins at 4, but the one before ends at 3: a hole" },
	/* 7: the product of the dimensions, then times the bits. */
	{ "{\"a\":[\"U8\",[" POW63 ",4,0],[0,0]]}", 0, OVERFLOW, "[" POW63,
	  "tensor \"a\": U8 [" POW63 ", 4, 0] has more bits than 2^64-1" },
	{ "{\"a\":[\"U8\",[" POW61 "],[0," POW61 "]]}", 0, OVERFLOW, "[" POW61 "],",
	  "tensor \"a\": U8 [" POW61 "] has more bits than 2^64-1" },
	{ "{\"a\":[\"F4\",[" MAX64 ",2],[0,0]]}", 0, OVERFLOW, "[" MAX64,
	  "tensor \"a\": F4 [" MAX64 ", 2] has more bits than 2^64-1" },
	/* 8: whole bytes. */
	{ "{\"a\":[\"F4\",[],[0,1]]}", 1, SLICE, "[],",
	  "tensor \"a\": F4 [] has 4 bits, which is no whole number of bytes" },
	{ "{\"a\":[\"F4\",[3],[0,1]]}", 1, SLICE, "[3],",
	  "tensor \"a\": F4 [3] has 12 bits, which is no whole number of bytes" },
	{ "{\"a\":[\"F6_E2M3\",[2],[0,2]]}", 2, SLICE, "[2],",
	  "tensor \"a\": F6_E2M3 [2] has 12 bits, which is no whole number of bytes" },
	/* 9: as many bytes as the offsets say. */
	{ "{\"a\":[\"F32\",[2,2],[0,12]]}", 12, INFO, "[0,12]",
	  "tensor \"a\": data_offsets [0, 12] but F32 [2, 2] needs 16 bytes" },
	{ "{\"a\":[\"U8\",[0],[0,1]]}", 1, INFO, "[0,1]",
	  "tensor \"a\": data_offsets [0, 1] but U8 [0] needs 0 bytes" },
	{ "{\"a\":[\"U8\",[],[0,0]]}", 0, INFO, "[0,0]",
	  "tensor \"a\": data_offsets [0, 0] but U8 [] needs 1 bytes" },
	/* 10: the end of the file. */
	{ "{}", 1, BUFFER, "",
	  "the header describes 0 bytes of data, the file has 1" MORE },
	{ "{\"a\":[\"U8\",[3],[0,3]]}", 2, BUFFER, "",
	  "the header describes 3 bytes of data, the file has 2" CUT },
	{ "{\"a\":[\"U8\",[3],[0,3]]}", 4, BUFFER, "",
	  "the header describes 3 bytes of data, the file has 4" MORE },
	{ "{\"a\":[\"U8\",[2305843009213693951],[0,2305843009213693951]]}", 5, BUFFER, "",
	  "the header describes 2305843009213693951 bytes of data, the file has 5" CUT },
	/* On one tensor 6 comes before 7, 7 before 8, 8 before 9. */
	{ "{\"a\":[\"F4\",[" POW63 ",4],[1,2]]}", 0, OFFSET, "[1,2]",
	  "tensor \"a\": data begins at 1, but the first has to begin at 0: a hole" },
	{ "{\"a\":[\"F6_E2M3\",[6148914691236517205],[0,9]]}", 0, OVERFLOW, "[6",
	  "tensor \"a\": F6_E2M3 [6148914691236517205] has more bits than 2^64-1" },
	{ "{\"a\":[\"F4\",[3],[0,9]]}", 0, SLICE, "[3],",
	  "tensor \"a\": F4 [3] has 12 bits, which is no whole number of bytes" },
	/* All of one tensor, by place in the file, before the next; 10 at the end. */
	{ "{\"b\":[\"U8\",[1],[9,10]],\"a\":[\"F4\",[1],[0,1]]}", 0, SLICE, "[1],[0",
	  "tensor \"a\": F4 [1] has 4 bits, which is no whole number of bytes" },
	{ "{\"b\":[\"F4\",[1],[1,2]],\"a\":[\"U8\",[2],[0,1]]}", 0, INFO, "[0,1]",
	  "tensor \"a\": data_offsets [0, 1] but U8 [2] needs 2 bytes" },
	{ "{\"a\":[\"U8\",[3],[0,3]],\"b\":[\"U8\",[1],[4,5]]}", 0, OFFSET, "[4,5]",
	  "tensor \"b\": data begins at 4, but the one before ends at 3: a hole" },
	/* Names are escaped. */
	{ "{\"a\\n\\\"\":[\"U8\",[],[0,0]]}", 0, INFO, "[0,0]",
	  "tensor \"a\\u000a\\\"\": data_offsets [0, 0] but U8 [] needs 1 bytes" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		const char *text = bad[i].text;
		const char *at = strstr(text, bad[i].at);
		const size_t pos =
			bad[i].at[0] != '\0' ? (size_t)(at - text) : strlen(text);
		struct sft_header header = header_of(sft_bytes_of(text));
		struct sft_error err = { .detail = "" };
		enum sft_status status;

		assert_non_null(at);
		CHECK_UINT(text, sft_header_parse(&header, 0, NULL), SFT_OK);
		status = sft_check(&header, 8 + strlen(text) + bad[i].data_len, &err);
		CHECK_TEXT(text, err.detail, bad[i].detail);
		CHECK_UINT(text, status, bad[i].status);
		CHECK_UINT(text, err.status, bad[i].status);
		CHECK_UINT(text, err.pos, 8 + pos);
		sft_header_done(&header);
	}
}

/* Eight tensors of 2^61-1 bytes end just below 2^64, with the header just above it. */
static void test_total_overflow(void **state)
{
	static const uint64_t len = UINT64_C(2305843009213693951);
	struct sft_error err = { .detail = "" };
	struct sft_header header;
	char text[1024];
	size_t used = 0;

	(void)state;
	for (uint64_t i = 0; i < 8; i++)
		used += (size_t)sprintf(text + used,
					"%c\"%" PRIu64 "\":[\"U8\",[%" PRIu64
					"],[%" PRIu64 ",%" PRIu64 "]]",
					i == 0 ? '{' : ',', i, len, i * len,
					(i + 1) * len);
	text[used++] = '}';
	header = header_of(bytes_at(text, used));
	assert_int_equal(sft_header_parse(&header, 0, NULL), SFT_OK);
	assert_int_equal(sft_check(&header, 8 + used, &err), BUFFER);
	assert_string_equal(
		err.detail,
		"the header describes 18446744073709551608 bytes of data, the "
		"file has 0" CUT);
	assert_int_equal(err.pos, 8 + used);
	sft_header_done(&header);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_total_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
