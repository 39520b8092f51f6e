// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_open.c - opening a whole model: what is missing, what fails first, and
 * that many threads make one result of it
 */
#include "core/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/support.h"

#define SHARDS 40u
#define INDEX "model.safetensors.index.json"

static void name_shard(char name[64], unsigned nth)
{
	snprintf(name, 64, "model-%05u-of-%05u.safetensors", nth, SHARDS);
}

/* Many files, with the tensors n.a and n.b of n and 4 bytes, and an index. */
static void write_sharded(const char *folder)
{
	char *index = malloc(SHARDS * 256);
	size_t used = (size_t)sprintf(index, "{\"metadata\":{},\"weight_map\":{");

	for (unsigned i = 1; i <= SHARDS; i++) {
		char name[64], header[128];

		name_shard(name, i);
		snprintf(header, sizeof(header),
			 "{\"%u.a\":[\"U8\",[%u],[0,%u]],\"%u.b\":[\"F32\",[],[%u,%u]]}",
			 i, i, i, i, i, i + 4);
		write_model(folder, name, header, i + 4);
		used += (size_t)sprintf(index + used,
					"%s\"%u.b\": \"%s\",\"%u.a\": \"%s\"",
					i > 1 ? "," : "", i, name, i, name);
	}
	used += (size_t)sprintf(index + used, "}}");
	write_file(folder, INDEX, index, used);
	free(index);
}

static void remove_shard(const char *folder, unsigned nth)
{
	char name[64];
	char *path;

	name_shard(name, nth);
	path = path_in(folder, name);
	assert_int_equal(unlink(path), 0);
	free(path);
}

static void test_sharded(void **state)
{
	struct sft_model *model;
	struct sft_totals totals;
	uint64_t len = 0;

	write_sharded(*state);
	model = open_model(*state, ".", NULL);
	assert_int_equal(model->shard_count, SHARDS);
	assert_int_equal(model->tensor_count, 2 * SHARDS);
	for (unsigned i = 1; i <= SHARDS; i++) {
		const struct sft_tensor *a = &model->tensors[2 * (i - 1)];
		char name[64];

		name_shard(name, i);
		CHECK_TEXT(name, model->shards[i - 1].name, name);
		CHECK_UINT(name, a->shard, i - 1);
		CHECK_UINT(name, a[1].shard, i - 1);
		CHECK_UINT(name, a->end, i);
		snprintf(name, sizeof(name), "%u.b", i);
		CHECK_BYTES(name, sft_model_name(model, a + 1), sft_bytes_of(name));
		CHECK_UINT(name, sft_model_data_off(model, a + 1),
			   model->shards[i - 1].file.len - 4);
		len += model->shards[i - 1].file.len;
	}
	totals = sft_model_totals(model);
	assert_int_equal(totals.tensor_count, 2 * SHARDS);
	assert_int_equal(totals.shard_count, SHARDS);
	assert_int_equal(totals.len, len);
	/* A .bin and a .json for each tensor, folders 1 to 40, the root, and the
	 * document. */
	assert_int_equal(sft_model_file_count(model), 4 * SHARDS + SHARDS + 2);
	assert_true(totals.node_limit > model->trees[SFT_TREE_NESTED].count);
	sft_close(model);
}

/* ---- what fails ---- */

static void check_failure(const char *folder, const struct sft_options *options,
			  enum sft_status want, const char *file, const char *detail)
{
	struct sft_model *model = (struct sft_model *)&want; /* to see it is untouched */
	struct sft_error err = { .detail = "" };
	const enum sft_status status = sft_open(folder, options, &model, &err);
	char *path = path_in(folder, file);

	CHECK_TEXT(file, err.detail, detail);
	CHECK_UINT(file, status, want);
	CHECK_UINT(file, err.status, want);
	CHECK_TEXT(file, err.file, path);
	assert_ptr_equal(model, &want);
	CHECK_UINT(file, sft_open(folder, options, &model, NULL), want);
	free(path);
}

#define THIS_MISSING                                                                     \
	"this shard is missing, but the index lists it; '-o missing=skip' opens what "   \
	"is "                                                                            \
	"there"

/* The first in the order of the names, whichever thread comes first. */
static void test_first_failure(void **state)
{
	char name[64], first[64];

	write_sharded(*state);
	for (unsigned i = 1; i <= SHARDS; i += 3) {
		name_shard(name, i);
		write_file(*state, name, "\2\0\0\0\0\0\0\0{", 9);
	}
	name_shard(first, 1);
	for (unsigned i = 0; i < 20; i++)
		check_failure(*state, NULL, SFT_E_INVALID_HEADER_LENGTH, first,
			      "header of 2 bytes in a file of 9: the file was cut short, "
			      "or is still being downloaded");
	remove_shard(*state, 1);
	check_failure(*state, NULL, SFT_E_INDEX, first, THIS_MISSING);
}

static void test_missing_shard(void **state)
{
	char name[64];
	char *link;

	write_sharded(*state);
	remove_shard(*state, 17);
	name_shard(name, 17);
	check_failure(*state, NULL, SFT_E_INDEX, name, THIS_MISSING);
	/* In a snapshot whose blob is not there yet, the link is. */
	link = path_in(*state, name);
	assert_int_equal(symlink("../blobs/0123", link), 0);
	check_failure(*state, NULL, SFT_E_INDEX, name, THIS_MISSING);
	free(link);
}

/* Without an index, the folder lists a link: what it leads to is simply not there. */
static void test_dangling(void **state)
{
	char *link = path_in(*state, "model.safetensors");

	assert_int_equal(symlink("../blobs/0123", link), 0);
	check_failure(*state, NULL, SFT_E_IO, "model.safetensors",
		      "cannot open: No such file or directory");
	free(link);
}

/* ---- what is skipped ---- */

struct warnings {
	unsigned count;
	struct sft_error last;
};

static void keep_warning(void *arg, const struct sft_error *warning)
{
	struct warnings *warnings = arg;

	warnings->count++;
	warnings->last = *warning;
}

static void test_skip(void **state)
{
	struct warnings warnings = { 0 };
	const struct sft_options skip = { .skip_missing = true,
					  .warn = keep_warning,
					  .warn_arg = &warnings };
	char *index = path_in(*state, INDEX);
	struct sft_model *model;

	write_sharded(*state);
	sft_close(open_model(*state, ".", &skip));
	assert_int_equal(warnings.count, 0); /* nothing is missing yet */
	remove_shard(*state, 1);
	remove_shard(*state, 3);
	remove_shard(*state, SHARDS);
	model = open_model(*state, INDEX, &skip);
	assert_int_equal(warnings.count, 1);
	assert_int_equal(warnings.last.status, SFT_E_INDEX);
	assert_string_equal(warnings.last.file, index);
	assert_string_equal(warnings.last.detail,
			    "6 of the 80 tensors of the index are missing, the first is "
			    "\"1.b\"");
	assert_int_equal(model->shard_count, SHARDS - 3);
	assert_int_equal(model->tensor_count, 2 * (SHARDS - 3));
	/* The numbers of the shards behind have moved, also in their tensors. */
	assert_string_equal(model->shards[1].name, "model-00004-of-00040.safetensors");
	CHECK_BYTES("3rd", sft_model_name(model, &model->tensors[2]), BYTES("4.a"));
	assert_int_equal(model->tensors[2].shard, 1);
	assert_int_equal(model->missing_count, 6);
	CHECK_BYTES("1", model->missing[0].tensor, BYTES("1.b"));
	assert_string_equal(model->missing[0].file, "model-00001-of-00040.safetensors");
	CHECK_BYTES("6", model->missing[5].tensor, BYTES("40.a"));
	assert_string_equal(model->missing[5].file, "model-00040-of-00040.safetensors");
	sft_close(model);
	free(index);
}

static void test_all_missing(void **state)
{
	static const struct sft_options skip = { .skip_missing = true };

	write_sharded(*state);
	for (unsigned i = 1; i <= SHARDS; i++)
		remove_shard(*state, i);
	check_failure(*state, &skip, SFT_E_INDEX, INDEX,
		      "none of the 40 shards of the index is there");
}

/* Skipping is for what an index lists; it heals nothing else. */
static void test_skip_heals_nothing(void **state)
{
	static const struct sft_options skip = { .skip_missing = true };

	write_sharded(*state);
	write_file(*state, "model-00002-of-00040.safetensors", "", 0);
	check_failure(*state, &skip, SFT_E_HEADER_TOO_SMALL,
		      "model-00002-of-00040.safetensors",
		      "only 0 bytes, no room for the 8 of a header length: the file is "
		      "empty; perhaps its download failed or has not begun");
}

/* ---- many ---- */

/* So many that a tree is made by a thread of its own. */
static void test_many_tensors(void **state)
{
	const unsigned count = 5000;
	char *header = malloc(count * 32);
	size_t used = 0;
	struct sft_model *model;
	struct sft_ref ref;

	assert_non_null(header);
	for (unsigned i = 0; i < count; i++)
		used += (size_t)sprintf(header + used, "%s\"%u.w\":[\"U8\",[0],[0,0]]",
					i > 0 ? "," : "{", i);
	strcpy(header + used, "}");
	write_model(*state, "m", header, 0);
	free(header);
	model = open_model(*state, "m", NULL);
	assert_int_equal(model->trees[SFT_TREE_FLAT].count, count + 1);
	assert_int_equal(model->trees[SFT_TREE_NESTED].count, 2 * count + 1);
	ref = find_ref(model, ".view/flat/4999.w.npy");
	CHECK_BYTES("last", sft_model_name(model, sft_ref_tensor(model, ref)),
		    BYTES("4999.w"));
	sft_close(model);
}

/* A complete set, but of more files than are opened; none of them is. */
static void test_too_many_shards(void **state)
{
	const unsigned count = SFT_SHARDS_MAX + 1;

	for (unsigned i = 1; i <= count; i++) {
		char name[64];

		snprintf(name, sizeof(name), "m-%05u-of-%05u.safetensors", i, count);
		write_file(*state, name, "", 0);
	}
	CHECK_UINT("set", sft_open(*state, NULL, NULL, NULL), SFT_E_LIMIT);
}

/* Each header is as long as one may be; together they are more than is read. */
static void test_long_headers(void **state)
{
	const unsigned count = SFT_HEADERS_LEN_MAX / SFT_HEADER_LEN_MAX + 1;
	const size_t len = SFT_HEADER_LEN_MAX;
	char *header = malloc(len + 1);
	struct sft_error err = { 0 };
	char name[64];
	char *first;

	assert_non_null(header);
	memset(header, ' ', len);
	header[0] = '{';
	header[1] = '}';
	header[len] = '\0';
	snprintf(name, sizeof(name), "m-00001-of-%05u.safetensors", count);
	write_model(*state, name, header, 0);
	free(header);
	first = path_in(*state, name);
	for (unsigned i = 2; i <= count; i++) {
		char *path;

		snprintf(name, sizeof(name), "m-%05u-of-%05u.safetensors", i, count);
		path = path_in(*state, name);
		assert_int_equal(link(first, path), 0);
		free(path);
	}
	CHECK_UINT("headers", sft_open(*state, NULL, NULL, &err), SFT_E_LIMIT);
	CHECK_HOLDS(
		"headers", err.detail,
		"the headers up to here have 2200000000 bytes, the limit is 2147483648");
	free(first);
}

/* ---- the other files of the folder ---- */

static void test_companions(void **state)
{
	struct sft_model *model;
	char *text;
	size_t len;

	write_model(*state, "model.safetensors", "{\"a\":[\"U8\",[],[0,1]]}", 1);
	write_file(*state, "config.json", "{}\n", 3);
	write_file(*state, "sub/tokenizer.json", "[1]", 3);
	model = open_model(*state, ".", NULL);
	text = read_whole(model, ".view/model/config.json", &len);
	CHECK_TEXT("file", text, "{}\n");
	free(text);
	text = read_whole(model, ".view/npz/sub/tokenizer.json", &len);
	CHECK_TEXT("below", text, "[1]");
	free(text);
	sft_close(model);
}

/* Hidden files are left out; past a thousand they are counted rather than named. */
static void test_left_out(void **state)
{
	struct sft_model *model;
	char *text;
	size_t len;

	write_model(*state, "model.safetensors", "{}", 0);
	for (unsigned i = 0; i < SFT_LEFT_OUT_MAX + 7; i++) {
		char name[32];

		snprintf(name, sizeof(name), ".%05u", i);
		write_file(*state, name, "", 0);
	}
	model = open_model(*state, ".", NULL);
	text = read_whole(model, "__metadata__.json", &len);
	CHECK_HOLDS("named", text, "\".00999\":\t\"its name begins with a dot\"\n");
	CHECK_HOLDS("counted", text, "\"left_out_more\":\t7");
	free(text);
	sft_close(model);
}

/* ---- the rest ---- */

static void test_empty_model(void **state)
{
	struct sft_model *model;
	struct sft_totals totals;

	write_model(*state, "a", "{}", 0);
	model = open_model(*state, "a", NULL);
	totals = sft_model_totals(model);
	assert_int_equal(totals.tensor_count, 0);
	assert_int_equal(totals.len, 10);
	assert_int_equal(sft_model_file_count(model), 2); /* the root and its document */
	assert_int_equal(sft_model_changes(model), 0);
	sft_close(model);
	sft_close(NULL);
}

/* Every shard stays open, so the soft limit is raised as far as it goes. */
static void test_open_files(void **state)
{
	struct rlimit before, after;

	write_model(*state, "a", "{}", 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	after = before;
	after.rlim_cur = before.rlim_max / 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &after), 0);
	sft_close(open_model(*state, "a", NULL));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
	assert_true(after.rlim_cur == before.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_sharded),
		IN_FOLDER(test_first_failure),
		IN_FOLDER(test_missing_shard),
		IN_FOLDER(test_dangling),
		IN_FOLDER(test_skip),
		IN_FOLDER(test_all_missing),
		IN_FOLDER(test_skip_heals_nothing),
		IN_FOLDER(test_many_tensors),
		IN_FOLDER(test_too_many_shards),
		IN_FOLDER(test_long_headers),
		IN_FOLDER(test_companions),
		IN_FOLDER(test_left_out),
		IN_FOLDER(test_empty_model),
		IN_FOLDER(test_open_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
