// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/tensors.c - the tensors as they are: NAME.bin, and NAME.json about it
 *
 * NAME.bin is the tensor's range of its shard. The JSON documents come from describe.c.
 */
#include "core/describe.h"
#include "core/views/view.h"

void sft_view_describe_bin(const struct sft_model *model, struct sft_part part,
			   struct sft_layout *layout)
{
	const struct sft_rows *rows = sft_part_rows(part);
	const uint64_t off = sft_part_data_off(model, part);

	if (rows != NULL)
		sft_layout_rows(layout, part.tensor->shard, off, rows);
	else
		sft_layout_range(layout, part.tensor->shard, off, sft_part_len(part));
}

static void describe_metadata(const struct sft_model *model, struct sft_layout *layout)
{
	struct sft_bytes text;

	layout->status = sft_describe_model(model, &text, NULL);
	if (layout->status == SFT_OK)
		sft_layout_memory(layout, text.data, text.len);
}

static const struct sft_view_file files[] = {
	{ .suffix = ".bin", .describe = sft_view_describe_bin },
	{ .suffix = ".json",
	  .absent = sft_describe_absent,
	  .describe = sft_describe_tensor },
};

/* The one key that no tensor can have. */
static const struct sft_view_top tops[] = {
	{ .name = "__metadata__.json", .describe = describe_metadata },
};

const struct sft_view sft_view_tensors = {
	.name = "tensors",
	.about = "raw bytes (.bin) and a description (.json)",
	.tree = SFT_TREE_NESTED,
	.has_links = true,
	.has_slices = true,
	.files = files,
	.file_count = sizeof(files) / sizeof(files[0]),
	.tops = tops,
	.top_count = sizeof(tops) / sizeof(tops[0]),
};
