// SPDX-License-Identifier: Apache-2.0
/*
 * core/cast_arm.c - kernels for the NEON of 64-bit ARM, which is always there
 *
 * Only what compilers do not make of the portable loops by themselves. F8_E5M2 is the
 * upper half of F16, and the E4M3 types are F16 with a bit of exponent less, and so
 * differ by a power of two; the processor converts F16.
 */
#include <arm_neon.h>
#include <string.h>

#include "core/cast_native.h"

#define INLINE static inline __attribute__((always_inline))
#define STEP 8u          /* elements */
#define STEP_LEN_MAX 16u /* bytes of src */

/* Converts step by step; the last one, where it is not full, in memory that is. */
INLINE void run(const uint8_t *src, uint8_t *dst, size_t count, size_t len,
		void (*convert)(const uint8_t *src, uint8_t *dst))
{
	for (; count >= STEP; count -= STEP, src += STEP * len, dst += 4 * STEP)
		convert(src, dst);
	if (count > 0) {
		uint8_t in[STEP_LEN_MAX] = { 0 };
		uint8_t out[4 * STEP];

		memcpy(in, src, count * len);
		convert(in, out);
		memcpy(dst, out, 4 * count);
	}
}

/* Eight elements of 16 bits. */
INLINE uint16x8_t load_words(const uint8_t *src)
{
	return vreinterpretq_u16_u8(vld1q_u8(src));
}

INLINE void step_bf16(const uint8_t *src, uint8_t *dst)
{
	const uint16x8_t words = load_words(src);

	vst1q_u8(dst, vreinterpretq_u8_u32(vshll_n_u16(vget_low_u16(words), 16)));
	vst1q_u8(dst + 16, vreinterpretq_u8_u32(vshll_n_u16(vget_high_u16(words), 16)));
}

/* Eight F16, each times @scale. */
INLINE void put_f16(uint8_t *dst, uint16x8_t words, float scale)
{
	const float16x8_t halves = vreinterpretq_f16_u16(words);
	const float32x4_t low = vcvt_f32_f16(vget_low_f16(halves));
	const float32x4_t high = vcvt_f32_f16(vget_high_f16(halves));

	vst1q_u8(dst, vreinterpretq_u8_f32(vmulq_n_f32(low, scale)));
	vst1q_u8(dst + 16, vreinterpretq_u8_f32(vmulq_n_f32(high, scale)));
}

INLINE void step_f16(const uint8_t *src, uint8_t *dst)
{
	put_f16(dst, load_words(src), 1);
}

/* The words with the default NaN in place of some, whose signs stay. */
INLINE uint16x8_t put_nans(uint16x8_t words, uint16x8_t where)
{
	const uint16x8_t bits = vandq_u16(where, vdupq_n_u16(0x7fff));

	return vbslq_u16(bits, vdupq_n_u16(0x7e00), words);
}

INLINE void step_e5m2(const uint8_t *src, uint8_t *dst)
{
	const uint16x8_t words = vshll_n_u8(vld1_u8(src), 8);
	const uint16x8_t rest = vandq_u16(words, vdupq_n_u16(0x7fff));
	const uint16x8_t is_nan = vcgtq_u16(rest, vdupq_n_u16(0x7c00));

	put_f16(dst, put_nans(words, is_nan), 1);
}

/* Codes of E4M3 as F16 that are too small. */
INLINE uint16x8_t words_of(uint16x8_t codes)
{
	const uint16x8_t sign = vandq_u16(codes, vdupq_n_u16(0x80));
	const uint16x8_t rest = vandq_u16(codes, vdupq_n_u16(0x7f));

	return vorrq_u16(vshlq_n_u16(sign, 8), vshlq_n_u16(rest, 7));
}

INLINE void step_e4m3(const uint8_t *src, uint8_t *dst)
{
	const uint16x8_t codes = vmovl_u8(vld1_u8(src));
	const uint16x8_t rest = vandq_u16(codes, vdupq_n_u16(0x7f));
	const uint16x8_t is_nan = vceqq_u16(rest, vdupq_n_u16(0x7f));

	put_f16(dst, put_nans(words_of(codes), is_nan), 0x1p8f);
}

INLINE void step_e4m3fnuz(const uint8_t *src, uint8_t *dst)
{
	const uint16x8_t codes = vmovl_u8(vld1_u8(src));
	const uint16x8_t is_nan = vceqq_u16(codes, vdupq_n_u16(0x80));

	put_f16(dst, put_nans(words_of(codes), is_nan), 0x1p7f);
}

#define DEFINE_CAST(name, len)                                                           \
	static void cast_##name(const uint8_t *src, uint8_t *dst, size_t count)          \
	{                                                                                \
		run(src, dst, count, len, step_##name);                                  \
	}

DEFINE_CAST(bf16, 2)
DEFINE_CAST(f16, 2)
DEFINE_CAST(e5m2, 1)
DEFINE_CAST(e4m3, 1)
DEFINE_CAST(e4m3fnuz, 1)

static const sft_cast_fn neon[SFT_DTYPE_COUNT] = {
	[SFT_DTYPE_F8_E5M2] = cast_e5m2,
	[SFT_DTYPE_F8_E4M3] = cast_e4m3,
	[SFT_DTYPE_F8_E4M3FNUZ] = cast_e4m3fnuz,
	[SFT_DTYPE_F16] = cast_f16,
	[SFT_DTYPE_BF16] = cast_bf16,
};

sft_cast_fn sft_cast_native(uint8_t dtype, enum sft_simd level)
{
	return level == SFT_SIMD_NEON ? neon[dtype] : NULL;
}
