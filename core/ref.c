// SPDX-License-Identifier: Apache-2.0
/*
 * core/ref.c - what a ref stands for
 *
 *	ref kind  node		    what
 *	FOLDER	  node of the tree  a folder; node 0 is the root of the view
 *	VIEWS	  0		    `.view`, a folder that holds the roots of all views
 *	TOP	  index		    a file in the root of the view
 *	FILE + i  node of the tree  file i of a tensor, an alias (a link) or a folder
 *
 * Everything is arithmetic on the sorted trees and the table of views: no state, no
 * allocation.
 */
#include "core/file.h"
#include "core/kept.h"
#include "core/views/view.h"

size_t sft_ref_view_idx(const struct sft_model *model, struct sft_ref ref)
{
	return ref.view == 0 ? model->root_view : ref.view - 1u;
}

const struct sft_view *sft_ref_view(const struct sft_model *model, struct sft_ref ref)
{
	return sft_views[sft_ref_view_idx(model, ref)];
}

const struct sft_tree *sft_ref_tree(const struct sft_model *model, struct sft_ref ref)
{
	return &model->trees[sft_ref_view(model, ref)->tree];
}

static const struct sft_node *node_of(const struct sft_model *model, struct sft_ref ref)
{
	return &sft_ref_tree(model, ref)->nodes[ref.node];
}

/* The file of a view that a ref denotes. */
static const struct sft_view_file *file_of(const struct sft_model *model,
					   struct sft_ref ref)
{
	return &sft_ref_view(model, ref)->files[ref.kind - SFT_KIND_FILE];
}

static bool is_file(struct sft_ref ref)
{
	return ref.kind >= SFT_KIND_FILE;
}

/* A leaf of a tree of tensors that is an alias. */
static bool is_alias(const struct sft_model *model, const struct sft_node *leaf)
{
	return leaf->first >= model->tensor_count;
}

/* The tensor of a leaf of a tree of tensors, or that of an alias. */
static const struct sft_tensor *leaf_tensor(const struct sft_model *model,
					    const struct sft_node *leaf)
{
	return &model->tensors[is_alias(model, leaf)
				       ? model->aliases[leaf->first - model->tensor_count]
						 .tensor
				       : leaf->first];
}

const struct sft_tensor *sft_ref_tensor(const struct sft_model *model, struct sft_ref ref)
{
	if (!is_file(ref) || sft_ref_view(model, ref)->tree == SFT_TREE_PATHS ||
	    node_of(model, ref)->is_folder)
		return NULL;
	return leaf_tensor(model, node_of(model, ref));
}

enum sft_type sft_ref_type(const struct sft_model *model, struct sft_ref ref)
{
	if (sft_ref_is_folder(ref))
		return SFT_TYPE_FOLDER;
	if (sft_ref_tensor(model, ref) != NULL && is_alias(model, node_of(model, ref)))
		return SFT_TYPE_LINK;
	return SFT_TYPE_FILE;
}

struct sft_home sft_ref_home(const struct sft_model *model, struct sft_ref ref)
{
	const struct sft_tensor *tensor = sft_ref_tensor(model, ref);

	if (tensor != NULL)
		return (struct sft_home){ tensor->shard, 1 };
	if (is_file(ref) && sft_ref_view(model, ref)->tree == SFT_TREE_PATHS)
		return (struct sft_home){ model->shard_count + node_of(model, ref)->first,
					  1 };
	return (struct sft_home){ 0, model->shard_count };
}

dev_t sft_ref_device(const struct sft_model *model, struct sft_ref ref)
{
	const struct sft_home home = sft_ref_home(model, ref);
	const dev_t device = sft_model_file(model, home.first)->device;

	for (size_t i = home.first + 1; i < home.first + home.count; i++)
		if (sft_model_file(model, i)->device != device)
			return 0;
	return device;
}

bool sft_ref_is_kept(const struct sft_model *model, struct sft_ref ref)
{
	return ref.kind == SFT_KIND_TOP && ref.node == 0 &&
	       sft_ref_view(model, ref)->keeps_top;
}

void sft_ref_describe(const struct sft_model *model, struct sft_ref ref,
		      struct sft_layout *layout)
{
	const struct sft_tensor *tensor = sft_ref_tensor(model, ref);
	const struct sft_view *view = sft_ref_view(model, ref);

	if (ref.kind == SFT_KIND_TOP) {
		view->tops[ref.node].describe(model, layout);
	} else if (tensor != NULL) {
		file_of(model, ref)->describe(model, sft_whole(tensor), layout);
	} else if (view->tree == SFT_TREE_PATHS) {
		const size_t file = sft_ref_home(model, ref).first;

		sft_layout_range(layout, (uint32_t)file, 0,
				 sft_model_file(model, file)->len);
	} else {
		file_of(model, ref)->describe_folder(model, ref.node, layout);
	}
}

bool sft_ref_is_folder(struct sft_ref ref)
{
	return ref.kind == SFT_KIND_FOLDER || ref.kind == SFT_KIND_VIEWS;
}

/* Whether a folder has its own file of a kind that tensors have. */
static bool has_folder_file(const struct sft_model *model,
			    const struct sft_view_file *file, uint32_t node)
{
	return file->describe_folder != NULL && node != SFT_TREE_ROOT &&
	       file->claims_folder(model, node) &&
	       file->absent_folder(model, node) == NULL;
}

/* Whether a folder beside a leaf has the leaf's name, and so its file. */
static bool is_hidden(const struct sft_model *model, const struct sft_tree *tree,
		      const struct sft_view_file *file, const struct sft_node *leaf)
{
	uint32_t folder;

	return file->describe_folder != NULL &&
	       sft_tree_find(tree, leaf->parent, sft_node_name(leaf), true, &folder) &&
	       file->claims_folder(model, folder);
}

static bool has_file(const struct sft_model *model, struct sft_ref ref)
{
	const struct sft_view *view = sft_ref_view(model, ref);
	const struct sft_view_file *file = file_of(model, ref);
	const struct sft_node *node = node_of(model, ref);

	if (view->tree == SFT_TREE_PATHS)
		return !node->is_folder;
	if (node->is_folder)
		return has_folder_file(model, file, ref.node);
	return (view->has_links || !is_alias(model, node)) &&
	       sft_view_absent(file, model, sft_whole(leaf_tensor(model, node))) ==
		       NULL &&
	       !is_hidden(model, sft_ref_tree(model, ref), file, node);
}

bool sft_ref_valid(const struct sft_model *model, struct sft_ref ref)
{
	const struct sft_view *view;

	if (ref.view > sft_view_count())
		return false;
	view = sft_ref_view(model, ref);
	switch (ref.kind) {
	case SFT_KIND_VIEWS:
		return ref.view == 0 && ref.node == 0;
	case SFT_KIND_TOP:
		return ref.node < view->top_count &&
		       (!sft_ref_is_kept(model, ref) ||
			sft_kept_absent(model, sft_ref_view_idx(model, ref)) == NULL);
	case SFT_KIND_FOLDER:
		return ref.node < sft_ref_tree(model, ref)->count &&
		       node_of(model, ref)->is_folder;
	default:
		return ref.kind - SFT_KIND_FILE < view->file_count &&
		       ref.node < sft_ref_tree(model, ref)->count && has_file(model, ref);
	}
}

static uint64_t count_files(const struct sft_model *model)
{
	const struct sft_view *view = sft_ref_view(model, SFT_REF_ROOT);
	const struct sft_tree *tree = sft_ref_tree(model, SFT_REF_ROOT);
	uint64_t count = tree->folder_count;

	for (uint32_t i = 0; i < view->top_count; i++)
		count += sft_ref_valid(model, (struct sft_ref){ i, 0, SFT_KIND_TOP });
	for (uint32_t i = 0; i < tree->count; i++)
		for (uint8_t j = 0; j < view->file_count; j++) {
			const struct sft_ref ref = { i, 0, (uint8_t)(SFT_KIND_FILE + j) };

			count += has_file(model, ref);
		}
	return count;
}

bool sft_view_use(struct sft_model *model, const char *name)
{
	for (size_t i = 0; i < sft_view_count(); i++) {
		if (strcmp(name, sft_view_name(i)) != 0)
			continue;
		model->root_view = i;
		atomic_store(&model->state->file_count, 0);
		return true;
	}
	return false;
}

uint64_t sft_model_file_count(const struct sft_model *model)
{
	uint64_t count = atomic_load(&model->state->file_count);

	if (count == 0) { /* threads that count at once find the same */
		count = count_files(model);
		atomic_store(&model->state->file_count, count);
	}
	return count;
}
