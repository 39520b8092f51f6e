// SPDX-License-Identifier: Apache-2.0
#include "core/digest.h"

#include <nettle/sha2.h>
#include <stdio.h>

#include "core/pass.h"
#include "core/xxh128.h"

#define SUFFIX ".bin"

_Static_assert(2 * SHA256_DIGEST_SIZE < SFT_DIGEST_TEXT_LEN &&
		       SFT_XXH128_TEXT_LEN < SFT_DIGEST_TEXT_LEN,
	       "there is room for every digest");

_Static_assert(SFT_NODE_PATH_MAX + sizeof(SUFFIX) <= SFT_DIGEST_PATH_LEN_MAX,
	       "a line has room for every path");

const char *sft_digest_name(enum sft_digest_kind kind)
{
	static const char *const names[SFT_DIGEST_COUNT] = {
		[SFT_DIGEST_XXH128] = "xxh128",
		[SFT_DIGEST_SHA256] = "sha256",
	};

	return names[kind];
}

static void add_sha256(void *sum, const uint8_t *bytes, size_t len)
{
	sha256_update(sum, len, bytes);
}

static enum sft_status sha256_of(const struct sft_model *model, size_t idx,
				 const struct sft_waiter *waiter,
				 char out[SFT_DIGEST_TEXT_LEN], struct sft_error *err)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sum;
	struct sft_pass pass = { .add = add_sha256, .sum = &sum };
	enum sft_status status;

	sha256_init(&sum);
	status = sft_pass_run(model, sft_whole(&model->tensors[idx]), &pass, waiter, err);
	if (status != SFT_OK)
		return status;
	sha256_digest(&sum, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return SFT_OK;
}

enum sft_status sft_tensor_digest(const struct sft_model *model, size_t idx,
				  enum sft_digest_kind kind,
				  const struct sft_waiter *waiter,
				  char out[SFT_DIGEST_TEXT_LEN], struct sft_error *err)
{
	struct sft_xxh128 digest;
	enum sft_status status;

	if (kind == SFT_DIGEST_SHA256)
		return sha256_of(model, idx, waiter, out, err);
	status = sft_xxh128_of(model, (uint32_t)idx, waiter, &digest, err);
	if (status == SFT_OK)
		sft_xxh128_text(digest, out);
	return status;
}

bool sft_digest_next(const struct sft_model *model, uint32_t pos,
		     struct sft_digest_line *ret_line)
{
	const struct sft_tree *tree = &model->trees[SFT_TREE_NESTED];
	const struct sft_node *node;
	size_t len;

	do {
		pos = pos < tree->count ? sft_tree_next(tree, pos) : SFT_TREE_ROOT;
		if (pos == SFT_TREE_ROOT)
			return false;
		node = &tree->nodes[pos];
	} while (node->is_folder || node->first >= model->tensor_count);
	ret_line->tensor = node->first;
	ret_line->next = pos;
	ret_line->len = sft_tensor_len(&model->tensors[node->first]);
	len = sft_tree_path(tree, SFT_TREE_ROOT, pos, ret_line->path);
	strcpy(ret_line->path + len, SUFFIX);
	return true;
}
