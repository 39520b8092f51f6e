// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_index.c - what an index says, and what it may not say
 *
 * Each row is the text of an index, and either the whole of what was understood, as the
 * sorted files and then `tensor=file` in the order of the index, or the refusal.
 */
#define _GNU_SOURCE /* open_memstream() */
#include "core/index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/names.h"
#include "tests/unit/support.h"

#define S ".safetensors"
#define MAP(entries) BYTES("{\"weight_map\":{" entries "}}")

/* Reads text as an index; the path it had is put into @ret_path. */
static enum sft_status read_index(const char *folder, struct sft_bytes text,
				  struct sft_index *index, struct sft_names *names,
				  struct sft_error *err)
{
	char *path = path_in(folder, "x.safetensors.index.json");
	enum sft_status status;

	*err = (struct sft_error){ .detail = "" };
	*names = (struct sft_names){ 0 };
	write_file(folder, "x.safetensors.index.json", text.data, text.len);
	status = sft_index_read(path, index, names, err);
	if (status != SFT_OK)
		CHECK_TEXT((const char *)text.data, err->file, path);
	free(path);
	return status;
}

static char *dump(const struct sft_index *index, const struct sft_names *names)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	for (size_t i = 0; i < names->count; i++)
		fprintf(out, "%s%s", i > 0 ? " " : "", names->items[i]);
	fputs(":", out);
	for (size_t i = 0; i < index->count; i++) {
		const struct sft_bytes tensor = index->entries[i].tensor;
		uint32_t near, far;
		char name[64];

		sft_escape(name, sizeof(name), tensor.data, tensor.len);
		fprintf(out, " %s=%s", name, names->items[index->entries[i].file]);
		assert_true(sft_index_find(index, tensor, (uint32_t)i, &near));
		assert_true(sft_index_find(index, tensor, UINT32_MAX, &far));
		CHECK_UINT(name, near, i);
		CHECK_UINT(name, far, i);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

struct good_row {
	struct sft_bytes text;
	const char *want;
};

static const struct good_row good[] = {
	{ MAP("\"a\":\"m" S "\""), "m" S ": a=m" S },
	{ BYTES(" {\"metadata\" : {\"total_size\" : 1.5e300, \"x\":[null]}, "
		"\"weight_map\" "
		": {\n \"b\" : \"2" S "\" ,\"a\":\"1" S "\",\"c\":\"2" S "\"} } \n"),
	  "1" S " 2" S ": b=2" S " a=1" S " c=2" S },
	{ BYTES("{\"weight_map\":{\"weight_map\":\"1" S "\"},\"z\":0}"),
	  "1" S ": weight_map=1" S },
	/* Names of tensors are any text; of equal ones the last counts. */
	{ MAP("\"\":\"1" S "\",\"a\\u0000\":\"2" S "\",\"a\":\"1" S "\",\"/..\":\"2" S
	      "\",\"\\ud83d\\ude00\":\"1" S "\""),
	  "1" S " 2" S ": =1" S " a\\u0000=2" S " a=1" S " /..=2" S
	  " \xf0\x9f\x98\x80=1" S },
	{ MAP("\"a\":\"1" S "\",\"b\":\"2" S "\",\"\\u0061\":\"2" S "\",\"c\":\"1" S
	      "\""),
	  "1" S " 2" S ": a=2" S " b=2" S " c=1" S },
	/* Names of files: below the index, and in byte order. */
	{ MAP("\"a\":\"sub/deep/x" S "\",\"b\":\"./y" S "\",\"c\":\"s//z" S
	      "\",\"d\":\"B" S "\",\"e\":\"\\u0061" S "\""),
	  "./y" S " B" S " a" S " s//z" S " sub/deep/x" S ": a=sub/deep/x" S " b=./y" S
	  " c=s//z" S " d=B" S " e=a" S },
	{ MAP("\"a\":\"..." S "\",\"b\":\"..a/x" S "\",\"c\":\"a../b..c" S
	      "\",\"d\":\".../x" S "\""),
	  "..." S " .../x" S " ..a/x" S " a../b..c" S ": a=..." S " b=..a/x" S
	  " c=a../b..c" S " d=.../x" S },
};

static void check_good(const char *folder, const struct good_row *row)
{
	const char *what = (const char *)row->text.data;
	struct sft_index index;
	struct sft_names names;
	struct sft_error err;
	const enum sft_status status =
		read_index(folder, row->text, &index, &names, &err);
	char *got;

	CHECK_TEXT(what, err.detail, "");
	CHECK_UINT(what, status, SFT_OK);
	got = dump(&index, &names);
	CHECK_TEXT(what, got, row->want);
	free(got);
	sft_index_done(&index);
	sft_names_done(&names);
	assert_null(index.text);
}

static void test_good(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(good); i++)
		check_good(*state, &good[i]);
}

/* What an equal key later on replaces is not listed any more; its file is not needed. */
static void test_replaced(void **state)
{
	static const struct good_row rows[] = {
		{ MAP("\"a\":\"1" S "\",\"a\":\"2" S "\""), "2" S ": a=2" S },
		{ BYTES("{\"weight_map\":{\"a\":\"1" S "\"},\"weight_map\":{\"b\":\"2" S
			"\"}}"),
		  "2" S ": b=2" S },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_good(*state, &rows[i]);
}

#define NAME "the file name "

static const struct {
	struct sft_bytes text;
	uint64_t pos;
	const char *detail;
} bad[] = {
	{ BYTES(""), 0, "the JSON text ends where '{' should be" },
	{ BYTES("{}"), SFT_POS_NONE, "the index has no \"weight_map\"" },
	{ BYTES("{\"metadata\":{\"weight_map\":{\"a\":\"1" S "\"}}}"), SFT_POS_NONE,
	  "the index has no \"weight_map\"" },
	{ MAP(""), SFT_POS_NONE, "the \"weight_map\" of the index is empty" },
	{ BYTES("{\"weight_map\":null}"), 14, "expected '{', found 'n'" },
	{ MAP("\"a\":1"), 19, "expected '\"', found '1'" },
	{ MAP("\"a\":\"1" S "\","), 35, "expected '\"', found '}'" },
	{ BYTES("{\"weight_map\":{\"a\":\"1" S "\"}}x"), 36,
	  "expected the end, found 'x'" },
	{ BYTES("{1:2}"), 1, "expected '\"', found '1'" },
	{ BYTES("{\"x\":NaN}"), 5, "expected a value, found 'N'" },
	{ BYTES("{\"weight_map\":{\"\xff\":\"1" S "\"}}"), 16, "the index is not UTF-8" },
	{ MAP("\"a\": \"\""), 20, NAME "\"\" is empty or holds a NUL" },
	{ MAP("\"a\":\"1\\u0000" S "\""), 19,
	  NAME "\"1\\u0000.safetensors\" is empty or holds a NUL" },
	{ MAP("\"a\":\"/1" S "\""), 19, NAME "\"/1.safetensors\" is absolute" },
	{ MAP("\"a\":\"../1" S "\""), 19,
	  NAME "\"../1.safetensors\" leaves the folder with '..'" },
	{ MAP("\"a\":\"x/../1" S "\""), 19,
	  NAME "\"x/../1.safetensors\" leaves the folder with '..'" },
	{ MAP("\"a\":\"..\""), 19, NAME "\"..\" leaves the folder with '..'" },
	{ MAP("\"a\":\"x" S "/..\""), 19,
	  NAME "\"x.safetensors/..\" leaves the folder with '..'" },
	{ MAP("\"a\":\"1.bin\""), 19, NAME "\"1.bin\" does not end in .safetensors" },
	{ MAP("\"a\":\"1.SAFETENSORS\""), 19,
	  NAME "\"1.SAFETENSORS\" does not end in .safetensors" },
	{ MAP("\"a\":\"" S "\""), 19,
	  NAME "\".safetensors\" does not end in .safetensors" },
	{ MAP("\"a\":\"1" S "\n\""), 33, "control character in a string" },
	{ MAP("\"a\":\"1" S "\",\"b\":\"\\u001b" S "x\""), 39,
	  NAME "\"\\u001b.safetensorsx\" does not end in .safetensors" },
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		const char *row = (const char *)bad[i].text.data;
		struct sft_index index;
		struct sft_names names;
		struct sft_error err;
		const enum sft_status status =
			read_index(*state, bad[i].text, &index, &names, &err);

		CHECK_TEXT(row, err.detail, bad[i].detail);
		CHECK_UINT(row, status, SFT_E_INDEX);
		CHECK_UINT(row, err.status, SFT_E_INDEX);
		CHECK_UINT(row, err.pos, bad[i].pos);
		sft_index_done(&index);
		sft_names_done(&names);
	}
}

static void test_find(void **state)
{
	struct sft_index index;
	struct sft_names names;
	struct sft_error err;
	uint32_t entry = 4711;

	assert_int_equal(read_index(*state,
				    MAP("\"a\":\"2" S "\",\"a\\u0000\":\"1" S "\""),
				    &index, &names, &err),
			 SFT_OK);
	assert_false(sft_index_find(&index, BYTES("b"), 0, &entry));
	assert_int_equal(entry, 4711);
	assert_true(sft_index_find(&index, BYTES("a"), 1, &entry));
	assert_int_equal(entry, 0);
	assert_int_equal(index.entries[entry].file, 1);
	assert_true(sft_index_find(&index, BYTES("a\0"), 0, &entry));
	assert_int_equal(entry, 1);
	assert_int_equal(index.entries[entry].file, 0);
	sft_index_done(&index);
	assert_false(
		sft_index_find(&index, BYTES("a"), 1, &entry)); /* it holds nothing */
	sft_names_done(&names);
}

/* 4,096 files are read and sorted; one more is too many. */
static void test_limit(void **state)
{
	static const char head[] = "{\"weight_map\":{";
	char *text = malloc(2 * SFT_SHARDS_MAX * 64);

	assert_non_null(text);
	for (unsigned count = SFT_SHARDS_MAX; count <= SFT_SHARDS_MAX + 1; count++) {
		struct sft_index index;
		struct sft_names names;
		struct sft_error err;
		size_t used = strlen(head);
		enum sft_status status;

		memcpy(text, head, used);
		for (unsigned i = 0; i < 2 * count; i++) /* each is listed twice */
			used += (size_t)sprintf(text + used, "%s\"%u\":\"%u" S "\"",
						i > 0 ? "," : "", i, 9999 - i % count);
		used += (size_t)sprintf(text + used, "}}");
		status = read_index(*state, bytes_at(text, used), &index, &names, &err);
		if (count == SFT_SHARDS_MAX) {
			assert_int_equal(status, SFT_OK);
			assert_int_equal(names.count, count);
			assert_int_equal(index.count, 2 * count);
			assert_string_equal(names.items[0], "5904" S);
			for (unsigned i = 0; i < 2 * count; i++)
				assert_int_equal(index.entries[i].file,
						 count - 1 - i % count);
		} else {
			assert_int_equal(status, SFT_E_LIMIT);
			assert_string_equal(err.detail, "more than 4096 shards");
		}
		sft_index_done(&index);
		sft_names_done(&names);
	}
	free(text);
}

/* The length is judged before any of it is read. */
static void test_long_index(void **state)
{
	char *path = path_in(*state, "x.safetensors.index.json");
	struct sft_index index;
	struct sft_names names = { 0 };
	struct sft_error err;

	write_file(*state, "x.safetensors.index.json", "", 0);
	assert_int_equal(truncate(path, (off_t)SFT_INDEX_LEN_MAX + 1), 0);
	assert_int_equal(sft_index_read(path, &index, &names, &err), SFT_E_LIMIT);
	assert_string_equal(err.detail, "an index of 1073741825 bytes, the limit is "
					"1073741824");
	sft_index_done(&index);
	free(path);
}

static void test_no_file(void **state)
{
	char *path = path_in(*state, "nothing.safetensors.index.json");
	struct sft_index index;
	struct sft_names names = { 0 };
	struct sft_error err;

	assert_int_equal(sft_index_read(path, &index, &names, &err), SFT_E_IO);
	assert_string_equal(err.file, path);
	assert_int_equal(err.sys_errno, ENOENT);
	sft_index_done(&index);
	assert_int_equal(sft_index_read(*state, &index, &names, &err), SFT_E_IO);
	assert_string_equal(err.detail, "not a regular file but a folder");
	sft_index_done(&index);
	sft_names_done(&names);
	free(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_good),    IN_FOLDER(test_replaced),
		IN_FOLDER(test_bad),     IN_FOLDER(test_find),
		IN_FOLDER(test_limit),   IN_FOLDER(test_long_index),
		IN_FOLDER(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
