// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_glob.c - patterns that choose tensors by name
 */
#include "core/glob.h"

#include <locale.h>
#include <stdlib.h>

#include "tests/unit/support.h"

static const struct {
	const char *pattern;
	struct sft_bytes name;
	bool matches;
} rows[] = {
	{ "*", BYTES(""), true },
	{ "", BYTES(""), true },
	{ "", BYTES("a"), false },
	{ "*", BYTES("model.layers.0/x"), true },
	{ "*.weight", BYTES("a.b/c.weight"), true },
	{ "*.weight", BYTES(".weight"), true },
	{ "*.weight", BYTES("a.weights"), false },
	{ "a?c", BYTES("a/c"), true },
	{ "a?c", BYTES("a.c"), true },
	{ "a?c", BYTES("ac"), false },
	{ "A*", BYTES("abc"), false },
	{ "*layers.[0-3].*", BYTES("model.layers.2.w"), true },
	{ "*layers.[0-3].*", BYTES("model.layers.12.w"), false },
	{ "*layers.[!0-3].*", BYTES("model.layers.4.w"), true },
	{ "*layers.[^0-3].*", BYTES("model.layers.3.w"), false },
	{ "[[:digit:]]", BYTES("7"), true },
	{ "[[:digit:]x-]", BYTES("-"), true },
	{ "[]a]", BYTES("]"), true },
	{ "[!]a]", BYTES("]"), false },
	{ "[\\]]", BYTES("]"), true },
	{ "[[.-.]a]", BYTES("-"), true },
	{ "\\*", BYTES("*"), true },
	{ "\\*", BYTES("x"), false },
	{ "a]", BYTES("a]"), true },
	{ "{a,b}", BYTES("a"), false },
	{ "a\nb*", BYTES("a\nbc"), true },
	/* Characters, not bytes. */
	{ "?", BYTES("é"), true },
	{ "??", BYTES("é"), false },
	{ "[а-я]*", BYTES("z"), false },
	{ "[[:alpha:]]", BYTES("é"), true },
	{ "[![:alpha:]]", BYTES("é"), false },
	{ "[[:xdigit:]-]", BYTES("g"), false },
	{ "*a*b?", BYTES("aabab"), false },
	{ "*a*b?", BYTES("aababc"), true },
	{ "**", BYTES("é"), true },
	{ "?", BYTES("\xff"), true },
	{ "?", BYTES("\xf0\x9f\x98\x80"), true },
	{ "[é]", BYTES("é"), true },
	{ "[!é]", BYTES("è"), true },
	{ "[!a]", BYTES("é"), true },
	{ "[а-я]*", BYTES("ж.weight"), true },
	{ "[[:alpha:]]", BYTES("ж"), true },
	{ "é*", BYTES("éa"), true },
	{ "*é", BYTES("è"), false },
	/* A name with NUL matches nothing. */
	{ "*", BYTES("a\0b"), false },
	{ "a", BYTES("a\0"), false },
	{ "", BYTES("\0"), false },
};

static void test_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t *name = malloc(rows[i].name.len + 1);

		assert_non_null(name);
		memcpy(name, rows[i].name.data, rows[i].name.len);
		name[rows[i].name.len] = '*'; /* not a NUL */
		CHECK_UINT(rows[i].pattern, sft_glob_check(rows[i].pattern, NULL),
			   SFT_OK);
		CHECK_UINT(
			rows[i].pattern,
			sft_glob_match(rows[i].pattern, bytes_at(name, rows[i].name.len)),
			rows[i].matches);
		free(name);
	}
	CHECK_UINT("no name", sft_glob_match("*", bytes_at(NULL, 0)), true);
}

static const struct {
	const char *pattern;
	const char *detail;
} broken[] = {
	{ "a[b", "pattern \"a[b\", character 2: '[' without its ']'" },
	{ "[", "pattern \"[\", character 1: '[' without its ']'" },
	{ "[]", "pattern \"[]\", character 1: '[' without its ']'" },
	{ "[!]", "pattern \"[!]\", character 1: '[' without its ']'" },
	{ "[a-", "pattern \"[a-\", character 1: '[' without its ']'" },
	{ "[a]é[b", "pattern \"[a]é[b\", character 5: '[' without its ']'" },
	{ "[a\\]", "pattern \"[a\\\\]\", character 1: '[' without its ']'" },
	{ "[\\", "pattern \"[\\\\\", character 1: '[' without its ']'" },
	{ "é\\", "pattern \"é\\\\\", character 2: '\\' with nothing behind it" },
	{ "[[:digit]",
	  "pattern \"[[:digit]\", character 2: a class in [...] without its end" },
	{ "[[:", "pattern \"[[:\", character 2: a class in [...] without its end" },
	{ "[[:digits:]]",
	  "pattern \"[[:digits:]]\", character 2: no such class of characters" },
	{ "[[.ab.]]", "pattern \"[[.ab.]]\", character 2: more than one character in [. "
		      ".] or [= =]" },
	{ "[xz-a]", "pattern \"[xz-a]\", character 3: not a range" },
	{ "[a-[:digit:]]", "pattern \"[a-[:digit:]]\", character 2: not a range" },
	{ "a\xff", "pattern \"a\\xff\", character 2: not UTF-8" },
	{ "\n[", "pattern \"\\u000a[\", character 2: '[' without its ']'" },
};

static void test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
		struct sft_error err = { 0 };

		CHECK_UINT(broken[i].pattern, sft_glob_check(broken[i].pattern, &err),
			   SFT_E_USAGE);
		CHECK_TEXT(broken[i].pattern, err.detail, broken[i].detail);
		CHECK_UINT(broken[i].pattern, err.pos, SFT_POS_NONE);
	}
}

/* The longest name, and one byte more; and stars that could multiply. */
static void test_long(void **state)
{
	static char name[SFT_PATTERN_NAME_MAX + 1], stars[2 * SFT_PATTERN_NAME_MAX + 2];

	(void)state;
	memset(name, 'a', sizeof(name));
	CHECK_UINT("longest", sft_glob_match("*", bytes_at(name, sizeof(name) - 1)),
		   true);
	CHECK_UINT("too long", sft_glob_match("*", bytes_at(name, sizeof(name))), false);
	for (size_t i = 0; i < SFT_PATTERN_NAME_MAX; i++)
		memcpy(stars + 2 * i, "*a", 2);
	CHECK_UINT("stars", sft_glob_match(stars, bytes_at(name, sizeof(name) - 1)),
		   true);
	strcpy(stars + sizeof(stars) - 4, "*b");
	CHECK_UINT("stars", sft_glob_match(stars, bytes_at(name, sizeof(name) - 1)),
		   false);
	for (size_t i = 0; i + 1 < sizeof(name); i += 2)
		memcpy(name + i, "é", 2);
	CHECK_UINT("é", sft_glob_match("?*[é]", bytes_at(name, sizeof(name) - 1)), true);
}

/* Whatever locale a program has chosen is neither used nor changed. */
static void test_locale(void **state)
{
	const locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	const locale_t before = uselocale(mine);

	(void)state;
	CHECK_UINT("thread", sft_glob_match("?", BYTES("é")), true);
	assert_true(uselocale(before) == mine);
	CHECK_UINT("process", sft_glob_match("?", BYTES("é")), true);
	assert_true(uselocale((locale_t)0) == before);
	freelocale(mine);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_locale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
