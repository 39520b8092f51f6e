// SPDX-License-Identifier: Apache-2.0
#include "core/pass.h"

#include <errno.h>

/* Bytes of source at a time: they are still in the second cache when they are summed. */
#define CHUNK_LEN 65536u
#define CHUNKS_PER_LOOK 16u

static bool is_left_alone(const struct sft_model *model, const struct sft_waiter *waiter)
{
	const struct sft_state *state = model->state;

	return (state->is_over != NULL && state->is_over(state->is_over_arg)) ||
	       (waiter != NULL && waiter->has_left != NULL &&
		waiter->has_left(waiter->arg));
}

/*
 * Whether it is worth going on: the reader may be gone, and the mount with it, and a
 * tensor may be as long as a sparse file can claim.
 */
static enum sft_status look_up(const struct sft_model *model,
			       const struct sft_backing *file,
			       const struct sft_waiter *waiter, struct sft_error *err)
{
	if (is_left_alone(model, waiter)) {
		errno = EINTR;
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
				"nobody waits for this checksum any more");
	}
	return sft_backing_check(file, err);
}

enum sft_status sft_pass_run(const struct sft_model *model, struct sft_part part,
			     struct sft_pass *pass, const struct sft_waiter *waiter,
			     struct sft_error *err)
{
	const struct sft_backing *file = sft_model_file(model, part.tensor->shard);
	const struct sft_raw raw = { file->fd, sft_part_data_off(model, part),
				     sft_part_rows(part) };
	const uint64_t end = sft_part_len(part);
	enum sft_status status = SFT_OK;
	uint8_t chunk[CHUNK_LEN];
	unsigned chunks = 0;

	while (status == SFT_OK && pass->done < end) {
		const uint64_t left = end - pass->done;
		const size_t len = left < CHUNK_LEN ? (size_t)left : CHUNK_LEN;

		status = sft_raw_read(&raw, pass->done, chunk, len, err);
		if (status != SFT_OK)
			break;
		pass->add(pass->sum, chunk, len);
		pass->done += len;
		if (waiter != NULL && waiter->progress != NULL)
			waiter->progress(waiter->arg, len);
		if (++chunks % CHUNKS_PER_LOOK == 0)
			status = look_up(model, file, waiter, err);
	}
	if (status == SFT_OK)
		status = sft_backing_check(file, err);
	if (status != SFT_OK)
		sft_error_file(err, file->path);
	return status;
}
