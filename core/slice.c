// SPDX-License-Identifier: Apache-2.0
#include "core/file.h"

bool sft_slice_lookup(const struct sft_model *model, struct sft_ref folder,
		      const char *name, size_t len, struct sft_slice *ret_slice)
{
	(void)model, (void)folder, (void)name, (void)len, (void)ret_slice;
	return false;
}

enum sft_status sft_slice_attr(const struct sft_model *model,
			       const struct sft_slice *slice, struct sft_attr *ret_attr,
			       struct sft_error *err)
{
	return sft_attr(model, slice->ref, ret_attr, err);
}

void sft_slice_note(const struct sft_model *model, const struct sft_slice *slice,
		    char *out, size_t cap)
{
	sft_ref_note(model, slice->ref, out, cap);
}

enum sft_status sft_slice_open(const struct sft_model *model,
			       const struct sft_slice *slice, struct sft_file **ret_file,
			       struct sft_error *err)
{
	return sft_file_open(model, slice->ref, ret_file, err);
}
