/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/table.h - a set of names, each with an index
 *
 * Open addressing over 8-byte slots, each table with a secret of its own (core/hash.h).
 * The names themselves stay with the caller, who gives one for an index.
 */
#ifndef SFT_CORE_TABLE_H
#define SFT_CORE_TABLE_H

#include "core/bytes.h"
#include "core/hash.h"
#include "core/sft.h"

/* The name that an index of the table stands for. */
typedef struct sft_bytes (*sft_table_name)(const void *ctx, uint32_t idx);

struct sft_table_slot {
	uint32_t hash;
	uint32_t idx1; /* index + 1; 0: the slot is free */
};

struct sft_table {
	struct sft_table_slot *slots;
	size_t slot_count; /* a power of two */
	size_t count;
	sft_table_name name;
	const void *ctx;
	struct sft_hash hash;
};

/**
 * sft_table_init() - make an empty table
 * @name: called with @ctx for an index that was put in
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO (no randomness).
 */
SFT_MUST_CHECK enum sft_status sft_table_init(struct sft_table *table,
					      sft_table_name name, const void *ctx,
					      struct sft_error *err);

void sft_table_done(struct sft_table *table);

/**
 * sft_table_put() - find a name, or put it in
 * @name:      looked for
 * @idx:       what @name stands for if it is new
 * @ret_found: what it stands for: @idx, or that of the equal name put in before
 *
 * Return: SFT_OK or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_table_put(struct sft_table *table,
					     struct sft_bytes name, uint32_t idx,
					     uint32_t *ret_found, struct sft_error *err);

/**
 * sft_table_expect() - the hash of a name that will soon be put in
 *
 * What is in the way of that comes into the cache meanwhile. It is the same until
 * sft_table_done().
 */
uint32_t sft_table_expect(const struct sft_table *table, struct sft_bytes name);

/* sft_table_put() with the hash of the name. */
SFT_MUST_CHECK enum sft_status sft_table_put_hashed(struct sft_table *table,
						    struct sft_bytes name, uint32_t hash,
						    uint32_t idx, uint32_t *ret_found,
						    struct sft_error *err);

/* Return: false if the name was never put in. */
bool sft_table_find(const struct sft_table *table, struct sft_bytes name,
		    uint32_t *ret_idx);

#endif /* SFT_CORE_TABLE_H */
