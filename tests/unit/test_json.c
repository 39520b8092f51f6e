// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_json.c - text of a file as JSON: safe on a terminal, and still the text
 */
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/text.h"
#include "tests/unit/support.h"

#define ROW(what, text, want)                                                            \
	{                                                                                \
		what, { (const uint8_t *)text, sizeof(text) - 1 }, want                  \
	}

static const struct {
	const char *what;
	struct sft_bytes text;
	const char *want;
} rows[] = {
	ROW("empty", "", "\"\""),
	ROW("plain", "model.layers.0", "\"model.layers.0\""),
	ROW("quote and backslash", "a\"b\\c", "\"a\\\"b\\\\c\""),
	ROW("a slash needs nothing", "a/b", "\"a/b\""),
	ROW("NUL", "a\0b", "\"a\\u0000b\""),
	ROW("controls", "\t\n\x1b[31m", "\"\\u0009\\u000a\\u001b[31m\""),
	ROW("DEL", "\x7f", "\"\\u007f\""),
	ROW("C1", "\xc2\x9b", "\"\\u009b\""),
	ROW("above C1", "\xc2\xa0", "\"\xc2\xa0\""),
	ROW("bidirectional", "\xe2\x80\xae", "\"\\u202e\""),
	ROW("line separator", "\xe2\x80\xa8", "\"\\u2028\""),
	ROW("two bytes", "\xc3\xa9", "\"\xc3\xa9\""),
	ROW("four bytes", "\xf0\x9f\x98\x80.w", "\"\xf0\x9f\x98\x80.w\""),
	ROW("no UTF-8", "a\xff\xc3(", "\"a\xef\xbf\xbd\xef\xbf\xbd(\""),
	ROW("cut in a character", "a\xe2\x80", "\"a\xef\xbf\xbd\xef\xbf\xbd\""),
};

static void test_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_json json = { 0 };

		sft_json_string(&json, rows[i].text);
		CHECK_TEXT(rows[i].what, json.text, rows[i].want);
		CHECK_UINT(rows[i].what, json.len, strlen(rows[i].want));
		CHECK_UINT(rows[i].what, json.failed, false);
		free(json.text);
	}
}

/* Every character that may not reach a terminal, and no other below U+3000, is escaped.
 */
static void test_unsafe(void **state)
{
	(void)state;
	for (uint32_t cp = 0x80; cp < 0x3000; cp++) {
		uint8_t text[SFT_UTF8_MAX];
		const size_t len = sft_utf8_encode(cp, text);
		struct sft_json json = { 0 };
		char want[16];

		if (sft_text_is_unsafe(cp))
			snprintf(want, sizeof(want), "\"\\u%04x\"", cp);
		else
			snprintf(want, sizeof(want), "\"%.*s\"", (int)len, text);
		sft_json_string(&json, bytes_at(text, len));
		CHECK_TEXT(want, json.text, want);
		free(json.text);
	}
}

static void test_pieces(void **state)
{
	struct sft_json json = { 0 };

	(void)state;
	sft_json_raw(&json, "{");
	sft_json_pair(&json, BYTES("k\n"), BYTES("v"));
	sft_json_raw(&json, ", \"n\": [");
	sft_json_uint(&json, 0);
	sft_json_raw(&json, ", ");
	sft_json_uint(&json, UINT64_MAX);
	sft_json_raw(&json, "]}");
	CHECK_TEXT("pieces", json.text,
		   "{\"k\\u000a\":\t\"v\", \"n\": [0, 18446744073709551615]}");
	free(json.text);
}

/* Text of any length around the sizes at which the buffer grows. */
static void test_growth(void **state)
{
	(void)state;
	for (size_t len = 0; len < 600; len++) {
		struct sft_json json = { 0 };
		char *text = malloc(len + 1);

		memset(text, 'x', len);
		text[len] = '\0';
		sft_json_raw(&json, "<");
		sft_json_raw(&json, text);
		sft_json_raw(&json, ">");
		assert_int_equal(json.len, len + 2);
		assert_int_equal(strlen(json.text), len + 2);
		assert_memory_equal(json.text + 1, text, len);
		free(json.text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_unsafe),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
