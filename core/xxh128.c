// SPDX-License-Identifier: Apache-2.0
#include "core/xxh128.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/known.h"
#include "core/pass.h"

/*
 * A reader whom a signal wakes leaves, handles it, and asks again: that is no reason to
 * begin again. So what was broken off last is kept; where memory is short it is not.
 */
struct sft_half {
	uint32_t idx;
	uint64_t done;
	uint8_t state[sizeof(XXH3_state_t)]; /* a copy, which need not be aligned */
};

static void add(void *sum, const uint8_t *bytes, size_t len)
{
	XXH3_128bits_update(sum, bytes, len);
}

static struct sft_xxh128 digest_of(const XXH3_state_t *state)
{
	const XXH128_hash_t hash = XXH3_128bits_digest(state);

	return (struct sft_xxh128){ hash.high64, hash.low64 };
}

bool sft_xxh128_find(const struct sft_model *model, uint32_t idx,
		     struct sft_xxh128 *ret_digest)
{
	const struct sft_known_sums *sums = &model->state->known->sums[idx];

	if (!sft_known_has(sums, SFT_KNOWN_XXH128))
		return false;
	ret_digest->high = atomic_load_explicit(&sums->xxh128[0], memory_order_relaxed);
	ret_digest->low = atomic_load_explicit(&sums->xxh128[1], memory_order_relaxed);
	return true;
}

static void keep(const struct sft_model *model, uint32_t idx, struct sft_xxh128 digest)
{
	struct sft_known_sums *sums = &model->state->known->sums[idx];

	atomic_store_explicit(&sums->xxh128[0], digest.high, memory_order_relaxed);
	atomic_store_explicit(&sums->xxh128[1], digest.low, memory_order_relaxed);
	sft_known_set(sums, SFT_KNOWN_XXH128);
}

/* Goes on with what was broken off, if that was it. */
static void take_half(struct sft_known *known, uint32_t idx, XXH3_state_t *state,
		      uint64_t *done)
{
	pthread_mutex_lock(&known->lock);
	if (known->half != NULL && known->half->idx == idx) {
		memcpy(state, known->half->state, sizeof(*state));
		*done = known->half->done;
	}
	pthread_mutex_unlock(&known->lock);
}

static void keep_half(struct sft_known *known, uint32_t idx, const XXH3_state_t *state,
		      uint64_t done)
{
	pthread_mutex_lock(&known->lock);
	if (known->half == NULL)
		known->half = malloc(sizeof(*known->half));
	if (known->half != NULL) {
		known->half->idx = idx;
		known->half->done = done;
		memcpy(known->half->state, state, sizeof(*state));
	}
	pthread_mutex_unlock(&known->lock);
}

enum sft_status sft_xxh128_of(const struct sft_model *model, uint32_t idx,
			      const struct sft_waiter *waiter,
			      struct sft_xxh128 *ret_digest, struct sft_error *err)
{
	struct sft_known *known = model->state->known;
	XXH3_state_t state;
	struct sft_pass pass = { .add = add, .sum = &state };
	enum sft_status status;

	if (sft_xxh128_find(model, idx, ret_digest))
		return SFT_OK;
	XXH3_128bits_reset(&state);
	take_half(known, idx, &state, &pass.done);
	status = sft_pass_run(model, sft_whole(&model->tensors[idx]), &pass, waiter, err);
	if (status == SFT_OK) {
		*ret_digest = digest_of(&state);
		keep(model, idx, *ret_digest);
	} else if (status == SFT_E_IO) {
		keep_half(known, idx, &state, pass.done);
	}
	return status;
}

enum sft_status sft_xxh128_of_part(const struct sft_model *model, struct sft_part part,
				   const struct sft_waiter *waiter,
				   struct sft_xxh128 *ret_digest, struct sft_error *err)
{
	XXH3_state_t state;
	struct sft_pass pass = { .add = add, .sum = &state };
	enum sft_status status;

	XXH3_128bits_reset(&state);
	status = sft_pass_run(model, part, &pass, waiter, err);
	if (status == SFT_OK)
		*ret_digest = digest_of(&state);
	return status;
}

void sft_xxh128_text(struct sft_xxh128 digest, char out[SFT_XXH128_TEXT_LEN + 1])
{
	snprintf(out, SFT_XXH128_TEXT_LEN + 1, "%016" PRIx64 "%016" PRIx64, digest.high,
		 digest.low);
}
