/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/describe.h - the JSON documents of a model
 *
 * describe.c has those of tensors, summary.c and absent.c that of the model; no other
 * part of core knows cJSON (core/document.h). Documents are UTF-8, end in a newline and
 * are safe to print on a terminal: what core/text.h calls unsafe is written as \uXXXX.
 * Integers are exact.
 */
#ifndef SFT_CORE_DESCRIBE_H
#define SFT_CORE_DESCRIBE_H

#include "core/layout.h"
#include "core/part.h"

#define SFT_REASONS_MAX 1000u /* for absent files, of each view */
/* Bytes after which a list of names in __metadata__.json only counts what is left. */
#define SFT_NAMES_LEN_MAX (UINT64_C(32) << 20)

/* Why a part has no document, or NULL; fits struct sft_view_file. */
const char *sft_describe_absent(const struct sft_model *model, struct sft_part part);

/* Appends the document that stands beside a tensor, or a slice. */
void sft_describe_tensor(const struct sft_model *model, struct sft_part part,
			 struct sft_layout *layout);

/**
 * sft_model_sum_up() - fill in the sums of a model
 * @model: its shards and tensors are final
 *
 * Return: SFT_OK, or SFT_E_LIMIT where one does not fit 64 bits.
 */
SFT_MUST_CHECK enum sft_status sft_model_sum_up(struct sft_model *model,
						struct sft_error *err);

/**
 * sft_describe_model() - __metadata__.json
 * @model:    complete
 * @ret_text: lives as long as the model
 *
 * Made when it is first asked for: what all views cannot show takes as long to find as a
 * tree takes to make. Safe from any thread; while one makes it, others wait. Where the
 * files' own __metadata__ makes it longer than SFT_LITERAL_LEN_MAX, that is left out, and
 * "metadata_absent" says so.
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO; another try is possible.
 */
SFT_MUST_CHECK enum sft_status sft_describe_model(const struct sft_model *model,
						  struct sft_bytes *ret_text,
						  struct sft_error *err);

#endif /* SFT_CORE_DESCRIBE_H */
