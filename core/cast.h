/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/cast.h - elements as float32
 *
 * Every type but C64, F6_E2M3 and F6_E3M2 has a float32 form: the value of each element,
 * exact where float32 holds it and rounded to nearest even where it does not (I32, U32,
 * I64, U64, F64). The bits are the same on every machine and at every level, those of
 * NaNs included:
 *
 *	BF16, F32         taken over as they are
 *	F16, F64          sign kept, payload shifted, quiet bit set
 *	F8_*              the default quiet NaN with the sign of the code
 *
 * Several kernels make the same bits at different speeds. The processor is asked at each
 * call which one it can run: a few loads, but for F16 on a machine without AVX-512, where
 * it is an instruction that takes a microsecond in some virtual machines.
 */
#ifndef SFT_CORE_CAST_H
#define SFT_CORE_CAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets of instructions, from slow to fast for each kind of machine. */
enum sft_simd {
	SFT_SIMD_PORTABLE, /* plain C: every machine and every type */
	SFT_SIMD_AVX2,
	SFT_SIMD_AVX512, /* F, BW and DQ */
	SFT_SIMD_NEON,
};

#define SFT_SIMD_COUNT 4u

/**
 * sft_cast_fn - convert elements
 * @src:   @count elements from the start of a byte on; of F4, low nibble first
 * @dst:   receives 4 * @count bytes, little-endian float32; does not overlap @src
 * @count: elements; any
 *
 * Both may have any alignment. No byte before or behind either is touched. Safe from any
 * thread; rounds as the thread does, which is to nearest unless it was told otherwise.
 */
typedef void (*sft_cast_fn)(const uint8_t *src, uint8_t *dst, size_t count);

/* Whether a type of the table in core/dtype.h has a float32 form. */
bool sft_cast_has(uint8_t dtype);

/**
 * sft_cast_find() - the kernel for a type at one level
 * @dtype: below SFT_DTYPE_COUNT
 * @level: below SFT_SIMD_COUNT
 *
 * Return: NULL if the type has no float32 form, if this machine lacks the instructions,
 * or if there is no kernel of its own at this level because a lower one is as good.
 */
sft_cast_fn sft_cast_find(uint8_t dtype, enum sft_simd level);

/* The name of a level, such as "avx2"; static. */
const char *sft_simd_name(enum sft_simd level);

/**
 * sft_cast() - convert elements with the best kernel that this machine has
 * @dtype: one that sft_cast_has()
 *
 * The other parameters are those of sft_cast_fn.
 */
void sft_cast(uint8_t dtype, const uint8_t *src, uint8_t *dst, size_t count);

#endif /* SFT_CORE_CAST_H */
