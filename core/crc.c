// SPDX-License-Identifier: Apache-2.0
#include "core/crc.h"

#include <libdeflate.h>

#include "core/known.h"
#include "core/npy.h"
#include "core/pass.h"

#define POLYNOMIAL 0xedb88320u /* reflected: bit 31 is the constant term */

uint32_t sft_crc(uint32_t crc, const void *bytes, size_t len)
{
	return libdeflate_crc32(crc, bytes, len);
}

/* The register before so many bytes of zero, from what it is behind them. */
static uint32_t rewind_zeros(uint32_t value, size_t zeros)
{
	for (size_t bit = 0; bit < zeros * 8; bit++) {
		/* Forward, a 1 falls out and adds the polynomial, whose bit 31 is set. */
		const uint32_t fell = value >> 31;

		value = (fell ? value ^ POLYNOMIAL : value) << 1 | fell;
	}
	return value;
}

void sft_crc_patch(uint32_t crc, uint32_t want, size_t zeros,
		   uint8_t out[SFT_CRC_PATCH_LEN])
{
	/*
	 * The register is the complement of the CRC. Four bytes go into it as if they
	 * were added to it and four bytes of zero came then.
	 */
	const uint32_t patch = ~crc ^ rewind_zeros(~want, SFT_CRC_PATCH_LEN + zeros);

	for (unsigned i = 0; i < SFT_CRC_PATCH_LEN; i++)
		out[i] = (uint8_t)(patch >> 8 * i);
}

static void add(void *crc, const uint8_t *bytes, size_t len)
{
	*(uint32_t *)crc = sft_crc(*(uint32_t *)crc, bytes, len);
}

enum sft_status sft_crc_npy(const struct sft_model *model, uint32_t idx,
			    uint32_t *ret_crc, struct sft_error *err)
{
	const struct sft_part part = sft_whole(&model->tensors[idx]);
	struct sft_known_sums *sums = &model->state->known->sums[idx];
	char header[SFT_NPY_HEADER_LEN_MAX];
	enum sft_status status;
	uint32_t crc;
	struct sft_pass pass = { .add = add, .sum = &crc };

	if (sft_known_has(sums, SFT_KNOWN_CRC)) {
		*ret_crc = atomic_load_explicit(&sums->crc, memory_order_relaxed);
		return SFT_OK;
	}
	crc = sft_crc(0, header, sft_npy_header(model, part, header));
	status = sft_pass_run(model, part, &pass, NULL, err);
	if (status != SFT_OK)
		return status;
	atomic_store_explicit(&sums->crc, crc, memory_order_relaxed);
	sft_known_set(sums, SFT_KNOWN_CRC);
	*ret_crc = crc;
	return SFT_OK;
}
