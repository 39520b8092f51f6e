/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/merge.h - the tensors of all shards as one list
 */
#ifndef SFT_CORE_MERGE_H
#define SFT_CORE_MERGE_H

#include "core/model.h"

/**
 * sft_model_merge() - give each tensor of a model its place and its owner
 * @model:       its shards are open; receives their tensors, and what is missing
 * @shard_files: by shard: the index of its name among the files of the index
 * @options:     skip_missing
 *
 * A name that two shards hold belongs to the one that the index says, else to the last in
 * the order of the file names. What the index lists has to be there.
 *
 * Return: SFT_OK, SFT_E_INDEX, SFT_E_LIMIT, SFT_E_NO_MEMORY or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status sft_model_merge(struct sft_model *model,
					       const uint32_t *shard_files,
					       const struct sft_options *options,
					       struct sft_error *err);

#endif /* SFT_CORE_MERGE_H */
