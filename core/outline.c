// SPDX-License-Identifier: Apache-2.0
#include "core/outline.h"

#include <assert.h>
#include <stdlib.h>

#include "core/cleanup.h"

_Static_assert(SFT_DTYPE_COUNT <= 24, "a level has a bit for each dtype");

/* The tensor of a leaf in one of the models; NULL: none, or an alias. */
static const struct sft_tensor *leaf_tensor(const struct sft_outline *outline,
					    uint32_t leaf, size_t side)
{
	uint32_t idx = leaf;

	if (outline->comparison != NULL) {
		idx = outline->comparison->matches[leaf].tensors[side];
		return idx != SFT_TENSOR_NONE
			       ? &outline->comparison->models[side]->tensors[idx]
			       : NULL;
	}
	return side == 0 && idx < outline->model->tensor_count
		       ? &outline->model->tensors[idx]
		       : NULL;
}

static const struct sft_model *model_of(const struct sft_outline *outline, size_t side)
{
	return outline->comparison != NULL ? outline->comparison->models[side]
					   : outline->model;
}

/* ---- hashes ---- */

/* Adds numbers to what was hashed before. */
static uint64_t mix(const struct sft_hash *hash, uint64_t *numbers, size_t count)
{
	return sft_hash_of(hash, (struct sft_bytes){ (const uint8_t *)numbers,
						     count * sizeof(*numbers) });
}

/* Of a dtype and a shape; of nothing, too. */
static uint64_t hash_tensor(const struct sft_outline *outline, size_t side,
			    const struct sft_tensor *tensor)
{
	uint64_t numbers[10] = { tensor != NULL, 0 };
	struct sft_shape shape;
	size_t count = 2;

	if (tensor == NULL)
		return 0;
	numbers[1] = tensor->dtype;
	shape = sft_tensor_shape(sft_model_header(model_of(outline, side), tensor),
				 tensor);
	while (sft_shape_next(&shape, &numbers[count])) {
		if (++count < sizeof(numbers) / sizeof(numbers[0]))
			continue;
		numbers[0] = mix(&outline->hash, numbers, count);
		count = 1;
	}
	return mix(&outline->hash, numbers, count);
}

/* Of an alias: what it stands for. */
static uint64_t hash_alias(const struct sft_outline *outline, uint32_t leaf)
{
	const struct sft_model *model = outline->model;
	const struct sft_alias *alias = &model->aliases[leaf - model->tensor_count];

	assert(model->tensors != NULL);
	return sft_hash_of(&outline->hash,
			   sft_model_name(model, &model->tensors[alias->tensor]));
}

/* ---- levels, from the leaves up ---- */

static void fill_leaf(const struct sft_outline *outline, uint32_t leaf,
		      struct sft_level *level)
{
	const struct sft_comparison *comparison = outline->comparison;
	const struct sft_tensor *sides[2] = { leaf_tensor(outline, leaf, 0),
					      leaf_tensor(outline, leaf, 1) };
	uint64_t hashes[2];

	if (comparison == NULL && sides[0] == NULL) {
		level->hash = hash_alias(outline, leaf);
		return;
	}
	level->tensors = 1;
	for (size_t i = 0; i < 2; i++) {
		hashes[i] = hash_tensor(outline, i, sides[i]);
		if (sides[i] != NULL)
			level->dtypes =
				(level->dtypes | 1u << sides[i]->dtype) & 0xffffffu;
	}
	level->hash = mix(&outline->hash, hashes, 2);
	if (comparison != NULL) {
		level->changes =
			sft_match_changes(comparison, &comparison->matches[leaf]) & 0xffu;
	} else {
		level->parameters = sft_tensor_elements(sides[0]);
		level->bytes = sft_tensor_len(sides[0]);
	}
}

/* Sums cannot wrap: those of the model do not, see sft_model_sum_up(). */
static void fill_folder(const struct sft_outline *outline, const struct sft_node *node,
			struct sft_level *level)
{
	const uint32_t count = node->folder_count + node->leaf_count;

	for (uint32_t i = node->first; i < node->first + count; i++) {
		const struct sft_node *child = &outline->tree->nodes[i];
		const struct sft_level *below = &outline->levels[i];
		uint64_t numbers[4] = {
			level->hash,
			sft_hash_of(&outline->hash, sft_node_name(child)),
			below->hash,
			child->is_folder,
		};

		level->hash = mix(&outline->hash, numbers, 4);
		level->tensors += below->tensors;
		level->parameters += below->parameters;
		level->bytes += below->bytes;
		level->dtypes |= below->dtypes;
		level->changes |= below->changes;
	}
}

/* Takes over the outline, and hands it out or frees it. */
static enum sft_status finish(struct sft_outline *outline,
			      struct sft_outline **ret_outline, struct sft_error *err)
{
	const struct sft_tree *tree = outline->tree;
	enum sft_status status = sft_hash_init(&outline->hash, err);

	if (status == SFT_OK) {
		outline->levels = calloc(tree->count, sizeof(*outline->levels));
		if (outline->levels == NULL)
			status = sft_fail_memory(err);
	}
	if (outline->levels == NULL) {
		sft_outline_free(outline);
		return status;
	}
	for (size_t i = tree->count; i-- > 0;) { /* children come behind their parents */
		const struct sft_node *node = &tree->nodes[i];

		if (node->is_folder)
			fill_folder(outline, node, &outline->levels[i]);
		else
			fill_leaf(outline, node->first, &outline->levels[i]);
	}
	*ret_outline = outline;
	return SFT_OK;
}

enum sft_status sft_outline_model(const struct sft_model *model,
				  struct sft_outline **ret_outline, struct sft_error *err)
{
	struct sft_outline *outline = calloc(1, sizeof(*outline));
	enum sft_status status = SFT_OK;

	if (outline == NULL)
		return sft_fail_memory(err);
	outline->model = model;
	outline->tree = &model->trees[SFT_TREE_NESTED];
	if (model->names_only) {
		outline->tree = &outline->own_tree;
		status = sft_model_tree(model, SFT_TREE_NESTED, &outline->own_tree, err);
	}
	if (status != SFT_OK) {
		sft_outline_free(outline);
		return status;
	}
	return finish(outline, ret_outline, err);
}

enum sft_status sft_outline_comparison(const struct sft_comparison *comparison,
				       struct sft_outline **ret_outline,
				       struct sft_error *err)
{
	struct sft_outline *outline = calloc(1, sizeof(*outline));
	auto_free struct sft_bytes *names = calloc(comparison->count + 1, sizeof(*names));
	enum sft_status status;

	if (outline == NULL || names == NULL) {
		free(outline);
		return sft_fail_memory(err);
	}
	for (size_t i = 0; i < comparison->count; i++)
		names[i] = sft_match_name(comparison, &comparison->matches[i]);
	outline->comparison = comparison;
	outline->tree = &outline->own_tree;
	status = sft_tree_build(&outline->own_tree, SFT_TREE_NESTED, names,
				comparison->count, err);
	if (status != SFT_OK) {
		sft_outline_free(outline);
		return status;
	}
	return finish(outline, ret_outline, err);
}

void sft_outline_free(struct sft_outline *outline)
{
	if (outline == NULL)
		return;
	sft_tree_done(&outline->own_tree);
	free(outline->levels);
	free(outline);
}

/* ---- one line ---- */

static void fill_side(const struct sft_outline *outline, uint32_t leaf, size_t side,
		      struct sft_side *ret_side)
{
	const struct sft_tensor *tensor = leaf_tensor(outline, leaf, side);

	if (tensor == NULL)
		return;
	ret_side->dtype = sft_dtype(tensor->dtype)->name;
	sft_shape_format(
		sft_tensor_shape(sft_model_header(model_of(outline, side), tensor),
				 tensor),
		ret_side->shape, sizeof(ret_side->shape));
}

void sft_outline_line(const struct sft_outline *outline, uint32_t idx, uint64_t count,
		      struct sft_line *ret_line)
{
	const struct sft_level *level = &outline->levels[idx];
	const struct sft_node *node = &outline->tree->nodes[idx];

	*ret_line = (struct sft_line){
		.node = idx,
		.is_folder = node->is_folder,
		.count = count,
		.each = { level->tensors, level->parameters, level->bytes },
		.dtypes = level->dtypes,
		.changes = level->changes,
	};
	if (node->is_folder)
		return;
	ret_line->is_alias = level->tensors == 0;
	fill_side(outline, node->first, 0, &ret_line->first);
	fill_side(outline, node->first, 1, &ret_line->second);
}

void sft_outline_root(const struct sft_outline *outline, struct sft_line *ret_line)
{
	sft_outline_line(outline, SFT_TREE_ROOT, 1, ret_line);
}
