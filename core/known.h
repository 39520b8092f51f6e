/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/known.h - what was computed of the tensors' data, and is kept
 *
 * A CRC or a digest takes as long as reading the tensor. Each is computed by whoever asks
 * for it first; two who ask at the same time may both compute it, and find the same.
 */
#ifndef SFT_CORE_KNOWN_H
#define SFT_CORE_KNOWN_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/sft.h"

enum sft_known_bit {
	SFT_KNOWN_CRC = 1,    /* of the .npy: see crc.h */
	SFT_KNOWN_XXH128 = 2, /* of the data: see xxh128.h */
};

struct sft_known_sums {
	atomic_uint has; /* bits; each is set when the value is there */
	atomic_uint crc;
	_Atomic(uint64_t) xxh128[2];
};

struct sft_half;

struct sft_known {
	pthread_mutex_t lock; /* of @half */
	struct sft_half
		*half; /* of a digest that was broken off: see xxh128.c; or NULL */
	struct sft_known_sums sums[]; /* by tensor */
};

/* Return: NULL where memory is short. */
struct sft_known *sft_known_new(size_t tensor_count);

/* NULL is fine. */
void sft_known_free(struct sft_known *known);

/* Whether a value is there, to be loaded relaxed. */
static inline bool sft_known_has(const struct sft_known_sums *sums,
				 enum sft_known_bit bit)
{
	return atomic_load_explicit(&sums->has, memory_order_acquire) & bit;
}

/* Says that a value is there, which was stored relaxed. */
static inline void sft_known_set(struct sft_known_sums *sums, enum sft_known_bit bit)
{
	atomic_fetch_or_explicit(&sums->has, bit, memory_order_release);
}

#endif /* SFT_CORE_KNOWN_H */
