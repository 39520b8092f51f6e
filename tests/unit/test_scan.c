// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_scan.c - the scanner takes exactly the reference reader's JSON
 *
 * Each row is a text, and either what comes out of it or what is said about it, and
 * where. The text stands in memory of just its own length, so that a sanitizer sees any
 * step past its end.
 */
#include "core/scan.h"

#include <stdlib.h>

#include "tests/unit/support.h"

#define BASE 1000u /* of the text in its file */

/* A scanner over a copy of text; free its text. */
static struct sft_scan scan_of(struct sft_bytes text, struct sft_error *err)
{
	uint8_t *copy = malloc(text.len > 0 ? text.len : 1);

	assert_non_null(copy);
	memcpy(copy, text.data, text.len);
	*err = (struct sft_error){ 0 };
	return (struct sft_scan){
		.text = copy,
		.len = text.len,
		.status = SFT_E_INDEX,
		.base = BASE,
		.err = err,
	};
}

/* Checks a failure: the scanner's own status, the place, and what is said. */
static void check_failure(struct sft_bytes text, enum sft_status status,
			  const struct sft_error *err, size_t pos, const char *detail)
{
	const char *row = (const char *)text.data;

	CHECK_TEXT(row, err->detail, detail);
	CHECK_UINT(row, status, SFT_E_INDEX);
	CHECK_UINT(row, err->status, SFT_E_INDEX);
	CHECK_UINT(row, err->pos, BASE + pos);
}

/* ---- strings ---- */

static const struct {
	struct sft_bytes text;
	struct sft_bytes want;
	size_t off; /* of the cursor afterwards */
} strings[] = {
	{ BYTES("\"\""), BYTES(""), 2 },
	{ BYTES("\"a\""), BYTES("a"), 3 },
	{ BYTES(" \t\r\n\"a\"b"), BYTES("a"), 7 },
	{ BYTES("\"\x7f\xc3\xa9\xf0\x9f\x98\x80\""),
	  BYTES("\x7f\xc3\xa9\xf0\x9f\x98\x80"), 9 },
	{ BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), BYTES("\"\\/\b\f\n\r\t"), 18 },
	{ BYTES("\"\\u0064type\""), BYTES("dtype"), 12 },
	{ BYTES("\"a\\u0000b\""), BYTES("a\0b"), 10 },
	{ BYTES("\"\\u001f\\u007F\""), BYTES("\x1f\x7f"), 14 },
	{ BYTES("\"\\u00E9\\u00e9\\u07ff\\u0800\""),
	  BYTES("\xc3\xa9\xc3\xa9\xdf\xbf\xe0\xa0\x80"), 26 },
	{ BYTES("\"\\ud7ff\\ue000\\uFFFF\""),
	  BYTES("\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"), 20 },
	{ BYTES("\"\\ud800\\udc00\""), BYTES("\xf0\x90\x80\x80"), 14 },
	{ BYTES("\"\\uDBFF\\uDFFF\""), BYTES("\xf4\x8f\xbf\xbf"), 14 },
	{ BYTES("\"x\\ud83d\\ude00y\\nz\""), BYTES("x\xf0\x9f\x98\x80y\nz"), 19 },
};

static void test_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(strings); i++) {
		const char *row = (const char *)strings[i].text.data;
		struct sft_error err;
		struct sft_scan scan = scan_of(strings[i].text, &err);
		struct sft_bytes got;

		CHECK_UINT(row, sft_scan_string(&scan, &got), SFT_OK);
		CHECK_BYTES(row, got, strings[i].want);
		CHECK_UINT(row, scan.off, strings[i].off);
		free(scan.text);
	}
}

#define ENDS "the JSON text ends inside a string"
#define HEX "\\u is not followed by four hex digits"

static const struct {
	struct sft_bytes text;
	size_t pos;
	const char *detail;
} bad_strings[] = {
	{ BYTES(""), 0, "the JSON text ends where '\"' should be" },
	{ BYTES("  "), 2, "the JSON text ends where '\"' should be" },
	{ BYTES("'a'"), 0, "expected '\"', found '''" },
	{ BYTES(" \xc3\xa9"), 1, "expected '\"', found '\xc3\xa9'" },
	{ BYTES(" \x1b"), 1, "expected '\"', found '\\u001b'" },
	{ BYTES("\""), 1, ENDS },
	{ BYTES("\"abc"), 4, ENDS },
	{ BYTES("\"abc\\"), 5, ENDS },
	{ BYTES("\"a\\\""), 4, ENDS },
	{ BYTES("\"a\nb\""), 2, "control character in a string" },
	{ BYTES("\"a\0b\""), 2, "control character in a string" },
	{ BYTES("\"\x1f\""), 1, "control character in a string" },
	{ BYTES("\"ab\\x41\""), 3, "unknown escape in a string" },
	{ BYTES("\"\\\0\""), 1, "unknown escape in a string" },
	{ BYTES("\"\\U0041\""), 1, "unknown escape in a string" },
	{ BYTES("\"\\u"), 1, HEX },
	{ BYTES("\"\\u004"), 1, HEX },
	{ BYTES("\"\\u004\""), 1, HEX },
	{ BYTES("\"\\u00g0\""), 1, HEX },
	{ BYTES("\"\\u+041\""), 1, HEX },
	{ BYTES("\"a\\ud800\""), 2, "lone surrogate \\ud800" },
	{ BYTES("\"a\\udc00\""), 2, "lone surrogate \\udc00" },
	{ BYTES("\"\\uDFFF\\uD800\""), 1, "lone surrogate \\udfff" },
	{ BYTES("\"\\ud800"), 1, "lone surrogate \\ud800" },
	{ BYTES("\"\\ud800\\"), 1, "lone surrogate \\ud800" },
	{ BYTES("\"\\ud800\\n\""), 1, "lone surrogate \\ud800" },
	{ BYTES("\"\\ud800x\\udc00\""), 1, "lone surrogate \\ud800" },
	{ BYTES("\"\\ud800\\u"), 1, "lone surrogate \\ud800" },
	{ BYTES("\"\\ud800\\ud800\""), 1, "lone surrogate \\ud800" },
	{ BYTES("\"\\ud800\\udbff\""), 1, "lone surrogate \\ud800" },
	{ BYTES("\"\\ud800\\ue000\""), 1, "lone surrogate \\ud800" },
};

static void test_bad_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_strings); i++) {
		const struct sft_bytes text = bad_strings[i].text;
		struct sft_error err;
		struct sft_scan scan = scan_of(text, &err);
		struct sft_bytes got;
		const enum sft_status status = sft_scan_string(&scan, &got);

		check_failure(text, status, &err, bad_strings[i].pos,
			      bad_strings[i].detail);
		free(scan.text);
	}
}

/* ---- integers ---- */

#define NO_UINT "expected an unsigned integer, found "
#define A_FLOAT "a floating-point number where an unsigned integer should be"

static const struct {
	struct sft_bytes text;
	uint64_t want;
	size_t off;         /* of the cursor afterwards, or of the error */
	const char *detail; /* NULL: it is one */
} uints[] = {
	{ BYTES("0"), 0, 1, NULL },
	{ BYTES(" 7,"), 7, 2, NULL },
	{ BYTES("10]"), 10, 2, NULL },
	{ BYTES("9007199254740993"), UINT64_C(9007199254740993), 16, NULL },
	{ BYTES("18446744073709551615"), UINT64_MAX, 20, NULL },
	{ BYTES("12\0"), 12, 2, NULL },
	{ BYTES("18446744073709551616"), 0, 0, "integer above 2^64-1" },
	{ BYTES("18446744073709551620"), 0, 0, "integer above 2^64-1" },
	{ BYTES(" 99999999999999999999"), 0, 1, "integer above 2^64-1" },
	{ BYTES("100000000000000000000000000000"), 0, 0, "integer above 2^64-1" },
	{ BYTES("01"), 0, 0, "integer with a leading zero" },
	{ BYTES(" 00"), 0, 1, "integer with a leading zero" },
	{ BYTES("-0"), 0, 0, NO_UINT "'-'" },
	{ BYTES("-1"), 0, 0, NO_UINT "'-'" },
	{ BYTES("+1"), 0, 0, NO_UINT "'+'" },
	{ BYTES(".5"), 0, 0, NO_UINT "'.'" },
	{ BYTES("1.0"), 0, 0, A_FLOAT },
	{ BYTES("1."), 0, 0, A_FLOAT },
	{ BYTES("0e0"), 0, 0, A_FLOAT },
	{ BYTES(" 1E0"), 0, 1, A_FLOAT },
	{ BYTES("\"1\""), 0, 0, NO_UINT "'\\\"'" },
	{ BYTES("true"), 0, 0, NO_UINT "'t'" },
	{ BYTES("[1]"), 0, 0, NO_UINT "'['" },
	{ BYTES(" "), 0, 1, "the JSON text ends where an unsigned integer should be" },
};

static void test_uints(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(uints); i++) {
		const struct sft_bytes text = uints[i].text;
		struct sft_error err;
		struct sft_scan scan = scan_of(text, &err);
		uint64_t got = 4711;
		const enum sft_status status = sft_scan_uint(&scan, &got);

		if (uints[i].detail == NULL) {
			CHECK_UINT((const char *)text.data, status, SFT_OK);
			CHECK_UINT((const char *)text.data, got, uints[i].want);
			CHECK_UINT((const char *)text.data, scan.off, uints[i].off);
		} else {
			check_failure(text, status, &err, uints[i].off, uints[i].detail);
			CHECK_UINT((const char *)text.data, got, 4711);
		}
		free(scan.text);
	}
}

/* ---- containers and what is in them ---- */

static void test_walk(void **state)
{
	struct sft_error err;
	struct sft_scan scan =
		scan_of(BYTES(" { \"a\" : null , \"b\":[ 1 ,2]} \t"), &err);
	struct sft_bytes key;
	uint64_t value;
	bool more = false;

	(void)state;
	assert_int_equal(sft_scan_open(&scan, '{', '}', &more), SFT_OK);
	assert_true(more);
	assert_int_equal(sft_scan_key(&scan, &key), SFT_OK);
	CHECK_BYTES("first key", key, BYTES("a"));
	assert_int_equal(sft_scan_null(&scan), SFT_OK);
	assert_int_equal(sft_scan_more(&scan, '}', &more), SFT_OK);
	assert_true(more);
	assert_int_equal(sft_scan_key(&scan, &key), SFT_OK);
	CHECK_BYTES("second key", key, BYTES("b"));
	assert_int_equal(sft_scan_open(&scan, '[', ']', &more), SFT_OK);
	assert_true(more);
	for (uint64_t want = 1; want <= 2; want++) {
		assert_int_equal(sft_scan_uint(&scan, &value), SFT_OK);
		assert_int_equal(value, want);
		assert_int_equal(sft_scan_more(&scan, ']', &more), SFT_OK);
		assert_int_equal(more, want < 2);
	}
	assert_int_equal(sft_scan_more(&scan, '}', &more), SFT_OK);
	assert_false(more);
	assert_int_equal(sft_scan_end(&scan), SFT_OK);
	assert_int_equal(scan.off, scan.len);
	free(scan.text);
}

static enum sft_status open_object(struct sft_scan *scan)
{
	bool more;

	return sft_scan_open(scan, '{', '}', &more);
}

static enum sft_status more_of_object(struct sft_scan *scan)
{
	bool more;

	return sft_scan_more(scan, '}', &more);
}

static enum sft_status more_of_array(struct sft_scan *scan)
{
	bool more;

	return sft_scan_more(scan, ']', &more);
}

static enum sft_status take_key(struct sft_scan *scan)
{
	struct sft_bytes key;

	return sft_scan_key(scan, &key);
}

static const struct {
	enum sft_status (*take)(struct sft_scan *scan);
	struct sft_bytes text;
	size_t off;
	const char *detail; /* NULL: it goes well, up to @off */
} pieces[] = {
	{ open_object, BYTES("{}"), 2, NULL },
	{ open_object, BYTES(" { \n}"), 5, NULL },
	{ open_object, BYTES("{,"), 1, NULL },
	{ open_object, BYTES("{"), 1, NULL },
	{ open_object, BYTES("[]"), 0, "expected '{', found '['" },
	{ open_object, BYTES("\xef\xbb\xbf{"), 0, "expected '{', found '\xef\xbb\xbf'" },
	{ more_of_object, BYTES(" ,"), 2, NULL },
	{ more_of_object, BYTES("}"), 1, NULL },
	{ more_of_object, BYTES("]"), 0, "expected ',' or '}', found ']'" },
	{ more_of_array, BYTES(" }"), 1, "expected ',' or ']', found '}'" },
	{ more_of_array, BYTES(""), 0, "the JSON text ends where ',' or ']' should be" },
	{ take_key, BYTES("\"a\" :"), 5, NULL },
	{ take_key, BYTES("\"a\" 1"), 4, "expected ':', found '1'" },
	{ take_key, BYTES("a:"), 0, "expected '\"', found 'a'" },
	{ sft_scan_null, BYTES(" null"), 5, NULL },
	{ sft_scan_null, BYTES("nul"), 0, "expected 'null'" },
	{ sft_scan_null, BYTES("nulL"), 0, "expected 'null'" },
	{ sft_scan_null, BYTES("{}"), 0, "expected null, found '{'" },
	{ sft_scan_end, BYTES(" \t\r\n"), 4, NULL },
	{ sft_scan_end, BYTES(" {"), 1, "expected the end, found '{'" },
	{ sft_scan_end, BYTES("\0"), 0, "expected the end, found '\\u0000'" },
	{ sft_scan_end, BYTES("\xc2\xa0"), 0, "expected the end, found '\xc2\xa0'" },
	{ sft_scan_scalar, BYTES("true"), 4, NULL },
	{ sft_scan_scalar, BYTES("false"), 5, NULL },
	{ sft_scan_scalar, BYTES("null"), 4, NULL },
	{ sft_scan_scalar, BYTES("\"x\""), 3, NULL },
	{ sft_scan_scalar, BYTES("-1.5e-3 "), 7, NULL },
	{ sft_scan_scalar, BYTES("0"), 1, NULL },
	{ sft_scan_scalar, BYTES("9"), 1, NULL },
	{ sft_scan_scalar, BYTES("True"), 0, "expected a value, found 'T'" },
	{ sft_scan_scalar, BYTES("NaN"), 0, "expected a value, found 'N'" },
	{ sft_scan_scalar, BYTES("tru"), 0, "expected 'true'" },
	{ sft_scan_scalar, BYTES("falsE"), 0, "expected 'false'" },
	{ sft_scan_scalar, BYTES("nil"), 0, "expected 'null'" },
	{ sft_scan_scalar, BYTES(" -x"), 1, "number without a digit" },
	{ sft_scan_scalar, BYTES("1e400"), 0, "number out of range" },
};

static void test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		const struct sft_bytes text = pieces[i].text;
		struct sft_error err;
		struct sft_scan scan = scan_of(text, &err);
		const enum sft_status status = pieces[i].take(&scan);

		if (pieces[i].detail == NULL) {
			CHECK_UINT((const char *)text.data, status, SFT_OK);
			CHECK_UINT((const char *)text.data, scan.off, pieces[i].off);
		} else {
			check_failure(text, status, &err, pieces[i].off,
				      pieces[i].detail);
		}
		free(scan.text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings), cmocka_unit_test(test_bad_strings),
		cmocka_unit_test(test_uints),   cmocka_unit_test(test_walk),
		cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
