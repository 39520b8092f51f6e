/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/slice.h - slices inside core: from a name to a part, and what its file holds
 */
#ifndef SFT_CORE_SLICE_H
#define SFT_CORE_SLICE_H

#include "core/layout.h"
#include "core/part.h"

/* Finds the box again, from the canonical text of a slice of this model. */
void sft_slice_box(const struct sft_model *model, const struct sft_slice *slice,
		   struct sft_box *ret_box);

/* Appends what the file of a slice holds. */
void sft_slice_describe(const struct sft_model *model, const struct sft_slice *slice,
			struct sft_layout *layout);

/* Whether two slices of one file are the same. */
static inline bool sft_slice_equal(const struct sft_slice *a, const struct sft_slice *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

#endif /* SFT_CORE_SLICE_H */
