/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/crc.h - the checksum of zip archives, and bytes that give it any value
 *
 * A CRC is linear: behind any data, four bytes can be found that lead to any result. So
 * the checksum of an archive's member can be chosen before its data was ever read, and
 * only whoever reads the end of the member has to wait for it.
 */
#ifndef SFT_CORE_CRC_H
#define SFT_CORE_CRC_H

#include <stdint.h>

#define SFT_CRC_PATCH_LEN 4u

/**
 * sft_crc_patch() - bytes that lead to a checksum
 * @crc:    CRC-32 of what stands before them
 * @target: CRC-32 wanted of all of it
 * @zeros:  zero bytes that follow; the cost is linear in them
 * @out:    receives the bytes
 */
void sft_crc_patch(uint32_t crc, uint32_t target, uint64_t zeros,
		   uint8_t out[SFT_CRC_PATCH_LEN]);

#endif /* SFT_CORE_CRC_H */
