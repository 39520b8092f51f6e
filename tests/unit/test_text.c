// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_text.c - UTF-8 is strict, and nothing unsafe gets through sft_escape()
 *
 * The decoder is held against all code points, and against a table of what must not
 * decode. The escaped forms are compared whole, at every size of the receiving buffer.
 */
#include "core/text.h"

#include <stdio.h>

#include "tests/unit/support.h"

/* Every code point comes back from its own encoding, of the length that it should have.
 */
static void test_all_code_points(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		const size_t want = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
		const bool is_surrogate = cp >= 0xd800 && cp <= 0xdfff;
		uint8_t text[SFT_UTF8_MAX];
		uint32_t back = UINT32_MAX;
		const size_t len = sft_utf8_encode(cp, text);

		if (len != want)
			fail_msg("U+%04X has %zu bytes", cp, len);
		if (is_surrogate ? sft_utf8_decode(text, len, &back) != 0
				 : sft_utf8_decode(text, len, &back) != len || back != cp)
			fail_msg("U+%04X decodes to U+%04X", cp, back);
		/* Cut short, it is no character. */
		for (size_t cut = 1; cut < len; cut++)
			if (sft_utf8_decode(text, cut, &back) != 0)
				fail_msg("U+%04X decodes from %zu bytes", cp, cut);
	}
}

static const struct {
	const char *what;
	struct sft_bytes text;
} invalid[] = {
	{ "continuation first", BYTES("\x80zzz") },
	{ "last continuation", BYTES("\xbfzzz") },
	{ "overlong NUL", BYTES("\xc0\x80zz") },
	{ "overlong DEL", BYTES("\xc1\xbfzz") },
	{ "overlong in three", BYTES("\xe0\x80\x80z") },
	{ "overlong U+07FF", BYTES("\xe0\x9f\xbfz") },
	{ "overlong in four", BYTES("\xf0\x80\x80\x80") },
	{ "overlong U+FFFF", BYTES("\xf0\x8f\xbf\xbf") },
	{ "first surrogate", BYTES("\xed\xa0\x80z") },
	{ "last surrogate", BYTES("\xed\xbf\xbfz") },
	{ "U+110000", BYTES("\xf4\x90\x80\x80") },
	{ "lead F5", BYTES("\xf5\x80\x80\x80") },
	{ "lead FF", BYTES("\xff\x80\x80\x80") },
	{ "two of two missing", BYTES("\xc3zzz") },
	{ "two of three missing", BYTES("\xe2z\x82z") },
	{ "three of three missing", BYTES("\xe2\x82zz") },
	{ "four of four missing", BYTES("\xf0\x9f\x98z") },
	{ "lead behind lead", BYTES("\xc3\xc3\xa9z") },
};

static void test_invalid(void **state)
{
	uint32_t cp = UINT32_MAX;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(invalid); i++) {
		CHECK_UINT(
			invalid[i].what,
			sft_utf8_decode(invalid[i].text.data, invalid[i].text.len, &cp),
			0);
		CHECK_UINT(invalid[i].what, cp, UINT32_MAX);
	}
}

/* The wrong byte is found wherever it stands, also beside the steps of eight. */
static void test_valid_len(void **state)
{
	(void)state;
	for (size_t len = 0; len <= 40; len++) {
		uint8_t text[40];

		memset(text, 'a', sizeof(text));
		CHECK_UINT("all of it", sft_utf8_valid_len(text, len), len);
		for (size_t at = 0; at < len; at++) {
			text[at] = 0x80;
			CHECK_UINT("a wrong byte", sft_utf8_valid_len(text, len), at);
			text[at] = 'a';
		}
		if (len < 4)
			continue;
		for (size_t at = 0; at + 3 <= len; at++) {
			memcpy(text + at, "\xe2\x82\xac", 3);
			CHECK_UINT("a long one", sft_utf8_valid_len(text, len), len);
			CHECK_UINT("a cut one", sft_utf8_valid_len(text, at + 2), at);
			memcpy(text + at, "aaa", 3);
		}
	}
}

/* The rule as the design lists it, range by range. */
static const struct {
	uint32_t first, last;
} unsafe[] = {
	{ 0x00, 0x1f },     { 0x7f, 0x9f },     { 0x61c, 0x61c },
	{ 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 },
};

static void test_unsafe(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		bool want = false;

		for (size_t i = 0; i < ARRAY_COUNT(unsafe); i++)
			want = want || (cp >= unsafe[i].first && cp <= unsafe[i].last);
		if (sft_text_is_unsafe(cp) != want)
			fail_msg("U+%04X: unsafe should be %d", cp, want);
	}
}

static const struct {
	struct sft_bytes text;
	const char *want;
} escapes[] = {
	{ BYTES(""), "" },
	{ BYTES("model.layers.0"), "model.layers.0" },
	{ BYTES("a\"b\\c"), "a\\\"b\\\\c" },
	{ BYTES("\0\n\x1b[31m"), "\\u0000\\u000a\\u001b[31m" },
	{ BYTES("\x7f\xc2\x80\xc2\x9f\xc2\xa0"), "\\u007f\\u0080\\u009f\xc2\xa0" },
	{ BYTES("\xd8\x9c\xe2\x80\x8e\xe2\x80\xae\xe2\x81\xa9"),
	  "\\u061c\\u200e\\u202e\\u2069" },
	{ BYTES("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029" },
	{ BYTES("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
	  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ BYTES("\x80\xff\xc3(\xed\xa0\x80"), "\\x80\\xff\\xc3(\\xed\\xa0\\x80" },
	{ BYTES("\xe2\x82"), "\\xe2\\x82" },
};

static void test_escape(void **state)
{
	char out[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(escapes); i++) {
		const char *want = escapes[i].want;

		assert_ptr_equal(sft_escape(out, sizeof(out), escapes[i].text.data,
					    escapes[i].text.len),
				 out);
		CHECK_TEXT(want, out, want);
	}
}

/* Too long by any number of bytes: cut behind a whole piece, "..." and no byte more. */
static const struct {
	size_t first, last; /* sizes of the buffer */
	const char *want;
} cuts[] = {
	{ 8, 13, "ab\xc3\xa9..." },
	{ 14, 14, "ab\xc3\xa9\\u0007..." },
	{ 15, 15, "ab\xc3\xa9\\u0007c..." },
	{ 16, 24, "ab\xc3\xa9\\u0007cdefg" },
};

static void test_escape_cut(void **state)
{
	static const char text[] = "ab\xc3\xa9\acdefg"; /* 15 bytes when escaped */

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cuts); i++) {
		for (size_t cap = cuts[i].first; cap <= cuts[i].last; cap++) {
			char out[32];
			char row[16];

			memset(out, 'X', sizeof(out));
			sft_escape(out, cap, text, sizeof(text) - 1);
			snprintf(row, sizeof(row), "cap %zu", cap);
			CHECK_TEXT(row, out, cuts[i].want);
			for (size_t j = cap; j < sizeof(out); j++)
				CHECK_UINT(row, (uint8_t)out[j], 'X');
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_code_points), cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_valid_len),       cmocka_unit_test(test_unsafe),
		cmocka_unit_test(test_escape),          cmocka_unit_test(test_escape_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
