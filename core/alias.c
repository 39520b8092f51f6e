// SPDX-License-Identifier: Apache-2.0
#include "core/alias.h"

#include <stdlib.h>

#include "core/cleanup.h"
#include "core/metadata.h"
#include "core/model.h"
#include "core/table.h"

#define NONE UINT32_MAX

/* What a pass over the tensors finds out about the metadata. */
struct finder {
	const struct sft_metadata_entry *entries;
	size_t count;
	struct sft_table keys, values; /* text -> entry; of equal values the first */
	uint64_t lengths; /* a bit for each length, modulo 64, of the texts */
	uint32_t *tensor; /* by entry: the tensor that its value names */
	bool *is_tensor;  /* by entry: whether its key is one */
};

static struct sft_bytes key_of(const void *ctx, uint32_t idx)
{
	const struct sft_metadata_entry *entries = ctx;

	return entries[idx].key;
}

static struct sft_bytes value_of(const void *ctx, uint32_t idx)
{
	const struct sft_metadata_entry *entries = ctx;

	return entries[idx].value;
}

static uint64_t length_bit(struct sft_bytes text)
{
	return UINT64_C(1) << (text.len % 64);
}

static enum sft_status fill_tables(struct finder *finder, struct sft_error *err)
{
	enum sft_status status = SFT_OK;

	for (uint32_t i = 0; status == SFT_OK && i < finder->count; i++) {
		const struct sft_metadata_entry *entry = &finder->entries[i];
		uint32_t found;

		finder->tensor[i] = NONE;
		finder->lengths |= length_bit(entry->key) | length_bit(entry->value);
		status = sft_table_put(&finder->keys, entry->key, i, &found, err);
		if (status == SFT_OK)
			status = sft_table_put(&finder->values, entry->value, i, &found,
					       err);
	}
	return status;
}

/* Notes which keys and values are names of tensors. */
static void look_up_tensors(struct finder *finder, const struct sft_model *model)
{
	for (size_t i = 0; i < model->tensor_count; i++) {
		const struct sft_bytes name = sft_model_name(model, &model->tensors[i]);
		uint32_t idx;

		/* Mostly the metadata is {"format":"pt"}, and this all there is to do. */
		if (!(finder->lengths & length_bit(name)))
			continue;
		if (sft_table_find(&finder->keys, name, &idx))
			finder->is_tensor[idx] = true;
		if (sft_table_find(&finder->values, name, &idx))
			finder->tensor[idx] = (uint32_t)i;
	}
}

static enum sft_status collect(const struct finder *finder, struct sft_model *model,
			       struct sft_error *err)
{
	const struct sft_bytes reserved = sft_bytes_of("__metadata__");

	model->aliases = calloc(finder->count, sizeof(*model->aliases));
	if (model->aliases == NULL)
		return sft_fail_memory(err);
	for (uint32_t i = 0; i < finder->count; i++) {
		const struct sft_metadata_entry *entry = &finder->entries[i];
		uint32_t first;

		if (!sft_table_find(&finder->values, entry->value, &first) ||
		    finder->tensor[first] == NONE || finder->is_tensor[i] ||
		    sft_bytes_equal(entry->key, reserved))
			continue;
		model->aliases[model->alias_count++] = (struct sft_alias){
			.name = entry->key,
			.source = entry->key,
			.tensor = finder->tensor[first],
		};
	}
	return SFT_OK;
}

static enum sft_status find(struct finder *finder, struct sft_model *model,
			    struct sft_error *err)
{
	auto_free uint32_t *tensor = calloc(finder->count, sizeof(*tensor));
	auto_free bool *is_tensor = calloc(finder->count, sizeof(*is_tensor));
	enum sft_status status;

	if (tensor == NULL || is_tensor == NULL)
		return sft_fail_memory(err);
	finder->tensor = tensor;
	finder->is_tensor = is_tensor;
	status = fill_tables(finder, err);
	if (status != SFT_OK)
		return status;
	look_up_tensors(finder, model);
	return collect(finder, model, err);
}

enum sft_status sft_aliases_find(struct sft_model *model, struct sft_error *err)
{
	auto_free struct sft_metadata_entry *entries = NULL;
	struct finder finder = { 0 };
	enum sft_status status;

	status = sft_metadata_unite(model, &entries, &finder.count, err);
	if (status != SFT_OK || finder.count == 0)
		return status;
	finder.entries = entries;
	status = sft_table_init(&finder.keys, key_of, entries, err);
	if (status == SFT_OK)
		status = sft_table_init(&finder.values, value_of, entries, err);
	if (status == SFT_OK)
		status = find(&finder, model, err);
	sft_table_done(&finder.keys);
	sft_table_done(&finder.values);
	return status;
}

enum sft_status sft_aliases_place(struct sft_model *model, struct sft_error *err)
{
	auto_free uint32_t *node_of = NULL; /* by tensor */

	if (model->alias_count == 0)
		return SFT_OK;
	node_of = calloc(model->tensor_count, sizeof(*node_of));
	if (node_of == NULL)
		return sft_fail_memory(err);
	for (size_t kind = SFT_TREE_NESTED; kind <= SFT_TREE_FLAT; kind++) {
		const struct sft_tree *tree = &model->trees[kind];

		for (uint32_t i = 0; i < tree->count; i++)
			if (!tree->nodes[i].is_folder &&
			    tree->nodes[i].first < model->tensor_count)
				node_of[tree->nodes[i].first] = i;
		for (size_t i = 0; i < model->alias_count; i++)
			model->aliases[i].node[kind] = node_of[model->aliases[i].tensor];
	}
	return SFT_OK;
}
