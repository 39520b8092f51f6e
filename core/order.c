// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* qsort_r() */
#include "core/order.h"

#include <stdlib.h>

static int compare_place(const void *left, const void *right, void *ctx)
{
	const struct sft_tensor *tensors = ctx;
	const uint32_t left_idx = *(const uint32_t *)left;
	const uint32_t right_idx = *(const uint32_t *)right;
	const struct sft_tensor *a = &tensors[left_idx];
	const struct sft_tensor *b = &tensors[right_idx];

	if (a->shard != b->shard)
		return a->shard < b->shard ? -1 : 1;
	if (a->begin != b->begin)
		return a->begin < b->begin ? -1 : 1;
	if (a->end != b->end) /* tensors of no bytes stand before what follows them */
		return a->end < b->end ? -1 : 1;
	return left_idx < right_idx ? -1 : left_idx > right_idx;
}

static int compare_width(const void *left, const void *right, void *ctx)
{
	const struct sft_tensor *tensors = ctx;
	const uint8_t a = sft_dtype(tensors[*(const uint32_t *)left].dtype)->bits;
	const uint8_t b = sft_dtype(tensors[*(const uint32_t *)right].dtype)->bits;

	if (a != b)
		return a > b ? -1 : 1;
	return compare_place(left, right, ctx);
}

enum sft_status sft_order_make(const struct sft_model *model, enum sft_order order,
			       uint32_t **ret_tensors, struct sft_error *err)
{
	uint32_t *tensors = calloc(model->tensor_count + 1, sizeof(*tensors));

	if (tensors == NULL)
		return sft_fail_memory(err);
	for (uint32_t i = 0; i < model->tensor_count; i++)
		tensors[i] = i;
	qsort_r(tensors, model->tensor_count, sizeof(*tensors),
		order == SFT_ORDER_WIDTH ? compare_width : compare_place, model->tensors);
	*ret_tensors = tensors;
	return SFT_OK;
}
