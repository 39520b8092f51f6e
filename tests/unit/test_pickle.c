// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_pickle.c - the pickle of a state dict, opcode by opcode
 *
 * That torch loads it is proved by the client tests. Here: the form of numbers at their
 * edges, what the memo saves, and which tensors torch cannot have.
 */
#define _GNU_SOURCE /* memmem() */
#include "core/pickle.h"

#include <stdlib.h>

#include "tests/unit/support.h"

/* Text with its length, as an initializer. */
#define PICKLE(text)                                                                     \
	{                                                                                \
		(const uint8_t *)(text), sizeof(text) - 1                                \
	}

#define DICT                                                                             \
	"\x80\x02"                                                                       \
	"ccollections\nOrderedDict\nq\x00)R("

/* The pickle of all tensors of a model, in its order. */
static uint8_t *write_pickle(const struct sft_model *model, size_t *ret_len)
{
	struct sft_layout layout, measured;
	struct sft_pickle pickle;
	uint8_t *text;

	sft_layout_init(&layout, false);
	sft_layout_init(&measured, true);
	for (unsigned pass = 0; pass < 2; pass++) {
		sft_pickle_begin(&pickle, pass == 0 ? &layout : &measured);
		for (size_t i = 0; i < model->tensor_count; i++)
			sft_pickle_tensor(&pickle, model,
					  sft_model_name(model, &model->tensors[i]),
					  &model->tensors[i], i);
		sft_pickle_end(&pickle);
	}
	assert_int_equal(layout.status, SFT_OK);
	CHECK_UINT("measured", measured.len, layout.len);
	text = malloc(layout.text_len);
	assert_non_null(text);
	memcpy(text, layout.text, layout.text_len);
	*ret_len = layout.text_len;
	sft_layout_done(&layout);
	sft_layout_done(&measured);
	return text;
}

static const struct {
	const char *what, *header;
	size_t data_len;
	struct sft_bytes want;
} rows[] = {
	{ "nothing", "{}", 0, PICKLE(DICT "u.") },
	{ "a matrix, and a scalar that finds all in the memo",
	  "{\"m\":[\"F32\",[2,3],[0,24]],\"s\":[\"F32\",[],[24,28]]}", 28,
	  PICKLE(DICT "X\x01\x00\x00\x00m"
		      "ctorch._utils\n_rebuild_tensor_v2\nq\x01"
		      "((X\x07\x00\x00\x00storageq\x03"
		      "ctorch\nFloatStorage\nq\x17"
		      "X\x01\x00\x00\x00"
		      "0X\x03\x00\x00\x00"
		      "cpuq\x04K\x06tQ"
		      "K\x00K\x02K\x03\x86K\x03K\x01\x86\x89h\x00)RtR"
		      "X\x01\x00\x00\x00sh\x01((h\x03h\x17"
		      "X\x01\x00\x00\x00"
		      "1h\x04K\x01tQK\x00))\x89h\x00)RtRu.") },
	{ "a type without a storage class: bytes, and its name at the end",
	  "{\"u\":[\"U16\",[3],[0,6]]}", 6,
	  PICKLE(DICT "X\x01\x00\x00\x00u"
		      "ctorch._utils\n_rebuild_tensor_v3\nq\x02"
		      "((X\x07\x00\x00\x00storageq\x03"
		      "ctorch.storage\nUntypedStorage\nq\x05"
		      "X\x01\x00\x00\x00"
		      "0X\x03\x00\x00\x00"
		      "cpuq\x04K\x06tQ"
		      "K\x00K\x03\x85K\x01\x85\x89h\x00)Rctorch\nuint16\nq\x12tRu.") },
	{ "two elements a byte: the last dimension is halved",
	  "{\"f\":[\"F4\",[1,1,2,4],[0,4]]}", 4,
	  PICKLE(DICT "X\x01\x00\x00\x00"
		      "f"
		      "ctorch._utils\n_rebuild_tensor_v3\nq\x02"
		      "((X\x07\x00\x00\x00storageq\x03"
		      "ctorch.storage\nUntypedStorage\nq\x05"
		      "X\x01\x00\x00\x00"
		      "0X\x03\x00\x00\x00"
		      "cpuq\x04K\x04tQ"
		      "K\x00(K\x01K\x01K\x02K\x02t(K\x04K\x04K\x02K\x01t"
		      "\x89h\x00)Rctorch\nfloat4_e2m1fn_x2\nq\x07tRu.") },
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_model *model;
		uint8_t *text;
		size_t len;

		write_model(*state, "m", rows[i].header, rows[i].data_len);
		model = open_model(*state, "m", NULL);
		text = write_pickle(model, &len);
		CHECK_BYTES(rows[i].what, bytes_at(text, len), rows[i].want);
		free(text);
		sft_close(model);
	}
}

/* A number in a shape: one byte, two, four, or eight behind their count. */
static void test_numbers(void **state)
{
	static const struct sft_bytes shapes[] = {
		PICKLE("(K\x00K\xffM\x00\x01M\xff\xffJ\x00\x00\x01\x00t"),
		PICKLE("K\x00J\xff\xff\xff\x7f\x8a\x08\x00\x00\x00\x80\x00\x00\x00\x00"
		       "\x87"),
	};
	struct sft_model *model;
	uint8_t *text;
	size_t len;

	write_model(*state, "m",
		    "{\"n\":[\"U8\",[0,255,256,65535,65536],[0,0]],"
		    "\"o\":[\"U8\",[0,2147483647,2147483648],[0,0]]}",
		    0);
	model = open_model(*state, "m", NULL);
	text = write_pickle(model, &len);
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++)
		assert_non_null(memmem(text, len, shapes[i].data, shapes[i].len));
	free(text);
	sft_close(model);
}

static void test_absent(void **state)
{
	static const struct {
		const char *header;
		size_t data_len;
		bool is_absent;
	} tensors[] = {
		{ "{\"t\":[\"BF16\",[],[0,2]]}", 2, false },
		{ "{\"t\":[\"F6_E2M3\",[4],[0,3]]}", 3, true },
		{ "{\"t\":[\"F4\",[2,3],[0,3]]}", 3, true },
		{ "{\"t\":[\"F4\",[3,2],[0,3]]}", 3, false },
		{ "{\"t\":[\"U8\",[0,9223372036854775807],[0,0]]}", 0, false },
		{ "{\"t\":[\"U8\",[0,9223372036854775808],[0,0]]}", 0, true },
		{ "{\"t\":[\"U8\",[0,4294967296,4294967296],[0,0]]}", 0, true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(tensors); i++) {
		struct sft_model *model;

		write_model(*state, "m", tensors[i].header, tensors[i].data_len);
		model = open_model(*state, "m", NULL);
		CHECK_UINT(tensors[i].header,
			   sft_pickle_absent(model, &model->tensors[0]) != NULL,
			   tensors[i].is_absent);
		sft_close(model);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_rows),
		IN_FOLDER(test_numbers),
		IN_FOLDER(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
