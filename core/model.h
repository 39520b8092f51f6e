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
 *	alias.c     further names of them
 *	filter.c    some of these, under other names
 *	companion.c the other files of the folder
 *	tree.c      all these names as folders
 *	kept.c      whether files about the whole model come near a limit
 *	summary.c   sums
 *
 * Afterwards only what `state` points to ever changes.
 */
#ifndef SFT_CORE_MODEL_H
#define SFT_CORE_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/alias.h"
#include "core/companion.h"
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
	struct sft_alias *aliases;
	size_t alias_count;
	size_t gone_alias_count; /* behind these: dropped by a filter */
	bool is_filtered;        /* a filter dropped or renamed something */
	uint8_t *new_names;      /* of what a filter renamed */
	struct sft_companions companions;
	/* By enum sft_tree_kind; leaves are tensors and then aliases, or companions. */
	struct sft_tree trees[SFT_TREE_COUNT];
	struct sft_info info;   /* sums */
	const char *stem;       /* of the weights' file names; NULL: each view's own */
	const char *format;     /* {"format":...}, for headers that are made */
	char *own_format;       /* NULL, or @format */
	uint64_t widths;        /* bit w - 1: there are elements of w bits */
	bool names_only;        /* there is nothing to look up: see struct sft_options */
	bool may_pass_limits;   /* of what is made of many tensors */
	size_t root_view;       /* index in the table of views */
	struct sft_index index; /* kept for the names in @missing */
	struct sft_names files; /* names of the files in @missing */
	struct sft_missing *missing;
	size_t missing_count;
	struct sft_state *state;
};

/* __metadata__.json; see sft_describe_model(). */
struct sft_document {
	pthread_mutex_t lock; /* of what follows */
	uint8_t *text;        /* NULL: nobody asked for it yet */
	size_t len;
};

struct sft_kept;
struct sft_known;
struct sft_shared;

/* All that changes while a model is used. */
struct sft_state {
	atomic_bool changed;        /* a change of a shard was seen; never cleared */
	atomic_bool *stale;         /* the same, of each companion */
	atomic_uint changes;        /* how many of these were set */
	struct sft_kept *kept;      /* by view: see kept.h */
	atomic_ullong *folder_len;  /* by node of the nested tree: see compose.h */
	bool (*is_over)(void *arg); /* sft_model_watch(); NULL: nobody says */
	void *is_over_arg;
	struct sft_shared *shared; /* see shared.h */
	struct sft_known *known;   /* see known.h */
	struct sft_document document;
	atomic_ullong file_count; /* of the root view; 0: nobody asked yet */
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
	if (tensor->is_renamed)
		return (struct sft_bytes){ model->new_names + tensor->name_off,
					   tensor->name_len };
	return sft_tensor_name(sft_model_header(model, tensor), tensor);
}

/* Where a tensor's data begins in the file of its shard. */
static inline uint64_t sft_model_data_off(const struct sft_model *model,
					  const struct sft_tensor *tensor)
{
	/* Cannot wrap: the sum is within the file, see sft_check(). */
	return model->shards[tensor->shard].data_off + tensor->begin;
}

/* Files of the source, as ranges number them: the shards, then the companions. */
static inline const struct sft_backing *sft_model_file(const struct sft_model *model,
						       size_t idx)
{
	return idx < model->shard_count
		       ? &model->shards[idx].file
		       : &model->companions.files[idx - model->shard_count].file;
}

/**
 * sft_model_tree() - a tree of the names of tensors and aliases, or of the companions
 * @ret_tree: its names point into the model
 *
 * Return: as sft_tree_build().
 */
SFT_MUST_CHECK enum sft_status sft_model_tree(const struct sft_model *model,
					      enum sft_tree_kind kind,
					      struct sft_tree *ret_tree,
					      struct sft_error *err);

#endif /* SFT_CORE_MODEL_H */
