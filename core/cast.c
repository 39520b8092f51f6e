// SPDX-License-Identifier: Apache-2.0
#include "core/cast.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "core/cast_native.h"

#define SIGN_32 UINT32_C(0x80000000)
#define INF_32 UINT32_C(0x7f800000)
#define QUIET_32 UINT32_C(0x00400000)
#define SIGN_64 UINT64_C(0x8000000000000000)
#define INF_64 UINT64_C(0x7ff0000000000000)

static inline uint16_t get_16(const uint8_t *src)
{
	uint16_t value;

	memcpy(&value, src, sizeof(value));
	return le16toh(value);
}

static inline uint32_t get_32(const uint8_t *src)
{
	uint32_t value;

	memcpy(&value, src, sizeof(value));
	return le32toh(value);
}

static inline uint64_t get_64(const uint8_t *src)
{
	uint64_t value;

	memcpy(&value, src, sizeof(value));
	return le64toh(value);
}

static inline uint32_t bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline void put(uint8_t *dst, uint32_t bits)
{
	bits = htole32(bits);
	memcpy(dst, &bits, sizeof(bits));
}

/* A kernel @name for elements of @len bytes, each of which becomes @bits of (src + i). */
#define DEFINE_CAST(name, len, bits)                                                     \
	static void name(const uint8_t *src, uint8_t *dst, size_t count)                 \
	{                                                                                \
		for (size_t i = 0; i < count; i++, src += (len), dst += 4)               \
			put(dst, bits);                                                  \
	}

/* ---- floats of 4 and 8 bits: the tables ---- */

static void cast_f4(const uint8_t *src, uint8_t *dst, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const unsigned code = src[i / 2] >> (i & 1) * 4 & 0xf;

		put(dst + 4 * i, (uint32_t)sft_halves_f4[code] << 16);
	}
}

DEFINE_CAST(cast_e5m2, 1, (uint32_t)sft_halves_e5m2[*src] << 16)
DEFINE_CAST(cast_e4m3, 1, (uint32_t)sft_halves_e4m3[*src] << 16)
DEFINE_CAST(cast_e8m0, 1, (uint32_t)sft_halves_e8m0[*src] << 16)
DEFINE_CAST(cast_e4m3fnuz, 1, (uint32_t)sft_halves_e4m3fnuz[*src] << 16)
DEFINE_CAST(cast_e5m2fnuz, 1, (uint32_t)sft_halves_e5m2fnuz[*src] << 16)

/* ---- the others: arithmetic ---- */

/* All ones, or zero. */
static inline uint32_t mask_if(bool condition)
{
	return -(uint32_t)condition;
}

/* No branches, so that compilers can do several at once. */
static inline uint32_t from_f16(uint16_t half)
{
	const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
	const uint32_t rest = half & 0x7fff;
	const uint32_t is_small = mask_if(rest < 0x0400);
	const uint32_t small = bits_of((float)(int32_t)rest * 0x1p-24f);
	const uint32_t normal = (rest << 13) + ((127 - 15) << 23);
	const uint32_t top =
		(mask_if(rest >= 0x7c00) & INF_32) | (mask_if(rest > 0x7c00) & QUIET_32);

	return sign | (is_small & small) | (~is_small & normal) | top;
}

/* What processors make of the payload of a NaN differs, so it is shifted by hand. */
static inline uint32_t from_f64(uint64_t bits)
{
	const bool is_nan = (bits & ~SIGN_64) > INF_64;
	const uint32_t sign = (uint32_t)((bits & SIGN_64) >> 32);
	const uint32_t payload = (uint32_t)(bits >> 29) & ~(SIGN_32 | INF_32);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return is_nan ? sign | INF_32 | QUIET_32 | payload : bits_of((float)value);
}

/*
 * Processors convert signed integers. Where the top bit is set, the number is halved and
 * the bit that falls out is kept in the lowest one, where it still decides the rounding.
 */
static inline float from_u64(uint64_t value)
{
	const uint64_t top = value >> 63;

	return (float)(int64_t)(value >> top | (value & top)) * (float)(1 + (int)top);
}

static void cast_f32(const uint8_t *src, uint8_t *dst, size_t count)
{
	if (count > 0) /* memcpy() wants pointers even for nothing */
		memcpy(dst, src, 4 * count);
}

DEFINE_CAST(cast_bool, 1, bits_of(*src != 0))
DEFINE_CAST(cast_u8, 1, bits_of(*src))
DEFINE_CAST(cast_i8, 1, bits_of((int8_t)*src))
DEFINE_CAST(cast_i16, 2, bits_of((int16_t)get_16(src)))
DEFINE_CAST(cast_u16, 2, bits_of(get_16(src)))
DEFINE_CAST(cast_f16, 2, from_f16(get_16(src)))
DEFINE_CAST(cast_bf16, 2, (uint32_t)get_16(src) << 16)
DEFINE_CAST(cast_i32, 4, bits_of((float)(int32_t)get_32(src)))
DEFINE_CAST(cast_u32, 4, bits_of((float)get_32(src)))
DEFINE_CAST(cast_f64, 8, from_f64(get_64(src)))
DEFINE_CAST(cast_i64, 8, bits_of((float)(int64_t)get_64(src)))
DEFINE_CAST(cast_u64, 8, bits_of(from_u64(get_64(src))))

/* ---- the choice ---- */

static const sft_cast_fn portable[SFT_DTYPE_COUNT] = {
	[SFT_DTYPE_BOOL] = cast_bool,
	[SFT_DTYPE_F4] = cast_f4,
	[SFT_DTYPE_U8] = cast_u8,
	[SFT_DTYPE_I8] = cast_i8,
	[SFT_DTYPE_F8_E5M2] = cast_e5m2,
	[SFT_DTYPE_F8_E4M3] = cast_e4m3,
	[SFT_DTYPE_F8_E8M0] = cast_e8m0,
	[SFT_DTYPE_F8_E4M3FNUZ] = cast_e4m3fnuz,
	[SFT_DTYPE_F8_E5M2FNUZ] = cast_e5m2fnuz,
	[SFT_DTYPE_I16] = cast_i16,
	[SFT_DTYPE_U16] = cast_u16,
	[SFT_DTYPE_F16] = cast_f16,
	[SFT_DTYPE_BF16] = cast_bf16,
	[SFT_DTYPE_I32] = cast_i32,
	[SFT_DTYPE_U32] = cast_u32,
	[SFT_DTYPE_F32] = cast_f32,
	[SFT_DTYPE_F64] = cast_f64,
	[SFT_DTYPE_I64] = cast_i64,
	[SFT_DTYPE_U64] = cast_u64,
};

bool sft_cast_has(uint8_t dtype)
{
	assert(dtype < SFT_DTYPE_COUNT);
	return portable[dtype] != NULL;
}

sft_cast_fn sft_cast_find(uint8_t dtype, enum sft_simd level)
{
	assert(dtype < SFT_DTYPE_COUNT);
	return level == SFT_SIMD_PORTABLE ? portable[dtype]
					  : sft_cast_native(dtype, level);
}

const char *sft_simd_name(enum sft_simd level)
{
	static const char *const names[SFT_SIMD_COUNT] = {
		[SFT_SIMD_PORTABLE] = "portable",
		[SFT_SIMD_AVX2] = "avx2",
		[SFT_SIMD_AVX512] = "avx512",
		[SFT_SIMD_NEON] = "neon",
	};

	assert(level < SFT_SIMD_COUNT);
	return names[level];
}

void sft_cast(uint8_t dtype, const uint8_t *src, uint8_t *dst, size_t count)
{
	unsigned level = SFT_SIMD_COUNT;
	sft_cast_fn cast = NULL;

	assert(sft_cast_has(dtype));
	while (cast == NULL) {
		level--;
		cast = sft_cast_find(dtype, (enum sft_simd)level);
	}
	cast(src, dst, count);
}
