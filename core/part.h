/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/part.h - what a file of a view is about: a tensor, or a slice of one
 *
 * Views describe parts, so that a slice is shown by the same code as its tensor.
 */
#ifndef SFT_CORE_PART_H
#define SFT_CORE_PART_H

#include "core/box.h"
#include "core/model.h"

struct sft_part {
	const struct sft_tensor *tensor;
	const struct sft_box *box; /* NULL: all of it */
};

static inline struct sft_part sft_whole(const struct sft_tensor *tensor)
{
	return (struct sft_part){ tensor, NULL };
}

/* Bytes of its data. */
static inline uint64_t sft_part_len(struct sft_part part)
{
	return part.box != NULL ? part.box->len : sft_tensor_len(part.tensor);
}

static inline uint64_t sft_part_elements(struct sft_part part)
{
	return part.box != NULL ? part.box->elements : sft_tensor_elements(part.tensor);
}

/* Where its first byte is in the file of the shard. */
static inline uint64_t sft_part_data_off(const struct sft_model *model,
					 struct sft_part part)
{
	/* Cannot wrap: a box is within its tensor. */
	return sft_model_data_off(model, part.tensor) +
	       (part.box != NULL ? part.box->off : 0);
}

/* How its bytes lie from there; NULL: in one piece. */
static inline const struct sft_rows *sft_part_rows(struct sft_part part)
{
	return part.box != NULL && part.box->rows.level_count > 0 ? &part.box->rows
								  : NULL;
}

/* Its dimensions; those of a box are borrowed. */
static inline struct sft_shape sft_part_shape(const struct sft_model *model,
					      struct sft_part part)
{
	if (part.box != NULL)
		return (struct sft_shape){ .dims = part.box->dims,
					   .left = part.box->rank };
	return sft_tensor_shape(sft_model_header(model, part.tensor), part.tensor);
}

#endif /* SFT_CORE_PART_H */
