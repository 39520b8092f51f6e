/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/xxh128.h - the XXH128 of a tensor's data, computed once
 */
#ifndef SFT_CORE_XXH128_H
#define SFT_CORE_XXH128_H

#include "core/part.h"

#define SFT_XXH128_TEXT_LEN 32u

struct sft_xxh128 {
	uint64_t high, low;
};

/* Whether the digest of a tensor is kept. */
bool sft_xxh128_find(const struct sft_model *model, uint32_t idx,
		     struct sft_xxh128 *ret_digest);

/**
 * sft_xxh128_of() - the digest of a tensor
 * @idx:    of the tensor
 * @waiter: or NULL
 *
 * Reads the data unless the digest is kept. If it is broken off, who asks next goes on
 * from there. Safe from any thread. Return: as sft_pass_run().
 */
SFT_MUST_CHECK enum sft_status sft_xxh128_of(const struct sft_model *model, uint32_t idx,
					     const struct sft_waiter *waiter,
					     struct sft_xxh128 *ret_digest,
					     struct sft_error *err);

/* The same of any part; keeps nothing. */
SFT_MUST_CHECK enum sft_status sft_xxh128_of_part(const struct sft_model *model,
						  struct sft_part part,
						  const struct sft_waiter *waiter,
						  struct sft_xxh128 *ret_digest,
						  struct sft_error *err);

/* As xxhsum(1) writes it, NUL-terminated. */
void sft_xxh128_text(struct sft_xxh128 digest, char out[SFT_XXH128_TEXT_LEN + 1]);

#endif /* SFT_CORE_XXH128_H */
