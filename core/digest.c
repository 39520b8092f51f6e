// SPDX-License-Identifier: Apache-2.0
#include "core/digest.h"

#include "core/model.h"

#define SUFFIX ".bin"

_Static_assert(SFT_NODE_PATH_MAX + sizeof(SUFFIX) <= SFT_DIGEST_PATH_LEN_MAX,
	       "a line has room for every path");

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
