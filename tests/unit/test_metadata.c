// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_metadata.c - the __metadata__ of several files as one object
 *
 * A row is what each of up to three files of a set has as its __metadata__, and the exact
 * text of the union: the first file has its way, and within a file the last pair.
 */
#include "core/metadata.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

#define FILES_MAX 3u

static const struct {
	const char *what;
	const char *files[FILES_MAX]; /* "": the file has none */
	const char *want;
} rows[] = {
	{ "none", { "" }, "{}" },
	{ "empty", { "{}" }, "{}" },
	{ "null", { "null" }, "{}" },
	{ "nowhere", { "", "{}", "null" }, "{}" },
	{ "one", { "{\"format\":\"pt\"}" }, "{\n\t\t\"format\":\t\"pt\"\n\t}" },
	{ "in the order of the file",
	  { "{\"b\":\"2\",\"a\":\"1\",\"c\":\"\"}" },
	  "{\n\t\t\"b\":\t\"2\",\n\t\t\"a\":\t\"1\",\n\t\t\"c\":\t\"\"\n\t}" },
	{ "twice in one file: the last, in the first one's place",
	  { "{\"a\":\"1\",\"b\":\"2\",\"\\u0061\":\"3\",\"a\":\"4\"}" },
	  "{\n\t\t\"a\":\t\"4\",\n\t\t\"b\":\t\"2\"\n\t}" },
	{ "in two files: the first",
	  { "{\"a\":\"1\"}", "{\"a\":\"2\",\"b\":\"3\"}" },
	  "{\n\t\t\"a\":\t\"1\",\n\t\t\"b\":\t\"3\"\n\t}" },
	{ "twice in the first, and in the second",
	  { "{\"a\":\"1\",\"a\":\"2\"}", "{\"a\":\"3\",\"a\":\"4\"}" },
	  "{\n\t\t\"a\":\t\"2\"\n\t}" },
	{ "twice in the second, which alone has it",
	  { "{\"a\":\"1\"}", "{\"b\":\"3\",\"b\":\"4\"}", "{\"b\":\"5\"}" },
	  "{\n\t\t\"a\":\t\"1\",\n\t\t\"b\":\t\"4\"\n\t}" },
	{ "not in the first",
	  { "", "{\"a\":\"1\"}", "{\"a\":\"2\",\"c\":\"3\"}" },
	  "{\n\t\t\"a\":\t\"1\",\n\t\t\"c\":\t\"3\"\n\t}" },
	{ "keys that only look alike",
	  { "{\"\":\"1\",\"a\":\"2\"}", "{\"a\\u0000\":\"3\",\"A\":\"4\"}" },
	  "{\n\t\t\"\":\t\"1\",\n\t\t\"a\":\t\"2\",\n\t\t\"a\\u0000\":\t\"3\","
	  "\n\t\t\"A\":\t"
	  "\"4\"\n\t}" },
	{ "what may not reach a terminal",
	  { "{\"k\\u001b[\":\"\\\"\\\\\\n\\u202e\xc2\x9b\xf0\x9f\x98\x80\"}" },
	  "{\n\t\t\"k\\u001b[\":"
	  "\t\"\\\"\\\\\\u000a\\u202e\\u009b\xf0\x9f\x98\x80\"\n\t}" },
};

static void check_row(const char *folder, size_t row)
{
	struct sft_json json = { 0 };
	struct sft_model *model;
	char name[64];
	unsigned count = 0;

	while (count < FILES_MAX && rows[row].files[count] != NULL)
		count++;
	for (unsigned i = 0; i < count; i++) {
		const char *metadata = rows[row].files[i];
		char header[256];

		snprintf(name, sizeof(name), "%zu/m-%05u-of-%05u.safetensors", row, i + 1,
			 count);
		snprintf(header, sizeof(header), "{\"%u\":[\"U8\",[0],[0,0]]%s%s}", i,
			 metadata[0] != '\0' ? ",\"__metadata__\":" : "", metadata);
		write_model(folder, name, header, 0);
	}
	snprintf(name, sizeof(name), "%zu", row);
	model = open_model(folder, name, NULL);
	CHECK_UINT(rows[row].what, sft_metadata_format(model, "\n\t\t", &json, NULL),
		   SFT_OK);
	CHECK_TEXT(rows[row].what, json.text, rows[row].want);
	free(json.text);
	sft_close(model);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_row(*state, i);
}

/* Any number of keys, each of them twice. */
static void test_many(void **state)
{
	static const unsigned count = 3000;
	char *header = malloc(count * 64), *want = malloc(count * 64);
	size_t header_len = (size_t)sprintf(header, "{\"__metadata__\":{");
	size_t want_len = (size_t)sprintf(want, "{");
	struct sft_json json = { 0 };
	struct sft_model *model;

	for (unsigned i = 0; i < 2 * count; i++)
		header_len += (size_t)sprintf(header + header_len, "%s\"%u\":\"v%u\"",
					      i > 0 ? "," : "", i % count, i);
	for (unsigned i = 0; i < count; i++)
		want_len += (size_t)sprintf(want + want_len, "%s\n\t\t\"%u\":\t\"v%u\"",
					    i > 0 ? "," : "", i, i + count);
	strcpy(header + header_len, "}}");
	strcpy(want + want_len, "\n\t}");
	write_model(*state, "m", header, 0);
	model = open_model(*state, "m", NULL);
	assert_int_equal(sft_metadata_format(model, "\n\t\t", &json, NULL), SFT_OK);
	assert_string_equal(json.text, want);
	assert_int_equal(json.len, strlen(want));
	free(json.text);
	sft_close(model);
	free(header);
	free(want);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_rows),
		IN_FOLDER(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
