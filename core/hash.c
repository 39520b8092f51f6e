// SPDX-License-Identifier: Apache-2.0
#include "core/hash.h"

#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(SFT_HASH_SECRET_LEN >= XXH3_SECRET_SIZE_MIN, "XXH3 wants a longer secret");

enum sft_status sft_hash_init(struct sft_hash *hash, struct sft_error *err)
{
	if (getrandom(hash->secret, sizeof(hash->secret), 0) !=
	    (ssize_t)sizeof(hash->secret))
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "no random numbers");
	return SFT_OK;
}

uint64_t sft_hash_of(const struct sft_hash *hash, struct sft_bytes bytes)
{
	return XXH3_64bits_withSecret(bytes.data, bytes.len, hash->secret,
				      sizeof(hash->secret));
}
