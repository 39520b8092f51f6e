// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_lint.c - what the written format forbids and every reader accepts
 *
 * A row is a header that opens, and its warnings: position in the file, the rule in one
 * word, and how many more places there are. The position is 8 more than in the header.
 */
#define _GNU_SOURCE /* open_memstream() */
#include "core/model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/support.h"

#define EMPTY "[0],\"data_offsets\":[0,0]}"
#define GOOD "{\"dtype\":\"U8\",\"shape\":" EMPTY /* 47 bytes */

static const struct {
	const char *word, *text;
} rules[] = {
	{ "leading", "white space before the '{', which has to come first" },
	{ "padding", "padding other than spaces behind the header's JSON" },
	{ "duplicate", "a key that stands twice in one object; the last one counts here, "
		       "other readers may take the first" },
	{ "null", "\"__metadata__\" is null, not an object" },
	{ "array", "a tensor written as an array, not as an object" },
	{ "map", "a dtype written as an object, not as a string" },
};

static const struct {
	const char *header;
	const char *want; /* "8 leading, 12 duplicate+2" */
} rows[] = {
	/* What the format allows. */
	{ "{}", "" },
	{ "{}      ", "" },
	{ "{ \"a\" :\t" GOOD "\n}", "" },
	{ "{\"a\":" GOOD ",\"b\":" GOOD ",\"__metadata__\":{\"a\":\"\",\"dtype\":\"x\"}}",
	  "" },
	/* White space before the object. */
	{ " {}", "8 leading" },
	{ "\n\t\r {}", "8 leading" },
	/* Padding: its first byte that is no space; one for all of it. */
	{ "{}\n", "10 padding" },
	{ "{}  \t ", "12 padding" },
	{ "{} \r\n\r\n", "11 padding" },
	{ " {}\t", "8 leading, 11 padding" },
	/* Keys that stand twice in one object. */
	{ "{\"a\":" GOOD ",\"a\":" GOOD "}", "61 duplicate" },
	{ "{\"a\":" GOOD ", \"a\":" GOOD ",\"a\":" GOOD "}", "62 duplicate+1" },
	{ "{\"a\":" GOOD ",\"\\u0061\":" GOOD "}", "61 duplicate" },
	{ "{\"a\":" GOOD ",\"A\":" GOOD ",\"a\\u0000\":" GOOD "}", "" },
	{ "{\"__metadata__\":{\"k\":\"1\",\"l\":\"2\",\"k\":\"3\"}}", "41 duplicate" },
	{ "{\"a\":{\"x\":1,\"x\":2,\"dtype\":\"U8\",\"shape\":" EMPTY "}",
	  "20 duplicate" },
	{ "{\"a\":{\"x\":[{},{\"y\":0,\"y\":{\"y\":0}}],\"dtype\":\"U8\",\"shape\":" EMPTY
	  "}",
	  "29 duplicate" },
	{ "{\"a\":{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}],"
	  "\"dtype\":\"U8\",\"shape\":" EMPTY ",\"b\":" GOOD "}",
	  "" },
	{ "{\"a\":{\"x\":{\"k\":1},\"y\":{\"k\":1},\"k\":{},\"z\":[],"
	  "\"dtype\":\"U8\",\"shape\":" EMPTY "}",
	  "" },
	{ "{\"__metadata__\":{\"a\":\"1\"},\"a\":" GOOD "}", "" },
	{ "{\"\":" GOOD ",\"\":" GOOD "}", "60 duplicate" },
	/* No metadata. */
	{ "{\"__metadata__\":null}", "24 null" },
	{ "{\"\\u005f_metadata__\": null }", "30 null" },
	{ "{\"a\":{\"__metadata__\":null,\"x\":null,\"dtype\":\"U8\",\"shape\":" EMPTY
	  "}",
	  "" },
	/* Tensors as arrays. */
	{ "{\"a\":[\"U8\",[0],[0,0]]}", "13 array" },
	{ "{\"a\":[\"U8\",[0],[0,0]],\"b\":" GOOD ",\"c\": [\"U8\",[0],[0,0]]}",
	  "13 array+1" },
	{ "{\"a\":{\"x\":[\"U8\",[0],[0,0]],\"dtype\":\"U8\",\"shape\":" EMPTY "}", "" },
	/* Dtypes as objects. */
	{ "{\"a\":{\"dtype\": {\"U8\":null},\"shape\":" EMPTY "}", "23 map" },
	{ "{\"a\":{\"shape\":[0],\"data_offsets\":[0,0],\"dtype\":{\"U8\":null}},"
	  "\"b\":{\"\\u0064type\":{\"U8\":null},\"shape\":" EMPTY "}",
	  "55 map+1" },
	{ "{\"a\":[{\"U8\":null},[0],[0,0]],\"b\":[{\"U8\":null},[0],[0,0]]}",
	  "13 array+1, 14 map+1" },
	{ "{\"a\":[{\"U8\":null},[0],[0,0]]}", "13 array, 14 map" },
	{ "{\"a\":{\"x\":{\"dtype\":{\"U8\":null}},\"dtype\":\"U8\",\"shape\":" EMPTY "}",
	  "" },
	{ "{\"a\":{\"dtype\":\"U8\",\"x\":{\"U8\":null},\"y\":[{}],\"shape\":" EMPTY "}",
	  "" },
	{ "{\"a\":{\"x\":[{\"dtype\":{}}],\"dtype\":{\"F4\":null},\"shape\":" EMPTY "}",
	  "41 map" },
	/* All of them; in the order of the rules. */
	{ " {\"a\":[{\"U8\":null},[0],[0,0]],\"a\":" GOOD ",\"__metadata__\":null}\n",
	  "8 leading, 110 padding, 38 duplicate, 105 null, 14 array, 15 map" },
};

/* ---- warnings as text ---- */

struct warnings {
	FILE *out;
	const char *path; /* that they have to be about */
	unsigned count;
};

static void note_warning(void *arg, const struct sft_error *warning)
{
	struct warnings *warnings = arg;
	const char *word = "unknown";
	size_t len = 0;
	uint64_t more = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
		len = strlen(rules[i].text);
		if (strncmp(warning->detail, rules[i].text, len) == 0) {
			word = rules[i].word;
			break;
		}
	}
	fprintf(warnings->out, "%s%" PRIu64 " %s", warnings->count++ > 0 ? ", " : "",
		warning->pos, word);
	if (sscanf(warning->detail + len, " (and %" SCNu64 " more)", &more) == 1)
		fprintf(warnings->out, "+%" PRIu64, more);
	else
		assert_string_equal(warning->detail + len, "");
	assert_int_equal(warning->status, SFT_OK);
	assert_string_equal(warning->file, warnings->path);
}

static void check_header(const char *folder, const char *header, const char *want)
{
	char *path = path_in(folder, "m");
	char *got = NULL;
	size_t len;
	struct warnings warnings = { open_memstream(&got, &len), path, 0 };
	struct sft_model *model;
	enum sft_status status;

	write_model(folder, "m", header, 0);
	model = open_model(folder, "m", NULL);
	status = sft_lint(model, note_warning, &warnings, NULL);
	assert_int_equal(fclose(warnings.out), 0);
	CHECK_UINT(header, status, SFT_OK);
	CHECK_TEXT(header, got, want);
	sft_close(model);
	free(got);
	free(path);
}
static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_header(*state, rows[i].header, rows[i].want);
}

/* ---- large headers ---- */

/* As deep as a header can be, with a key that stands twice at the bottom. */
static void test_depth(void **state)
{
	static const char end[] = "\"k\":1,\"k\":2";
	char header[2048] =
		"{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]"
		",\"x\":";
	char want[64];

	for (unsigned i = 0; i < 125; i++)
		strcat(header, i == 124 ? "{" : i % 2 > 0 ? "{\"k\":" : "[");
	strcat(header, end);
	snprintf(want, sizeof(want), "%zu duplicate",
		 8 + strlen(header) - strlen("\"k\":2"));
	for (unsigned i = 125; i-- > 0;)
		strcat(header, i == 124 || i % 2 > 0 ? "}" : "]");
	check_header(*state, strcat(header, "}}"), want);
}

/* More keys than there is room for at first; the same ones in another object are new. */
static void test_many_keys(void **state)
{
	static const unsigned count = 5000;
	char *header = malloc(count * 32 + 256);
	size_t used = (size_t)sprintf(header, "{\"__metadata__\":{");
	char want[64];

	for (unsigned i = 0; i < count; i++)
		used += (size_t)sprintf(header + used, "\"k%u\":\"\",", i);
	used += (size_t)sprintf(header + used, "\"k\":\"\"},\"a\":{");
	for (unsigned i = 0; i < count; i++)
		used += (size_t)sprintf(header + used, "\"k%u\":[],", i);
	snprintf(want, sizeof(want), "%zu duplicate+1", 8 + used);
	sprintf(header + used,
		"\"k0\":1,\"k4999\":2,\"dtype\":\"U8\",\"shape\":" EMPTY "}");
	check_header(*state, header, want);
	free(header);
}

/* Few keys are compared one by one, and many are not: around the number that are few. */
static void test_few_keys(void **state)
{
	for (unsigned count = 30; count <= 35; count++) {
		char *header = NULL;
		char want[64];
		size_t len;
		FILE *out = open_memstream(&header, &len);

		/* The same keys in objects within it and behind it are new. */
		fprintf(out, "{\"a\":{\"l\":1,\"x\":[{");
		for (unsigned i = 0; i < count; i++)
			fprintf(out, "\"k%u\":{\"k%u\":1},", i, i);
		snprintf(want, sizeof(want), "%ld duplicate+2", 8 + ftell(out));
		fprintf(out, "\"k0\":0,\"k%u\":{},\"k%u\":0,\"k\":0},{", count - 1,
			count - 2);
		for (unsigned i = 0; i < count; i++)
			fprintf(out, "\"k%u\":0,", i);
		fprintf(out, "\"l\":2}],\"dtype\":\"U8\",\"shape\":" EMPTY "}");
		assert_int_equal(fclose(out), 0);
		check_header(*state, header, want);
		free(header);
	}
}

/* Names of tensors are as many as tensors, or some stand twice: nothing else counts. */
static void test_names(void **state)
{
	static const unsigned count = 100;
	char header[100 * 64 + 256];
	size_t used =
		(size_t)sprintf(header, "{\"__metadata__\":{\"n1\":\"\",\"n1\":\"\"}");

	for (unsigned i = 0; i < count; i++)
		used += (size_t)sprintf(header + used, ",\"n%u\":" GOOD, i);
	strcpy(header + used, "}");
	check_header(*state, header, "33 duplicate");
	sprintf(header + used, ",\"n99\":" GOOD "}");
	check_header(*state, header, "33 duplicate+1");
}

/* ---- several files, and what fails ---- */

static const char *const names[] = { "m-00001-of-00003.safetensors",
				     "m-00002-of-00003.safetensors",
				     "m-00003-of-00003.safetensors" };

static struct sft_model *open_set(const char *folder)
{
	write_model(folder, names[0], " {\"a\":" GOOD "}", 0);
	write_model(folder, names[1], "{\"a\":" GOOD "}", 0);
	write_model(folder, names[2], "{\"a\":" GOOD ",\"a\":" GOOD "}\n", 0);
	return open_model(folder, ".", NULL);
}

static void note_file(void *arg, const struct sft_error *warning)
{
	FILE *out = arg;

	fprintf(out, "%s:%" PRIu64 " ", strrchr(warning->file, '/') + 1, warning->pos);
}

/* Warnings of each file name it; the same key in two files is none. */
static void check_set(const struct sft_model *model, enum sft_status want,
		      const char *warnings, struct sft_error *err)
{
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);
	const enum sft_status status = sft_lint(model, note_file, out, err);

	assert_int_equal(fclose(out), 0);
	CHECK_TEXT("set", got, warnings);
	CHECK_UINT("set", status, want);
	free(got);
}

static void test_set(void **state)
{
	struct sft_model *model = open_set(*state);
	char *path = path_in(*state, names[1]);
	struct sft_error err = { .detail = "" };

	check_set(model, SFT_OK,
		  "m-00001-of-00003.safetensors:8 m-00003-of-00003.safetensors:113 "
		  "m-00003-of-00003.safetensors:61 ",
		  &err);
	assert_string_equal(err.detail, "");
	/* A file that changed might say anything now. */
	assert_int_equal(truncate(path, 70), 0);
	check_set(model, SFT_E_CHANGED, "m-00001-of-00003.safetensors:8 ", &err);
	CHECK_HOLDS("changed", err.file, names[1]);
	CHECK_TEXT("changed", err.detail,
		   "the file changed after it was opened: 61 bytes then, 70 now");
	check_set(model, SFT_E_CHANGED, "m-00001-of-00003.safetensors:8 ", NULL);
	sft_close(model);
	free(path);
}

static void test_io_error(void **state)
{
	struct sft_model *model = open_set(*state);
	struct sft_error err = { .detail = "" };

	assert_int_equal(close(model->shards[2].file.fd), 0);
	check_set(model, SFT_E_IO, "m-00001-of-00003.safetensors:8 ", &err);
	assert_int_equal(err.sys_errno, EBADF);
	CHECK_HOLDS("closed", err.file, names[2]);
	model->shards[2].file.fd = -1;
	sft_close(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_rows),      IN_FOLDER(test_depth),
		IN_FOLDER(test_many_keys), IN_FOLDER(test_few_keys),
		IN_FOLDER(test_names),     IN_FOLDER(test_set),
		IN_FOLDER(test_io_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
