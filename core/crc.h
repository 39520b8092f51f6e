/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/crc.h - checksums of archives, and how not to need them
 *
 * A zip says the CRC-32 of each member before anybody asks for one. But four bytes of our
 * choice behind the data make it any value: so that is a constant, and these bytes are
 * computed when they are read. A CRC that was computed is kept: see known.h.
 */
#ifndef SFT_CORE_CRC_H
#define SFT_CORE_CRC_H

#include "core/model.h"

#define SFT_CRC_PATCH_LEN 4u

/* CRC-32 as zip has it, of bytes behind those whose CRC is @crc; 0 for none. */
uint32_t sft_crc(uint32_t crc, const void *bytes, size_t len);

/**
 * sft_crc_patch() - find the bytes that lead from one CRC to another
 * @crc:   of what stands before them
 * @want:  of all
 * @zeros: bytes of zero that follow; takes a microsecond for every 100 of them
 */
void sft_crc_patch(uint32_t crc, uint32_t want, size_t zeros,
		   uint8_t out[SFT_CRC_PATCH_LEN]);

/**
 * sft_crc_npy() - CRC-32 of a tensor's .npy: the header and all data
 * @idx: of a tensor that is no sft_npy_absent()
 *
 * Reads the data, once: the result is kept if the file did not change meanwhile. Safe
 * from any thread.
 *
 * Return: SFT_OK, SFT_E_IO or SFT_E_CHANGED.
 */
SFT_MUST_CHECK enum sft_status sft_crc_npy(const struct sft_model *model, uint32_t idx,
					   uint32_t *ret_crc, struct sft_error *err);

#endif /* SFT_CORE_CRC_H */
