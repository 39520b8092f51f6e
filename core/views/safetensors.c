// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/safetensors.c - any part of the model as a file of the same format
 *
 * P.safetensors holds the tensor P, if there is one, and every tensor below the folder P,
 * under their full names: layer 0 is model/layers/0.safetensors, and a quantised weight
 * comes with what belongs to it.
 */
#include "core/compose.h"
#include "core/views/view.h"

/* In state->folder_len: the file would pass a limit. */
#define TOO_LONG UINT64_MAX

/* Bytes of a name, and of a shape, that are far from any limit. */
#define SHORT_LEN_MAX 4096u

static const char absent_limit[] = "its header would have more than 100,000,000 bytes, "
				   "or the file more than 2^63";

/* ---- which tensors ---- */

/* Walks a folder's tensors of one width: its own, if it is a tensor as well, comes first.
 */
struct members {
	const struct sft_model *model;
	const struct sft_tensor *twin; /* of the folder's name; or NULL */
	struct sft_walk walk;
	uint8_t bits;
};

static struct members members_of(const struct sft_model *model, uint32_t folder,
				 uint8_t bits)
{
	const struct sft_tree *tree = &model->trees[SFT_TREE_NESTED];
	const struct sft_node *node = &tree->nodes[folder];
	struct members members = {
		.model = model,
		.walk = sft_tree_walk(tree, folder),
		.bits = bits,
	};
	uint32_t leaf;

	if (sft_tree_find(tree, node->parent, sft_node_name(node), false, &leaf) &&
	    tree->nodes[leaf].first < model->tensor_count)
		members.twin = &model->tensors[tree->nodes[leaf].first];
	return members;
}

static const struct sft_tensor *next_member(struct members *members)
{
	const struct sft_tensor *tensor = members->twin;
	uint32_t node;

	members->twin = NULL;
	if (tensor != NULL && sft_dtype(tensor->dtype)->bits == members->bits)
		return tensor;
	while (sft_walk_next(&members->walk, &node)) {
		const uint32_t idx = members->walk.tree->nodes[node].first;

		if (idx >= members->model->tensor_count) /* an alias */
			continue;
		tensor = &members->model->tensors[idx];
		if (sft_dtype(tensor->dtype)->bits == members->bits)
			return tensor;
	}
	return NULL;
}

/* ---- their file ---- */

/* Widths of elements, from wide to narrow. */
static const uint8_t widths[] = { 64, 32, 16, 8, 6, 4 };
#define WIDTH_COUNT (sizeof(widths) / sizeof(widths[0]))

/* What loaders ask for; the rest of the metadata is about the whole model. */
static void begin(struct sft_composer *composer, const struct sft_model *model,
		  const struct sft_layout *layout)
{
	sft_compose_begin(composer, layout);
	sft_compose_metadata(composer, model->format);
}

static void compose_folder(const struct sft_model *model, uint32_t folder,
			   struct sft_layout *layout)
{
	struct sft_composer composer;
	const struct sft_tensor *tensor;

	begin(&composer, model, layout);
	for (size_t i = 0; i < WIDTH_COUNT; i++) {
		struct members members = members_of(model, folder, widths[i]);

		while ((model->widths & UINT64_C(1) << (widths[i] - 1)) &&
		       (tensor = next_member(&members)) != NULL)
			sft_compose_tensor(&composer, model, sft_whole(tensor));
	}
	sft_compose_end(&composer, layout);
	for (size_t i = 0; i < WIDTH_COUNT; i++) {
		struct members members = members_of(model, folder, widths[i]);

		while ((model->widths & UINT64_C(1) << (widths[i] - 1)) &&
		       (tensor = next_member(&members)) != NULL)
			sft_view_describe_bin(model, sft_whole(tensor), layout);
	}
}

/* Measuring walks over all that is below: the length is kept. */
static uint64_t folder_len(const struct sft_model *model, uint32_t folder)
{
	atomic_ullong *kept = &model->state->folder_len[folder];
	uint64_t len = atomic_load_explicit(kept, memory_order_relaxed);
	struct sft_layout layout;

	if (len > 0)
		return len;
	sft_layout_init(&layout, true);
	compose_folder(model, folder, &layout);
	len = layout.status == SFT_OK ? layout.len : TOO_LONG;
	sft_layout_done(&layout);
	atomic_store_explicit(kept, len, memory_order_relaxed);
	return len;
}

static void describe_folder(const struct sft_model *model, uint32_t folder,
			    struct sft_layout *layout)
{
	if (layout->measures) /* what is only counted needs no memory */
		sft_layout_memory(layout, NULL, folder_len(model, folder));
	else
		compose_folder(model, folder, layout);
}

/* A folder of aliases alone has nothing to put into a file. */
static bool claims_folder(const struct sft_model *model, uint32_t folder)
{
	const struct sft_tree *tree = &model->trees[SFT_TREE_NESTED];
	struct sft_walk walk = sft_tree_walk(tree, folder);
	uint32_t node;

	if (model->alias_count == 0)
		return true;
	while (sft_walk_next(&walk, &node))
		if (tree->nodes[node].first < model->tensor_count)
			return true;
	return false;
}

static const char *absent_folder(const struct sft_model *model, uint32_t folder)
{
	if (model->may_pass_limits && folder_len(model, folder) == TOO_LONG)
		return absent_limit;
	return NULL;
}

static void describe_tensor(const struct sft_model *model, struct sft_part part,
			    struct sft_layout *layout)
{
	struct sft_composer composer;

	begin(&composer, model, layout);
	sft_compose_tensor(&composer, model, part);
	sft_compose_end(&composer, layout);
	sft_view_describe_bin(model, part, layout);
}

/* Whether text that surely holds @end has it early; memchr() may not look beyond. */
static bool ends_early(const char *text, char end, size_t max)
{
	for (size_t i = 0; i < max; i++)
		if (text[i] == end)
			return true;
	return false;
}

/* Whether a header of one tensor is far from any limit: nearly all are. */
static bool is_short(const struct sft_model *model, struct sft_part part)
{
	const struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, part.tensor), part.tensor);

	return part.tensor->name_len < SHORT_LEN_MAX &&
	       ends_early((const char *)shape.at, ']', SHORT_LEN_MAX) &&
	       sft_part_len(part) < SFT_FILE_LEN_MAX / 2;
}

static const char *absent_tensor(const struct sft_model *model, struct sft_part part)
{
	struct sft_layout layout;
	enum sft_status status;

	if (!model->may_pass_limits || is_short(model, part))
		return NULL;
	sft_layout_init(&layout, true);
	describe_tensor(model, part, &layout);
	status = layout.status;
	sft_layout_done(&layout);
	return status == SFT_OK ? NULL : absent_limit;
}

static const struct sft_view_file files[] = {
	{ .suffix = ".safetensors",
	  .absent = absent_tensor,
	  .describe = describe_tensor,
	  .claims_folder = claims_folder,
	  .absent_folder = absent_folder,
	  .describe_folder = describe_folder },
};

const struct sft_view sft_view_safetensors = {
	.name = "safetensors",
	.about = "each tensor and each folder as .safetensors",
	.tree = SFT_TREE_NESTED,
	.has_links = true,
	.has_slices = true,
	.files = files,
	.file_count = sizeof(files) / sizeof(files[0]),
};
