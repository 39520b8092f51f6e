// SPDX-License-Identifier: Apache-2.0
#include "core/merge.h"

#include <stdlib.h>

#define NOBODY UINT32_MAX /* also no entry of the index */

/* What merging works with. */
struct merger {
	struct sft_model *model;
	const struct sft_index *index;
	const uint32_t *shard_files; /* shard -> file of the index */
	uint32_t *owners;            /* entry of the index -> tensor, or NOBODY */
	struct sft_table others;     /* names that are not in the index -> tensor */
	uint32_t next;               /* entry behind the one that was found last */
};

static struct sft_bytes other_name(const void *ctx, uint32_t idx)
{
	const struct sft_model *model = ctx;

	return sft_model_name(model, &model->tensors[idx]);
}

/* Whether the index has a tensor in this shard. */
static bool is_at_home(const struct merger *merger, uint32_t entry, uint32_t shard)
{
	return merger->shard_files[shard] == merger->index->entries[entry].file;
}

/*
 * Whose name it is: a tensor of a shard before, or @idx, which has it from now on. Names
 * of the index have their places there; only others need a table, and get NOBODY for an
 * entry.
 */
static enum sft_status find_owner(struct merger *merger, struct sft_bytes name,
				  uint32_t idx, uint32_t *ret_entry, uint32_t *ret_owner,
				  struct sft_error *err)
{
	uint32_t *owner;

	*ret_entry = NOBODY;
	if (!sft_index_find(merger->index, name, merger->next, ret_entry))
		return sft_table_put(&merger->others, name, idx, ret_owner, err);
	merger->next = *ret_entry + 1; /* entries are far fewer than NOBODY */
	owner = &merger->owners[*ret_entry];
	if (*owner == NOBODY)
		*owner = idx;
	*ret_owner = *owner;
	return SFT_OK;
}

/*
 * Adds the tensors of a shard. A name that two shards hold belongs to the one that the
 * index says, else to the last in the order of the file names.
 */
static enum sft_status merge_shard(struct merger *merger, const struct sft_shard *shard,
				   struct sft_error *err)
{
	struct sft_model *model = merger->model;

	for (size_t i = 0; i < shard->header.tensor_count; i++) {
		const struct sft_tensor *tensor = &shard->header.tensors[i];
		const struct sft_bytes name = sft_tensor_name(&shard->header, tensor);
		const uint32_t count = (uint32_t)model->tensor_count;
		enum sft_status status;
		uint32_t entry, idx;

		status = find_owner(merger, name, count, &entry, &idx, err);
		if (status != SFT_OK)
			return status;
		if (idx != count && entry != NOBODY &&
		    is_at_home(merger, entry, model->tensors[idx].shard))
			continue;
		model->tensors[idx] = *tensor;
		model->tensor_count += idx == count;
	}
	return SFT_OK;
}

/* Fails with an entry of the index that nothing answers, or keeps it as missing. */
static enum sft_status miss(struct sft_model *model, const struct sft_index_entry *entry,
			    const struct sft_options *options, struct sft_error *err)
{
	const char *file = model->files.items[entry->file];
	char name[128], file_text[128];

	if (options->skip_missing) {
		model->missing[model->missing_count++] =
			(struct sft_missing){ entry->tensor, file };
		return SFT_OK;
	}
	return sft_fail(
		err, SFT_E_INDEX, SFT_POS_NONE,
		"tensor \"%s\" is not in %s, where the index has it; '-o missing=skip' "
		"opens what is there",
		sft_escape(name, sizeof(name), entry->tensor.data, entry->tensor.len),
		sft_escape(file_text, sizeof(file_text), file, strlen(file)));
}

/* Holds the index against what was found. */
static enum sft_status check_index(struct merger *merger,
				   const struct sft_options *options,
				   struct sft_error *err)
{
	struct sft_model *model = merger->model;
	const struct sft_index *index = merger->index;
	enum sft_status status = SFT_OK;

	if (index->count == 0)
		return SFT_OK;
	model->missing = calloc(index->count, sizeof(*model->missing));
	if (model->missing == NULL)
		return sft_fail_memory(err);
	for (uint32_t i = 0; status == SFT_OK && i < index->count; i++) {
		const uint32_t owner = merger->owners[i];

		if (owner == NOBODY ||
		    (!options->skip_missing &&
		     !is_at_home(merger, i, model->tensors[owner].shard)))
			status = miss(model, &index->entries[i], options, err);
	}
	return status;
}

static enum sft_status merge_all(struct merger *merger, const struct sft_options *options,
				 struct sft_error *err)
{
	struct sft_model *model = merger->model;
	enum sft_status status = SFT_OK;
	size_t count = 0;

	for (size_t i = 0; i < model->shard_count; i++)
		count += model->shards[i].header.tensor_count;
	if (count >= SFT_NODES_MAX)
		return sft_fail(err, SFT_E_LIMIT, SFT_POS_NONE, "more than %u tensors",
				SFT_NODES_MAX);
	model->tensors = calloc(count + 1, sizeof(*model->tensors));
	if (model->tensors == NULL)
		return sft_fail_memory(err);
	for (size_t i = 0; status == SFT_OK && i < model->shard_count; i++) {
		struct sft_header *header = &model->shards[i].header;

		status = merge_shard(merger, &model->shards[i], err);
		free(header->tensors); /* the model has them now */
		header->tensors = NULL;
	}
	return status == SFT_OK ? check_index(merger, options, err) : status;
}

enum sft_status sft_model_merge(struct sft_model *model, const uint32_t *shard_files,
				const struct sft_options *options, struct sft_error *err)
{
	struct merger merger = {
		.model = model,
		.index = &model->index,
		.shard_files = shard_files,
	};
	enum sft_status status;

	if (model->shard_count == 1 && model->index.count == 0) {
		struct sft_header *header = &model->shards[0].header;

		model->tensors = header->tensors;
		model->tensor_count = header->tensor_count;
		header->tensors = NULL;
		return SFT_OK;
	}
	merger.owners = malloc((model->index.count + 1) * sizeof(*merger.owners));
	if (merger.owners == NULL)
		return sft_fail_memory(err);
	for (size_t i = 0; i < model->index.count; i++)
		merger.owners[i] = NOBODY;
	status = sft_table_init(&merger.others, other_name, model, err);
	if (status == SFT_OK)
		status = merge_all(&merger, options, err);
	sft_table_done(&merger.others);
	free(merger.owners);
	return status;
}
