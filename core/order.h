/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/order.h - the tensors of a model in the order in which a file of them all has them
 */
#ifndef SFT_CORE_ORDER_H
#define SFT_CORE_ORDER_H

#include "core/model.h"

enum sft_order {
	SFT_ORDER_FILE,  /* as they lie in the shards, one after the other */
	SFT_ORDER_WIDTH, /* wide elements first, so that each is aligned; then as above */
};

/**
 * sft_order_make() - sort the tensors
 * @ret_tensors: indices of all tensors; malloc()ed, for the caller to free
 *
 * Return: SFT_OK or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_order_make(const struct sft_model *model,
					      enum sft_order order,
					      uint32_t **ret_tensors,
					      struct sft_error *err);

#endif /* SFT_CORE_ORDER_H */
