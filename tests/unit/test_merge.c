// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_merge.c - the tensors of several files as one list
 *
 * A row is a folder in short: "1:ab 2:bc" are the files 1.safetensors with the tensors a
 * and b, and 2.safetensors; "a1 b2" is an index with a in the first and b in the second.
 * The result is every tensor with its file and its place there, as "a=1@0".
 */
#define _GNU_SOURCE /* open_memstream() */
#include "core/merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

/* Writes the files of a row; each tensor is one byte. */
static void write_shards(const char *folder, const char *shards)
{
	for (const char *at = shards; *at != '\0'; at += strspn(at, " ")) {
		char name[] = "0.safetensors";
		char header[512];
		unsigned count = 0;
		size_t used = 0;

		name[0] = *at;
		for (at += 2; *at != '\0' && *at != ' '; count++, at++)
			used += (size_t)sprintf(
				header + used, "%c\"%c\":[\"U8\",[],[%u,%u]]",
				count == 0 ? '{' : ',', *at, count, count + 1);
		sprintf(header + used, "}");
		write_model(folder, name, header, count);
	}
}

static void write_index(const char *folder, const char *map)
{
	char text[1024] = "{\"weight_map\":{";
	size_t used = strlen(text);

	for (const char *at = map; *at != '\0'; at += 2 + strspn(at + 2, " "))
		used += (size_t)sprintf(text + used, "%s\"%c\":\"%c.safetensors\"",
					at > map ? "," : "", at[0], at[1]);
	used += (size_t)sprintf(text + used, "}}");
	write_file(folder, "m.safetensors.index.json", text, used);
}

static void dump_text(FILE *out, struct sft_bytes text)
{
	char escaped[64];

	fputs(sft_escape(escaped, sizeof(escaped), text.data, text.len), out);
}

static char *dump(const struct sft_model *model)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	for (size_t i = 0; i < model->tensor_count; i++) {
		const struct sft_tensor *tensor = &model->tensors[i];

		fputs(i > 0 ? " " : "", out);
		dump_text(out, sft_model_name(model, tensor));
		fprintf(out, "=%c@%" PRIu64, model->shards[tensor->shard].name[0],
			tensor->begin);
	}
	for (size_t i = 0; i < model->missing_count; i++) {
		fputs(i == 0 ? " missing " : " ", out);
		dump_text(out, model->missing[i].tensor);
		fprintf(out, "=%c", model->missing[i].file[0]);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

#define SKIP_HINT ", where the index has it; '-o missing=skip' opens what is there"

struct row {
	const char *what;
	const char *shards;
	const char *map;
	const char *want;    /* NULL: an error, unless what is missing is skipped */
	const char *detail;  /* of that error */
	const char *skipped; /* what there is if it is skipped; NULL: the same */
};

static const struct row rows[] = {
	{ "one file", "1:ab", "a1 b1", "a=1@0 b=1@1", NULL, NULL },
	{ "two files", "1:ab 2:c", "c2 b1 a1", "a=1@0 b=1@1 c=2@0", NULL, NULL },
	{ "order of the names, not of the index", "2:a 1:b", "a2 b1", "b=1@0 a=2@0", NULL,
	  NULL },
	{ "tensors that the index does not list", "1:abc 2:xy", "a1 x2",
	  "a=1@0 b=1@1 c=1@2 x=2@0 y=2@1", NULL, NULL },
	{ "files that the index does not list", "1:ab 2:cd", "a1", "a=1@0 b=1@1", NULL,
	  NULL },
	{ "in two, the first is listed", "1:ab 2:bc", "a1 b1 c2", "a=1@0 b=1@1 c=2@1",
	  NULL, NULL },
	{ "in two, the second is listed", "1:ab 2:bc", "a1 b2 c2", "a=1@0 b=2@0 c=2@1",
	  NULL, NULL },
	{ "in three, the first is listed", "1:ab 2:b 3:xb", "a1 b1 x3",
	  "a=1@0 b=1@1 x=3@0", NULL, NULL },
	{ "in three, the second is listed", "1:ab 2:pb 3:xb", "a1 b2 x3",
	  "a=1@0 b=2@1 p=2@0 x=3@0", NULL, NULL },
	{ "in three, the last is listed", "1:ab 2:pb 3:xyb", "a1 b3 p2",
	  "a=1@0 b=3@2 p=2@0 x=3@0 y=3@1", NULL, NULL },
	{ "in three, not listed: the last", "1:ab 2:pb 3:xb", "a1 p2 x3",
	  "a=1@0 b=3@1 p=2@0 x=3@0", NULL, NULL },
	{ "nowhere", "1:ab", "a1 c1", NULL,
	  "tensor \"c\" is not in 1.safetensors" SKIP_HINT, "a=1@0 b=1@1 missing c=1" },
	{ "nowhere, thrice", "1:ab 2:z", "d2 a1 c1 e2 z2", NULL,
	  "tensor \"d\" is not in 2.safetensors" SKIP_HINT,
	  "a=1@0 b=1@1 z=2@0 missing d=2 c=1 e=2" },
	{ "in another file", "1:ab 2:c", "a1 b2 c2", NULL,
	  "tensor \"b\" is not in 2.safetensors" SKIP_HINT, "a=1@0 b=1@1 c=2@0" },
	{ "in two others", "1:ab 2:xb 3:c", "a1 b3 c3 x2", NULL,
	  "tensor \"b\" is not in 3.safetensors" SKIP_HINT, "a=1@0 b=2@1 x=2@0 c=3@0" },
};

static void check_skipped(const char *folder, const struct row *row)
{
	static const struct sft_options skip = { .skip_missing = true };
	struct sft_model *model = open_model(folder, ".", &skip);
	const char *want = row->skipped != NULL ? row->skipped : row->want;
	char *got = dump(model);

	CHECK_TEXT(row->what, got, want);
	free(got);
	sft_close(model);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_error err = { .detail = "" };
		struct sft_model *model = NULL;
		char *folder = path_in(*state, "m-XXXXXX");
		enum sft_status status;

		assert_non_null(mkdtemp(folder));
		write_shards(folder, rows[i].shards);
		write_index(folder, rows[i].map);
		status = sft_open(folder, NULL, &model, &err);
		CHECK_TEXT(rows[i].what, err.detail,
			   rows[i].detail != NULL ? rows[i].detail : "");
		CHECK_UINT(rows[i].what, status,
			   rows[i].detail != NULL ? SFT_E_INDEX : SFT_OK);
		if (rows[i].want != NULL) {
			char *got = dump(model);

			CHECK_TEXT(rows[i].what, got, rows[i].want);
			free(got);
		} else {
			CHECK_HOLDS(rows[i].what, err.file, "/m.safetensors.index.json");
		}
		sft_close(model);
		check_skipped(folder, &rows[i]);
		free(folder);
	}
}

/* Names with NUL are names of their own, and found as such. */
static void test_nul(void **state)
{
	static const char index[] = "{\"weight_map\":{\"a\\u0000\":\"1.safetensors\","
				    "\"a\":\"2.safetensors\"}}";
	static const char both[] =
		"{\"a\":[\"U8\",[],[0,1]],\"a\\u0000\":[\"U8\",[],[1,2]]}";
	struct sft_model *model;
	char *got;

	write_model(*state, "1.safetensors", both, 2);
	write_model(*state, "2.safetensors", both, 2);
	write_file(*state, "m.safetensors.index.json", index, strlen(index));
	model = open_model(*state, ".", NULL);
	assert_int_equal(model->tensor_count, 2);
	got = dump(model);
	assert_string_equal(got, "a=2@0 a\\u0000=1@1");
	free(got);
	sft_close(model);
}

/* A set without an index: the last file in order has the name. */
static void test_set(void **state)
{
	struct sft_model *model;
	char *got;

	for (unsigned i = 1; i <= 3; i++) {
		char name[64], header[128];

		snprintf(name, sizeof(name), "m-%05u-of-00003.safetensors", i);
		snprintf(header, sizeof(header),
			 "{\"%u\":[\"U8\",[],[0,1]],\"a\":[\"U8\",[],[1,2]]%s}", i,
			 i == 2 ? ",\"1\":[\"U8\",[],[2,3]]" : "");
		write_model(*state, name, header, i == 2 ? 3 : 2);
	}
	model = open_model(*state, ".", NULL);
	assert_int_equal(model->shard_count, 3);
	assert_string_equal(model->shards[2].name, "m-00003-of-00003.safetensors");
	got = dump(model);
	assert_string_equal(got, "1=m@2 a=m@1 2=m@0 3=m@0");
	free(got);
	assert_int_equal(model->tensors[0].shard, 1);
	assert_int_equal(model->tensors[1].shard, 2);
	sft_close(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_rows),
		IN_FOLDER(test_nul),
		IN_FOLDER(test_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
