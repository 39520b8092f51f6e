/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/opener.h - opening the shards of a model, several at a time
 */
#ifndef SFT_CORE_OPENER_H
#define SFT_CORE_OPENER_H

#include "core/model.h"
#include "core/source.h"

/**
 * sft_shards_open() - open and check all shards of a model
 * @model:   its shards have their names
 * @source:  where they are
 * @absent:  one for each shard; set for those that are missing, where that is allowed
 * @err:     of the first shard in order that fails
 *
 * The threads are gone when it returns.
 *
 * Return: SFT_OK or what sft_shard_open() says; SFT_E_INDEX for a missing shard,
 * SFT_E_LIMIT where all headers together are too long.
 */
SFT_MUST_CHECK enum sft_status sft_shards_open(struct sft_model *model,
					       const struct sft_source *source,
					       const struct sft_options *options,
					       bool *absent, struct sft_error *err);

#endif /* SFT_CORE_OPENER_H */
