// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_number.c - numbers that the reference reader can hold, and no others
 *
 * All verdicts were asked of the reference itself (safetensors 0.8.0). The rows of `odd`
 * are where correctly rounded conversion says the opposite: that they differ from
 * strtod() is checked, too, or the row would prove nothing.
 */
#include "core/number.h"

#include <float.h>
#include <stdlib.h>

#include "tests/unit/support.h"

static const char range[] = "number out of range";

/* The number at the start of text, in memory of just its length. */
static const char *check(struct sft_bytes text, size_t *ret_len)
{
	uint8_t *copy = malloc(text.len > 0 ? text.len : 1);
	const char *why;

	assert_non_null(copy);
	memcpy(copy, text.data, text.len);
	*ret_len = SIZE_MAX;
	why = sft_number_check(copy, text.len, ret_len);
	free(copy);
	return why;
}

static const struct {
	struct sft_bytes text;
	size_t len; /* of the number */
} grammar[] = {
	{ BYTES("0"), 1 },      { BYTES("-0"), 2 },      { BYTES("7,"), 1 },
	{ BYTES("10]"), 2 },    { BYTES("-12 "), 3 },    { BYTES("0.5"), 3 },
	{ BYTES("1.50}"), 4 },  { BYTES("1e5"), 3 },     { BYTES("1E5"), 3 },
	{ BYTES("1e+05"), 5 },  { BYTES("1e-05"), 5 },   { BYTES("0e0"), 3 },
	{ BYTES("0.0E-0"), 6 }, { BYTES("1.5e3.5"), 5 }, { BYTES("1-2"), 1 },
	{ BYTES("1e2e3"), 3 },  { BYTES("1.2.3"), 3 },   { BYTES("0x10"), 1 },
};

static void test_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(grammar); i++) {
		const char *row = (const char *)grammar[i].text.data;
		size_t len;

		CHECK_TEXT(row, check(grammar[i].text, &len), NULL);
		CHECK_UINT(row, len, grammar[i].len);
	}
}

static const struct {
	struct sft_bytes text;
	const char *why;
} broken[] = {
	{ BYTES(""), "number without a digit" },
	{ BYTES("-"), "number without a digit" },
	{ BYTES("--1"), "number without a digit" },
	{ BYTES("+1"), "number without a digit" },
	{ BYTES(".5"), "number without a digit" },
	{ BYTES("-x"), "number without a digit" },
	{ BYTES("00"), "number with a leading zero" },
	{ BYTES("01"), "number with a leading zero" },
	{ BYTES("-01"), "number with a leading zero" },
	{ BYTES("1."), "decimal point without a digit behind it" },
	{ BYTES("1.,"), "decimal point without a digit behind it" },
	{ BYTES("1.e5"), "decimal point without a digit behind it" },
	{ BYTES("1e"), "exponent without a digit" },
	{ BYTES("1e+"), "exponent without a digit" },
	{ BYTES("1e-x"), "exponent without a digit" },
	{ BYTES("1e+-5"), "exponent without a digit" },
	{ BYTES("1e.5"), "exponent without a digit" },
	{ BYTES("0e"), "exponent without a digit" },
};

static void test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
		const char *row = (const char *)broken[i].text.data;
		size_t len;

		CHECK_TEXT(row, check(broken[i].text, &len), broken[i].why);
		CHECK_UINT(row, len, SIZE_MAX);
	}
}

static const struct {
	const char *text;
	bool fits;
} limits[] = {
	/* One power of ten more or less. */
	{ "1e308", true },
	{ "1E+308", true },
	{ "1e309", false },
	{ "-1e309", false },
	{ "2e308", false },
	{ "10e307", true },
	{ "10e308", false },
	{ "10.0e307", true },
	{ "0.1e309", true },
	{ "0.01e310", true },
	{ "0.1e310", false },
	/* Negative exponents and zeros never fail. */
	{ "1e-400", true },
	{ "1e-2147483648", true },
	{ "1e-99999999999", true },
	{ "123456789012345678901234567890e-400", true },
	{ "0e309", true },
	{ "-0.0e400", true },
	{ "0e2147483648", true },
	{ "0e99999999999", true },
	{ "0.000e99999999999999999999", true },
	/* 32 bits of exponent. */
	{ "1e2147483647", false },
	{ "1e2147483648", false },
	{ "1e99999999999", false },
	/* 64 bits of significand, and digits past them. */
	{ "18446744073709551615", true },
	{ "18446744073709551616", true },
	{ "-9223372036854775809", true },
	{ "184467440737095516150", true },
	{ "9223372036854775808e289", true },
	{ "18446744073709551615e289", false },
	{ "18446744073709551616e289", false },
	{ "18446744073709551619.5e288", true },
	{ "18446744073709551619.5e289", false },
	{ "99999999999999999999e288", true },
	{ "99999999999999999999e289", false },
	{ "0.00000000000000000001e328", true },
	{ "0.00000000000000000001e329", false },
	/* The largest double, and what is nearest to it. */
	{ "1.7976931348623157e308", true },
	{ "17976931348623157e292", true },
	{ "17976931348623159e292", false },
};

static void test_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
		size_t len;

		CHECK_TEXT(limits[i].text, check(sft_bytes_of(limits[i].text), &len),
			   limits[i].fits ? NULL : range);
		CHECK_UINT(limits[i].text, len,
			   limits[i].fits ? strlen(limits[i].text) : SIZE_MAX);
	}
}

static const struct {
	const char *text;
	bool fits; /* to the reference; to strtod() the opposite */
} odd[] = {
	{ "17976931348623158e292", false },
	{ "1.7976931348623158e308", false },
	{ "0.17976931348623158e309", false },
	{ "179769.31348623158e303", false },
	{ "179769313486231.58e294", false },
	{ "1797.6931348623156960306e305", false },
	{ "17976931348623.1566083e295", false },
	{ "17976931348623156234555e286", false },
	{ "17976931348623156284.6847e289", false },
	{ "179769313486231564.101e291", false },
	{ "1797693134862315663083.8e287", false },
	{ "179769313486231581e291", true },
	{ "17976931.3486231585e301", true },
	{ "1.79769313486231588e308", true },
	{ "17.9769313486231590e307", true },
	/* The largest double itself, written in full. */
	{ "179769313486231570814527423731704356798070567525844996598917476803157260780028"
	  "538760589558632766878171540458953514382464234321326889464182768467546703537516"
	  "986049910576551282076245490090389328944075868508455133942304583236903222948165"
	  "808559332123347764797926204144723168738177180919299881250404026184124858368",
	  false },
};

static void test_odd(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(odd); i++) {
		size_t len;

		CHECK_TEXT(odd[i].text, check(sft_bytes_of(odd[i].text), &len),
			   odd[i].fits ? NULL : range);
		CHECK_UINT(odd[i].text, strtod(odd[i].text, NULL) > DBL_MAX, odd[i].fits);
	}
}

/* Digits in hundreds: the head, then @zeros zeros, then the tail. */
static const struct {
	const char *head;
	size_t zeros;
	const char *tail;
	bool fits;
} long_rows[] = {
	{ "1", 308, "", true },         { "1", 309, "", false },
	{ "1", 309, "e-1", true },      { "0.", 400, "1", true },
	{ "0.", 400, "1e709", true },   { "0.", 400, "1e710", false },
	{ "1.", 400, "1e308", true },   { "9.", 400, "e308", false },
	{ "0e", 400, "1", true },       { "1e", 400, "308", true },
	{ "1e-", 100, "999999", true }, { "1e", 400, "309", false },
};

static void test_long(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(long_rows); i++) {
		char text[512];
		const size_t head = strlen(long_rows[i].head);
		size_t len;

		memset(text, '0', sizeof(text));
		memcpy(text, long_rows[i].head, head);
		strcpy(text + head + long_rows[i].zeros, long_rows[i].tail);
		CHECK_TEXT(text, check(sft_bytes_of(text), &len),
			   long_rows[i].fits ? NULL : range);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_limits),  cmocka_unit_test(test_odd),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
