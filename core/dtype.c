// SPDX-License-Identifier: Apache-2.0
#include "core/dtype.h"

#include <assert.h>

/* In the order of the reference's enum, from narrow to wide. */
static const struct sft_dtype rows[] = {
	{ "BOOL", 8, "|b1", "bool" },
	{ "F4", 4, NULL, "float4_e2m1fn_x2" },
	{ "F6_E2M3", 6, NULL, NULL },
	{ "F6_E3M2", 6, NULL, NULL },
	{ "U8", 8, "|u1", "uint8" },
	{ "I8", 8, "|i1", "int8" },
	{ "F8_E5M2", 8, "|V1", "float8_e5m2" },
	{ "F8_E4M3", 8, "|V1", "float8_e4m3fn" },
	{ "F8_E8M0", 8, "|V1", "float8_e8m0fnu" },
	{ "F8_E4M3FNUZ", 8, "|V1", "float8_e4m3fnuz" },
	{ "F8_E5M2FNUZ", 8, "|V1", "float8_e5m2fnuz" },
	{ "I16", 16, "<i2", "int16" },
	{ "U16", 16, "<u2", "uint16" },
	{ "F16", 16, "<f2", "float16" },
	{ "BF16", 16, "<V2", "bfloat16" },
	{ "I32", 32, "<i4", "int32" },
	{ "U32", 32, "<u4", "uint32" },
	{ "F32", 32, "<f4", "float32" },
	{ "C64", 64, "<c8", "complex64" },
	{ "F64", 64, "<f8", "float64" },
	{ "I64", 64, "<i8", "int64" },
	{ "U64", 64, "<u8", "uint64" },
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == SFT_DTYPE_COUNT, "one row a dtype");

const struct sft_dtype *sft_dtype(uint8_t idx)
{
	assert(idx < SFT_DTYPE_COUNT);
	return &rows[idx];
}

bool sft_dtype_find(struct sft_bytes name, uint8_t *ret_idx)
{
	for (uint8_t i = 0; name.len > 0 && i < SFT_DTYPE_COUNT; i++) {
		if (name.data[0] == (uint8_t)rows[i].name[0] &&
		    sft_bytes_equal(name, sft_bytes_of(rows[i].name))) {
			*ret_idx = i;
			return true;
		}
	}
	return false;
}
