// SPDX-License-Identifier: Apache-2.0
#include "core/views/view.h"

#include <stdio.h>

/* In the order of their numbers, which begin with 1. */
const struct sft_view *const sft_views[] = {
	&sft_view_tensors, &sft_view_npy,         &sft_view_f32,   &sft_view_flat,
	&sft_view_offload, &sft_view_safetensors, &sft_view_model, &sft_view_torch,
	&sft_view_npz,     &sft_view_sums,
};

#define VIEW_COUNT (sizeof(sft_views) / sizeof(sft_views[0]))

_Static_assert(VIEW_COUNT <= SFT_VIEWS_MAX, "a view's number has to fit into a ref");

/* A companion's name is its file's: there is nothing to add. */
const struct sft_view_file sft_view_companion = { .suffix = "" };

size_t sft_view_count(void)
{
	return VIEW_COUNT;
}

const char *sft_view_name(size_t idx)
{
	return sft_views[idx]->name;
}

const char *sft_view_about(size_t idx)
{
	return sft_views[idx]->about;
}

void sft_view_top_name(const struct sft_view_top *top, const struct sft_model *model,
		       char out[SFT_TOP_NAME_LEN_MAX])
{
	const char *stem = "";

	if (top->stem != NULL)
		stem = model->stem != NULL ? model->stem : top->stem;
	snprintf(out, SFT_TOP_NAME_LEN_MAX, "%s%s", stem, top->name);
}
