// SPDX-License-Identifier: Apache-2.0
#include "core/dtype.h"

#include <assert.h>

/* In the order of the reference's enum, from narrow to wide. */
static const struct sft_dtype rows[] = {
	{ "BOOL", 8, "|b1" },        { "F4", 4, NULL },           { "F6_E2M3", 6, NULL },
	{ "F6_E3M2", 6, NULL },      { "U8", 8, "|u1" },          { "I8", 8, "|i1" },
	{ "F8_E5M2", 8, "|V1" },     { "F8_E4M3", 8, "|V1" },     { "F8_E8M0", 8, "|V1" },
	{ "F8_E4M3FNUZ", 8, "|V1" }, { "F8_E5M2FNUZ", 8, "|V1" }, { "I16", 16, "<i2" },
	{ "U16", 16, "<u2" },        { "F16", 16, "<f2" },        { "BF16", 16, "<V2" },
	{ "I32", 32, "<i4" },        { "U32", 32, "<u4" },        { "F32", 32, "<f4" },
	{ "C64", 64, "<c8" },        { "F64", 64, "<f8" },        { "I64", 64, "<i8" },
	{ "U64", 64, "<u8" },
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == SFT_DTYPE_COUNT, "one row a dtype");

const struct sft_dtype *sft_dtype(uint8_t idx)
{
	assert(idx < SFT_DTYPE_COUNT);
	return &rows[idx];
}

bool sft_dtype_find(struct sft_bytes name, uint8_t *ret_idx)
{
	for (uint8_t i = 0; i < SFT_DTYPE_COUNT; i++) {
		if (sft_bytes_equal(name, sft_bytes_of(rows[i].name))) {
			*ret_idx = i;
			return true;
		}
	}
	return false;
}
