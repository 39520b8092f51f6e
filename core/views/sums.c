// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/sums.c - the digests of all tensors: XXH128SUMS, as xxhsum -c reads it
 *
 *	99aa06d3014798d86001c324468d497f  model/norm/weight.bin
 *
 * The paths are those of the view `tensors`, whichever is at the root: lists of one model
 * are the same however it is mounted, and those of two can be compared. Each digest is
 * computed when it is first read. A name has no newline, and a backslash needs no escape:
 * xxhsum and sha256sum look for escapes in lines that begin with one.
 */
#include "core/views/view.h"
#include "core/xxh128.h"

static enum sft_status fill_digest(const struct sft_model *model, uint32_t idx,
				   struct sft_lazy *lazy, struct sft_error *err)
{
	char text[SFT_XXH128_TEXT_LEN + 1];
	struct sft_xxh128 digest;
	enum sft_status status;

	lazy->is_unknown = lazy->only_known && !sft_xxh128_find(model, idx, &digest);
	if (lazy->is_unknown)
		return SFT_OK;
	status = sft_xxh128_of(model, idx, lazy->waiter, &digest, err);
	if (status == SFT_OK) {
		sft_xxh128_text(digest, text);
		memcpy(lazy->bytes, text, SFT_XXH128_TEXT_LEN);
	}
	return status;
}

static void describe_list(const struct sft_model *model, struct sft_layout *layout)
{
	struct sft_digest_line line;
	uint32_t pos = 0;

	layout->is_slow = true;
	for (; layout->status == SFT_OK && sft_digest_next(model, pos, &line);
	     pos = line.next) {
		sft_layout_lazy(layout, fill_digest, line.tensor, SFT_XXH128_TEXT_LEN);
		sft_layout_literal(layout, "  ", 2);
		sft_layout_literal(layout, line.path, strlen(line.path));
		sft_layout_literal(layout, "\n", 1);
	}
}

static const struct sft_view_top tops[] = {
	{ .name = "XXH128SUMS", .describe = describe_list },
};

const struct sft_view sft_view_sums = {
	.name = "sums",
	.about = "digests of all tensors, for xxhsum -c (XXH128SUMS)",
	.tree = SFT_TREE_FLAT, /* which has no folders */
	.keeps_top = true,
	.tops = tops,
	.top_count = sizeof(tops) / sizeof(tops[0]),
};
