/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/hash.h - hashes of what a model file holds, for use in this process alone
 *
 * Whoever wrote the file chose what is hashed, so the hash is XXH3 under a secret drawn
 * anew each time: what collides cannot be made in advance.
 */
#ifndef SFT_CORE_HASH_H
#define SFT_CORE_HASH_H

#include "core/bytes.h"
#include "core/sft.h"

#define SFT_HASH_SECRET_LEN 192

struct sft_hash {
	uint8_t secret[SFT_HASH_SECRET_LEN];
};

/* Draws a secret. Return: SFT_OK or SFT_E_IO (no random numbers). */
SFT_MUST_CHECK enum sft_status sft_hash_init(struct sft_hash *hash,
					     struct sft_error *err);

uint64_t sft_hash_of(const struct sft_hash *hash, struct sft_bytes bytes);

#endif /* SFT_CORE_HASH_H */
