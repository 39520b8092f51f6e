// SPDX-License-Identifier: Apache-2.0
/*
 * core/slice.c - slices by name
 *
 * NAME[SLICE].SUFFIX is looked for where there is no such file: the tensor in the tree,
 * the part that the text means, and whether the view has a file of that.
 */
#define _GNU_SOURCE /* memrchr() */
#include "core/slice.h"

#include <assert.h>
#include <xxhash.h>

#include "core/file.h"
#include "core/views/view.h"

/* What a name consists of. */
struct parsed {
	struct sft_bytes stem; /* the encoded name of the tensor's leaf */
	struct sft_bytes text; /* between the brackets */
	uint8_t file;          /* of the view's */
};

/* A slice has no brackets in it, so that the last pair of a name is the slice's. */
static bool parse_name(const struct sft_view *view, struct sft_bytes name,
		       struct parsed *parsed)
{
	for (uint8_t i = 0; i < view->file_count; i++) {
		const char *suffix = view->files[i].suffix;
		const uint8_t *open;
		size_t len;

		if (!sft_bytes_end_in(name, suffix))
			continue;
		len = name.len - strlen(suffix); /* at least 1 */
		open = memrchr(name.data, '[', len);
		if (name.data[len - 1] != ']' || open == NULL)
			return false;
		parsed->file = i;
		parsed->stem.data = name.data;
		parsed->stem.len = (size_t)(open - name.data);
		parsed->text.data = open + 1;
		parsed->text.len = len - 1 - parsed->stem.len - 1;
		return true;
	}
	return false;
}

/* The same at every opening, and on every machine. */
static uint64_t id_of(const struct sft_slice *slice)
{
	uint8_t key[6 + SFT_SLICE_LEN_MAX] = {
		(uint8_t)slice->ref.node,
		(uint8_t)(slice->ref.node >> 8),
		(uint8_t)(slice->ref.node >> 16),
		(uint8_t)(slice->ref.node >> 24),
		slice->ref.view,
		slice->ref.kind,
	};

	memcpy(key + 6, slice->text, slice->len);
	return XXH3_64bits(key, 6 + slice->len);
}

bool sft_slice_lookup(const struct sft_model *model, struct sft_ref folder,
		      const char *name, size_t len, struct sft_slice *ret_slice)
{
	const struct sft_view *view = sft_ref_view(model, folder);
	const struct sft_tree *tree = sft_ref_tree(model, folder);
	const struct sft_bytes bytes = { (const uint8_t *)name, len };
	struct parsed parsed;
	struct sft_part part;
	struct sft_box box;
	uint32_t node;

	assert(sft_ref_is_folder(folder));
	if (len > SFT_NAME_LEN_MAX || folder.kind == SFT_KIND_VIEWS ||
	    !view->has_slices || !parse_name(view, bytes, &parsed) ||
	    !sft_tree_find(tree, folder.node, parsed.stem, false, &node))
		return false;
	if (tree->nodes[node].first >= model->tensor_count)
		node = model->aliases[tree->nodes[node].first - model->tensor_count]
			       .node[view->tree];
	part.tensor = &model->tensors[tree->nodes[node].first];
	part.box = &box;
	if (!sft_box_cut(sft_model_header(model, part.tensor), part.tensor, parsed.text,
			 &box) ||
	    sft_view_absent(&view->files[parsed.file], model, part) != NULL)
		return false;
	ret_slice->ref.node = node;
	ret_slice->ref.view = folder.view;
	ret_slice->ref.kind = (uint8_t)(SFT_KIND_FILE + parsed.file);
	ret_slice->len = box.text_len;
	memcpy(ret_slice->text, box.text, box.text_len);
	ret_slice->id = id_of(ret_slice);
	return true;
}

void sft_slice_box(const struct sft_model *model, const struct sft_slice *slice,
		   struct sft_box *ret_box)
{
	const struct sft_tensor *tensor = sft_ref_tensor(model, slice->ref);
	const struct sft_bytes text = { (const uint8_t *)slice->text, slice->len };
	const bool cut =
		sft_box_cut(sft_model_header(model, tensor), tensor, text, ret_box);

	assert(cut);
	(void)cut;
}

void sft_slice_describe(const struct sft_model *model, const struct sft_slice *slice,
			struct sft_layout *layout)
{
	const struct sft_view *view = sft_ref_view(model, slice->ref);
	struct sft_box box;
	const struct sft_part part = { sft_ref_tensor(model, slice->ref), &box };

	sft_slice_box(model, slice, &box);
	view->files[slice->ref.kind - SFT_KIND_FILE].describe(model, part, layout);
}
