// SPDX-License-Identifier: Apache-2.0
#include "core/crc.h"

#include <errno.h>
#include <libdeflate.h>

#include "core/npy.h"

#define POLYNOMIAL 0xedb88320u /* reflected: bit 31 is the constant term */
#define KNOWN (UINT64_C(1) << 32)
/* Bytes of source at a time: they are still in the second cache when they are summed. */
#define CHUNK_LEN 65536u
#define CHUNKS_PER_LOOK 256u /* 16 MiB: a millisecond or some more */

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

/*
 * Whether it is worth going on: the reader may be gone and the mount with it, and a
 * tensor may be as long as a sparse file can claim.
 */
static enum sft_status check_waiting(const struct sft_model *model,
				     const struct sft_backing *file,
				     struct sft_error *err)
{
	const struct sft_state *state = model->state;

	if (state->is_over != NULL && state->is_over(state->is_over_arg)) {
		errno = EINTR;
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
				"nobody waits for this checksum any more");
	}
	return sft_backing_check(file, err);
}

/* Goes on with a CRC over a tensor's data. */
static enum sft_status add_data(const struct sft_model *model,
				const struct sft_tensor *tensor, uint32_t *crc,
				struct sft_error *err)
{
	const struct sft_backing *file = sft_model_file(model, tensor->shard);
	const uint64_t end = sft_model_data_off(model, tensor) + sft_tensor_len(tensor);
	enum sft_status status = SFT_OK;
	uint8_t chunk[CHUNK_LEN];
	unsigned chunks = 0;

	for (uint64_t off = sft_model_data_off(model, tensor);
	     off < end && status == SFT_OK; off += CHUNK_LEN) {
		const size_t len =
			end - off < CHUNK_LEN ? (size_t)(end - off) : CHUNK_LEN;

		status = sft_read_all(file->fd, chunk, len, off, err);
		if (status == SFT_OK)
			*crc = sft_crc(*crc, chunk, len);
		if (status == SFT_OK && ++chunks % CHUNKS_PER_LOOK == 0)
			status = check_waiting(model, file, err);
	}
	if (status == SFT_OK)
		status = sft_backing_check(file, err);
	if (status != SFT_OK)
		sft_error_file(err, file->path);
	return status;
}

enum sft_status sft_crc_npy(const struct sft_model *model, uint32_t idx,
			    uint32_t *ret_crc, struct sft_error *err)
{
	const struct sft_tensor *tensor = &model->tensors[idx];
	atomic_ullong *kept = &model->state->crc[idx];
	const uint64_t found = atomic_load_explicit(kept, memory_order_relaxed);
	char header[SFT_NPY_HEADER_LEN_MAX];
	enum sft_status status;
	uint32_t crc;

	if (found & KNOWN) {
		*ret_crc = (uint32_t)found;
		return SFT_OK;
	}
	crc = sft_crc(0, header, sft_npy_header(model, sft_whole(tensor), header));
	status = add_data(model, tensor, &crc, err);
	if (status != SFT_OK)
		return status;
	atomic_store_explicit(kept, KNOWN | crc, memory_order_relaxed);
	*ret_crc = crc;
	return SFT_OK;
}
