// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_cast.c - elements become the right float32, to the bit, at every level
 *
 * The values come from the definitions of the types, computed slowly with ldexp() and
 * integers. That kernels stay within their memory is in test_cast_edges.c.
 */
#include "core/cast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/dtype.h"
#include "tests/unit/support.h"

#define CODES_MAX 65536u

static uint8_t dtype_of(const char *name)
{
	uint8_t idx;

	assert_true(sft_dtype_find(sft_bytes_of(name), &idx));
	return idx;
}

/* Compares @count floats, which are little-endian on any machine. */
static void check_floats(const char *name, const char *level, const uint8_t *got,
			 const uint32_t *want, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint32_t bits = got[4 * i] | (uint32_t)got[4 * i + 1] << 8 |
				      (uint32_t)got[4 * i + 2] << 16 |
				      (uint32_t)got[4 * i + 3] << 24;
		char row[64];

		if (bits == want[i])
			continue;
		snprintf(row, sizeof(row), "%s, %s, element %zu", name, level, i);
		CHECK_UINT(row, bits, want[i]);
	}
}

/* Converts with every kernel that there is, and with the one that is chosen. */
static void check_all_levels(const char *name, const uint8_t *src, const uint32_t *want,
			     size_t count)
{
	const uint8_t dtype = dtype_of(name);
	uint8_t *dst = malloc(4 * count);

	assert_non_null(dst);
	for (unsigned i = 0; i < SFT_SIMD_COUNT; i++) {
		const sft_cast_fn cast = sft_cast_find(dtype, (enum sft_simd)i);

		if (cast == NULL)
			continue;
		memset(dst, 0xa5, 4 * count);
		cast(src, dst, count);
		check_floats(name, sft_simd_name((enum sft_simd)i), dst, want, count);
	}
	memset(dst, 0xa5, 4 * count);
	sft_cast(dtype, src, dst, count);
	check_floats(name, "chosen", dst, want, count);
	free(dst);
}

/* An element of @len bytes, as it is in the file. */
static void put_element(uint8_t *dst, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		dst[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t bits_of(double value)
{
	const float single = (float)value;
	uint32_t bits;

	memcpy(&bits, &single, sizeof(bits));
	return bits;
}

/* ---- every code of the narrow types ---- */

enum special {
	NONE,     /* every code is a number */
	IEEE,     /* the top exponent is infinity and NaN */
	ALL_ONES, /* NaN, and no infinity */
	NO_MINUS, /* the code of -0 is NaN */
};

static const struct format {
	const char *name;
	unsigned bits, mant;
	int bias;
	enum special special;
	/* NaNs: how far the code's mantissa is shifted, or 32 if all are the default */
	unsigned payload_shift;
} formats[] = {
	{ "F4", 4, 1, 1, NONE, 32 },
	{ "F8_E4M3", 8, 3, 7, ALL_ONES, 32 },
	{ "F8_E5M2", 8, 2, 15, IEEE, 32 },
	{ "F8_E4M3FNUZ", 8, 3, 8, NO_MINUS, 32 },
	{ "F8_E5M2FNUZ", 8, 2, 16, NO_MINUS, 32 },
	{ "F16", 16, 10, 15, IEEE, 13 },
};

static uint32_t float_slow(const struct format *format, unsigned code)
{
	const unsigned rest = code & ((1u << (format->bits - 1)) - 1);
	const uint32_t sign = rest != code ? 0x80000000 : 0;
	const unsigned top = (1u << (format->bits - 1)) - 1;
	const unsigned one = 1u << format->mant;
	const int exp = (int)(rest / one);
	const int shift = (exp > 0 ? exp : 1) - format->bias - (int)format->mant;
	const unsigned inf = top / one * one;
	const uint64_t payload = (uint64_t)(rest % one) << format->payload_shift;

	if (format->special == IEEE && rest == inf)
		return sign | 0x7f800000;
	if ((format->special == IEEE && rest > inf) ||
	    (format->special == ALL_ONES && rest == top) ||
	    (format->special == NO_MINUS && rest == 0 && sign != 0))
		return sign | 0x7fc00000 | (uint32_t)payload;
	return sign | bits_of(ldexp(rest % one + (exp > 0 ? one : 0), shift));
}

static void test_floats(void **state)
{
	uint8_t *src = malloc(2 * CODES_MAX);
	uint32_t *want = malloc(4 * CODES_MAX);

	(void)state;
	assert_true(src != NULL && want != NULL);
	for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
		const size_t count = (size_t)1 << formats[i].bits;

		memset(src, 0, 2 * CODES_MAX);
		for (unsigned c = 0; c < count; c++) {
			want[c] = float_slow(&formats[i], c);
			if (formats[i].bits == 4)
				src[c / 2] |= (uint8_t)(c << c % 2 * 4);
			else
				put_element(src + c * formats[i].bits / 8, c,
					    formats[i].bits / 8);
		}
		check_all_levels(formats[i].name, src, want, count);
	}
	free(src);
	free(want);
}

static uint32_t bf16_slow(unsigned code)
{
	return code << 16;
}

static uint32_t e8m0_slow(unsigned code)
{
	return code == 0xff ? 0x7fc00000 : bits_of(ldexp(1, (int)code - 127));
}

static uint32_t bool_slow(unsigned code)
{
	return code == 0 ? 0 : 0x3f800000;
}

static uint32_t unsigned_slow(unsigned code)
{
	return bits_of(code);
}

static uint32_t i8_slow(unsigned code)
{
	return bits_of(code < 128 ? (double)code : (double)code - 256);
}

static uint32_t i16_slow(unsigned code)
{
	return bits_of(code < 32768 ? (double)code : (double)code - 65536);
}

static const struct {
	const char *name;
	unsigned len;
	uint32_t (*slow)(unsigned code);
} others[] = {
	{ "BOOL", 1, bool_slow },    { "U8", 1, unsigned_slow }, { "I8", 1, i8_slow },
	{ "F8_E8M0", 1, e8m0_slow }, { "BF16", 2, bf16_slow },   { "I16", 2, i16_slow },
	{ "U16", 2, unsigned_slow },
};

static void test_others(void **state)
{
	uint8_t *src = malloc(2 * CODES_MAX);
	uint32_t *want = malloc(4 * CODES_MAX);

	(void)state;
	assert_true(src != NULL && want != NULL);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		const unsigned len = others[i].len;
		const size_t count = (size_t)1 << 8 * len;

		for (unsigned c = 0; c < count; c++) {
			want[c] = others[i].slow(c);
			put_element(src + len * c, c, len);
		}
		check_all_levels(others[i].name, src, want, count);
	}
	free(src);
	free(want);
}

/* ---- 32 and 64 bits ---- */

static void check_one(const char *name, uint64_t value, size_t len, uint32_t want)
{
	/* Many times the same, for the kernels that do many at once and for their rest.
	 */
	enum { COUNT = 35 };
	uint8_t src[COUNT * 8];
	uint32_t all[COUNT];

	for (size_t i = 0; i < COUNT; i++) {
		all[i] = want;
		put_element(src + i * len, value, len);
	}
	check_all_levels(name, src, all, COUNT);
}

/* Rounds to nearest even without any arithmetic of floats. */
static uint32_t integer_slow(bool negative, uint64_t size)
{
	uint32_t exp = 127 + 63;
	uint32_t mant;

	if (size == 0)
		return 0;
	for (; size >> 63 == 0; size <<= 1)
		exp--;
	mant = (uint32_t)(size >> 40);
	size &= 0xffffffffff;
	if (size > 0x8000000000 || (size == 0x8000000000 && mant % 2 == 1))
		mant++;
	/* The top bit of the mantissa, or the carry, adds to the exponent. */
	return (negative ? 0x80000000 : 0) + ((exp - 1) << 23) + mant;
}

static void check_integer(uint64_t value)
{
	const uint32_t low = (uint32_t)value;
	const bool low_negative = low >> 31 != 0;
	const bool negative = value >> 63 != 0;

	check_one("U32", low, 4, integer_slow(false, low));
	check_one("I32", low, 4,
		  integer_slow(low_negative, low_negative ? (uint32_t)-low : low));
	check_one("U64", value, 8, integer_slow(false, value));
	check_one("I64", value, 8, integer_slow(negative, negative ? -value : value));
}

static void test_integers(void **state)
{
	(void)state;
	/* Each power of two, and the ties between the floats above it. */
	for (unsigned bit = 0; bit < 64; bit++) {
		for (unsigned half = 0; half < 64; half++) {
			const uint64_t value = UINT64_C(1) << bit | UINT64_C(1) << half;

			check_integer(value);
			check_integer(value - 1);
			check_integer(value + 1);
			check_integer(-value);
			check_integer(value | value << 1);
		}
	}
}

static const struct {
	uint64_t bits;
	uint32_t want;
} doubles[] = {
	{ 0x0000000000000000, 0x00000000 }, /* zeros */
	{ 0x8000000000000000, 0x80000000 },
	{ 0x3ff0000000000000, 0x3f800000 }, /* one, and ties above it */
	{ 0x3ff0000010000000, 0x3f800000 },
	{ 0x3ff0000010000001, 0x3f800001 },
	{ 0x3ff0000030000000, 0x3f800002 },
	{ 0xbff0000030000000, 0xbf800002 },
	{ 0x3fffffffefffffff, 0x3fffffff },
	{ 0x3ffffffff0000000, 0x40000000 }, /* a carry into the exponent */
	{ 0x47efffffe0000000, 0x7f7fffff }, /* the largest float */
	{ 0x47efffffefffffff, 0x7f7fffff },
	{ 0x47effffff0000000, 0x7f800000 }, /* overflow */
	{ 0xc7effffff0000000, 0xff800000 },
	{ 0x7fefffffffffffff, 0x7f800000 },
	{ 0x7ff0000000000000, 0x7f800000 }, /* infinities */
	{ 0xfff0000000000000, 0xff800000 },
	{ 0x3810000000000000, 0x00800000 }, /* the smallest normal float */
	{ 0x380fffffe0000000, 0x00800000 },
	{ 0x380fffffc0000000, 0x007fffff }, /* subnormals */
	{ 0x3800000000000000, 0x00400000 },
	{ 0x36a0000000000000, 0x00000001 },
	{ 0x36b4000000000000, 0x00000002 },
	{ 0x36b8000000000000, 0x00000003 },
	{ 0x3690000000000000, 0x00000000 }, /* half of the smallest, and more */
	{ 0x3690000000000001, 0x00000001 },
	{ 0xb690000000000000, 0x80000000 },
	{ 0x0000000000000001, 0x00000000 },
	{ 0x800fffffffffffff, 0x80000000 },
	{ 0x7ff8000000000000, 0x7fc00000 }, /* NaNs */
	{ 0xfff8000000000000, 0xffc00000 },
	{ 0x7ff0000000000001, 0x7fc00000 },
	{ 0xfff4000020000000, 0xffe00001 },
	{ 0x7fffffffffffffff, 0x7fffffff },
};

static void test_doubles(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(doubles); i++)
		check_one("F64", doubles[i].bits, 8, doubles[i].want);
	/* A signalling NaN is taken over, too. */
	check_one("F32", 0x7f800001, 4, 0x7f800001);
	check_one("F32", 0x80000001, 4, 0x80000001);
}

/* ---- which types ---- */

static void test_has(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < SFT_DTYPE_COUNT; i++) {
		const char *name = sft_dtype(i)->name;
		const bool has = strcmp(name, "C64") != 0 && strncmp(name, "F6_", 3) != 0;

		CHECK_UINT(name, sft_cast_has(i), has);
		CHECK_UINT(name, sft_cast_find(i, SFT_SIMD_PORTABLE) != NULL, has);
		for (unsigned j = 0; j < SFT_SIMD_COUNT; j++)
			assert_true(has || sft_cast_find(i, (enum sft_simd)j) == NULL);
	}
	CHECK_TEXT("portable", sft_simd_name(SFT_SIMD_PORTABLE), "portable");
	CHECK_TEXT("AVX2", sft_simd_name(SFT_SIMD_AVX2), "avx2");
	CHECK_TEXT("AVX-512", sft_simd_name(SFT_SIMD_AVX512), "avx512");
	CHECK_TEXT("NEON", sft_simd_name(SFT_SIMD_NEON), "neon");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_has),     cmocka_unit_test(test_floats),
		cmocka_unit_test(test_others),  cmocka_unit_test(test_integers),
		cmocka_unit_test(test_doubles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
