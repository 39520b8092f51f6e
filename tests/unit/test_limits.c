// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_limits.c - models that only their limits stop
 *
 * Sparse files may claim between them more than 64 bits can count, and a name may be as
 * long as a header. The models are made by hand, for no disk takes such files and writing
 * such headers takes long.
 */
#include <stdlib.h>

#include "core/describe.h"
#include "core/kept.h"
#include "tests/unit/support.h"

/* What a model made by hand needs to be described: none of its files is past a limit. */
static void give_state(struct sft_model *model, struct sft_state *state)
{
	const size_t shard_count = model->shard_count;
	const size_t tensor_count = model->tensor_count;

	*state = (struct sft_state){ 0 };
	model->state = state;
	model->shard_count = model->tensor_count = 0; /* so nothing is measured */
	assert_int_equal(sft_kept_init(model, NULL), SFT_OK);
	model->shard_count = shard_count;
	model->tensor_count = tensor_count;
}

/* ---- sums ---- */

#define COUNT_MAX 16u
#define POW61 (UINT64_C(1) << 61)

/* Sparse files may claim what no sum can hold; made by hand, for no disk is that large.
 */
static enum sft_status describe(size_t shards, uint64_t shard_len, size_t tensors,
				uint8_t dtype, struct sft_error *err)
{
	char text[] = "a[9]";
	struct sft_shard shard[COUNT_MAX];
	struct sft_tensor tensor[COUNT_MAX];
	struct sft_model model = {
		.shards = shard,
		.shard_count = shards,
		.tensors = tensor,
		.tensor_count = tensors,
	};
	struct sft_state state;
	enum sft_status status;

	for (size_t i = 0; i < COUNT_MAX; i++) {
		shard[i] = (struct sft_shard){ .file.len = shard_len, .name = text };
		shard[i].header.text = (uint8_t *)text;
		tensor[i] = (struct sft_tensor){
			.end = POW61 - 1, .name_len = 1, .shape_off = 1, .dtype = dtype
		};
	}
	give_state(&model, &state);
	status = sft_describe_model(&model, err);
	sft_kept_done(&model);
	free(model.metadata_document);
	return status;
}

static void test_sums(void **state)
{
	static const struct {
		const char *what;
		size_t shards;
		uint64_t shard_len;
		size_t tensors;
		const char *dtype;
		bool fits;
	} rows[] = {
		{ "as many bytes as fit", 1, 10, 8, "U8", true },
		{ "too many bytes", 1, 10, 9, "U8", false },
		{ "as many elements as fit", 1, 10, 4, "F4", true },
		{ "too many elements", 1, 10, 5, "F4", false },
		{ "as long as fits", 3, UINT64_MAX / 3, 0, "U8", true },
		{ "too long", 4, POW61 * 2, 0, "U8", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_error err = { .detail = "" };
		uint8_t dtype = 0;

		assert_true(sft_dtype_find(sft_bytes_of(rows[i].dtype), &dtype));
		CHECK_UINT(rows[i].what,
			   describe(rows[i].shards, rows[i].shard_len, rows[i].tensors,
				    dtype, &err),
			   rows[i].fits ? SFT_OK : SFT_E_LIMIT);
		CHECK_TEXT(rows[i].what, err.detail,
			   rows[i].fits ? ""
					: "the files claim more than 2^64 bytes between "
					  "them");
	}
}

/* ---- names as long as headers can be ---- */

#define MIB ((size_t)1 << 20)

/* A document of a long name is measured without being made, and is as long as it says. */
static void test_long_name(void **state)
{
	static const size_t lens[] = { 1, 33 * MIB };
	struct sft_shard shard = { .name = (char[]){ "m" } };
	struct sft_tensor tensor = { 0 };
	struct sft_model model = { .shards = &shard, .shard_count = 1 };
	struct sft_layout layouts[2];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
		shard.header.text_len = 3 * lens[i]; /* long enough to be looked at */
		shard.header.text = malloc(lens[i] + 4);
		assert_non_null(shard.header.text);
		memset(shard.header.text, 'a', lens[i]);
		memcpy(shard.header.text + lens[i], "[9]", 4);
		tensor.name_len = tensor.shape_off = (uint32_t)lens[i];
		CHECK_TEXT("absent", sft_describe_absent(&model, sft_whole(&tensor)),
			   NULL);
		for (size_t j = 0; j < 2; j++) {
			sft_layout_init(&layouts[j], j == 0);
			sft_describe_tensor(&model, sft_whole(&tensor), &layouts[j]);
			CHECK_UINT("status", layouts[j].status, SFT_OK);
		}
		CHECK_UINT("measured", layouts[0].len, layouts[1].len);
		CHECK_UINT("stored", layouts[1].text_len, layouts[1].len);
		assert_memory_equal(layouts[1].text + strlen("{\n\t\"name\":\t\""),
				    shard.header.text, lens[i]);
		sft_layout_done(&layouts[0]);
		sft_layout_done(&layouts[1]);
		free(shard.header.text);
	}
}

/* A list of names ends where it is long enough, and says how many are left. */
static void test_missing(void **state)
{
	static const size_t lens[] = { 1, 33 * MIB, 2 };
	struct sft_missing missing[ARRAY_COUNT(lens)];
	struct sft_shard shard = { .name = (char[]){ "m" } };
	struct sft_model model = {
		.shards = &shard,
		.shard_count = 1,
		.missing = missing,
	};
	uint8_t *name = malloc(33 * MIB);
	struct sft_state model_state;

	(void)state;
	assert_non_null(name);
	give_state(&model, &model_state);
	memset(name, 'a', 33 * MIB);
	for (size_t i = 0; i < ARRAY_COUNT(lens); i++)
		missing[i] = (struct sft_missing){ { name, lens[i] }, "f" };
	for (model.missing_count = 1; model.missing_count <= 3; model.missing_count++) {
		const bool all = model.missing_count == 1;
		char *text;

		assert_int_equal(sft_describe_model(&model, NULL), SFT_OK);
		text = (char *)model.metadata_document;
		text[model.metadata_document_len - 1] = '\0';
		CHECK_HOLDS("missing", text, "\"missing\":\t{\n\t\t\"a\":\t\"f\"\n\t}");
		CHECK_UINT("more", strstr(text, "missing_more") == NULL, all);
		if (!all)
			CHECK_UINT("more",
				   (uint64_t)atoi(strstr(text, "missing_more") +
						  strlen("missing_more\":\t")),
				   model.missing_count - 1);
		free(text);
	}
	sft_kept_done(&model);
	free(name);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
