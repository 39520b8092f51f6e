/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/compose.h - safetensors files made of tensors of the model
 *
 *	off 0        8			  a multiple of 4096
 *	|  N, u64 LE |	JSON, then spaces |  tensors, the widest elements first
 *
 * A mapped tensor is aligned then: the data begins on a page, and what stands before a
 * tensor has elements at least as wide as its own.
 */
#ifndef SFT_CORE_COMPOSE_H
#define SFT_CORE_COMPOSE_H

#include "core/json.h"
#include "core/layout.h"
#include "core/part.h"

struct sft_composer {
	struct sft_json json;
	uint64_t data_len;
	size_t count;
};

/* Begins a header; where @layout measures, so does the composer. */
void sft_compose_begin(struct sft_composer *composer, const struct sft_layout *layout);

/* Sets the metadata, an object as JSON text; before the first tensor. */
void sft_compose_metadata(struct sft_composer *composer, const char *json);

/* Adds a tensor, or a slice under its tensor's name, behind the last one. */
void sft_compose_tensor(struct sft_composer *composer, const struct sft_model *model,
			struct sft_part part);

/*
 * Appends length field and header; the caller appends the tensors then, in the same
 * order. A header that passes SFT_HEADER_LEN_MAX leaves SFT_E_LIMIT in the layout.
 */
void sft_compose_end(struct sft_composer *composer, struct sft_layout *layout);

#endif /* SFT_CORE_COMPOSE_H */
