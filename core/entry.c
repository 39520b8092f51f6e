// SPDX-License-Identifier: Apache-2.0
/*
 * core/entry.c - the model as a view shows it: names to refs, and folders as lists
 */
#include <assert.h>

#include "core/file.h"
#include "core/views/view.h"

static const char views_name[] = ".view";

/* ---- lookup ---- */

static bool lookup_view(struct sft_bytes name, struct sft_ref *ret_ref)
{
	for (size_t i = 0; i < sft_view_count(); i++) {
		if (!sft_bytes_equal(name, sft_bytes_of(sft_view_name(i))))
			continue;
		*ret_ref = (struct sft_ref){ .view = (uint8_t)(i + 1),
					     .kind = SFT_KIND_FOLDER };
		return true;
	}
	return false;
}

/* What only the root of a view holds. */
static bool lookup_top(const struct sft_model *model, struct sft_ref root,
		       struct sft_bytes name, struct sft_ref *ret_ref)
{
	const struct sft_view *view = sft_ref_view(model, root);

	if (root.view == 0 && sft_bytes_equal(name, sft_bytes_of(views_name))) {
		*ret_ref = (struct sft_ref){ .kind = SFT_KIND_VIEWS };
		return true;
	}
	for (uint32_t i = 0; i < view->top_count; i++) {
		const struct sft_ref ref = { i, root.view, SFT_KIND_TOP };
		char top[SFT_TOP_NAME_LEN_MAX];

		sft_view_top_name(&view->tops[i], model, top);
		if (!sft_bytes_equal(name, sft_bytes_of(top)) ||
		    !sft_ref_valid(model, ref))
			continue;
		*ret_ref = ref;
		return true;
	}
	return false;
}

/* A name with a suffix of the view: one of the files of a leaf, or of a folder. */
static bool lookup_file(const struct sft_model *model, struct sft_ref folder,
			struct sft_bytes name, struct sft_ref *ret_ref)
{
	const struct sft_view *view = sft_ref_view(model, folder);
	const struct sft_tree *tree = sft_ref_tree(model, folder);

	for (uint8_t i = 0; i < view->file_count; i++) {
		struct sft_ref ref = { .view = folder.view,
				       .kind = (uint8_t)(SFT_KIND_FILE + i) };
		struct sft_bytes stem = name;

		if (!sft_bytes_end_in(name, view->files[i].suffix))
			continue;
		stem.len -= strlen(view->files[i].suffix);
		/* A folder's file wins over that of a leaf of the same name. */
		for (unsigned is_leaf = 0; is_leaf < 2; is_leaf++) {
			if (!sft_tree_find(tree, folder.node, stem, is_leaf == 0,
					   &ref.node) ||
			    !sft_ref_valid(model, ref))
				continue;
			*ret_ref = ref;
			return true;
		}
		return false;
	}
	return false;
}

bool sft_lookup(const struct sft_model *model, struct sft_ref folder, const char *name,
		size_t len, struct sft_ref *ret_ref)
{
	const struct sft_bytes bytes = { (const uint8_t *)name, len };
	struct sft_ref child = { .view = folder.view, .kind = SFT_KIND_FOLDER };

	assert(sft_ref_is_folder(folder));
	if (folder.kind == SFT_KIND_VIEWS)
		return lookup_view(bytes, ret_ref);
	if (folder.node == SFT_TREE_ROOT && lookup_top(model, folder, bytes, ret_ref))
		return true;
	if (!sft_tree_find(sft_ref_tree(model, folder), folder.node, bytes, true,
			   &child.node))
		return lookup_file(model, folder, bytes, ret_ref);
	*ret_ref = child;
	return true;
}

struct sft_ref sft_parent(const struct sft_model *model, struct sft_ref ref)
{
	if (ref.kind == SFT_KIND_VIEWS)
		return SFT_REF_ROOT;
	if (ref.kind == SFT_KIND_FOLDER && ref.node == SFT_TREE_ROOT)
		return (struct sft_ref){ .kind = ref.view > 0 ? SFT_KIND_VIEWS
							      : SFT_KIND_FOLDER };
	return (struct sft_ref){
		.node = ref.kind == SFT_KIND_TOP
				? SFT_TREE_ROOT
				: sft_ref_tree(model, ref)->nodes[ref.node].parent,
		.view = ref.view,
		.kind = SFT_KIND_FOLDER,
	};
}

/* ---- listing ---- */

/*
 * Positions in a folder of a view: the files of its root, then for each child of the node
 * as many positions as a ref has kinds: the first for the folder that it is, the others
 * for its files.
 */
#define POSITIONS_PER_CHILD (UINT64_C(1) << SFT_KIND_BITS)

static void fill_entry(const struct sft_model *model, struct sft_entry *entry,
		       struct sft_ref ref, uint64_t next, struct sft_bytes name,
		       const char *suffix)
{
	assert(name.len + strlen(suffix) < sizeof(entry->name));
	entry->ref = ref;
	entry->type = sft_ref_type(model, ref);
	entry->next = next;
	memcpy(entry->name, name.data, name.len);
	strcpy(entry->name + name.len, suffix);
}

static bool list_views(const struct sft_model *model, uint64_t pos,
		       struct sft_entry *ret_entry)
{
	struct sft_ref ref = { .kind = SFT_KIND_FOLDER };

	if (pos >= sft_view_count())
		return false;
	ref.view = (uint8_t)(pos + 1);
	fill_entry(model, ret_entry, ref, pos + 1,
		   sft_bytes_of(sft_view_name((size_t)pos)), "");
	return true;
}

/* The entry at a position among the files of a view's root. */
static bool list_top(const struct sft_model *model, struct sft_ref root, uint64_t pos,
		     struct sft_entry *ret_entry)
{
	const struct sft_ref ref = { (uint32_t)pos, root.view, SFT_KIND_TOP };
	char name[SFT_TOP_NAME_LEN_MAX];

	if (!sft_ref_valid(model, ref))
		return false;
	sft_view_top_name(&sft_ref_view(model, root)->tops[pos], model, name);
	fill_entry(model, ret_entry, ref, pos + 1, sft_bytes_of(name), "");
	return true;
}

/* What a child of a folder has at one of its positions. */
static bool list_child(const struct sft_model *model, struct sft_ref folder,
		       uint32_t node, uint8_t slot, struct sft_ref *ret_ref)
{
	const struct sft_ref ref = {
		.node = node,
		.view = folder.view,
		.kind = slot == 0 ? SFT_KIND_FOLDER : (uint8_t)(SFT_KIND_FILE + slot - 1),
	};

	if (!sft_ref_valid(model, ref))
		return false;
	*ret_ref = ref;
	return true;
}

bool sft_list(const struct sft_model *model, struct sft_ref folder, uint64_t pos,
	      struct sft_entry *ret_entry)
{
	const struct sft_view *view = sft_ref_view(model, folder);
	const struct sft_tree *tree = sft_ref_tree(model, folder);
	const struct sft_node *parent = &tree->nodes[folder.node];
	const uint64_t child_count = (uint64_t)parent->folder_count + parent->leaf_count;
	const uint64_t top_count = folder.node == SFT_TREE_ROOT ? view->top_count : 0;

	assert(sft_ref_is_folder(folder));
	if (folder.kind == SFT_KIND_VIEWS)
		return list_views(model, pos, ret_entry);
	for (; pos < top_count; pos++)
		if (list_top(model, folder, pos, ret_entry))
			return true;
	for (; (pos - top_count) / POSITIONS_PER_CHILD < child_count; pos++) {
		const uint64_t child = (pos - top_count) / POSITIONS_PER_CHILD;
		const uint8_t slot = (uint8_t)((pos - top_count) % POSITIONS_PER_CHILD);
		const uint32_t node = parent->first + (uint32_t)child;
		struct sft_ref ref;

		if (slot > view->file_count) { /* nor is anything in later ones */
			pos += POSITIONS_PER_CHILD - 1 - slot;
			continue;
		}
		if (!list_child(model, folder, node, slot, &ref))
			continue;
		fill_entry(model, ret_entry, ref, pos + 1,
			   sft_node_name(&tree->nodes[node]),
			   slot > 0 ? view->files[slot - 1].suffix : "");
		return true;
	}
	return false;
}

/* ---- what is not there ---- */

/* The files that a view cannot show of one child of a folder. */
static uint64_t child_absents(const struct sft_model *model, const struct sft_view *view,
			      uint32_t node)
{
	const struct sft_node *child = &model->trees[view->tree].nodes[node];
	uint64_t count = 0;

	for (uint8_t i = 0; i < view->file_count; i++) {
		const struct sft_view_file *file = &view->files[i];

		if (child->is_folder)
			count += file->describe_folder != NULL &&
				 file->claims_folder(model, node) &&
				 file->absent_folder(model, node) != NULL;
		else if (child->first < model->tensor_count)
			count +=
				sft_view_absent(
					file, model,
					sft_whole(&model->tensors[child->first])) != NULL;
	}
	return count;
}

uint64_t sft_folder_absents(const struct sft_model *model, struct sft_ref folder)
{
	const struct sft_view *view = sft_ref_view(model, folder);
	const struct sft_node *parent = &sft_ref_tree(model, folder)->nodes[folder.node];
	const uint32_t child_count = parent->folder_count + parent->leaf_count;
	uint64_t count = 0;

	if (folder.kind == SFT_KIND_VIEWS)
		return 0;
	if (folder.node == SFT_TREE_ROOT && view->keeps_top)
		count += !sft_ref_valid(model,
					(struct sft_ref){ 0, folder.view, SFT_KIND_TOP });
	if (view->tree == SFT_TREE_PATHS)
		return count;
	for (uint32_t i = 0; i < child_count; i++)
		count += child_absents(model, view, parent->first + i);
	return count;
}

/* ---- links ---- */

size_t sft_link_target(const struct sft_model *model, struct sft_ref ref,
		       char out[SFT_LINK_LEN_MAX])
{
	const struct sft_tree *tree = sft_ref_tree(model, ref);
	const char *suffix =
		sft_ref_view(model, ref)->files[ref.kind - SFT_KIND_FILE].suffix;
	const struct sft_node *link = &tree->nodes[ref.node];
	const struct sft_alias *alias =
		&model->aliases[link->first - model->tensor_count];
	const uint32_t target = alias->node[sft_ref_view(model, ref)->tree];
	uint32_t above = link->parent;
	uint32_t below = tree->nodes[target].parent;
	size_t len = 0;

	/* Up to where both are below. Of two folders the deeper has the greater number.
	 */
	while (above != below) {
		if (above < below) {
			below = tree->nodes[below].parent;
			continue;
		}
		above = tree->nodes[above].parent;
		memcpy(out + len, "../", 3);
		len += 3;
	}
	len += sft_tree_path(tree, below, target, out + len);
	memcpy(out + len, suffix, strlen(suffix));
	return len + strlen(suffix);
}

struct sft_ref sft_link_follow(const struct sft_model *model, struct sft_ref ref)
{
	const struct sft_view *view = sft_ref_view(model, ref);
	const struct sft_node *nodes = sft_ref_tree(model, ref)->nodes;
	const struct sft_alias *alias =
		&model->aliases[nodes[ref.node].first - model->tensor_count];
	const struct sft_view_file *file = &view->files[ref.kind - SFT_KIND_FILE];
	struct sft_ref folder = { .view = ref.view, .kind = SFT_KIND_FOLDER };
	uint32_t twin;

	ref.node = alias->node[view->tree];
	folder.node = nodes[ref.node].parent;
	/* A folder of the tensor's name has its file. */
	if (file->describe_folder != NULL &&
	    sft_tree_find(sft_ref_tree(model, ref), folder.node,
			  sft_node_name(&nodes[ref.node]), true, &twin)) {
		folder.node = twin;
		folder.kind = ref.kind;
		if (sft_ref_valid(model, folder))
			return folder;
	}
	return ref;
}
