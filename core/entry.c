// SPDX-License-Identifier: Apache-2.0
/*
 * core/entry.c - the tree as a view shows it: names to refs and back
 *
 *	ref kind  node		    what
 *	FOLDER	  node of the tree  a folder; node 0 is the root of the view
 *	VIEWS	  0		    `.view`, a folder that holds the roots of all views
 *	TOP	  index		    a file in the root of the view
 *	FILE + i  node of the tree  file i of a tensor
 *
 * Everything is arithmetic on the sorted tree and the table of views: no state, no
 * allocation.
 */
#include <assert.h>

#include "core/file.h"
#include "core/views/view.h"

static const char views_name[] = ".view";

const struct sft_view *sft_ref_view(const struct sft_model *model, struct sft_ref ref)
{
	return sft_views[ref.view == 0 ? model->root_view : ref.view - 1u];
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

const struct sft_tensor *sft_ref_tensor(const struct sft_model *model, struct sft_ref ref)
{
	return is_file(ref) ? &model->tensors[model->tree.nodes[ref.node].first] : NULL;
}

void sft_ref_describe(const struct sft_model *model, struct sft_ref ref,
		      struct sft_layout *layout)
{
	if (is_file(ref))
		file_of(model, ref)->describe(model, sft_ref_tensor(model, ref), layout);
	else
		sft_ref_view(model, ref)->tops[ref.node].describe(model, layout);
}

bool sft_ref_is_folder(struct sft_ref ref)
{
	return ref.kind == SFT_KIND_FOLDER || ref.kind == SFT_KIND_VIEWS;
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
		return ref.node < view->top_count;
	case SFT_KIND_FOLDER:
		return ref.node < model->tree.count &&
		       model->tree.nodes[ref.node].is_folder;
	default:
		return ref.kind - SFT_KIND_FILE < view->file_count &&
		       ref.node < model->tree.count &&
		       !model->tree.nodes[ref.node].is_folder &&
		       sft_view_absent(file_of(model, ref), model,
				       sft_ref_tensor(model, ref)) == NULL;
	}
}

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
		if (!sft_bytes_equal(name, sft_bytes_of(view->tops[i].name)))
			continue;
		*ret_ref = (struct sft_ref){ i, root.view, SFT_KIND_TOP };
		return true;
	}
	return false;
}

/* A name with a suffix of the view: one of the files of a tensor. */
static bool lookup_file(const struct sft_model *model, struct sft_ref folder,
			struct sft_bytes name, struct sft_ref *ret_ref)
{
	const struct sft_view *view = sft_ref_view(model, folder);

	for (uint8_t i = 0; i < view->file_count; i++) {
		struct sft_ref ref = { .view = folder.view,
				       .kind = (uint8_t)(SFT_KIND_FILE + i) };
		struct sft_bytes stem = name;

		if (!sft_bytes_end_in(name, view->files[i].suffix))
			continue;
		stem.len -= strlen(view->files[i].suffix);
		if (!sft_tree_find(&model->tree, folder.node, stem, false, &ref.node) ||
		    !sft_ref_valid(model, ref))
			return false;
		*ret_ref = ref;
		return true;
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
	if (!sft_tree_find(&model->tree, folder.node, bytes, true, &child.node))
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
		.node = ref.kind == SFT_KIND_TOP ? SFT_TREE_ROOT
						 : model->tree.nodes[ref.node].parent,
		.view = ref.view,
		.kind = SFT_KIND_FOLDER,
	};
}

/* ---- listing ---- */

/*
 * Positions in a folder of a view: the files of its root, then for each child of the node
 * as many positions as a tensor can have files. A folder uses the first of its own.
 */
#define POSITIONS_PER_CHILD (UINT64_C(1) << SFT_KIND_BITS)

static void fill_entry(struct sft_entry *entry, struct sft_ref ref, uint64_t next,
		       struct sft_bytes name, const char *suffix)
{
	assert(name.len + strlen(suffix) < sizeof(entry->name));
	entry->ref = ref;
	entry->is_folder = sft_ref_is_folder(ref);
	entry->next = next;
	memcpy(entry->name, name.data, name.len);
	strcpy(entry->name + name.len, suffix);
}

static bool list_views(uint64_t pos, struct sft_entry *ret_entry)
{
	struct sft_ref ref = { .kind = SFT_KIND_FOLDER };

	if (pos >= sft_view_count())
		return false;
	ref.view = (uint8_t)(pos + 1);
	fill_entry(ret_entry, ref, pos + 1, sft_bytes_of(sft_view_name((size_t)pos)), "");
	return true;
}

bool sft_list(const struct sft_model *model, struct sft_ref folder, uint64_t pos,
	      struct sft_entry *ret_entry)
{
	const struct sft_node *parent = &model->tree.nodes[folder.node];
	const struct sft_view *view = sft_ref_view(model, folder);
	const uint64_t top_count = folder.node == SFT_TREE_ROOT ? view->top_count : 0;
	struct sft_ref ref = { .view = folder.view };

	assert(sft_ref_is_folder(folder));
	if (folder.kind == SFT_KIND_VIEWS)
		return list_views(pos, ret_entry);
	if (pos < top_count) {
		ref.node = (uint32_t)pos;
		ref.kind = SFT_KIND_TOP;
		fill_entry(ret_entry, ref, pos + 1, sft_bytes_of(view->tops[pos].name),
			   "");
		return true;
	}
	for (;; pos++) {
		const uint64_t child = (pos - top_count) / POSITIONS_PER_CHILD;
		const uint64_t slot = (pos - top_count) % POSITIONS_PER_CHILD;
		const uint64_t child_count =
			(uint64_t)parent->folder_count + parent->tensor_count;

		if (child >= child_count)
			return false;
		ref.node = parent->first + (uint32_t)child;
		if (child < parent->folder_count) {
			if (slot != 0)
				continue;
			ref.kind = SFT_KIND_FOLDER;
			fill_entry(ret_entry, ref, pos + POSITIONS_PER_CHILD,
				   sft_node_name(&model->tree.nodes[ref.node]), "");
			return true;
		}
		ref.kind = (uint8_t)(SFT_KIND_FILE + slot);
		if (slot < view->file_count && sft_ref_valid(model, ref)) {
			fill_entry(ret_entry, ref, pos + 1,
				   sft_node_name(&model->tree.nodes[ref.node]),
				   view->files[slot].suffix);
			return true;
		}
	}
}

/* Files and folders that the root view lists. */
static uint64_t count_nodes(const struct sft_model *model)
{
	const struct sft_view *view = sft_views[model->root_view];
	uint64_t count = model->tree.folder_count + view->top_count;

	for (size_t i = 0; i < model->tensor_count; i++)
		for (size_t j = 0; j < view->file_count; j++)
			count += sft_view_absent(&view->files[j], model,
						 &model->tensors[i]) == NULL;
	return count;
}

bool sft_view_use(struct sft_model *model, const char *name)
{
	for (size_t i = 0; i < sft_view_count(); i++) {
		if (strcmp(name, sft_view_name(i)) != 0)
			continue;
		model->root_view = i;
		model->file_count = count_nodes(model);
		return true;
	}
	return false;
}
