/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/state_dict.h - the pickle in a file of torch.save(): names and makers of tensors
 *
 *	OrderedDict { name: _rebuild_tensor_v2((storage, record), 0, sizes, strides) ... }
 *
 * Types that are younger than storages with types go through _rebuild_tensor_v3, which
 * PyTorch 1.13 did not have. An alias is a second key, whose tensor has the same record.
 */
#ifndef SFT_CORE_STATE_DICT_H
#define SFT_CORE_STATE_DICT_H

#include "core/layout.h"
#include "core/model.h"

/* Of one tensor. */
struct sft_record {
	uint32_t number; /* the record that its bytes are in; SFT_RECORD_NONE: left out */
	uint32_t shared; /* further names: 1 for the first tensor that has some ...; or 0
			  */
};

#define SFT_RECORD_NONE UINT32_MAX

/* Why torch cannot have a tensor, as static text; NULL: it can. */
const char *sft_state_dict_absent(const struct sft_model *model,
				  const struct sft_tensor *tensor);

/**
 * sft_state_dict_number() - give each tensor of a model its record
 * @order:       all tensors
 * @ret_records: by tensor; malloc()ed, for the caller to free
 *
 * Return: SFT_OK or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_state_dict_number(const struct sft_model *model,
						     const uint32_t *order,
						     struct sft_record **ret_records);

/* Appends the pickle: the tensors in their order, then the aliases. */
void sft_state_dict_pickle(const struct sft_model *model, const uint32_t *order,
			   const struct sft_record *records, struct sft_layout *layout);

#endif /* SFT_CORE_STATE_DICT_H */
