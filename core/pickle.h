/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/pickle.h - the pickle of a state dict: names and tensors, and nothing else
 *
 * Protocol 2, of whose opcodes torch's weights_only reader knows all that are used here.
 * Source of the form: PyTorch, torch/serialization.py and torch/_utils.py.
 */
#ifndef SFT_CORE_PICKLE_H
#define SFT_CORE_PICKLE_H

#include "core/layout.h"
#include "core/model.h"

struct sft_pickle {
	struct sft_layout *layout;
	uint64_t memo; /* bit i: what the memo has at i */
};

/* Begins an OrderedDict. */
void sft_pickle_begin(struct sft_pickle *pickle, struct sft_layout *layout);

/**
 * sft_pickle_tensor() - add a tensor to the dict
 * @name:    its key
 * @tensor:  one that sft_pickle_absent() lets pass
 * @storage: number of the record that holds its data, and nothing else
 */
void sft_pickle_tensor(struct sft_pickle *pickle, const struct sft_model *model,
		       struct sft_bytes name, const struct sft_tensor *tensor,
		       uint64_t storage);

void sft_pickle_end(struct sft_pickle *pickle);

/* Why torch has no such tensor, as static text; NULL: it has. */
const char *sft_pickle_absent(const struct sft_model *model,
			      const struct sft_tensor *tensor);

#endif /* SFT_CORE_PICKLE_H */
