// SPDX-License-Identifier: Apache-2.0
/*
 * core/cast_halves.c - the float32 of every code of the floats of 8 and 4 bits
 *
 * The compiler computes the tables from the definitions of the types. A float type with E
 * bits of exponent, M of mantissa and this bias means
 *
 *	e = 0    (-1)^s * m * 2^(1 - bias - M)
 *	else     (-1)^s * (2^M + m) * 2^(e - bias - M)
 *
 * but for the codes that it gives away to NaN and infinity. OCP's E4M3 and E5M2 give away
 * all-ones and IEEE's top exponent, the FNUZ types only the code of -0.
 */
#include "core/cast_native.h"

#define INF 0x7f80
#define NAN_QUIET 0x7fc0
#define NEGATIVE 0x8000

/* Exponent of the highest bit of @v; of 0 it is never used. */
#define TOP(v) (31 - __builtin_clz((unsigned)(v) | 1u))

/* @v * 2^@exp, where @v has at most 8 bits. */
#define HALF(v, exp)                                                                     \
	((v) == 0 ? 0 : (127 + (exp) + TOP(v)) << 7 | (((v) << (7 - TOP(v))) & 0x7f))

/* The magnitude @x, without its sign. */
#define FLOAT(x, mant, bias)                                                             \
	((x) >> (mant) == 0 ? HALF(x, 1 - (bias) - (mant))                               \
			    : HALF(1 << (mant) | ((x) & ((1 << (mant)) - 1)),            \
				   ((x) >> (mant)) - (bias) - (mant)))

#define SIGN(c) (0x80 & (c) ? NEGATIVE : 0)
#define F4(c) ((8 & (c) ? NEGATIVE : 0) | FLOAT(7 & (c), 1, 1))
#define E5M2_TOP(x) ((x) == 0x7c ? INF : (x) > 0x7c ? NAN_QUIET : FLOAT(x, 2, 15))
#define E5M2(c) (SIGN(c) | E5M2_TOP(0x7f & (c)))
#define E4M3_TOP(x) ((x) == 0x7f ? NAN_QUIET : FLOAT(x, 3, 7))
#define E4M3(c) (SIGN(c) | E4M3_TOP(0x7f & (c)))
#define E8M0(c) ((c) == 0xff ? NAN_QUIET : (c) == 0 ? 0x40 : (c) << 7)
#define FNUZ(c, mant, bias)                                                              \
	((c) == 0x80 ? NEGATIVE | NAN_QUIET : SIGN(c) | FLOAT(0x7f & (c), mant, bias))
#define E4M3FNUZ(c) FNUZ(c, 3, 8)
#define E5M2FNUZ(c) FNUZ(c, 2, 16)

#define OF_4(f, c) f(c), f((c) + 1), f((c) + 2), f((c) + 3)
#define OF_16(f, c) OF_4(f, c), OF_4(f, (c) + 4), OF_4(f, (c) + 8), OF_4(f, (c) + 12)
#define OF_64(f, c)                                                                      \
	OF_16(f, c), OF_16(f, (c) + 16), OF_16(f, (c) + 32), OF_16(f, (c) + 48)
#define OF_256(f) OF_64(f, 0), OF_64(f, 64), OF_64(f, 128), OF_64(f, 192)

const uint16_t sft_halves_f4[16] = { OF_16(F4, 0) };
const uint16_t sft_halves_e5m2[256] = { OF_256(E5M2) };
const uint16_t sft_halves_e4m3[256] = { OF_256(E4M3) };
const uint16_t sft_halves_e8m0[256] = { OF_256(E8M0) };
const uint16_t sft_halves_e4m3fnuz[256] = { OF_256(E4M3FNUZ) };
const uint16_t sft_halves_e5m2fnuz[256] = { OF_256(E5M2FNUZ) };
