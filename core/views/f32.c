// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/f32.c - the tensors as float32: NAME.bin, raw, and NAME.npy
 *
 * For types that numpy and od(1) do not know. What is float32 already stays a range.
 */
#include "core/cast.h"
#include "core/npy.h"
#include "core/views/view.h"

static const char *absent_bin(const struct sft_model *model,
			      const struct sft_tensor *tensor)
{
	(void)model;
	if (!sft_cast_has(tensor->dtype))
		return "this type has no agreed form in float32";
	if (sft_tensor_elements(tensor) > SFT_FILE_LEN_MAX / sizeof(float))
		return "as float32 it has more than 2^63-1 bytes";
	return NULL;
}

static const char *absent_npy(const struct sft_model *model,
			      const struct sft_tensor *tensor)
{
	const char *why = absent_bin(model, tensor);

	return why != NULL ? why : sft_npy_absent_f32(model, tensor);
}

static void describe_bin(const struct sft_model *model, const struct sft_tensor *tensor,
			 struct sft_layout *layout)
{
	if (strcmp(sft_dtype(tensor->dtype)->name, "F32") == 0)
		sft_view_describe_bin(model, tensor, layout);
	else
		sft_layout_cast(layout, tensor->shard, sft_model_data_off(model, tensor),
				tensor->dtype, sft_tensor_elements(tensor));
}

static void describe_npy(const struct sft_model *model, const struct sft_tensor *tensor,
			 struct sft_layout *layout)
{
	char header[SFT_NPY_HEADER_LEN_MAX];

	sft_layout_literal(layout, header, sft_npy_header_f32(model, tensor, header));
	describe_bin(model, tensor, layout);
}

static const struct sft_view_file files[] = {
	{ .suffix = ".bin", .absent = absent_bin, .describe = describe_bin },
	{ .suffix = ".npy", .absent = absent_npy, .describe = describe_npy },
};

const struct sft_view sft_view_f32 = {
	.name = "f32",
	.about = "as float32, converted as it is read (.bin, .npy)",
	.tree = SFT_TREE_NESTED,
	.has_links = true,
	.files = files,
	.file_count = sizeof(files) / sizeof(files[0]),
};
