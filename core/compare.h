/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/compare.h - the names in which two models differ
 *
 * The functions are in core/info.h; this is what they work with.
 */
#ifndef SFT_CORE_COMPARE_H
#define SFT_CORE_COMPARE_H

#include "core/model.h"

#define SFT_TENSOR_NONE UINT32_MAX

/* A name that differs: the index of the tensor in either model, or SFT_TENSOR_NONE. */
struct sft_match {
	uint32_t tensors[2];
};

struct sft_comparison {
	const struct sft_model *models[2];
	struct sft_match *matches; /* in the order of the first model, then the second */
	size_t count, room;
	struct sft_differences differences;
};

/* How a match differs: bits of enum sft_change. */
uint32_t sft_match_changes(const struct sft_comparison *comparison,
			   const struct sft_match *match);

/* The name of a match. */
struct sft_bytes sft_match_name(const struct sft_comparison *comparison,
				const struct sft_match *match);

#endif /* SFT_CORE_COMPARE_H */
