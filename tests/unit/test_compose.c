// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_compose.c - safetensors files made of tensors of a model
 *
 * Whatever is composed has to be a good file: it is read again by the reader that judges
 * all files, and its tensors have to be those that went in.
 */
#include "core/compose.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/headers.h"
#include "tests/unit/support.h"

#define PT "{\"format\":\"pt\"}"
#define MAX64 "18446744073709551615"

/* Tensors in the order of the file, which is the order here. */
static const struct {
	const char *what;
	const char *header;
	size_t data_len;
	const char *metadata; /* or NULL */
	const char *want;     /* what is read again */
} rows[] = {
	{ "nothing", "{}", 0, NULL, "" },
	{ "metadata alone", "{}", 0, "{}", "" },
	{ "one pair", "{}", 0, PT, "format = pt\n" },
	{ "one tensor", "{\"a\":[\"U8\",[3],[0,3]]}", 3, NULL, "a: U8 [3] 0-3 in 7\n" },
	{ "both", "{\"a\":[\"U8\",[3],[0,3]]}", 3, PT,
	  "a: U8 [3] 0-3 in 7\nformat = pt\n" },
	{ "several, of all kinds of shape",
	  "{\"a.b\":[\"F32\",[2,3],[0,24]],\"s\":[\"F64\",[],[24,32]],"
	  "\"n\":[\"F4\",[2,1,4],[32,36]],\"f6\":[\"F6_E2M3\",[4],[36,39]],"
	  "\"z\":[\"I64\",[" MAX64 ",0,1],[39,39]]}",
	  39, PT,
	  "a.b: F32 [2, 3] 0-24 in 7\ns: F64 [] 24-32 in 7\nn: F4 [2, 1, 4] 32-36 in 7\n"
	  "f6: F6_E2M3 [4] 36-39 in 7\nz: I64 [" MAX64 ", 0, 1] 39-39 in 7\n"
	  "format = pt\n" },
	{ "hostile names",
	  "{\"\":[\"U8\",[1],[0,1]],\"\\u0000\":[\"U8\",[1],[1,2]],"
	  "\"\\\"\\\\\\n\\u001b\\u202e\xf0\x9f\x98\x80\":[\"U8\",[1],[2,3]],"
	  "\"\x7f\xc2\x9b\":[\"U8\",[1],[3,4]]}",
	  4, NULL,
	  ": U8 [1] 0-1 in 7\n\\u0000: U8 [1] 1-2 in 7\n"
	  "\\\"\\\\\\u000a\\u001b\\u202e\xf0\x9f\x98\x80: U8 [1] 2-3 in 7\n"
	  "\\u007f\\u009b: U8 [1] 3-4 in 7\n" },
};

/* The header of all tensors of a model, in the order of their places in the file. */
static void compose(const struct sft_model *model, const char *metadata,
		    struct sft_layout *layout)
{
	struct sft_composer composer;

	sft_compose_begin(&composer, layout);
	if (metadata != NULL)
		sft_compose_metadata(&composer, metadata);
	for (size_t i = 0; i < model->tensor_count; i++)
		sft_compose_tensor(&composer, model, sft_whole(&model->tensors[i]));
	sft_compose_end(&composer, layout);
}

/* Reads a composed header as that of a file with so many bytes behind it. */
static void check_header(const char *what, const struct sft_layout *layout,
			 uint64_t data_len, const char *want)
{
	struct sft_error err = { .detail = "" };
	struct sft_header header;
	uint64_t len;
	char *got;

	CHECK_UINT(what, layout->status, SFT_OK);
	CHECK_UINT(what, layout->len, layout->text_len);
	CHECK_UINT(what, layout->len % 4096, 0); /* the data begins on a page */
	CHECK_UINT(
		what,
		sft_header_decode_len(layout->text, layout->len + data_len, &len, NULL),
		SFT_OK);
	CHECK_UINT(what, 8 + len, layout->len);
	CHECK_UINT(what, layout->text[8], '{');
	header = header_of(bytes_at(layout->text + 8, (size_t)len));
	if (sft_header_parse(&header, 7, &err) != SFT_OK ||
	    sft_check(&header, layout->len + data_len, &err) != SFT_OK)
		fail_msg("%s: %s", what, err.detail);
	got = header_dump(&header);
	CHECK_TEXT(what, got, want);
	free(got);
	sft_header_done(&header);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_layout stored, measured;
		struct sft_model *model;

		write_model(*state, "m", rows[i].header, rows[i].data_len);
		model = open_model(*state, "m", NULL);
		sft_layout_init(&stored, false);
		sft_layout_init(&measured, true);
		compose(model, rows[i].metadata, &stored);
		compose(model, rows[i].metadata, &measured);
		check_header(rows[i].what, &stored, rows[i].data_len, rows[i].want);
		CHECK_UINT(rows[i].what, measured.status, SFT_OK);
		CHECK_UINT(rows[i].what, measured.len, stored.len);
		sft_layout_done(&stored);
		sft_layout_done(&measured);
		sft_close(model);
	}
}

/* Any length of JSON text, from a page less than a page to a page more than two. */
static void test_padding(void **state)
{
	char header[8400 + 64];

	for (size_t len = 1;
	     len<8400; len += len % 4096> 3960 && len % 4096 < 4060 ? 1 : 97) {
		struct sft_layout layout;
		struct sft_model *model;
		char *want = malloc(len + 64);

		memset(header, 'n', sizeof(header));
		memcpy(header, "{\"", 2);
		strcpy(header + 2 + len, "\":[\"U8\",[1],[0,1]]}");
		memset(want, 'n', len);
		strcpy(want + len, ": U8 [1] 0-1 in 7\n");
		if (len >= 252) /* a dump cuts what is longer than its lines */
			strcpy(want + 252, "...: U8 [1] 0-1 in 7\n");
		write_model(*state, "m", header, 1);
		model = open_model(*state, "m", NULL);
		sft_layout_init(&layout, false);
		compose(model, NULL, &layout);
		check_header("padding", &layout, 1, want);
		/* No page more than it takes. */
		assert_true(layout.len - len < 4096 + 8 + 80);
		sft_layout_done(&layout);
		sft_close(model);
		free(want);
	}
}

/* ---- the limit ---- */

/* A header of one tensor without elements whose name has @len bytes. */
static enum sft_status compose_long(size_t len, bool measures, uint64_t *ret_len)
{
	struct sft_shard shard = { 0 };
	struct sft_tensor tensor = { .name_len = (uint32_t)len,
				     .shape_off = (uint32_t)len };
	const struct sft_model model = {
		.shards = &shard, .shard_count = 1, .tensors = &tensor, .tensor_count = 1
	};
	struct sft_layout layout;
	enum sft_status status;

	assert_true(sft_dtype_find(BYTES("U8"), &tensor.dtype));
	shard.header.text = malloc(len + 4);
	assert_non_null(shard.header.text);
	memset(shard.header.text, 'n', len);
	memcpy(shard.header.text + len, "[0]", 4);
	sft_layout_init(&layout, measures);
	compose(&model, NULL, &layout);
	status = layout.status;
	*ret_len = layout.len;
	sft_layout_done(&layout);
	free(shard.header.text);
	return status;
}

/* What stands around a name in the header of compose_long(). */
#define AROUND                                                                           \
	(sizeof("{\"\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}") - 1)
/* The longest file header that the limit lets be, and that ends on a page. */
#define LEN_MAX (SFT_HEADER_LEN_MAX / 4096 * 4096)

static void test_limit(void **state)
{
	static const size_t longest = LEN_MAX - 8 - AROUND;
	uint64_t len;

	(void)state;
	for (unsigned measures = 0; measures < 2; measures++) {
		CHECK_UINT("longest", compose_long(longest, measures, &len), SFT_OK);
		CHECK_UINT("longest", len, LEN_MAX);
		CHECK_UINT("longer", compose_long(longest + 1, measures, &len),
			   SFT_E_LIMIT);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_rows),
		IN_FOLDER(test_padding),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
