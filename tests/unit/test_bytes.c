// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_bytes.c - text with a length, and arithmetic that does not wrap
 *
 * Names may hold NUL, so "a" and "a\0" differ here. Rows of the arithmetic stand on both
 * sides of 2^64.
 */
#include "core/bytes.h"
#include "tests/unit/support.h"

static const struct {
	const char *what;
	struct sft_bytes a, b;
	int order;
} orders[] = {
	{ "both empty", { NULL, 0 }, BYTES(""), 0 },
	{ "empty first", { NULL, 0 }, BYTES("a"), -1 },
	{ "equal", BYTES("abc"), BYTES("abc"), 0 },
	{ "prefix first", BYTES("ab"), BYTES("abc"), -1 },
	{ "last byte", BYTES("abd"), BYTES("abc"), 1 },
	{ "first byte before length", BYTES("b"), BYTES("aaaa"), 1 },
	{ "NUL counts", BYTES("a"), BYTES("a\0"), -1 },
	{ "behind a NUL", BYTES("a\0b"), BYTES("a\0a"), 1 },
	{ "bytes are unsigned", BYTES("\x7f"), BYTES("\x80"), -1 },
};

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void test_compare(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(orders); i++) {
		const char *row = orders[i].what;
		const int order = sft_bytes_compare(orders[i].a, orders[i].b);
		const int back = sft_bytes_compare(orders[i].b, orders[i].a);

		CHECK_UINT(row, (uint64_t)(sign(order) + 1),
			   (uint64_t)(orders[i].order + 1));
		CHECK_UINT(row, (uint64_t)(sign(back) + 1),
			   (uint64_t)(1 - orders[i].order));
		CHECK_UINT(row, sft_bytes_equal(orders[i].a, orders[i].b),
			   orders[i].order == 0);
	}
}

static const struct {
	const char *what;
	struct sft_bytes text;
	const char *suffix;
	bool ends;
} suffixes[] = {
	{ "something before it", BYTES("a.bin"), ".bin", true },
	{ "nothing before it", BYTES(".bin"), ".bin", false },
	{ "shorter than it", BYTES("bin"), ".bin", false },
	{ "another one", BYTES("a.bim"), ".bin", false },
	{ "not at the end", BYTES("a.bin2"), ".bin", false },
	{ "nothing at all", { NULL, 0 }, ".bin", false },
	{ "NUL before it", BYTES("\0.bin"), ".bin", true },
	{ "empty suffix", BYTES("a"), "", true },
};

static void test_suffix(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++)
		CHECK_UINT(suffixes[i].what,
			   sft_bytes_end_in(suffixes[i].text, suffixes[i].suffix),
			   suffixes[i].ends);
}

static void test_of(void **state)
{
	(void)state;
	CHECK_BYTES("a literal", sft_bytes_of("ab"), BYTES("ab"));
	CHECK_BYTES("an empty one", sft_bytes_of(""), BYTES(""));
}

#define UNTOUCHED 12345u

static const struct {
	const char *what;
	uint64_t a, b;
	bool adds, multiplies;
	uint64_t sum, product;
} numbers[] = {
	{ "zeros", 0, 0, true, true, 0, 0 },
	{ "small", 6, 7, true, true, 13, 42 },
	{ "zero and all", 0, UINT64_MAX, true, true, UINT64_MAX, 0 },
	{ "one and all", 1, UINT64_MAX, false, true, UNTOUCHED, UINT64_MAX },
	{ "two and half", 2, UINT64_MAX / 2, true, true, UINT64_MAX / 2 + 2,
	  UINT64_MAX - 1 },
	{ "two and over half", 2, UINT64_MAX / 2 + 1, true, false, UINT64_MAX / 2 + 3,
	  UNTOUCHED },
	{ "halves", UINT64_MAX / 2, UINT64_MAX / 2 + 1, true, false, UINT64_MAX,
	  UNTOUCHED },
	{ "2^32 twice", UINT64_C(1) << 32, UINT64_C(1) << 32, true, false,
	  UINT64_C(2) << 32, UNTOUCHED },
	{ "2^32 and less", UINT64_C(1) << 32, UINT32_MAX, true, true,
	  (UINT64_C(2) << 32) - 1, UINT64_C(0xffffffff00000000) },
	{ "all twice", UINT64_MAX, UINT64_MAX, false, false, UNTOUCHED, UNTOUCHED },
};

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		const uint64_t pairs[2][2] = { { numbers[i].a, numbers[i].b },
					       { numbers[i].b, numbers[i].a } };

		for (size_t j = 0; j < 2; j++) {
			const char *row = numbers[i].what;
			uint64_t sum = UNTOUCHED;
			uint64_t product = UNTOUCHED;

			CHECK_UINT(row, sft_add(pairs[j][0], pairs[j][1], &sum),
				   numbers[i].adds);
			CHECK_UINT(row, sum, numbers[i].sum);
			CHECK_UINT(row, sft_mul(pairs[j][0], pairs[j][1], &product),
				   numbers[i].multiplies);
			CHECK_UINT(row, product, numbers[i].product);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_suffix),
		cmocka_unit_test(test_of),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
