/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/index.h - the index of a sharded model: which file holds which tensor
 *
 *	{"metadata": {...},
 *	 "weight_map": {"lm_head.weight": "m-00001-of-00002.safetensors"}}
 *
 * `weight_map` is a string map like a header's __metadata__ and goes through the same
 * scanner, not through cJSON: names keep their NUL bytes, the last of equal keys counts,
 * nothing recurses, and no tree of 92,000 strings is built on the way (8.8 MB: 21 ms with
 * reading and hashing, where cJSON_Parse() alone takes 22).
 */
#ifndef SFT_CORE_INDEX_H
#define SFT_CORE_INDEX_H

#include "core/bytes.h"
#include "core/sft.h"
#include "core/source.h"
#include "core/table.h"

#define SFT_INDEX_LEN_MAX UINT64_C(1073741824) /* bytes; 10 million tensors */
#define SFT_SHARDS_MAX 4096u

struct sft_index_entry {
	struct sft_bytes tensor; /* name, in the index's text */
	uint32_t file;           /* index into the sorted names of the files */
};

struct sft_index {
	uint8_t *text;
	struct sft_index_entry *entries; /* one a tensor, in the index's order */
	size_t count;
	struct sft_table tensors; /* name -> entry */
};

/**
 * sft_index_read() - read and check an index
 * @path:  of the index
 * @index: filled; freed by the caller with sft_index_done(), also after a failure
 * @files: receives the names of the files, sorted, each once; empty before
 *
 * File names are relative to the index, must end in ".safetensors" and may not leave its
 * folder. @index must not move in memory afterwards.
 *
 * Return: SFT_OK, SFT_E_IO, SFT_E_INDEX, SFT_E_LIMIT or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_index_read(const char *path, struct sft_index *index,
					      struct sft_names *files,
					      struct sft_error *err);

void sft_index_done(struct sft_index *index);

/**
 * sft_index_find() - the entry of a tensor
 * @first: any number; this entry is looked at first. It is best the one behind the last
 * that was found: most shards have the order of the index.
 *
 * Return: false, with nothing changed, if the index does not list the tensor.
 */
bool sft_index_find(const struct sft_index *index, struct sft_bytes tensor,
		    uint32_t first, uint32_t *ret_entry);

#endif /* SFT_CORE_INDEX_H */
