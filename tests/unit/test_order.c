// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_order.c - the tensors of a model one after the other
 *
 * Names tell nothing here: the result is compared as text, a letter for each tensor.
 */
#include "core/order.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

#define FILES_MAX 2u

static const struct {
	const char *what;
	const char *files[FILES_MAX];
	size_t data_len[FILES_MAX];
	const char *file, *width; /* the two orders */
} rows[] = {
	{ "nothing", { "" }, { 0 }, "", "" },
	{ "as they lie, not as they are listed",
	  { "\"c\":[\"U8\",[1],[2,3]],\"a\":[\"U8\",[1],[1,2]],\"b\":[\"U8\",[1],[0,1]"
	    "]" },
	  { 3 },
	  "bac",
	  "bac" },
	{ "file after file",
	  { "\"z\":[\"U8\",[2],[0,2]]",
	    "\"a\":[\"U8\",[1],[0,1]],\"b\":[\"U8\",[1],[1,2]]" },
	  { 2, 2 },
	  "zab",
	  "zab" },
	{ "every width",
	  { "\"a\":[\"F4\",[2],[0,1]],\"b\":[\"F6_E2M3\",[4],[1,4]],"
	    "\"c\":[\"BOOL\",[1],[4,5]],\"d\":[\"F16\",[1],[5,7]],"
	    "\"e\":[\"F32\",[1],[7,11]],\"f\":[\"C64\",[1],[11,19]]" },
	  { 19 },
	  "abcdef",
	  "fedcba" },
	{ "one width: as they lie, whatever the types",
	  { "\"a\":[\"F16\",[1],[4,6]],\"b\":[\"BF16\",[1],[0,2]],"
	    "\"c\":[\"I16\",[1],[6,8]],\"d\":[\"U16\",[1],[2,4]]" },
	  { 8 },
	  "bdac",
	  "bdac" },
	{ "wide ones of the second file before narrow ones of the first",
	  { "\"a\":[\"U8\",[1],[0,1]],\"b\":[\"F32\",[1],[1,5]]",
	    "\"c\":[\"U8\",[1],[0,1]],\"d\":[\"F32\",[1],[1,5]],"
	    "\"e\":[\"F64\",[1],[5,13]]" },
	  { 5, 13 },
	  "abcde",
	  "ebdac" },
	{ "without bytes: before what begins there",
	  { "\"b\":[\"U8\",[2],[0,2]],\"a\":[\"U8\",[0],[0,0]],"
	    "\"d\":[\"U8\",[0],[2,2]],\"c\":[\"U8\",[0,3],[2,2]]" },
	  { 2 },
	  NULL, /* see below */
	  NULL },
};

static char *sorted(const struct sft_model *model, enum sft_order order)
{
	char *text = calloc(model->tensor_count + 1, 1);
	uint32_t *tensors = NULL;

	assert_non_null(text);
	assert_int_equal(sft_order_make(model, order, &tensors, NULL), SFT_OK);
	for (size_t i = 0; i < model->tensor_count; i++)
		text[i] =
			(char)sft_model_name(model, &model->tensors[tensors[i]]).data[0];
	free(tensors);
	return text;
}

static struct sft_model *open_row(const char *folder, size_t row)
{
	const bool is_set = rows[row].files[1] != NULL;
	char name[64], header[512];

	for (unsigned i = 0; i <= is_set; i++) {
		snprintf(name, sizeof(name), "%zu/m-%05u-of-%05u.safetensors", row, i + 1,
			 is_set + 1u);
		snprintf(header, sizeof(header), "{%s}", rows[row].files[i]);
		write_model(folder, name, header, rows[row].data_len[i]);
	}
	snprintf(name, sizeof(name), "%zu", row);
	return open_model(folder, name, NULL);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_model *model = open_row(*state, i);
		char *file = sorted(model, SFT_ORDER_FILE);
		char *width = sorted(model, SFT_ORDER_WIDTH);

		if (rows[i].file != NULL) {
			CHECK_TEXT(rows[i].what, file, rows[i].file);
			CHECK_TEXT(rows[i].what, width, rows[i].width);
		} else { /* equals keep some order, the same at every opening */
			CHECK_TEXT(rows[i].what, file, width);
			CHECK_UINT(rows[i].what, (uint8_t)file[0], 'a');
			CHECK_UINT(rows[i].what, (uint8_t)file[1], 'b');
			CHECK_UINT(rows[i].what, strspn(file + 2, "cd"), 2);
		}
		free(file);
		free(width);
		sft_close(model);
	}
}

/* Each tensor once, and each on behind the one before. */
static void test_many(void **state)
{
	static const unsigned count = 2000;
	char *header = malloc(count * 64);
	size_t used = 0;
	struct sft_model *model;

	for (unsigned i = 0; i < count; i++) {
		const unsigned at = i * 37 % count; /* each, once: no common divisor */

		used += (size_t)sprintf(header + used, "%c\"%u\":[\"U8\",[],[%u,%u]]",
					i == 0 ? '{' : ',', i, at, at + 1);
	}
	strcpy(header + used, "}");
	write_model(*state, "m", header, count);
	model = open_model(*state, "m", NULL);
	for (unsigned order = SFT_ORDER_FILE; order <= SFT_ORDER_WIDTH; order++) {
		uint32_t *tensors = NULL;

		assert_int_equal(
			sft_order_make(model, (enum sft_order)order, &tensors, NULL),
			SFT_OK);
		for (unsigned i = 0; i < count; i++)
			assert_int_equal(model->tensors[tensors[i]].begin, i);
		free(tensors);
	}
	free(header);
	sft_close(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_rows),
		IN_FOLDER(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
