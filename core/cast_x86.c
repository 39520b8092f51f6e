// SPDX-License-Identifier: Apache-2.0
/*
 * core/cast_x86.c - kernels for AVX2 and for AVX-512
 *
 * A kernel is one expression that converts a step: the elements that fill a register or
 * two. Floats of 8 bits become the upper halves of their float32 first. AVX-512 looks all
 * 256 of them up in eight registers; AVX2 has no such lookup and computes. Gathers take
 * four times as long, one load an element three times.
 *
 * Where AVX-512 was no faster than AVX2 it has no kernel, but for the common BF16 and
 * F16, where both were equal and faster than memcpy().
 */
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#include "core/cast_native.h"

#define AVX2 __attribute__((target("avx2")))
#define AVX2_F16C __attribute__((target("avx2,f16c")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq")))
#define INLINE static inline __attribute__((always_inline))

#define STEP_MAX 32u     /* elements */
#define STEP_LEN_MAX 64u /* bytes of src */

/*
 * Converts step by step; the last one, where it is not full, in memory that is. @step and
 * @step_len are elements and bytes of src.
 */
INLINE void run(const uint8_t *src, uint8_t *dst, size_t count, size_t step,
		size_t step_len, void (*convert)(const uint8_t *src, uint8_t *dst))
{
	for (; count >= step; count -= step, src += step_len, dst += 4 * step)
		convert(src, dst);
	if (count > 0) {
		/* gcc would align them unasked, but not where ASan moves them. */
		_Alignas(STEP_LEN_MAX) uint8_t in[STEP_LEN_MAX] = { 0 };
		_Alignas(STEP_LEN_MAX) uint8_t out[4 * STEP_MAX];

		memcpy(in, src, (count * step_len + step - 1) / step);
		convert(in, out);
		memcpy(dst, out, 4 * count);
	}
}

/* A kernel cast_@name, whose steps are what @convert does with src and dst. */
#define DEFINE_CAST(isa, name, step, step_len, convert)                                  \
	isa INLINE void step_##name(const uint8_t *src, uint8_t *dst)                    \
	{                                                                                \
		convert;                                                                 \
	}                                                                                \
	isa static void cast_##name(const uint8_t *src, uint8_t *dst, size_t count)      \
	{                                                                                \
		run(src, dst, count, step, step_len, step_##name);                       \
	}

/* ---- AVX2 ---- */

AVX2 INLINE __m128i load_8(const uint8_t *src)
{
	return _mm_loadl_epi64((const __m128i *)src);
}

AVX2 INLINE __m128i load_16(const uint8_t *src)
{
	return _mm_loadu_si128((const __m128i *)src);
}

AVX2 INLINE __m256i load_32(const uint8_t *src)
{
	return _mm256_loadu_si256((const __m256i *)src);
}

/*
 * 16 upper halves become 16 floats. As unpacking stays within halves of a register, the
 * quarters come in the order 0, 2, 1, 3.
 */
AVX2 INLINE void put_halves(uint8_t *dst, __m256i halves)
{
	const __m256i zero = _mm256_setzero_si256();

	_mm256_storeu_si256((__m256i *)dst, _mm256_unpacklo_epi16(zero, halves));
	_mm256_storeu_si256((__m256i *)dst + 1, _mm256_unpackhi_epi16(zero, halves));
}

AVX2 INLINE void put_floats(uint8_t *dst, __m256 floats)
{
	_mm256_storeu_ps((float *)dst, floats);
}

AVX2 INLINE void put_ints(uint8_t *dst, __m256i ints)
{
	put_floats(dst, _mm256_cvtepi32_ps(ints));
}

/* 16 codes, each of them twice in a word, in the order of put_halves(). */
AVX2 INLINE __m256i load_codes(const uint8_t *src)
{
	const __m256i twice =
		_mm256_setr_epi8(0, 0, 1, 1, 2, 2, 3, 3, 8, 8, 9, 9, 10, 10, 11, 11, 4, 4,
				 5, 5, 6, 6, 7, 7, 12, 12, 13, 13, 14, 14, 15, 15);

	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load_16(src)), twice);
}

/* Eight halves for lookup: the lower bytes, then the upper ones. */
AVX2 INLINE __m256i load_table(const uint16_t halves[8])
{
	const __m128i split =
		_mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);

	return _mm256_broadcastsi128_si256(
		_mm_shuffle_epi8(load_16((const uint8_t *)halves), split));
}

/* All ones in the words that hold a code, given as it stands there, twice. */
AVX2 INLINE __m256i is_code(__m256i codes, unsigned twice)
{
	return _mm256_cmpeq_epi16(codes, _mm256_set1_epi16((short)twice));
}

/*
 * The halves of a float type with @mant bits of mantissa. In the middle the half is a
 * linear function of the code; the lowest and the highest eight codes, which hold all
 * subnormals, infinities and NaNs, are looked up. The code of -0 may be a NaN, too.
 */
AVX2 INLINE __m256i halves_of(__m256i codes, const uint16_t halves[256], int mant)
{
	const short offset = (short)(halves[8] - (8 << (7 - mant)));
	const __m256i rest = _mm256_and_si256(codes, _mm256_set1_epi16(0x7f7f));
	const __m256i at =
		_mm256_or_si256(_mm256_and_si256(rest, _mm256_set1_epi16(0x0707)),
				_mm256_set1_epi16(0x0800));
	const __m256i low = _mm256_shuffle_epi8(load_table(halves), at);
	const __m256i high = _mm256_shuffle_epi8(load_table(halves + 0x78), at);
	const __m256i is_low = _mm256_cmpgt_epi16(_mm256_set1_epi16(0x0808), rest);
	const __m256i is_high = _mm256_cmpgt_epi16(rest, _mm256_set1_epi16(0x7777));
	const __m256i sign = _mm256_and_si256(codes, _mm256_set1_epi16(INT16_MIN));
	const __m256i minus_zero = _mm256_and_si256(
		is_code(codes, 0x8080), _mm256_set1_epi16((short)halves[0x80]));
	/* One of the two copies is multiplied, the other one by zero. */
	__m256i out = _mm256_add_epi16(
		_mm256_maddubs_epi16(rest, _mm256_set1_epi16((short)(1 << (7 - mant)))),
		_mm256_set1_epi16(offset));

	out = _mm256_blendv_epi8(out, low, is_low);
	out = _mm256_blendv_epi8(out, high, is_high);
	return _mm256_or_si256(_mm256_or_si256(out, sign), minus_zero);
}

/* Exponents are but shifted; 0 and 0xff, a subnormal and the NaN, have one bit more. */
AVX2 INLINE __m256i halves_of_e8m0(__m256i codes)
{
	const __m256i ends = _mm256_or_si256(is_code(codes, 0), is_code(codes, 0xffff));

	return _mm256_or_si256(_mm256_srli_epi16(_mm256_slli_epi16(codes, 8), 1),
			       _mm256_and_si256(ends, _mm256_set1_epi16(0x40)));
}

/* 16 codes of 4 bits. All are looked up in eight floats, the sign is put to them. */
AVX2 INLINE void step_nibbles(const uint8_t *src, uint8_t *dst)
{
	const __m256i table = _mm256_slli_epi32(
		_mm256_cvtepu16_epi32(load_16((const void *)sft_halves_f4)), 16);
	const __m128i bytes = load_8(src);
	const __m128i codes = _mm_unpacklo_epi8(bytes, _mm_srli_epi16(bytes, 4));

	for (int i = 0; i < 2; i++) {
		const __m256i at = _mm256_cvtepu8_epi32(
			i == 0 ? codes : _mm_unpackhi_epi64(codes, codes));
		const __m256i sign =
			_mm256_slli_epi32(_mm256_and_si256(at, _mm256_set1_epi32(8)), 28);
		const __m256i size = _mm256_permutevar8x32_epi32(table, at);

		_mm256_storeu_si256((__m256i *)dst + i, _mm256_or_si256(size, sign));
	}
}

DEFINE_CAST(AVX2, f4_avx2, 16, 8, step_nibbles(src, dst))
DEFINE_CAST(AVX2, bool_avx2, 16, 16,
	    put_halves(dst, _mm256_andnot_si256(is_code(load_codes(src), 0),
						_mm256_set1_epi16(0x3f80))))
DEFINE_CAST(AVX2, u8_avx2, 8, 8, put_ints(dst, _mm256_cvtepu8_epi32(load_8(src))))
DEFINE_CAST(AVX2, i8_avx2, 8, 8, put_ints(dst, _mm256_cvtepi8_epi32(load_8(src))))
DEFINE_CAST(AVX2, e5m2_avx2, 16, 16,
	    put_halves(dst, halves_of(load_codes(src), sft_halves_e5m2, 2)))
DEFINE_CAST(AVX2, e4m3_avx2, 16, 16,
	    put_halves(dst, halves_of(load_codes(src), sft_halves_e4m3, 3)))
DEFINE_CAST(AVX2, e8m0_avx2, 16, 16, put_halves(dst, halves_of_e8m0(load_codes(src))))
DEFINE_CAST(AVX2, e4m3fnuz_avx2, 16, 16,
	    put_halves(dst, halves_of(load_codes(src), sft_halves_e4m3fnuz, 3)))
DEFINE_CAST(AVX2, e5m2fnuz_avx2, 16, 16,
	    put_halves(dst, halves_of(load_codes(src), sft_halves_e5m2fnuz, 2)))
DEFINE_CAST(AVX2, i16_avx2, 8, 16, put_ints(dst, _mm256_cvtepi16_epi32(load_16(src))))
DEFINE_CAST(AVX2, u16_avx2, 8, 16, put_ints(dst, _mm256_cvtepu16_epi32(load_16(src))))
DEFINE_CAST(AVX2_F16C, f16_avx2, 8, 16, put_floats(dst, _mm256_cvtph_ps(load_16(src))))
DEFINE_CAST(AVX2, bf16_avx2, 16, 32,
	    put_halves(dst,
		       _mm256_permute4x64_epi64(load_32(src), _MM_SHUFFLE(3, 1, 2, 0))))
DEFINE_CAST(AVX2, i32_avx2, 8, 32, put_ints(dst, load_32(src)))
DEFINE_CAST(AVX2, f64_avx2, 4, 32,
	    _mm_storeu_ps((float *)dst,
			  _mm256_cvtpd_ps(_mm256_loadu_pd((const double *)src))))

/* ---- AVX-512 ---- */

AVX512 INLINE void put_16(uint8_t *dst, __m512 floats)
{
	_mm512_storeu_ps(dst, floats);
}

/* Looks 32 codes up in 64 halves, by the lower 6 bits. */
AVX512 INLINE __m512i look_up(__m512i codes, const uint16_t halves[64])
{
	return _mm512_permutex2var_epi16(_mm512_loadu_si512(halves), codes,
					 _mm512_loadu_si512(halves + 32));
}

/* Looks 32 codes up in all of the table. */
AVX512 INLINE void step_codes(const uint8_t *src, uint8_t *dst, const uint16_t *halves)
{
	/* Unpacking stays within quarters of a register: its codes are moved there. */
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
	const __m512i codes =
		_mm512_cvtepu8_epi16(_mm256_permutevar8x32_epi32(load_32(src), order));
	const __mmask32 bit_6 = _mm512_test_epi16_mask(codes, _mm512_set1_epi16(0x40));
	const __mmask32 bit_7 = _mm512_test_epi16_mask(codes, _mm512_set1_epi16(0x80));
	const __m512i zero = _mm512_setzero_si512();
	const __m512i plus = _mm512_mask_blend_epi16(bit_6, look_up(codes, halves),
						     look_up(codes, halves + 64));
	const __m512i minus = _mm512_mask_blend_epi16(bit_6, look_up(codes, halves + 128),
						      look_up(codes, halves + 192));
	const __m512i out = _mm512_mask_blend_epi16(bit_7, plus, minus);

	_mm512_storeu_si512(dst, _mm512_unpacklo_epi16(zero, out));
	_mm512_storeu_si512(dst + 64, _mm512_unpackhi_epi16(zero, out));
}

/* Looks 16 codes of 4 bits up; what is left above them is not looked at. */
AVX512 INLINE void step_nibbles_512(const uint8_t *src, uint8_t *dst)
{
	const __m512i table = _mm512_slli_epi32(
		_mm512_cvtepu16_epi32(load_32((const void *)sft_halves_f4)), 16);
	const __m128i bytes = load_8(src);
	const __m128i codes = _mm_unpacklo_epi8(bytes, _mm_srli_epi16(bytes, 4));

	_mm512_storeu_si512(dst,
			    _mm512_permutexvar_epi32(_mm512_cvtepu8_epi32(codes), table));
}

DEFINE_CAST(AVX512, f4_avx512, 16, 8, step_nibbles_512(src, dst))
DEFINE_CAST(AVX512, e5m2_avx512, 32, 32, step_codes(src, dst, sft_halves_e5m2))
DEFINE_CAST(AVX512, e4m3_avx512, 32, 32, step_codes(src, dst, sft_halves_e4m3))
DEFINE_CAST(AVX512, e4m3fnuz_avx512, 32, 32, step_codes(src, dst, sft_halves_e4m3fnuz))
DEFINE_CAST(AVX512, e5m2fnuz_avx512, 32, 32, step_codes(src, dst, sft_halves_e5m2fnuz))
DEFINE_CAST(AVX512, f16_avx512, 16, 32, put_16(dst, _mm512_cvtph_ps(load_32(src))))
DEFINE_CAST(AVX512, bf16_avx512, 16, 32,
	    _mm512_storeu_si512(dst,
				_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_32(src)),
						  16)))
DEFINE_CAST(AVX512, u32_avx512, 16, 64,
	    put_16(dst, _mm512_cvtepu32_ps(_mm512_loadu_si512(src))))
DEFINE_CAST(AVX512, i64_avx512, 8, 64,
	    put_floats(dst, _mm512_cvtepi64_ps(_mm512_loadu_si512(src))))
DEFINE_CAST(AVX512, u64_avx512, 8, 64,
	    put_floats(dst, _mm512_cvtepu64_ps(_mm512_loadu_si512(src))))

/* ---- the choice ---- */

static const sft_cast_fn avx2[SFT_DTYPE_COUNT] = {
	[SFT_DTYPE_BOOL] = cast_bool_avx2,
	[SFT_DTYPE_F4] = cast_f4_avx2,
	[SFT_DTYPE_U8] = cast_u8_avx2,
	[SFT_DTYPE_I8] = cast_i8_avx2,
	[SFT_DTYPE_F8_E5M2] = cast_e5m2_avx2,
	[SFT_DTYPE_F8_E4M3] = cast_e4m3_avx2,
	[SFT_DTYPE_F8_E8M0] = cast_e8m0_avx2,
	[SFT_DTYPE_F8_E4M3FNUZ] = cast_e4m3fnuz_avx2,
	[SFT_DTYPE_F8_E5M2FNUZ] = cast_e5m2fnuz_avx2,
	[SFT_DTYPE_I16] = cast_i16_avx2,
	[SFT_DTYPE_U16] = cast_u16_avx2,
	[SFT_DTYPE_F16] = cast_f16_avx2,
	[SFT_DTYPE_BF16] = cast_bf16_avx2,
	[SFT_DTYPE_I32] = cast_i32_avx2,
	[SFT_DTYPE_F64] = cast_f64_avx2,
};

static const sft_cast_fn avx512[SFT_DTYPE_COUNT] = {
	[SFT_DTYPE_F4] = cast_f4_avx512,
	[SFT_DTYPE_F8_E5M2] = cast_e5m2_avx512,
	[SFT_DTYPE_F8_E4M3] = cast_e4m3_avx512,
	[SFT_DTYPE_F8_E4M3FNUZ] = cast_e4m3fnuz_avx512,
	[SFT_DTYPE_F8_E5M2FNUZ] = cast_e5m2fnuz_avx512,
	[SFT_DTYPE_F16] = cast_f16_avx512,
	[SFT_DTYPE_BF16] = cast_bf16_avx512,
	[SFT_DTYPE_U32] = cast_u32_avx512,
	[SFT_DTYPE_I64] = cast_i64_avx512,
	[SFT_DTYPE_U64] = cast_u64_avx512,
};

/* Not every compiler knows this one by name. */
static bool has_f16c(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

sft_cast_fn sft_cast_native(uint8_t dtype, enum sft_simd level)
{
	if (level == SFT_SIMD_AVX512 && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq"))
		return avx512[dtype];
	if (level == SFT_SIMD_AVX2 && __builtin_cpu_supports("avx2") &&
	    (dtype != SFT_DTYPE_F16 || has_f16c()))
		return avx2[dtype];
	return NULL;
}
