/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/cast_native.h - what core/cast.c and the kernels of one processor share
 *
 * One of cast_x86.c, cast_arm.c and cast_none.c is compiled, as core/meson.build says.
 */
#ifndef SFT_CORE_CAST_NATIVE_H
#define SFT_CORE_CAST_NATIVE_H

#include "core/cast.h"
#include "core/dtype.h"

/* The rows of core/dtype.c, in its order. */
enum sft_dtype_row {
	SFT_DTYPE_BOOL,
	SFT_DTYPE_F4,
	SFT_DTYPE_F6_E2M3,
	SFT_DTYPE_F6_E3M2,
	SFT_DTYPE_U8,
	SFT_DTYPE_I8,
	SFT_DTYPE_F8_E5M2,
	SFT_DTYPE_F8_E4M3,
	SFT_DTYPE_F8_E8M0,
	SFT_DTYPE_F8_E4M3FNUZ,
	SFT_DTYPE_F8_E5M2FNUZ,
	SFT_DTYPE_I16,
	SFT_DTYPE_U16,
	SFT_DTYPE_F16,
	SFT_DTYPE_BF16,
	SFT_DTYPE_I32,
	SFT_DTYPE_U32,
	SFT_DTYPE_F32,
	SFT_DTYPE_C64,
	SFT_DTYPE_F64,
	SFT_DTYPE_I64,
	SFT_DTYPE_U64,
};

_Static_assert(SFT_DTYPE_U64 + 1 == SFT_DTYPE_COUNT, "one name a dtype");

/*
 * The upper 16 bits of the float32 of each code of a type; the lower 16 are always zero,
 * for no such type has more than 4 significant bits.
 */
extern const uint16_t sft_halves_f4[16];
extern const uint16_t sft_halves_e5m2[256];
extern const uint16_t sft_halves_e4m3[256];
extern const uint16_t sft_halves_e8m0[256];
extern const uint16_t sft_halves_e4m3fnuz[256];
extern const uint16_t sft_halves_e5m2fnuz[256];

/* sft_cast_find() for every level but SFT_SIMD_PORTABLE. */
sft_cast_fn sft_cast_native(uint8_t dtype, enum sft_simd level);

#endif /* SFT_CORE_CAST_NATIVE_H */
