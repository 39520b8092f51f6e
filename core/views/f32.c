// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/f32.c - the tensors as float32: NAME.bin, raw, and NAME.npy
 *
 * For types that numpy and od(1) do not know. What is float32 already stays a range.
 */
#include "core/cast.h"
#include "core/npy.h"
#include "core/views/view.h"

static const char *absent_bin(const struct sft_model *model, struct sft_part part)
{
	(void)model;
	if (!sft_cast_has(part.tensor->dtype))
		return "this type has no agreed form in float32";
	if (sft_part_elements(part) > SFT_FILE_LEN_MAX / sizeof(float))
		return "as float32 it has more than 2^63-1 bytes";
	return NULL;
}

static const char *absent_npy(const struct sft_model *model, struct sft_part part)
{
	const char *why = absent_bin(model, part);

	return why != NULL ? why : sft_npy_absent_f32(model, part);
}

static void describe_bin(const struct sft_model *model, struct sft_part part,
			 struct sft_layout *layout)
{
	if (strcmp(sft_dtype(part.tensor->dtype)->name, "F32") == 0)
		sft_view_describe_bin(model, part, layout);
	else
		sft_layout_cast(layout, part.tensor->shard,
				sft_part_data_off(model, part), sft_part_rows(part),
				part.tensor->dtype, sft_part_elements(part));
}

static void describe_npy(const struct sft_model *model, struct sft_part part,
			 struct sft_layout *layout)
{
	char header[SFT_NPY_HEADER_LEN_MAX];

	sft_layout_literal(layout, header, sft_npy_header_f32(model, part, header));
	describe_bin(model, part, layout);
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
	.has_slices = true,
	.files = files,
	.file_count = sizeof(files) / sizeof(files[0]),
};
