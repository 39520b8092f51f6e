// SPDX-License-Identifier: Apache-2.0
#include "core/metadata.h"

#include <stdlib.h>

#include "core/table.h"

/* One entry of the union, and which file it comes from. */
struct entry {
	struct sft_bytes key, value;
	size_t shard;
};

static struct sft_bytes entry_key(const void *ctx, uint32_t idx)
{
	const struct entry *entries = ctx;

	return entries[idx].key;
}

/* Unites the metadata of all files: the first file wins, and in a file the last entry. */
static enum sft_status unite(const struct sft_model *model, struct entry *entries,
			     size_t *ret_count, struct sft_error *err)
{
	struct sft_table keys;
	enum sft_status status = sft_table_init(&keys, entry_key, entries, err);
	uint32_t count = 0;

	for (size_t i = 0; i < model->shard_count; i++) {
		const struct sft_header *header = &model->shards[i].header;

		for (size_t j = 0; status == SFT_OK && j < header->metadata_count; j++) {
			const struct sft_pair *pair = &header->metadata[j];
			const struct entry entry = {
				sft_header_text(header, pair->key_off, pair->key_len),
				sft_header_text(header, pair->value_off, pair->value_len),
				i,
			};
			uint32_t idx;

			entries[count] = entry;
			status = sft_table_put(&keys, entry.key, count, &idx, err);
			if (status == SFT_OK && idx == count)
				count++;
			else if (status == SFT_OK && entries[idx].shard == i)
				entries[idx].value = entry.value;
		}
	}
	sft_table_done(&keys);
	*ret_count = count;
	return status;
}

enum sft_status sft_metadata_format(const struct sft_model *model, struct sft_json *json,
				    struct sft_error *err)
{
	enum sft_status status;
	struct entry *entries;
	size_t count = 0;

	for (size_t i = 0; i < model->shard_count; i++)
		count += model->shards[i].header.metadata_count;
	entries = calloc(count + 1,
			 sizeof(*entries)); /* + 1: written to, then found equal */
	if (entries == NULL)
		return sft_fail_memory(err);
	status = unite(model, entries, &count, err);
	sft_json_raw(json, "{");
	for (size_t i = 0; i < count && json->len < SFT_METADATA_LEN_MAX; i++) {
		sft_json_raw(json, i == 0 ? "\n\t\t" : ",\n\t\t");
		sft_json_pair(json, entries[i].key, entries[i].value);
	}
	sft_json_raw(json, count > 0 ? "\n\t}" : "}");
	free(entries);
	if (status == SFT_OK && json->failed)
		status = sft_fail_memory(err);
	return status;
}
