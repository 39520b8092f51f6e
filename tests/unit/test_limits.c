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

	*state = (struct sft_state){ .document.lock = PTHREAD_MUTEX_INITIALIZER };
	model->state = state;
	model->shard_count = model->tensor_count = 0; /* so nothing is measured */
	assert_int_equal(sft_kept_init(model, NULL), SFT_OK);
	model->shard_count = shard_count;
	model->tensor_count = tensor_count;
}

/* __metadata__.json of a model, to be freed by the caller. */
static char *document_of(const struct sft_model *model)
{
	struct sft_document *document = &model->state->document;
	struct sft_bytes text;
	char *copy;

	assert_int_equal(sft_describe_model(model, &text, NULL), SFT_OK);
	copy = (char *)document->text;
	assert_ptr_equal(copy, text.data);
	copy[text.len - 1] = '\0';
	document->text = NULL; /* so that the next is made anew */
	return copy;
}

/* ---- sums ---- */

#define COUNT_MAX 16u
#define POW61 (UINT64_C(1) << 61)

/* Sparse files may claim what no sum can hold; made by hand, for no disk is that large.
 */
static enum sft_status sum_up(size_t shards, uint64_t shard_len, size_t tensors,
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
	status = sft_model_sum_up(&model, err);
	sft_kept_done(&model);
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
			   sum_up(rows[i].shards, rows[i].shard_len, rows[i].tensors,
				  dtype, &err),
			   rows[i].fits ? SFT_OK : SFT_E_LIMIT);
		CHECK_TEXT(rows[i].what, err.detail,
			   rows[i].fits ? ""
					: "the files claim more than 2^64 bytes between "
					  "them");
	}
}

/* Whether files about all of a model are measured before anybody looks at them. */
static void test_measured(void **state)
{
	static const struct {
		const char *what;
		size_t shards;
		uint64_t shard_len;
		bool is_measured;
	} rows[] = {
		{ "small", 3, 1000, false },
		{ "half of what fits", 1, INT64_MAX / 2, true },
		{ "more than can be counted", 3, UINT64_MAX / 2, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_shard shards[COUNT_MAX] = { 0 };
		struct sft_state model_state = { 0 };
		struct sft_model model = {
			.shards = shards,
			.shard_count = rows[i].shards,
			.format = "{}",
			.state = &model_state,
		};

		for (size_t j = 0; j < rows[i].shards; j++)
			shards[j].file.len = rows[i].shard_len;
		CHECK_UINT(rows[i].what, sft_kept_init(&model, NULL), SFT_OK);
		CHECK_UINT(rows[i].what, model.may_pass_limits, rows[i].is_measured);
		sft_kept_done(&model);
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

/* Each byte of such a name takes six in a document: 90 MB of them pass 512 MiB. */
static void test_name_without_document(void **state)
{
	const uint32_t len = 89 * MIB;
	struct sft_shard shard = { .name = (char[]){ "m" } };
	struct sft_tensor tensor = { .name_len = len, .shape_off = len };
	struct sft_model model = { .shards = &shard, .shard_count = 1 };

	(void)state;
	shard.header.text_len = len + 4;
	shard.header.text = malloc(len + 4);
	assert_non_null(shard.header.text);
	memset(shard.header.text, 0x7f, len);
	memcpy(shard.header.text + len, "[9]", 4);
	CHECK_TEXT("absent", sft_describe_absent(&model, sft_whole(&tensor)),
		   "its name makes the document longer than 512 MiB");
	free(shard.header.text);
}

/* Metadata too long is absent, with a reason; so is the file that would copy it. */
static void test_long_metadata(void **state)
{
	const uint32_t len = 45 * MIB;
	struct sft_pair pairs[] = { { 0, 1, 0, len }, { 1, 2, 0, 1 } };
	struct sft_shard shards[] = { { .name = (char[]){ "m" } },
				      { .name = (char[]){ "n" } } };
	struct sft_header *header = &shards[0].header;
	struct sft_model model = { .shards = shards, .shard_count = 2, .format = "{}" };
	struct sft_state model_state;
	uint64_t merged_len;
	size_t view = 0;
	char *text;

	(void)state;
	/* Of two files: a single one is shown as it is. */
	header->text_len = len;
	header->text = malloc(len);
	assert_non_null(header->text);
	memset(header->text, 0x7f, len);
	header->metadata = pairs;
	header->metadata_count = ARRAY_COUNT(pairs);
	give_state(&model, &model_state);
	text = document_of(&model);
	CHECK_HOLDS("document", text, "\"metadata\":\tnull");
	CHECK_HOLDS("document", text,
		    "\"metadata_absent\":\t\"longer than a document can be\"");
	while (strcmp(sft_view_name(view), "model") != 0)
		view++;
	CHECK_UINT("merged", sft_kept_len(&model, view, &merged_len), SFT_E_LIMIT);
	sft_kept_done(&model);
	free(text);
	free(header->text);
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
		char *text = document_of(&model);

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
		cmocka_unit_test(test_measured),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_name_without_document),
		cmocka_unit_test(test_long_metadata),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
