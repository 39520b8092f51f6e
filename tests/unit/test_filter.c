// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_filter.c - which tensors are left, under which names, and what cannot
 * be
 *
 * Patterns and expressions have their own tests; here rows of rules are applied to one
 * model, and the names that come out are compared whole.
 */
#include "core/filter.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"
#include "core/metadata.h"
#include "tests/unit/support.h"

static const char header[] =
	"{\"__metadata__\":{\"format\":\"pt\",\"tied\":\"a.w\",\"also.tied\":\"b.w\"},"
	"\"a.w\":[\"U8\",[],[0,1]],\"a.b\":[\"U8\",[],[1,2]],\"b.w\":[\"U8\",[],[2,3]],"
	"\"n\\u0000\":[\"U8\",[],[3,4]]}";

#define RULES_MAX 3

/* Rules as on a command line: "+" includes, "-" excludes, anything else renames. */
static const struct {
	const char *what;
	const char *rules[RULES_MAX];
	const char *names;    /* then a bar, and the aliases with what they stand for */
	const char *metadata; /* of what is merged; NULL: that of the file */
	const char *error;    /* in place of all that */
} rows[] = {
	{ "no rule", { NULL }, "a.w a.b b.w n%00|tied=a.w also.tied=b.w", NULL, NULL },
	{ "a part; a NUL matches nothing",
	  { "+*" },
	  "a.w a.b b.w|tied=a.w also.tied=b.w",
	  NULL,
	  NULL },
	{ "an alias goes with its tensor",
	  { "-b.w" },
	  "a.w a.b n%00|tied=a.w",
	  "{\"format\":\t\"pt\",\"tied\":\t\"a.w\"}",
	  NULL },
	{ "and alone", { "-tied" }, "a.w a.b b.w n%00|also.tied=b.w", NULL, NULL },
	{ "included, then excluded",
	  { "+a.*", "+tied", "-*.b" },
	  "a.w|tied=a.w",
	  "{\"format\":\t\"pt\",\"tied\":\t\"a.w\"}",
	  NULL },
	{ "renamed one after the other, aliases too",
	  { "s/w$/weight/", "s/^a/c/", "s/tied/&2/" },
	  "c.weight c.b b.weight n%00|tied2=c.weight clso.tied2=b.weight",
	  "{\"format\":\t\"pt\",\"tied2\":\t\"c.weight\",\"clso.tied2\":\t\"b.weight\"}",
	  NULL },
	{ "patterns are of the old names",
	  { "+a.*", "s/a/x/", NULL },
	  "x.w x.b|",
	  "{\"format\":\t\"pt\"}",
	  NULL },
	{ "to the name that it has", { "s/a/a/" }, NULL, NULL, NULL },
	{ "two swap", { "s/a.w/x/", "s/b.w/a.w/", "s/x/b.w/" }, NULL, NULL, NULL },
	{ "two become one",
	  { "s/^a/b/" },
	  NULL,
	  NULL,
	  "\"a.w\" and \"b.w\" are both renamed to, or are, \"b.w\"" },
	{ "an alias becomes a tensor",
	  { "s/^tied/a.b/" },
	  NULL,
	  NULL,
	  "\"a.b\" and \"tied\" are both renamed to, or are, \"a.b\"" },
	{ "an alias takes a key that says something else",
	  { "s/^tied/format/" },
	  NULL,
	  NULL,
	  "\"tied\" is renamed to \"format\", which the metadata has already" },
	{ "the reserved name",
	  { "s/.*b.w$/__metadata__/" },
	  NULL,
	  NULL,
	  "\"b.w\" is renamed to \"__metadata__\", which no tensor can be" },
	{ "nothing is left",
	  { "+x*" },
	  NULL,
	  NULL,
	  "no tensor is left: none is both included and not excluded (an alias goes "
	  "with its tensor)" },
};

static struct sft_filter *make_filter(const char *const rules[RULES_MAX])
{
	struct sft_filter *filter = sft_filter_new();

	assert_non_null(filter);
	for (size_t i = 0; i < RULES_MAX && rules[i] != NULL; i++) {
		const char *rule = rules[i];
		enum sft_status status;

		if (rule[0] == '+')
			status = sft_filter_include(filter, rule + 1, NULL);
		else if (rule[0] == '-')
			status = sft_filter_exclude(filter, rule + 1, NULL);
		else
			status = sft_filter_rename(filter, rule, NULL);
		CHECK_UINT(rule, status, SFT_OK);
	}
	return filter;
}

static void append(char *text, struct sft_bytes name)
{
	char encoded[SFT_COMPONENT_MAX];
	const size_t len = sft_name_encode(name, sizeof(encoded), encoded);

	strncat(text, encoded, len);
}

/* The names of a model, as the rows have them. */
static void list(const struct sft_model *model, char text[1024])
{
	text[0] = '\0';
	for (size_t i = 0; i < model->tensor_count; i++) {
		strcat(text, i > 0 ? " " : "");
		append(text, sft_model_name(model, &model->tensors[i]));
	}
	strcat(text, "|");
	for (size_t i = 0; i < model->alias_count; i++) {
		const struct sft_alias *alias = &model->aliases[i];

		strcat(text, i > 0 ? " " : "");
		append(text, alias->name);
		strcat(text, "=");
		append(text, sft_model_name(model, &model->tensors[alias->tensor]));
	}
}

static void test_rows(void **state)
{
	write_model(*state, "m", header, 4);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_filter *filter = make_filter(rows[i].rules);
		const struct sft_options options = { .filter = filter };
		char *path = path_in(*state, "m");
		struct sft_model *model = NULL;
		struct sft_error err = { .detail = "" };
		struct sft_json json = { 0 };
		const enum sft_status status = sft_open(path, &options, &model, &err);
		char names[1024];

		if (rows[i].error != NULL) {
			CHECK_UINT(rows[i].what, status, SFT_E_NAME);
			CHECK_TEXT(rows[i].what, err.detail, rows[i].error);
		} else {
			CHECK_TEXT(rows[i].what, err.detail, "");
			list(model, names);
			if (rows[i].names != NULL)
				CHECK_TEXT(rows[i].what, names, rows[i].names);
			assert_int_equal(sft_metadata_format(model, "", &json, NULL),
					 SFT_OK);
			if (rows[i].metadata != NULL)
				CHECK_TEXT(rows[i].what, json.text, rows[i].metadata);
		}
		free(json.text);
		free(path);
		sft_close(model);
		sft_filter_free(filter);
	}
}

/* An entry is no alias where its key is a tensor; it may not become one without it. */
static void test_laid_bare(void **state)
{
	static const char *const rules[][RULES_MAX] = { { "-x.b" },
							{ "s/x/y/" },
							{ "-a.b" } };
	static const char *const metadata[] = { "{}", "{}", "{\"x.b\":\t\"a.w\"}" };

	write_model(*state, "m",
		    "{\"__metadata__\":{\"x.b\":\"a.w\"},\"a.w\":[\"U8\",[],[0,1]],"
		    "\"x.b\":[\"U8\",[],[1,2]],\"a.b\":[\"U8\",[],[2,3]]}",
		    3);
	for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
		struct sft_filter *filter = make_filter(rules[i]);
		const struct sft_options options = { .filter = filter };
		struct sft_model *model = open_model(*state, "m", &options);
		struct sft_json json = { 0 };

		CHECK_UINT(rules[i][0], model->alias_count, 0);
		assert_int_equal(sft_metadata_format(model, "", &json, NULL), SFT_OK);
		CHECK_TEXT(rules[i][0], json.text, metadata[i]);
		free(json.text);
		sft_close(model);
		sft_filter_free(filter);
	}
}

/* The old name stays known, and data is still found under the new one. */
static void test_source(void **state)
{
	static const char *const rules[RULES_MAX] = { "s/^a\\./new.name./" };
	struct sft_filter *filter = make_filter(rules);
	const struct sft_options options = { .filter = filter };
	struct sft_model *model;
	char *text;
	size_t len;

	write_model(*state, "m", header, 4);
	model = open_model(*state, "m", &options);
	CHECK_BYTES("old", sft_filter_source_name(model, &model->tensors[1]),
		    BYTES("a.b"));
	CHECK_BYTES("new", sft_model_name(model, &model->tensors[1]),
		    BYTES("new.name.b"));
	CHECK_BYTES("same", sft_filter_source_name(model, &model->tensors[2]),
		    BYTES("b.w"));
	text = read_whole(model, "new/name/b.bin", &len);
	CHECK_UINT("byte", (uint8_t)text[0], data_byte(1));
	free(text);
	text = read_whole(model, "new/name/b.json", &len);
	CHECK_HOLDS("json", text, "\"source_name\":\t\"a.b\"");
	free(text);
	text = read_whole(model, "b/w.json", &len);
	assert_null(strstr(text, "source_name"));
	free(text);
	sft_close(model);
	sft_filter_free(filter);
	sft_filter_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_rows),
		IN_FOLDER(test_laid_bare),
		IN_FOLDER(test_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
