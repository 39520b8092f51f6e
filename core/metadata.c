// SPDX-License-Identifier: Apache-2.0
#include "core/metadata.h"

#include <stdlib.h>

#include "core/cleanup.h"
#include "core/table.h"

/* The values in use have two to four: a long one is no format. */
#define FORMAT_LEN_MAX 64u

static struct sft_bytes entry_key(const void *ctx, uint32_t idx)
{
	const struct sft_metadata_entry *entries = ctx;

	return entries[idx].key;
}

/* Unites the metadata of all files: the first file wins, and in a file the last entry. */
static enum sft_status unite(const struct sft_model *model,
			     struct sft_metadata_entry *entries, size_t *ret_count,
			     struct sft_error *err)
{
	struct sft_table keys;
	enum sft_status status = sft_table_init(&keys, entry_key, entries, err);
	uint32_t count = 0;

	for (size_t i = 0; i < model->shard_count; i++) {
		const struct sft_header *header = &model->shards[i].header;

		for (size_t j = 0; status == SFT_OK && j < header->metadata_count; j++) {
			const struct sft_pair *pair = &header->metadata[j];
			const struct sft_metadata_entry entry = {
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

enum sft_status sft_metadata_unite(const struct sft_model *model,
				   struct sft_metadata_entry **ret_entries,
				   size_t *ret_count, struct sft_error *err)
{
	auto_free struct sft_metadata_entry *entries = NULL;
	enum sft_status status;
	size_t count = 0;

	for (size_t i = 0; i < model->shard_count; i++)
		count += model->shards[i].header.metadata_count;
	entries = calloc(count + 1,
			 sizeof(*entries)); /* + 1: written to, then found equal */
	if (entries == NULL)
		return sft_fail_memory(err);
	status = unite(model, entries, &count, err);
	if (status != SFT_OK)
		return status;
	*ret_entries = steal_ptr(&entries);
	*ret_count = count;
	return SFT_OK;
}

static struct sft_bytes alias_source(const void *ctx, uint32_t idx)
{
	const struct sft_alias *aliases = ctx;

	return aliases[idx].source;
}

/* Entries that are aliases take their new names, and those of aliases that are gone go.
 */
static enum sft_status rename_aliases(const struct sft_model *model,
				      struct sft_metadata_entry *entries, size_t *count,
				      struct sft_error *err)
{
	const size_t all = model->alias_count + model->gone_alias_count;
	struct sft_table sources;
	enum sft_status status;
	size_t used = 0;

	if (!model->is_filtered || all == 0)
		return SFT_OK;
	status = sft_table_init(&sources, alias_source, model->aliases, err);
	for (uint32_t i = 0, found; status == SFT_OK && i < all; i++)
		status =
			sft_table_put(&sources, model->aliases[i].source, i, &found, err);
	for (size_t i = 0; status == SFT_OK && i < *count; i++) {
		uint32_t idx;

		entries[used] = entries[i];
		if (!sft_table_find(&sources, entries[i].key, &idx)) {
			used++;
		} else if (idx < model->alias_count) {
			const struct sft_alias *alias = &model->aliases[idx];

			entries[used].key = alias->name;
			entries[used++].value =
				sft_model_name(model, &model->tensors[alias->tensor]);
		}
	}
	sft_table_done(&sources);
	*count = used;
	return status;
}

enum sft_status sft_metadata_format(const struct sft_model *model, const char *between,
				    struct sft_json *json, struct sft_error *err)
{
	auto_free struct sft_metadata_entry *entries = NULL;
	size_t count = 0;
	enum sft_status status = sft_metadata_unite(model, &entries, &count, err);

	if (status != SFT_OK)
		return status;
	status = rename_aliases(model, entries, &count, err);
	if (status != SFT_OK)
		return status;
	sft_json_raw(json, "{");
	for (size_t i = 0; i < count && json->len < SFT_METADATA_LEN_MAX; i++) {
		sft_json_raw(json, i == 0 ? "" : ",");
		sft_json_raw(json, between);
		sft_json_pair(json, entries[i].key, entries[i].value);
	}
	/* The brace that closes stands a tab further left. */
	if (count > 0 && between[0] != '\0') {
		sft_json_raw(json, "\n");
		sft_json_raw(json, between + 2);
	}
	sft_json_raw(json, "}");
	return json->failed ? sft_fail_memory(err) : SFT_OK;
}

enum sft_status sft_metadata_keep_format(struct sft_model *model, struct sft_error *err)
{
	auto_free struct sft_metadata_entry *entries = NULL;
	size_t count = 0;
	enum sft_status status = sft_metadata_unite(model, &entries, &count, err);
	struct sft_json json = { 0 };

	model->format = "{\"format\":\"pt\"}";
	for (size_t i = 0; status == SFT_OK && i < count; i++) {
		const struct sft_metadata_entry *entry = &entries[i];

		if (!sft_bytes_equal(entry->key, sft_bytes_of("format")) ||
		    entry->value.len > FORMAT_LEN_MAX)
			continue;
		sft_json_raw(&json, "{");
		sft_json_pair(&json, entry->key, entry->value);
		sft_json_raw(&json, "}");
		if (json.failed)
			return sft_fail_memory(err);
		model->own_format = json.text;
		model->format = json.text;
		break;
	}
	return status;
}
