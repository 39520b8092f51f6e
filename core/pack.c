// SPDX-License-Identifier: Apache-2.0
/*
 * core/pack.c - giving back the part of a header's text that nobody asks for again
 *
 * Of a typical entry, {"dtype":"F32","shape":[2],"data_offsets":[0,8]}, only the name and
 * the shape are looked at later: a third of the text. They move together, in place.
 */
#include <stdlib.h>

#include "core/header.h"

/* Moves @len bytes at *off to the end of what is packed; they are behind it now. */
static void move(struct sft_header *header, uint32_t *off, uint32_t len, uint32_t *packed)
{
	memmove(header->text + *packed, header->text + *off, len);
	*off = *packed;
	*packed += len;
}

static void move_metadata(struct sft_header *header, uint32_t *packed)
{
	for (size_t i = 0; i < header->metadata_count; i++) {
		struct sft_pair *pair = &header->metadata[i];

		move(header, &pair->key_off, pair->key_len, packed);
		move(header, &pair->value_off, pair->value_len, packed);
	}
}

/* A name that stood twice left its first place to a later text: not in order then. */
static bool is_in_order(const struct sft_header *header)
{
	for (size_t i = 1; i < header->tensor_count; i++)
		if (header->tensors[i].name_off < header->tensors[i - 1].name_off)
			return false;
	return true;
}

void sft_header_pack(struct sft_header *header)
{
	bool metadata_moved = header->metadata_count == 0;
	uint32_t packed = 0;
	uint8_t *smaller;

	if (!is_in_order(header))
		return;
	for (size_t i = 0; i < header->tensor_count; i++) {
		struct sft_tensor *tensor = &header->tensors[i];
		const uint8_t *shape = header->text + tensor->shape_off;
		uint32_t shape_len = 1;

		while (shape[shape_len - 1] != ']')
			shape_len++;
		if (!metadata_moved && header->metadata[0].key_off < tensor->name_off) {
			move_metadata(header, &packed);
			metadata_moved = true;
		}
		move(header, &tensor->name_off, tensor->name_len, &packed);
		move(header, &tensor->shape_off, shape_len, &packed);
		tensor->offsets_off = 0;
	}
	if (!metadata_moved)
		move_metadata(header, &packed);
	smaller = realloc(header->text, packed + 1);
	if (smaller != NULL)
		header->text = smaller;
}
