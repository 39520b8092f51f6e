// SPDX-License-Identifier: Apache-2.0
#include "core/compose.h"

#include <stdlib.h>

#define DATA_ALIGN 4096u

void sft_compose_begin(struct sft_composer *composer, const struct sft_layout *layout)
{
	*composer = (struct sft_composer){ .json.counts = layout->measures };
	sft_json_raw(&composer->json, "{");
}

void sft_compose_metadata(struct sft_composer *composer, const char *json)
{
	sft_json_raw(&composer->json, "\"__metadata__\":");
	sft_json_raw(&composer->json, json);
	composer->count++;
}

void sft_compose_tensor(struct sft_composer *composer, const struct sft_model *model,
			struct sft_part part)
{
	struct sft_json *json = &composer->json;
	struct sft_shape shape = sft_part_shape(model, part);
	const char *separator = "";
	uint64_t dim;

	if (composer->count++ > 0)
		sft_json_raw(json, ",");
	sft_json_string(json, sft_model_name(model, part.tensor));
	sft_json_raw(json, ":{\"dtype\":\"");
	sft_json_raw(json, sft_dtype(part.tensor->dtype)->name);
	sft_json_raw(json, "\",\"shape\":[");
	for (; sft_shape_next(&shape, &dim); separator = ",") {
		sft_json_raw(json, separator);
		sft_json_uint(json, dim);
	}
	sft_json_raw(json, "],\"data_offsets\":[");
	sft_json_uint(json, composer->data_len);
	/* A sum that wraps is noticed where the tensors are appended. */
	composer->data_len += sft_part_len(part);
	sft_json_raw(json, ",");
	sft_json_uint(json, composer->data_len);
	sft_json_raw(json, "]}");
}

void sft_compose_end(struct sft_composer *composer, struct sft_layout *layout)
{
	struct sft_json *json = &composer->json;
	uint8_t field[SFT_LEN_FIELD_LEN];
	uint64_t len;

	sft_json_raw(json, "}");
	if (json->failed && layout->status == SFT_OK)
		layout->status = SFT_E_NO_MEMORY;
	len = SFT_LEN_FIELD_LEN + json->len + DATA_ALIGN - 1;
	len = len - len % DATA_ALIGN - SFT_LEN_FIELD_LEN;
	if (len > SFT_HEADER_LEN_MAX && layout->status == SFT_OK)
		layout->status = SFT_E_LIMIT;
	for (size_t i = 0; i < sizeof(field); i++)
		field[i] = (uint8_t)(len >> (8 * i));
	sft_layout_literal(layout, field, sizeof(field));
	sft_layout_literal(layout, json->text, json->len);
	for (uint64_t left = len - json->len; left > 0;) {
		static const char spaces[] = "                ";
		const size_t part =
			left < sizeof(spaces) - 1 ? (size_t)left : sizeof(spaces) - 1;

		sft_layout_literal(layout, spaces, part);
		left -= part;
	}
	free(json->text);
	*json = (struct sft_json){ 0 };
}
