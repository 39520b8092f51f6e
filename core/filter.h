/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/filter.h - some of the tensors of a model, under other names
 *
 * The part that works on a model; rules are added by the functions in core/sft.h. A new
 * name lies in one text of the model, behind where the old one lies in its header:
 *
 *	| u32 off | u32 len | new name |
 */
#ifndef SFT_CORE_FILTER_H
#define SFT_CORE_FILTER_H

#include "core/model.h"

/**
 * sft_filter_apply() - drop and rename the tensors and aliases of a model
 * @model:  its aliases are found, its trees are not made yet
 * @filter: NULL does nothing
 *
 * Return: SFT_OK, SFT_E_NAME where two names become one, or one the reserved name, or
 * nothing is left; SFT_E_LIMIT, SFT_E_NO_MEMORY, SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_filter_apply(struct sft_model *model,
						const struct sft_filter *filter,
						struct sft_error *err);

/* The name of a tensor in its file, whatever it is called in the model. */
struct sft_bytes sft_filter_source_name(const struct sft_model *model,
					const struct sft_tensor *tensor);

#endif /* SFT_CORE_FILTER_H */
