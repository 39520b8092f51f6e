// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_dtype.c - the table of dtypes, written down a second time
 *
 * In the order of the reference's enum, which is also the order of `dtypes` in
 * __metadata__.json. The widths are the format's, the numpy names those of its .npy
 * files.
 */
#include "core/dtype.h"
#include "tests/unit/support.h"

static const struct {
	const char *name;
	unsigned bits;
	const char *npy;
} rows[] = {
	{ "BOOL", 8, "|b1" },        { "F4", 4, NULL },           { "F6_E2M3", 6, NULL },
	{ "F6_E3M2", 6, NULL },      { "U8", 8, "|u1" },          { "I8", 8, "|i1" },
	{ "F8_E5M2", 8, "|V1" },     { "F8_E4M3", 8, "|V1" },     { "F8_E8M0", 8, "|V1" },
	{ "F8_E4M3FNUZ", 8, "|V1" }, { "F8_E5M2FNUZ", 8, "|V1" }, { "I16", 16, "<i2" },
	{ "U16", 16, "<u2" },        { "F16", 16, "<f2" },        { "BF16", 16, "<V2" },
	{ "I32", 32, "<i4" },        { "U32", 32, "<u4" },        { "F32", 32, "<f4" },
	{ "C64", 64, "<c8" },        { "F64", 64, "<f8" },        { "I64", 64, "<i8" },
	{ "U64", 64, "<u8" },
};

static void test_table(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_COUNT(rows), SFT_DTYPE_COUNT);
	for (uint8_t i = 0; i < SFT_DTYPE_COUNT; i++) {
		const struct sft_dtype *dtype = sft_dtype(i);
		uint8_t found = UINT8_MAX;

		CHECK_TEXT(rows[i].name, dtype->name, rows[i].name);
		CHECK_UINT(rows[i].name, dtype->bits, rows[i].bits);
		CHECK_TEXT(rows[i].name, dtype->npy, rows[i].npy);
		assert_true(sft_dtype_find(sft_bytes_of(rows[i].name), &found));
		CHECK_UINT(rows[i].name, found, i);
	}
}

static const struct {
	const char *what;
	struct sft_bytes name;
} unknown[] = {
	{ "empty", BYTES("") },
	{ "lower case", BYTES("f32") },
	{ "a prefix", BYTES("F3") },
	{ "too long", BYTES("F322") },
	{ "NUL behind it", BYTES("F32\0") },
	{ "space behind it", BYTES("F32 ") },
	{ "C128", BYTES("C128") },
	{ "I4", BYTES("I4") },
	{ "F8", BYTES("F8") },
	{ "F128", BYTES("F128") },
	{ "numpy's name", BYTES("float32") },
};

static void test_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
		uint8_t found = UINT8_MAX;

		CHECK_UINT(unknown[i].what, sft_dtype_find(unknown[i].name, &found),
			   false);
		CHECK_UINT(unknown[i].what, found, UINT8_MAX);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
