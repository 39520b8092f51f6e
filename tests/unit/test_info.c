// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_info.c - sums, metadata and aliases; and all of it as JSON
 */
#define _GNU_SOURCE /* open_memstream() */
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "tests/unit/support.h"

/* Two files: a key that both have, one that stands twice, aliases in both. */
static const char first[] =
	"{\"__metadata__\":{\"format\":\"pt\",\"x\":\"a.w\",\"k\":\"1\",\"k\":\"2\"},"
	"\"a.w\":[\"BF16\",[2,3],[0,12]],\"a.s\":[\"F32\",[],[12,16]]}";
static const char second[] =
	"{\"__metadata__\":{\"format\":\"np\",\"e\\u0000\":\"\\u001b\",\"y.z\":\"b\"},"
	"\"b\":[\"BF16\",[5],[0,10]]}";

static struct sft_model *open_both(const char *folder, const struct sft_filter *filter)
{
	const struct sft_options options = { .filter = filter };

	write_model(folder, "m-00001-of-00002.safetensors", first, 16);
	write_model(folder, "m-00002-of-00002.safetensors", second, 10);
	return open_model(folder, ".", &options);
}

static void check_sums(const char *row, const struct sft_sums *got, struct sft_sums want)
{
	CHECK_UINT(row, got->tensors, want.tensors);
	CHECK_UINT(row, got->parameters, want.parameters);
	CHECK_UINT(row, got->bytes, want.bytes);
}

static void test_sums(void **state)
{
	struct sft_model *model = open_both(*state, NULL);
	const struct sft_info *info = sft_model_info(model);

	CHECK_UINT("all of the format", info->dtype_count, 22);
	check_sums("all", &info->all, (struct sft_sums){ 3, 12, 26 });
	for (size_t i = 0; i < info->dtype_count; i++) {
		const struct sft_dtype_info *dtype = &info->dtypes[i];
		struct sft_sums want = { 0 };

		if (strcmp(dtype->name, "BF16") == 0)
			want = (struct sft_sums){ 2, 11, 22 };
		if (strcmp(dtype->name, "F32") == 0)
			want = (struct sft_sums){ 1, 1, 4 };
		check_sums(dtype->name, &dtype->sums, want);
	}
	sft_close(model);
}

static void check_pairs(const char *row, const struct sft_text_pair *got,
			const struct sft_text_pair *want, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		CHECK_BYTES(row, got[i].key, want[i].key);
		CHECK_BYTES(row, got[i].value, want[i].value);
	}
}

static void test_pairs(void **state)
{
	static const struct sft_text_pair metadata[] = {
		{ BYTES("format"), BYTES("pt") },
		{ BYTES("k"), BYTES("2") },
		{ BYTES("e\0"), BYTES("\x1b") },
	};
	static const struct sft_text_pair aliases[] = {
		{ BYTES("x"), BYTES("a.w") },
		{ BYTES("y.z"), BYTES("b") },
	};
	struct sft_model *model = open_both(*state, NULL);
	struct sft_text_pair pairs[4] = { 0 };
	size_t count;

	assert_int_equal(sft_model_metadata(model, pairs, 4, &count, NULL), SFT_OK);
	CHECK_UINT("metadata", count, 3);
	check_pairs("metadata", pairs, metadata, 3);
	CHECK_UINT("untouched", pairs[3].key.len, 0);
	memset(pairs, 0, sizeof(pairs));
	assert_int_equal(sft_model_metadata(model, pairs, 1, &count, NULL), SFT_OK);
	CHECK_UINT("all are counted", count, 3);
	check_pairs("the first", pairs, metadata, 1);
	CHECK_UINT("untouched", pairs[1].key.len, 0);
	CHECK_UINT("aliases", sft_model_aliases(model, pairs, 4), 2);
	check_pairs("aliases", pairs, aliases, 2);
	CHECK_UINT("all are counted", sft_model_aliases(model, pairs, 0), 2);
	sft_close(model);
}

/* Of what a filter chose, and under its names. */
static void test_filtered(void **state)
{
	struct sft_filter *filter = sft_filter_new();
	struct sft_text_pair pairs[4];
	struct sft_model *model;
	size_t count;

	assert_non_null(filter);
	assert_int_equal(sft_filter_exclude(filter, "b", NULL), SFT_OK);
	assert_int_equal(sft_filter_rename(filter, "s/^/m./", NULL), SFT_OK);
	model = open_both(*state, filter);
	check_sums("all", &sft_model_info(model)->all, (struct sft_sums){ 2, 7, 16 });
	CHECK_UINT("aliases", sft_model_aliases(model, pairs, 4), 1);
	CHECK_BYTES("renamed", pairs[0].key, BYTES("m.x"));
	CHECK_BYTES("renamed", pairs[0].value, BYTES("m.a.w"));
	assert_int_equal(sft_model_metadata(model, pairs, 4, &count, NULL), SFT_OK);
	CHECK_UINT("what is gone is no metadata", count, 3);
	sft_close(model);
	sft_filter_free(filter);
}

static void write_text(void *arg, const char *text, size_t len)
{
	assert_int_equal(fwrite(text, 1, len, arg), len);
}

/* Reads what was written, in whole; the caller's to delete. */
static cJSON *parse(FILE *out, char **text)
{
	cJSON *object;

	fclose(out);
	object = cJSON_ParseWithOpts(*text, NULL, true);
	if (object == NULL)
		fail_msg("no JSON: %s", *text);
	free(*text);
	*text = NULL;
	return object;
}

static void check_value(const cJSON *object, const char *key, const char *want)
{
	char *got = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(object, key));

	CHECK_TEXT(key, got, want);
	cJSON_free(got);
}

/* The keys that stand twice, and the arrays. */
static void ignore_warning(void *arg, const struct sft_error *warning)
{
	assert_null(arg);
	assert_true(warning->detail[0] != '\0');
}

static void test_model_json(void **state)
{
	struct sft_model *model = open_both(*state, NULL);
	struct sft_error warnings[2];
	const struct sft_told told = { "so\"urce", warnings, 2 };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	cJSON *object, *list;

	assert_non_null(out);
	sft_fail(&warnings[0], SFT_E_INDEX, SFT_POS_NONE, "one");
	sft_fail(&warnings[1], SFT_E_INDEX, SFT_POS_NONE, "two");
	sft_error_file(&warnings[1], "f");
	assert_int_equal(sft_model_json(model, &told, write_text, out, NULL), SFT_OK);
	object = parse(out, &text);
	check_value(object, "source", "\"so\\\"urce\"");
	check_value(object, "tensors", "3");
	check_value(object, "parameters", "12");
	check_value(object, "bytes", "26");
	check_value(object, "aliases", "{\"x\":\"a.w\",\"y.z\":\"b\"}");
	check_value(
		object, "warnings",
		"[{\"file\":\"\",\"text\":\"one\"},{\"file\":\"f\",\"text\":\"two\"}]");
	list = cJSON_GetObjectItemCaseSensitive(object, "list");
	CHECK_UINT("list", (uint64_t)cJSON_GetArraySize(list), 3);
	check_value(cJSON_GetArrayItem(list, 0), "name", "\"a.w\"");
	check_value(cJSON_GetArrayItem(list, 0), "shape", "[2,3]");
	check_value(cJSON_GetArrayItem(list, 1), "dtype", "\"F32\"");
	check_value(cJSON_GetArrayItem(list, 1), "elements", "1");
	check_value(cJSON_GetArrayItem(list, 2), "bytes", "10");
	check_value(cJSON_GetArrayItem(list, 2), "file",
		    "\"m-00002-of-00002.safetensors\"");
	cJSON_Delete(object);
	sft_close(model);
}

/* Opened for its names alone, a model tells the same, but for the views. */
static void test_names_only(void **state)
{
	const struct sft_told told = { "s", NULL, 0 };
	struct sft_model *model = open_both(*state, NULL);
	char *texts[2] = { NULL, NULL };
	cJSON *objects[2];
	size_t len;

	write_file(*state, "config.json", "{}", 2);
	for (size_t i = 0; i < 2; i++) {
		const struct sft_options options = { .names_only = i == 1 };
		FILE *out = open_memstream(&texts[i], &len);

		assert_non_null(out);
		sft_close(model);
		model = open_model(*state, ".", &options);
		CHECK_UINT("sums", sft_model_info(model)->all.bytes, 26);
		CHECK_UINT("files", sft_model_totals(model).shard_count, 2);
		assert_int_equal(sft_lint(model, ignore_warning, NULL, NULL), SFT_OK);
		assert_int_equal(sft_model_json(model, &told, write_text, out, NULL),
				 SFT_OK);
		objects[i] = parse(out, &texts[i]);
	}
	assert_true(cJSON_HasObjectItem(objects[0], "views"));
	cJSON_DeleteItemFromObject(objects[0], "views");
	cJSON_DeleteItemFromObject(objects[0], "left_out");
	assert_true(cJSON_Compare(objects[0], objects[1], true));
	cJSON_Delete(objects[0]);
	cJSON_Delete(objects[1]);
	sft_close(model);
}

/* A list of more than what is written at a time, without a hole or a seam. */
static void test_long_list(void **state)
{
	const struct sft_told told = { "s", NULL, 0 };
	char *header = malloc(200000);
	size_t used = 0, len;
	struct sft_model *model;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);
	cJSON *object, *list, *item;
	int i = 0;

	assert_non_null(header);
	assert_non_null(out);
	for (unsigned j = 0; j < 2000; j++)
		used += (size_t)sprintf(header + used, "%s\"t%u\":[\"U8\",[1],[%u,%u]]",
					j > 0 ? "," : "{", j, j, j + 1);
	strcpy(header + used, "}");
	write_model(*state, "m", header, 2000);
	model = open_model(*state, "m", NULL);
	assert_int_equal(sft_model_json(model, &told, write_text, out, NULL), SFT_OK);
	object = parse(out, &text);
	list = cJSON_GetObjectItemCaseSensitive(object, "list");
	cJSON_ArrayForEach(item, list)
	{
		char want[16];

		snprintf(want, sizeof(want), "\"t%d\"", i++);
		check_value(item, "name", want);
	}
	CHECK_UINT("list", (uint64_t)i, 2000);
	cJSON_Delete(object);
	sft_close(model);
	free(header);
}

static void test_comparison_json(void **state)
{
	const struct sft_told told[2] = { { "one", NULL, 0 }, { "two", NULL, 0 } };
	struct sft_model *both = open_both(*state, NULL);
	struct sft_model *other;
	struct sft_comparison *comparison = NULL;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	cJSON *object;

	assert_non_null(out);
	write_model(*state, "other",
		    "{\"a.w\":[\"F16\",[3,2],[0,12]],\"a.s\":[\"F32\",[],[12,16]],"
		    "\"c\":[\"U8\",[1],[16,17]]}",
		    17);
	other = open_model(*state, "other", NULL);
	assert_int_equal(sft_compare(both, other, &comparison, NULL), SFT_OK);
	assert_int_equal(sft_comparison_json(comparison, told, write_text, out, NULL),
			 SFT_OK);
	object = parse(out, &text);
	check_value(cJSON_GetObjectItemCaseSensitive(object, "first"), "source",
		    "\"one\"");
	check_value(cJSON_GetObjectItemCaseSensitive(object, "second"), "tensors", "3");
	check_value(object, "alike", "1");
	check_value(object, "only_first", "1");
	check_value(object, "only_second", "1");
	check_value(object, "other_dtype", "1");
	check_value(object, "other_shape", "1");
	check_value(object, "differences",
		    "[{\"name\":\"a.w\",\"first\":{\"dtype\":\"BF16\",\"shape\":[2,3]},"
		    "\"second\":{\"dtype\":\"F16\",\"shape\":[3,2]}},"
		    "{\"name\":\"b\",\"first\":{\"dtype\":\"BF16\",\"shape\":[5]},"
		    "\"second\":null},"
		    "{\"name\":\"c\",\"first\":null,"
		    "\"second\":{\"dtype\":\"U8\",\"shape\":[1]}}]");
	cJSON_Delete(object);
	sft_comparison_free(comparison);
	sft_close(both);
	sft_close(other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_sums),       IN_FOLDER(test_pairs),
		IN_FOLDER(test_filtered),   IN_FOLDER(test_model_json),
		IN_FOLDER(test_long_list),  IN_FOLDER(test_comparison_json),
		IN_FOLDER(test_names_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
