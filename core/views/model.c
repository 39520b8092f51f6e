// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/model.c - a model folder with one model.safetensors, whatever the shards
 *
 * A single file is shown as it is, byte for byte. Shards are merged, and so is what a
 * filter made of one: one header with the united metadata, and then the data.
 */
#include <assert.h>

#include "core/cleanup.h"
#include "core/compose.h"
#include "core/metadata.h"
#include "core/order.h"
#include "core/views/view.h"

/* The united metadata, or, where there is none, what loaders ask for. */
static enum sft_status add_metadata(const struct sft_model *model,
				    struct sft_composer *composer)
{
	struct sft_json json = { 0 };
	enum sft_status status = sft_metadata_format(model, "", &json, NULL);

	if (status == SFT_OK && json.len >= SFT_METADATA_LEN_MAX)
		status = SFT_E_LIMIT;
	if (status == SFT_OK)
		sft_compose_metadata(composer,
				     json.len > strlen("{}") ? json.text : model->format);
	free(json.text);
	return status;
}

static void merge(const struct sft_model *model, struct sft_layout *layout)
{
	auto_free uint32_t *order = NULL;
	struct sft_composer composer;

	sft_compose_begin(&composer, layout);
	layout->status = add_metadata(model, &composer);
	if (layout->status == SFT_OK)
		layout->status = sft_order_make(model, SFT_ORDER_WIDTH, &order, NULL);
	for (size_t i = 0; layout->status == SFT_OK && i < model->tensor_count; i++)
		sft_compose_tensor(&composer, model,
				   sft_whole(&model->tensors[order[i]]));
	sft_compose_end(&composer, layout);
	assert(order != NULL || layout->status != SFT_OK); /* a failure stays */
	for (size_t i = 0; layout->status == SFT_OK && i < model->tensor_count; i++)
		sft_view_describe_bin(model, sft_whole(&model->tensors[order[i]]),
				      layout);
}

static void describe_weights(const struct sft_model *model, struct sft_layout *layout)
{
	if (model->shard_count == 1 && !model->is_filtered)
		sft_layout_range(layout, 0, 0, model->shards[0].file.len);
	else
		merge(model, layout);
}

static const struct sft_view_top tops[] = {
	{ .stem = "model", .name = ".safetensors", .describe = describe_weights },
};

const struct sft_view sft_view_model = {
	.name = "model",
	.about = "a model folder with one model.safetensors",
	.tree = SFT_TREE_PATHS,
	.keeps_top = true,
	.files = &sft_view_companion,
	.file_count = 1,
	.tops = tops,
	.top_count = sizeof(tops) / sizeof(tops[0]),
};
