// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/flat.c - all in one folder: full.dotted.name.bin, .json and .npy
 *
 * For loops over *.bin, and for loaders that make file names out of tensor names.
 */
#include "core/describe.h"
#include "core/npy.h"
#include "core/views/view.h"

static const struct sft_view_file files[] = {
	{ .suffix = ".bin", .describe = sft_view_describe_bin },
	{ .suffix = ".json",
	  .absent = sft_describe_absent,
	  .describe = sft_describe_tensor },
	{ .suffix = ".npy", .absent = sft_npy_absent, .describe = sft_view_describe_npy },
};

const struct sft_view sft_view_flat = {
	.name = "flat",
	.about = "one folder: full.dotted.name.bin, .json, .npy",
	.tree = SFT_TREE_FLAT,
	.has_links = true,
	.has_slices = true,
	.files = files,
	.file_count = sizeof(files) / sizeof(files[0]),
};
