// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/tensors.c - the tensors as they are: NAME.bin, and NAME.json about it
 *
 * NAME.bin is the tensor's range of its shard. The JSON documents come from describe.c.
 */
#include "core/describe.h"
#include "core/views/view.h"

void sft_view_describe_bin(const struct sft_model *model, const struct sft_tensor *tensor,
			   struct sft_layout *layout)
{
	sft_layout_range(layout, tensor->shard, sft_model_data_off(model, tensor),
			 sft_tensor_len(tensor));
}

static void describe_metadata(const struct sft_model *model, struct sft_layout *layout)
{
	sft_layout_memory(layout, model->metadata_document, model->metadata_document_len);
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
	.files = files,
	.file_count = sizeof(files) / sizeof(files[0]),
	.tops = tops,
	.top_count = sizeof(tops) / sizeof(tops[0]),
};
