// SPDX-License-Identifier: Apache-2.0
#include "core/crc.h"

#define POLYNOMIAL UINT32_C(0xedb88320) /* bits reversed, as zip has it */

/*
 * The register before a zero byte, from the one after it. Each of the byte's eight steps
 * shifted right and, where a one fell out, added the polynomial, whose top bit is set:
 * so the top bit tells whether it did.
 */
static uint32_t undo_zero(uint32_t crc)
{
	for (unsigned i = 0; i < 8; i++)
		crc = crc >> 31 ? (crc ^ POLYNOMIAL) << 1 | 1 : crc << 1;
	return crc;
}

void sft_crc_patch(uint32_t crc, uint32_t target, uint64_t zeros,
		   uint8_t out[SFT_CRC_PATCH_LEN])
{
	uint32_t wanted = ~target; /* the register is the complement */

	/*
	 * Four bytes lead from one register to what four zeros lead to from the sum of
	 * it and them.
	 */
	for (uint64_t i = 0; i < zeros + SFT_CRC_PATCH_LEN; i++)
		wanted = undo_zero(wanted);
	wanted ^= ~crc;
	for (unsigned i = 0; i < SFT_CRC_PATCH_LEN; i++)
		out[i] = (uint8_t)(wanted >> (8 * i));
}
