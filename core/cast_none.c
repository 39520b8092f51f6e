// SPDX-License-Identifier: Apache-2.0
/*
 * core/cast_none.c - no kernels beside the portable ones, for the other processors
 */
#include "core/cast_native.h"

sft_cast_fn sft_cast_native(uint8_t dtype, enum sft_simd level)
{
	(void)dtype;
	(void)level;
	return NULL;
}
