// SPDX-License-Identifier: Apache-2.0
#include "core/views/view.h"

/* In the order of their numbers, which begin with 1. */
const struct sft_view *const sft_views[] = {
	&sft_view_tensors,
	&sft_view_npy,
};

#define VIEW_COUNT (sizeof(sft_views) / sizeof(sft_views[0]))

_Static_assert(VIEW_COUNT <= SFT_VIEWS_MAX, "a view's number has to fit into a ref");

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
