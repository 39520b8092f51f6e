/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/alias.h - further names of tensors, which the metadata tells
 *
 * A writer that drops a tensor because it shares the memory of another leaves a note:
 * the dropped name is a key of __metadata__, the kept one its value. So an alias is a key
 * that is no tensor, and not "__metadata__", whose value is exactly a tensor's name.
 * Source of the rule: safetensors.torch.save_model().
 */
#ifndef SFT_CORE_ALIAS_H
#define SFT_CORE_ALIAS_H

#include "core/bytes.h"
#include "core/sft.h"

struct sft_alias {
	struct sft_bytes name;   /* in the text of a header, or a new one */
	struct sft_bytes source; /* the name in its file */
	uint32_t tensor;         /* index of what it stands for */
	uint32_t node[2];        /* of that, in SFT_TREE_NESTED and SFT_TREE_FLAT */
};

/**
 * sft_aliases_find() - find the aliases in the united metadata of a model
 * @model: its tensors are merged; receives the aliases, in the order of the metadata
 *
 * Linear in the metadata and the tensors, whatever they hold.
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_aliases_find(struct sft_model *model,
						struct sft_error *err);

/**
 * sft_aliases_place() - find the nodes of what the aliases stand for
 * @model: its trees are made
 *
 * Return: SFT_OK or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_aliases_place(struct sft_model *model,
						 struct sft_error *err);

#endif /* SFT_CORE_ALIAS_H */
