// SPDX-License-Identifier: Apache-2.0
#include "core/metadata.h"

#include <stdlib.h>

#include "core/cleanup.h"
#include "core/filter.h"
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

static struct sft_bytes tensor_name(const void *ctx, uint32_t idx)
{
	const struct sft_model *model = ctx;

	return sft_model_name(model, &model->tensors[idx]);
}

static struct sft_bytes tensor_source(const void *ctx, uint32_t idx)
{
	const struct sft_model *model = ctx;

	return sft_filter_source_name(model, &model->tensors[idx]);
}

/* What entries of a filtered model are held against. */
struct names {
	struct sft_table aliases; /* in their files, those that are gone too */
	struct sft_table sources; /* of tensors, in their files */
	struct sft_table tensors; /* of the same, now */
};

static enum sft_status fill_names(struct names *names, const struct sft_model *model,
				  struct sft_error *err)
{
	const size_t all = model->alias_count + model->gone_alias_count;
	enum sft_status status =
		sft_table_init(&names->aliases, alias_source, model->aliases, err);
	uint32_t found;

	if (status == SFT_OK)
		status = sft_table_init(&names->sources, tensor_source, model, err);
	if (status == SFT_OK)
		status = sft_table_init(&names->tensors, tensor_name, model, err);
	for (uint32_t i = 0; status == SFT_OK && i < all; i++)
		status = sft_table_put(&names->aliases, model->aliases[i].source, i,
				       &found, err);
	for (uint32_t i = 0; status == SFT_OK && i < model->tensor_count; i++) {
		status = sft_table_put(&names->sources, tensor_source(model, i), i,
				       &found, err);
		if (status == SFT_OK)
			status = sft_table_put(&names->tensors, tensor_name(model, i), i,
					       &found, err);
	}
	return status;
}

/*
 * An entry that looked like an alias, but for the tensor of that name. Without this it
 * would be one where the model is written and read again.
 */
static bool is_laid_bare(const struct names *names,
			 const struct sft_metadata_entry *entry)
{
	uint32_t idx;

	return sft_table_find(&names->sources, entry->value, &idx) &&
	       !sft_table_find(&names->tensors, entry->key, &idx);
}

/*
 * Entries that are aliases take their new names. Those of aliases that are gone go, and
 * those that would become some.
 */
static enum sft_status follow_filter(const struct sft_model *model,
				     struct sft_metadata_entry *entries, size_t *count,
				     struct sft_error *err)
{
	struct names names = { 0 };
	enum sft_status status;
	size_t used = 0;

	if (!model->is_filtered || *count == 0)
		return SFT_OK;
	status = fill_names(&names, model, err);
	for (size_t i = 0; status == SFT_OK && i < *count; i++) {
		uint32_t idx;

		entries[used] = entries[i];
		if (!sft_table_find(&names.aliases, entries[i].key, &idx)) {
			used += !is_laid_bare(&names, &entries[i]);
		} else if (idx < model->alias_count) {
			entries[used].key = model->aliases[idx].name;
			entries[used++].value =
				tensor_name(model, model->aliases[idx].tensor);
		}
	}
	sft_table_done(&names.aliases);
	sft_table_done(&names.sources);
	sft_table_done(&names.tensors);
	*count = used;
	return status;
}

enum sft_status sft_metadata_show(const struct sft_model *model,
				  struct sft_metadata_entry **ret_entries,
				  size_t *ret_count, struct sft_error *err)
{
	auto_free struct sft_metadata_entry *entries = NULL;
	size_t count = 0;
	enum sft_status status = sft_metadata_unite(model, &entries, &count, err);

	if (status == SFT_OK)
		status = follow_filter(model, entries, &count, err);
	if (status != SFT_OK)
		return status;
	*ret_entries = steal_ptr(&entries);
	*ret_count = count;
	return SFT_OK;
}

enum sft_status sft_metadata_format(const struct sft_model *model, const char *between,
				    struct sft_json *json, struct sft_error *err)
{
	auto_free struct sft_metadata_entry *entries = NULL;
	size_t count = 0;
	enum sft_status status = sft_metadata_show(model, &entries, &count, err);

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
