// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_state_dict.c - the pickle of a model byte for byte, and what torch
 * cannot have
 *
 * The limits of shapes are those that torch 2.13 keeps when it is given each of them.
 */
#include "core/state_dict.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/order.h"
#include "tests/unit/support.h"

/* Checks the pickle of a model file; a measuring layout finds the same length. */
static void check_pickle(const char *folder, const char *row, const char *header,
			 size_t data_len, struct sft_bytes want)
{
	struct sft_record *records;
	struct sft_model *model;
	struct sft_layout layout;
	uint32_t *order;

	write_model(folder, "m", header, data_len);
	model = open_model(folder, "m", NULL);
	assert_int_equal(sft_order_make(model, SFT_ORDER_FILE, &order, NULL), SFT_OK);
	assert_int_equal(sft_state_dict_number(model, order, &records), SFT_OK);
	for (unsigned measures = 0; measures < 2; measures++) {
		sft_layout_init(&layout, measures);
		sft_state_dict_pickle(model, order, records, &layout);
		CHECK_UINT(row, layout.status, SFT_OK);
		CHECK_UINT(row, layout.len, want.len);
		if (!measures)
			CHECK_BYTES(row, bytes_at(layout.text, layout.text_len), want);
		sft_layout_done(&layout);
	}
	free(records);
	free(order);
	sft_close(model);
}

#define BEGIN "\x80\2ccollections\nOrderedDict\nq\0)R("
#define END "u."
#define KEY(name) "X\1\0\0\0" name
#define STORAGE(type, record, count)                                                     \
	"((X\7\0\0\0storageq\3" type "X\1\0\0\0" record "X\3\0\0\0cpuq\4" count "tQK\0"
#define REST "\x89h\0)RtR"

static void test_pickles(void **state)
{
	check_pickle(*state, "nothing", "{}", 0, BYTES(BEGIN END));
	check_pickle(
		*state, "F32", "{\"a\":[\"F32\",[2,3],[0,24]]}", 24,
		BYTES(BEGIN KEY("a") "ctorch._utils\n_rebuild_tensor_v2\nq\1" STORAGE(
			"ctorch\nFloatStorage\nq\x17", "0",
			"K\6") "K\2K\3\x86K\3K\1\x86" REST END));
	check_pickle(
		*state, "F4", "{\"a\":[\"F4\",[8],[0,4]]}", 4,
		BYTES(BEGIN KEY("a") "ctorch._utils\n_rebuild_tensor_v3\nq\2" STORAGE(
			"ctorch.storage\nUntypedStorage\nq\5", "0",
			"K\4") "K\4\x85K\1\x85\x89h\0)R"
			       "ctorch\nfloat4_e2m1fn_x2\nq\7tR" END));
}

/* What is left out has no record; an alias has that of its tensor, and its shape. */
static void test_aliases(void **state)
{
	check_pickle(
		*state, "alias",
		"{\"__metadata__\":{\"y\":\"no\",\"z\":\"b\"},"
		"\"no\":[\"F6_E2M3\",[4],[0,3]],\"a\":[\"U8\",[],[3,4]],"
		"\"b\":[\"U8\",[1,2,1,0],[4,4]]}",
		4,
		BYTES(BEGIN KEY("a") "ctorch._utils\n_rebuild_tensor_v2\nq\1" STORAGE(
			"ctorch\nByteStorage\nq\x0a", "0", "K\1") "))" REST
			      KEY("b") "h\1((h\3h\x0aX\1\0\0\0"
				       "1h\4K\0tQK\0"
				       "(K\1K\2K\1K\0tr\x44\0\0\0("
				       "K\2K\1K\1K\1tr\x45\0\0\0" REST KEY(
					       "z") "h\1((h\3h\x0aX\1\0\0\0"
						    "1h\4K\0tQK\0"
						    "j\x44\0\0\0j\x45\0\0\0" REST END));
}

/* ---- what torch cannot have ---- */

#define TYPE "torch has no such type"
#define ODD "torch has elements of four bits in pairs, and the last dimension is odd"
#define LARGE "torch has sizes and strides up to 2^63-1"

static const struct {
	const char *dtype, *shape;
	size_t data_len;
	const char *why;
} rows[] = {
	{ "F6_E2M3", "[4]", 3, TYPE },
	{ "F6_E3M2", "[0]", 0, TYPE },
	{ "F4", "[4]", 2, NULL },
	{ "F4", "[3,2]", 3, NULL },
	{ "F4", "[0,4]", 0, NULL },
	{ "F4", "[4,0]", 0, NULL },
	{ "F4", "[2,3]", 3, ODD },
	{ "F4", "[0,3]", 0, ODD },
	{ "F8_E8M0", "[1]", 1, NULL },
	{ "U64", "[]", 8, NULL },
	/* Dimensions. */
	{ "I8", "[0,9223372036854775807]", 0, NULL },
	{ "I8", "[9223372036854775807,0]", 0, NULL },
	{ "I8", "[0,9223372036854775808]", 0, LARGE },
	{ "I8", "[9223372036854775808,0]", 0, LARGE },
	{ "F4", "[0,18446744073709551614]", 0, NULL },
	/* Elements, whose number may pass 2^63 before it is 0. */
	{ "I8", "[9223372036854775807,2,0]", 0, NULL },
	{ "I8", "[4611686018427387904,0,4]", 0, NULL },
	{ "F64", "[1099511627776,0,1099511627776]", 0, NULL },
	/* Strides, which the first dimension does not count for. */
	{ "F64", "[0,1099511627776,1099511627776]", 0, LARGE },
	{ "I8", "[0,2,9223372036854775807]", 0, LARGE },
	{ "I8", "[0,4611686018427387904,2]", 0, LARGE },
	{ "I8", "[0,3,2305843009213693952]", 0, NULL },
	{ "I8", "[9223372036854775807,0,9223372036854775807]", 0, NULL },
};

static void test_absent(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_model *model;
		char header[256], row[128];

		snprintf(row, sizeof(row), "%s %s", rows[i].dtype, rows[i].shape);
		snprintf(header, sizeof(header), "{\"a\":[\"%s\",%s,[0,%zu]]}",
			 rows[i].dtype, rows[i].shape, rows[i].data_len);
		write_model(*state, "m", header, rows[i].data_len);
		model = open_model(*state, "m", NULL);
		CHECK_TEXT(row, sft_state_dict_absent(model, model->tensors),
			   rows[i].why);
		sft_close(model);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_pickles),
		IN_FOLDER(test_aliases),
		IN_FOLDER(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
