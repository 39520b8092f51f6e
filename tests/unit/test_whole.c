// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_whole.c - which files of the tree are a file of the source as it is
 *
 * Whoever reads these may be given the source's descriptor, so a tensor, a header that
 * was made or a merged file must never be taken for one.
 */
#include "core/sft.h"

#include "tests/unit/support.h"

static const char header[] = "{\"a\":[\"U8\",[7],[0,7]],\"s\":[\"U8\",[],[7,8]]}";

/* Whether a file of the tree is all of one that sft_model_whole() names. */
static bool is_whole(const struct sft_model *model, const char *path)
{
	struct sft_file *file = open_file(model, path);
	struct sft_span span, whole;
	bool found = false;

	if (sft_file_span(file, 0, &span) && span.off == 0 &&
	    span.len == sft_file_len(file))
		for (size_t i = 0; sft_model_whole(model, i, &whole); i++)
			found |= whole.fd == span.fd && whole.len == span.len &&
				 whole.off == 0;
	sft_file_close(file);
	return found;
}

static size_t whole_count(const struct sft_model *model)
{
	struct sft_span span;
	size_t count = 0;

	while (sft_model_whole(model, count, &span))
		count++;
	return count;
}

/* What shows a file of the source as it is: of shards and of filtered models less does.
 */
static void test_whole(void **state)
{
	struct sft_filter *filter = sft_filter_new();
	const struct sft_options filtered = { .filter = filter };
	struct sft_model *model;

	write_model(*state, "one.safetensors", header, 8);
	model = open_model(*state, "one.safetensors", NULL);
	assert_true(is_whole(model, ".view/model/model.safetensors"));
	assert_false(is_whole(model, "a.bin"));
	assert_false(is_whole(model, ".view/torch/pytorch_model.bin"));
	assert_int_equal(whole_count(model), 1);
	sft_close(model);

	assert_int_equal(sft_filter_exclude(filter, "s", NULL), SFT_OK);
	model = open_model(*state, "one.safetensors", &filtered);
	assert_false(is_whole(model, ".view/model/model.safetensors"));
	assert_int_equal(whole_count(model), 0);
	sft_close(model);
	sft_filter_free(filter);

	write_model(*state, "w/m-00001-of-00002.safetensors",
		    "{\"a\":[\"U8\",[5],[0,5]]}", 5);
	write_model(*state, "w/m-00002-of-00002.safetensors",
		    "{\"b\":[\"U8\",[5],[0,5]]}", 5);
	write_file(*state, "w/config.json", "{}", 2);
	write_file(*state, "w/empty.txt", "", 0);
	model = open_model(*state, "w", NULL);
	assert_true(is_whole(model, ".view/model/config.json"));
	assert_true(is_whole(model, ".view/npz/config.json"));
	assert_false(is_whole(model, ".view/model/empty.txt"));
	assert_false(is_whole(model, ".view/model/model.safetensors"));
	assert_int_equal(whole_count(model), 2);
	sft_close(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = { IN_FOLDER(test_whole) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
