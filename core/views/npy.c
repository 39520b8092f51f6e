// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/npy.c - NumPy arrays: NAME.npy, a header (core/npy.h) and the tensor's range
 */
#include "core/npy.h"
#include "core/views/view.h"

void sft_view_describe_npy(const struct sft_model *model, struct sft_part part,
			   struct sft_layout *layout)
{
	char header[SFT_NPY_HEADER_LEN_MAX];

	sft_layout_literal(layout, header, sft_npy_header(model, part, header));
	sft_view_describe_bin(model, part, layout);
}

static const struct sft_view_file files[] = {
	{ .suffix = ".npy", .absent = sft_npy_absent, .describe = sft_view_describe_npy },
};

const struct sft_view sft_view_npy = {
	.name = "npy",
	.about = "NumPy arrays (.npy)",
	.tree = SFT_TREE_NESTED,
	.has_links = true,
	.has_slices = true,
	.files = files,
	.file_count = sizeof(files) / sizeof(files[0]),
};
