// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/offload.c - the folder that Hugging Face Accelerate offloads weights to
 *
 * full.dotted.name.dat holds the raw bytes, index.json what they are. Both are what
 * accelerate.utils.offload_state_dict() writes for the same tensors, byte for byte: JSON
 * in the form of Python's json.dump(indent=2), and a byte of nothing for a tensor without
 * elements, since numpy cannot map an empty file.
 */
#include <inttypes.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "core/npy.h"
#include "core/order.h"
#include "core/text.h"
#include "core/views/view.h"

static const char *absent_dat(const struct sft_model *model, struct sft_part part)
{
	const struct sft_dtype *dtype = sft_dtype(part.tensor->dtype);
	const struct sft_bytes name = sft_model_name(model, part.tensor);
	char encoded[SFT_COMPONENT_MAX];
	size_t len;

	if (dtype->torch == NULL || dtype->bits < 8)
		return "Accelerate cannot write this type";
	if (!sft_name_is_plain(name)) {
		len = sft_name_encode(name, sizeof(encoded), encoded);
		if (!sft_bytes_equal(name, (struct sft_bytes){ (uint8_t *)encoded, len }))
			return "its name cannot be a file's name as it is";
	}
	return sft_npy_absent(model, part);
}

static void describe_dat(const struct sft_model *model, struct sft_part part,
			 struct sft_layout *layout)
{
	if (sft_part_len(part) == 0)
		sft_layout_literal(layout, "", 1);
	else
		sft_view_describe_bin(model, part, layout);
}

/* A character that Python does not write as it is. */
static void write_escape(struct sft_json *json, uint32_t cp)
{
	char text[16];

	if (cp == '"' || cp == '\\')
		snprintf(text, sizeof(text), "\\%c", (char)cp);
	else if (cp < 0x10000)
		snprintf(text, sizeof(text), "\\u%04x", cp);
	else
		snprintf(text, sizeof(text), "\\u%04x\\u%04x",
			 0xd800 + ((cp - 0x10000) >> 10),
			 0xdc00 + ((cp - 0x10000) & 0x3ff));
	sft_json_raw(json, text);
}

/* A string as Python writes it: everything but printable ASCII as \uXXXX. */
static void write_string(struct sft_json *json, struct sft_bytes text)
{
	size_t off = 0;

	sft_json_raw(json, "\"");
	while (off < text.len) {
		size_t run = off;
		uint32_t cp;

		/* None has a control or a DEL here: see absent_dat(). */
		while (run < text.len && text.data[run] < 0x7f && text.data[run] != '"' &&
		       text.data[run] != '\\')
			run++;
		sft_json_bytes(json, (struct sft_bytes){ text.data + off, run - off });
		off = run;
		if (off == text.len)
			break;
		/* Never 0: names are UTF-8. */
		off += sft_utf8_decode(text.data + off, text.len - off, &cp);
		write_escape(json, cp);
	}
	sft_json_raw(json, "\"");
}

static void write_entry(struct sft_json *json, const struct sft_model *model,
			const struct sft_tensor *tensor)
{
	struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, tensor), tensor);
	const char *separator = "\n      ";
	const char *end = "]";
	uint64_t dim;

	sft_json_raw(json, "\n  ");
	write_string(json, sft_model_name(model, tensor));
	sft_json_raw(json, ": {\n    \"dtype\": \"");
	sft_json_raw(json, sft_dtype(tensor->dtype)->torch);
	sft_json_raw(json, "\",\n    \"shape\": [");
	while (sft_shape_next(&shape, &dim)) {
		sft_json_raw(json, separator);
		sft_json_uint(json, dim);
		separator = ",\n      ";
		end = "\n    ]";
	}
	sft_json_raw(json, end);
	sft_json_raw(json, "\n  }");
}

/* Accelerate writes no index of nothing. */
static const char *absent_index(const struct sft_model *model)
{
	for (size_t i = 0; i < model->tensor_count; i++)
		if (absent_dat(model, sft_whole(&model->tensors[i])) == NULL)
			return NULL;
	return "there is nothing to write an index of";
}

/* In the order of a state dict that was loaded file by file. */
static void describe_index(const struct sft_model *model, struct sft_layout *layout)
{
	struct sft_json json = { .counts = layout->measures };
	auto_free uint32_t *order = NULL;
	size_t count = 0;

	layout->status = sft_order_make(model, SFT_ORDER_FILE, &order, NULL);
	if (layout->status != SFT_OK)
		return;
	sft_json_raw(&json, "{");
	for (size_t i = 0; i < model->tensor_count; i++) {
		const struct sft_tensor *tensor = &model->tensors[order[i]];

		if (absent_dat(model, sft_whole(tensor)) != NULL)
			continue;
		sft_json_raw(&json, count++ > 0 ? "," : "");
		write_entry(&json, model, tensor);
	}
	sft_json_raw(&json, count > 0 ? "\n}" : "}");
	if (json.failed)
		layout->status = SFT_E_NO_MEMORY;
	sft_layout_literal(layout, json.text, json.len);
	free(json.text);
}

static const struct sft_view_file files[] = {
	{ .suffix = ".dat", .absent = absent_dat, .describe = describe_dat },
};

static const struct sft_view_top tops[] = {
	{ .name = "index.json", .describe = describe_index },
};

const struct sft_view sft_view_offload = {
	.name = "offload",
	.about = "Accelerate's offload folder: .dat and index.json",
	.tree = SFT_TREE_FLAT,
	.keeps_top = true,
	.absent_top = absent_index,
	.files = files,
	.file_count = sizeof(files) / sizeof(files[0]),
	.tops = tops,
	.top_count = sizeof(tops) / sizeof(tops[0]),
};
