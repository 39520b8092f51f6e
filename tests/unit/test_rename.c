// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_rename.c - expressions that give tensors other names
 *
 * What the rows of `rows` want is what GNU sed 4.9 -E answers in the locale C.UTF-8; what
 * `own` wants is ours.
 */
#include "core/rename.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

struct row {
	const char *expression;
	const char *name;
	const char *want; /* NULL: nothing matches */
};

static struct sft_rename *compile(const char *expression)
{
	struct sft_rename *rename = NULL;
	struct sft_error err = { 0 };

	if (sft_rename_new(expression, &rename, &err) != SFT_OK)
		fail_msg("%s: %s", expression, err.detail);
	return rename;
}

static void check_rows(const struct row *row, size_t count)
{
	for (; count > 0; row++, count--) {
		struct sft_rename *rename = compile(row->expression);
		const size_t name_len = strlen(row->name);
		uint8_t *name = malloc(name_len + 1);
		char out[SFT_PATTERN_NAME_MAX];
		size_t len = SIZE_MAX;
		bool changed;

		assert_non_null(name);
		memcpy(name, row->name, name_len);
		name[name_len] = 'a'; /* not a NUL */
		CHECK_UINT(row->expression,
			   sft_rename_apply(rename, bytes_at(name, name_len), out, &len,
					    &changed, NULL),
			   SFT_OK);
		CHECK_UINT(row->expression, changed, row->want != NULL);
		if (row->want != NULL)
			CHECK_BYTES(row->expression, bytes_at(out, len),
				    sft_bytes_of(row->want));
		else
			CHECK_UINT(row->expression, len, SIZE_MAX);
		free(name);
		sft_rename_free(rename);
	}
}

static const struct row rows[] = {
	/* What people do. */
	{ "s/^model\\.//", "model.layers.0", "layers.0" },
	{ "s/^model\\.//", "a.model.x", NULL },
	{ "s/\\.gamma$/.weight/", "norm.gamma", "norm.weight" },
	{ "s/$/.x/", "a", "a.x" },
	{ "s/layers\\.([0-9]+)\\./h.\\1./", "model.layers.12.w", "model.h.12.w" },
	{ "s|/|.|g", "a/b/c", "a.b.c" },
	{ "s/(.*)_([ab])$/\\2.\\1/", "lora_a", "a.lora" },
	/* The replacement. */
	{ "s/b/[&&]/", "abc", "a[bb]c" },
	{ "s/b/\\&\\\\/", "abc", "a&\\c" },
	{ "s/b/\\0\\//", "abc", "ab/c" },
	{ "s/b/\\n\\t/", "abc", "a\n\tc" },
	{ "s/b/é/", "abc", "aéc" },
	{ "s/b/\\é\\./", "abc", "aé.c" },
	{ "s/(x)|b/<\\1>/", "abc", "a<>c" },
	{ "s/(a)(b)(c)(d)(e)(f)(g)(h)(i)/\\9\\1\\5/", "abcdefghi", "iae" },
	{ "s/b//", "abc", "ac" },
	{ "s/.*//", "abc", "" },
	{ "s/^/x/", "", "x" },
	/* Flags. */
	{ "s/a/x/", "aaa", "xaa" },
	{ "s/a/x/g", "aaa", "xxx" },
	{ "s/A/x/Ig", "aAa", "xxx" },
	{ "s/é/x/gi", "Éé", "xx" },
	{ "s/A/x/ii", "aAa", "xAa" },
	/* Empty matches. */
	{ "s/x*/-/g", "abc", "-a-b-c-" },
	{ "s/x*/-/g", "", "-" },
	{ "s/x*/-/g", "é", "-é-" },
	{ "s/x*/-/", "abc", "-abc" },
	{ "s/a*/x/g", "baaac", "xbxcx" },
	{ "s/b*/x/g", "abba", "xaxax" },
	{ "s/$/x/g", "ab", "abx" },
	/* What stands before a match is known. */
	{ "s/^a/x/g", "aaa", "xaa" },
	{ "s/^a|^b/x/g", "ab", "xb" },
	{ "s/^/x/g", "ab", "xab" },
	{ "s/\\b/-/g", "ab.cd", "-ab-.-cd-" },
	{ "s/\\B/-/g", "abc", "a-b-c" },
	{ "s/\\<./x/g", "ab.cd", "xb.xd" },
	{ "s/\\`a/x/g", "aa", "xa" },
	/* The delimiter. */
	{ "s,a\\,b,x,", "a,b", "x" },
	{ "s/a\\/b/\\//", "a/b", "/" },
	{ "s/[/]/x/", "a/b", "axb" },
	{ "s/[]/]/x/g", "a/b]", "axbx" },
	{ "s/[^]/]/x/g", "a/b]", "x/x]" },
	{ "s/[[:alpha:]/]/x/g", "a/b.", "xxx." },
	{ "s/[[./.]]/x/", "a/b", "axb" },
	{ "s/[\\/]/x/g", "a/b\\", "axbx" },
	{ "s/[a/]\\]/x/", "a/]b", "axb" },
	{ "s][]]]x]", "a]b", "axb" },
	{ "sna\\nbnxn", "anb", "x" },
	{ "s1a\\1b1x1", "a1b", "x" },
	{ "s&a&x\\&y&", "a", "x&y" },
	{ "s a b ", "a", "b" },
	{ "sxaxbx", "a", "b" },
	{ "s/b/[/", "abc", "a[c" },
	/* Escapes in the regular expression. */
	{ "s/a\\.b/x/", "aab a.b", "aab x" },
	{ "s/\\w+\\W\\s*/x/", "ab. c", "xc" },
	{ "s/\\t/x/", "a\tb", "axb" },
	{ "s/[\\n]/x/", "an\nb", "anxb" },
	{ "s/[\\.]/x/g", "a\\.", "axx" },
	{ "s/(.)\\1/<\\1>/", "abba", "a<b>a" },
	{ "s/\\(a\\)/x/", "(a)", "x" },
	{ "s/a{2}/x/g", "aaaaa", "xxa" },
	{ "s/./x/g", "aé\xf0\x9f\x98\x80", "xxx" },
	{ "s/[жя]/x/g", "zжя", "zxx" },
	{ "s/[^a]/x/g", "aé", "ax" },
	{ "s/a.b/x/", "a\nb", "x" },
};

static void test_sed(void **state)
{
	(void)state;
	check_rows(rows, ARRAY_COUNT(rows));
}

/* Here sed lets a delimiter keep its meaning in the regular expression. */
static const struct row own[] = {
	{ "s|a\\|b|x|", "a|b", "x" },       { "s.a\\.b.x.", "axb", NULL },
	{ "s.a\\.b.x.", "a.b", "x" },       { "s+a\\+b+x+", "a+b", "x" },
	{ "s(\\((x(", "a(b", "axb" },       { "s{a\\{{x{", "a{", "x" },
	{ "s)\\))x)", "a)", "ax" },         { "s<a\\<b<x<", "a<b", "x" },
	{ "s/a\nb/x\ny/", "a\nb", "x\ny" },
};

static void test_own(void **state)
{
	(void)state;
	check_rows(own, ARRAY_COUNT(own));
}

static const struct {
	const char *expression;
	const char *at;
} broken[] = {
	{ "", "character 1: not of the form s/REGEX/REPLACEMENT/" },
	{ "y/a/b/", "character 1: not of the form s/REGEX/REPLACEMENT/" },
	{ "s", "character 2: no delimiter behind the 's'" },
	{ "s\\a\\b\\", "character 2: a delimiter that is a backslash," },
	{ "s\na\nb\n", "character 2: a delimiter that is" },
	{ "séaébé", "character 2: a delimiter that is" },
	{ "s/", "character 3: no '/' behind the regular expression" },
	{ "s/é", "character 4: no '/' behind the regular expression" },
	{ "s/a/b", "character 6: no '/' behind the replacement" },
	{ "s\001a", "character 4: no '\\u0001' behind the regular expression" },
	{ "s\033a\033b", "character 6: no '\\u001b' behind the replacement" },
	{ "s/a\\", "character 4: '\\' with nothing behind it" },
	{ "s/a/\\", "character 5: '\\' with nothing behind it" },
	{ "s//b/", "character 3: the regular expression is empty" },
	{ "s/a/b/gg", "character 8: the flag 'g' twice" },
	{ "s/a/b/p", "character 7: a flag other than 'g' and 'i'" },
	{ "s/a/b/ ", "character 7: a flag other than 'g' and 'i'" },
	{ "s/é/b/2", "character 7: a flag other than 'g' and 'i'" },
	{ "s/a[b/c/", "character 4: '[' without its ']'" },
	{ "s/[[.a]/c/", "character 3: '[' without its ']'" },
	{ "s/[", "character 3: '[' without its ']'" },
	{ "s/é)/c/", "character 4: ')' without its '('" },
	{ "s/(a/c/", "character 3: Unmatched ( or \\(" },
	{ "s/a{2,1}/c/", "character 3: Invalid content of \\{\\}" },
	{ "s/*/c/", "character 3: Invalid preceding regular expression" },
	{ "s/[b-a]/c/", "character 3: Invalid range end" },
	{ "s/[а-я]/c/", "character 3: Invalid collation character" },
	{ "s/[[:x:]]/c/", "character 3: Invalid character class name" },
	{ "s/a\\1/c/", "character 3: Invalid back reference" },
	{ "s/(a)/\\1\\2/", "character 9: no group of that number" },
	{ "s/\\(a/\\1/", "character 7: no group of that number" },
	{ "s/\\d/c/", "character 3: unknown escape '\\d'" },
	{ "s/[\\d]/c/", "character 4: unknown escape '\\d'" },
	{ "s/a/\\U&/", "character 5: unknown escape '\\U'" },
	{ "s/a/\\x41/", "character 5: unknown escape '\\x'" },
	{ "s/a\xff/b/", "character 4: not UTF-8" },
};

static void test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
		const char *row = broken[i].expression;
		struct sft_rename *rename = NULL;
		struct sft_error err = { 0 };
		char quoted[128], start[160];

		CHECK_UINT(row, sft_rename_new(row, &rename, &err), SFT_E_USAGE);
		assert_null(rename);
		sft_escape(quoted, sizeof(quoted), row, strlen(row));
		snprintf(start, sizeof(start), "rename \"%s\", %s", quoted, broken[i].at);
		CHECK_HOLDS(row, err.detail, start);
		CHECK_UINT(row, err.pos, SFT_POS_NONE);
		CHECK_UINT(row, sft_rename_new(row, &rename, NULL), SFT_E_USAGE);
	}
	sft_rename_free(NULL);
}

/* As long as it may be, and as deep; one byte more is refused before regcomp(). */
static void test_longest_expression(void **state)
{
	char text[SFT_RENAME_EXPRESSION_MAX + 2];
	struct sft_rename *rename = NULL;
	struct sft_error err = { 0 };

	(void)state;
	memset(text, '(', sizeof(text));
	memcpy(text, "s/", 2);
	strcpy(text + SFT_RENAME_EXPRESSION_MAX - 2, "/x/");
	CHECK_UINT("longer", sft_rename_new(text, &rename, &err), SFT_E_USAGE);
	CHECK_HOLDS("longer", err.detail, "character 4097: longer than 4096 bytes");
	strcpy(text + SFT_RENAME_EXPRESSION_MAX - 3, "/x/");
	CHECK_UINT("deep", sft_rename_new(text, &rename, &err), SFT_E_USAGE);
	CHECK_HOLDS("deep", err.detail, "character 3: Unmatched (");
}

static void test_limits(void **state)
{
	struct sft_rename *rename = compile("s/b/xx/g");
	struct sft_rename *all = compile("s/a/&&/g");
	char name[SFT_PATTERN_NAME_MAX + 1], out[SFT_PATTERN_NAME_MAX];
	struct sft_error err = { 0 };
	size_t len = 0;
	bool changed;

	(void)state;
	memset(name, 'a', sizeof(name));
	name[0] = 'b';
	CHECK_UINT("fits",
		   sft_rename_apply(rename, bytes_at(name, sizeof(name) - 2), out, &len,
				    &changed, &err),
		   SFT_OK);
	CHECK_UINT("fits", len, sizeof(out));
	CHECK_UINT("full",
		   sft_rename_apply(rename, bytes_at(name, sizeof(name) - 1), out, &len,
				    &changed, &err),
		   SFT_E_LIMIT);
	CHECK_HOLDS("full", err.detail, "\"baaaaaa");
	CHECK_HOLDS("full", err.detail, "becomes a name of more than 4096 bytes");
	CHECK_UINT("double",
		   sft_rename_apply(all, bytes_at(name, sizeof(name) - 1), out, &len,
				    &changed, NULL),
		   SFT_E_LIMIT);
	CHECK_UINT("too long",
		   sft_rename_apply(rename, bytes_at(name, sizeof(name)), out, &len,
				    &changed, &err),
		   SFT_OK);
	CHECK_UINT("too long", changed, false);
	CHECK_UINT("NUL",
		   sft_rename_apply(rename, BYTES("b\0b"), out, &len, &changed, &err),
		   SFT_OK);
	CHECK_UINT("NUL", changed, false);
	CHECK_UINT("no name",
		   sft_rename_apply(rename, bytes_at(NULL, 0), out, &len, &changed, &err),
		   SFT_OK);
	CHECK_UINT("no name", changed, false);
	sft_rename_free(rename);
	sft_rename_free(all);
}

static void test_locale(void **state)
{
	const locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	const locale_t before = uselocale(mine);
	static const struct row row = { "s/./x/g", "éa", "xx" };

	(void)state;
	check_rows(&row, 1);
	assert_true(uselocale(before) == mine);
	freelocale(mine);
}

/* Applies one expression to names of its own. */
static void *apply_often(void *arg)
{
	const struct sft_rename *rename = arg;
	char name[32], out[SFT_PATTERN_NAME_MAX];
	size_t wrong = 0;

	for (unsigned i = 0; i < 5000; i++) {
		const int name_len = snprintf(name, sizeof(name), "é.%u.w", i);
		size_t len = 0;
		bool changed = false;

		if (sft_rename_apply(rename, bytes_at(name, (size_t)name_len), out, &len,
				     &changed, NULL) != SFT_OK ||
		    !changed || len != (size_t)name_len - 1 ||
		    memcmp(out, name + 3, len - 2) != 0 ||
		    memcmp(out + len - 2, "é", 2) != 0)
			wrong++;
	}
	return wrong > 0 ? arg : NULL;
}

static void test_threads(void **state)
{
	struct sft_rename *rename = compile("s/^([^.]).([0-9]+)\\.w$/\\2.w\\1/");
	pthread_t threads[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, apply_often, rename),
				 0);
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++) {
		void *wrong;

		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	sft_rename_free(rename);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sed),     cmocka_unit_test(test_own),
		cmocka_unit_test(test_broken),  cmocka_unit_test(test_longest_expression),
		cmocka_unit_test(test_limits),  cmocka_unit_test(test_locale),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
