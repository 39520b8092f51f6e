/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/metadata.h - the __metadata__ of all files of a model as one
 *
 * A key that several files have keeps the value of the first of them in the order of
 * their names; a key that stands twice in one file keeps the last, as in the reference.
 */
#ifndef SFT_CORE_METADATA_H
#define SFT_CORE_METADATA_H

#include "core/json.h"
#include "core/layout.h"
#include "core/model.h"

/* One pair of the union. */
struct sft_metadata_entry {
	struct sft_bytes key, value; /* in the text of a header */
	size_t shard;
};

/**
 * sft_metadata_unite() - the pairs of the union, in the order of the files
 * @ret_entries: malloc()ed, for the caller to free
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_metadata_unite(const struct sft_model *model,
						  struct sft_metadata_entry **ret_entries,
						  size_t *ret_count,
						  struct sft_error *err);

/**
 * sft_metadata_show() - the pairs as a model shows them
 * @ret_entries: malloc()ed, for the caller to free
 *
 * Where a filter chose and renamed tensors, what makes aliases follows: those that are
 * gone are gone here, too.
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_metadata_show(const struct sft_model *model,
						 struct sft_metadata_entry **ret_entries,
						 size_t *ret_count,
						 struct sft_error *err);

/* Bytes of the JSON object: leaves room for the rest of a document. */
#define SFT_METADATA_LEN_MAX (SFT_LITERAL_LEN_MAX / 2)

/**
 * sft_metadata_format() - write the united metadata as a JSON object
 * @between: put before each pair, behind the comma: white space, or ""
 * @json:    receives the object; one as long as SFT_METADATA_LEN_MAX or longer is not
 *           complete
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_metadata_format(const struct sft_model *model,
						   const char *between,
						   struct sft_json *json,
						   struct sft_error *err);

/**
 * sft_metadata_keep_format() - find out what `format` files made of the model declare
 * @model: receives it: the metadata's own, or "pt"
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_metadata_keep_format(struct sft_model *model,
							struct sft_error *err);

#endif /* SFT_CORE_METADATA_H */
