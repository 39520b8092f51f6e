// SPDX-License-Identifier: Apache-2.0
#include "core/table.h"

#include <stdlib.h>

#include "core/huge.h"

#define SLOTS_MIN 64u

enum sft_status sft_table_init(struct sft_table *table, sft_table_name name,
			       const void *ctx, struct sft_error *err)
{
	enum sft_status status;

	*table = (struct sft_table){ .name = name, .ctx = ctx, .slot_count = SLOTS_MIN };
	status = sft_hash_init(&table->hash, err);
	if (status != SFT_OK)
		return status;
	table->slots = calloc(table->slot_count, sizeof(*table->slots));
	if (table->slots == NULL)
		return sft_fail_memory(err);
	return SFT_OK;
}

void sft_table_done(struct sft_table *table)
{
	free(table->slots);
	*table = (struct sft_table){ 0 };
}

static uint32_t hash_of(const struct sft_table *table, struct sft_bytes name)
{
	return (uint32_t)sft_hash_of(&table->hash, name);
}

/* The slot that holds the name, or the free one where it belongs. */
static struct sft_table_slot *slot_of(const struct sft_table *table, uint32_t hash,
				      struct sft_bytes name)
{
	const size_t mask = table->slot_count - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct sft_table_slot *slot = &table->slots[i];

		if (slot->idx1 == 0)
			return slot;
		if (slot->hash == hash &&
		    sft_bytes_equal(table->name(table->ctx, slot->idx1 - 1), name))
			return slot;
	}
}

static bool grow(struct sft_table *table)
{
	const size_t count = table->slot_count * 2;
	struct sft_table_slot *slots = calloc(count, sizeof(*slots));

	if (slots == NULL)
		return false;
	sft_huge(slots, count * sizeof(*slots));
	for (size_t i = 0; i < table->slot_count; i++) {
		size_t at = table->slots[i].hash & (count - 1);

		if (table->slots[i].idx1 == 0)
			continue;
		while (slots[at].idx1 != 0)
			at = (at + 1) & (count - 1);
		slots[at] = table->slots[i];
	}
	free(table->slots);
	table->slots = slots;
	table->slot_count = count;
	return true;
}

uint32_t sft_table_expect(const struct sft_table *table, struct sft_bytes name)
{
	const uint32_t hash = hash_of(table, name);

	__builtin_prefetch(&table->slots[hash & (table->slot_count - 1)], 1);
	return hash;
}

enum sft_status sft_table_put(struct sft_table *table, struct sft_bytes name,
			      uint32_t idx, uint32_t *ret_found, struct sft_error *err)
{
	return sft_table_put_hashed(table, name, hash_of(table, name), idx, ret_found,
				    err);
}

enum sft_status sft_table_put_hashed(struct sft_table *table, struct sft_bytes name,
				     uint32_t hash, uint32_t idx, uint32_t *ret_found,
				     struct sft_error *err)
{
	struct sft_table_slot *slot;

	if (table->count >= table->slot_count / 4 * 3 && !grow(table))
		return sft_fail_memory(err);
	slot = slot_of(table, hash, name);
	if (slot->idx1 == 0) {
		*slot = (struct sft_table_slot){ hash, idx + 1 };
		table->count++;
	}
	*ret_found = slot->idx1 - 1;
	return SFT_OK;
}

bool sft_table_find(const struct sft_table *table, struct sft_bytes name,
		    uint32_t *ret_idx)
{
	const struct sft_table_slot *slot = slot_of(table, hash_of(table, name), name);

	if (slot->idx1 == 0)
		return false;
	*ret_idx = slot->idx1 - 1;
	return true;
}
