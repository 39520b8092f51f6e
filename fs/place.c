// SPDX-License-Identifier: Apache-2.0
#include "fs/place.h"

void fs_place_of(struct fs_place *place, const struct sft_model *model,
		 struct sft_ref ref)
{
	place->type = sft_ref_type(model, ref);
	place->ref = ref;
	place->is_slice = false;
}

bool fs_place_find(const struct sft_model *model, struct sft_ref folder, const char *name,
		   size_t len, struct fs_place *ret_place)
{
	struct sft_ref ref;

	/* A tensor whose own name looks like a slice comes first. */
	if (sft_lookup(model, folder, name, len, &ref)) {
		fs_place_of(ret_place, model, ref);
		return true;
	}
	if (!sft_slice_lookup(model, folder, name, len, &ret_place->slice))
		return false;
	ret_place->type = SFT_TYPE_FILE;
	ret_place->ref = ret_place->slice.ref;
	ret_place->is_slice = true;
	return true;
}

enum sft_status fs_place_attr(const struct sft_model *model, const struct fs_place *place,
			      struct sft_attr *ret_attr, struct sft_error *err)
{
	return place->is_slice ? sft_slice_attr(model, &place->slice, ret_attr, err)
			       : sft_attr(model, place->ref, ret_attr, err);
}

void fs_place_note(const struct sft_model *model, const struct fs_place *place, char *out,
		   size_t cap)
{
	if (place->is_slice)
		sft_slice_note(model, &place->slice, out, cap);
	else
		sft_ref_note(model, place->ref, out, cap);
}

enum sft_status fs_place_open(const struct sft_model *model, const struct fs_place *place,
			      struct sft_file **ret_file, struct sft_error *err)
{
	return place->is_slice ? sft_slice_open(model, &place->slice, ret_file, err)
			       : sft_file_open(model, place->ref, ret_file, err);
}
