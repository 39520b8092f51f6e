/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/model.h - a model inside core: its shards, tensors, tree and documents
 *
 * The phases of sft_open() (core/open.c), each of which may trust the ones before it:
 *
 *	source.c    which files
 *	index.c     what they should hold
 *	opener.c    open each and check its header, in parallel (shard.c)
 *	merge.c     one list of tensors; each has one owner
 *	tree.c      their names as folders
 *	describe.c  __metadata__.json
 *
 * Afterwards only `latch` ever changes.
 */
#ifndef SFT_CORE_MODEL_H
#define SFT_CORE_MODEL_H

#include <stdatomic.h>

#include "core/index.h"
#include "core/shard.h"
#include "core/tree.h"

#define SFT_HEADERS_LEN_MAX (UINT64_C(2) << 30) /* of all headers of a model */

/* A tensor that the index lists and no file holds. */
struct sft_missing {
	struct sft_bytes tensor; /* in the index's text */
	const char *file;        /* name, as the index writes it */
};

struct sft_model {
	struct sft_shard *shards; /* in the order of their names */
	size_t shard_count;
	struct sft_tensor *tensors;
	size_t tensor_count;
	struct sft_tree tree;
	size_t root_view;           /* index in the table of views */
	uint8_t *metadata_document; /* __metadata__.json */
	size_t metadata_document_len;
	uint64_t file_count;    /* of the root view */
	struct sft_index index; /* kept for the names in @missing */
	struct sft_names files; /* names of the files in @missing */
	struct sft_missing *missing;
	size_t missing_count;
	struct sft_latch *latch;
};

/* Set once, when a change of the source is seen; never cleared. */
struct sft_latch {
	atomic_bool changed;
};

/* The header that a tensor's name and shape lie in. */
static inline const struct sft_header *sft_model_header(const struct sft_model *model,
							const struct sft_tensor *tensor)
{
	return &model->shards[tensor->shard].header;
}

static inline struct sft_bytes sft_model_name(const struct sft_model *model,
					      const struct sft_tensor *tensor)
{
	return sft_tensor_name(sft_model_header(model, tensor), tensor);
}

/* Where a tensor's data begins in the file of its shard. */
static inline uint64_t sft_model_data_off(const struct sft_model *model,
					  const struct sft_tensor *tensor)
{
	/* Cannot wrap: the sum is within the file, see sft_check(). */
	return model->shards[tensor->shard].data_off + tensor->begin;
}

#endif /* SFT_CORE_MODEL_H */
