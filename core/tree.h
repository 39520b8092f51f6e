/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/tree.h - tensor names as a tree of folders
 *
 * Nodes are numbered level by level, the children of one folder in one run: its folders
 * first, then its tensors, each sorted in byte order. So a node's number is the same at
 * every opening, a child is found by bisection and listed by counting. The tree is made
 * once, without recursion, and never changes.
 */
#ifndef SFT_CORE_TREE_H
#define SFT_CORE_TREE_H

#include "core/bytes.h"
#include "core/name.h"
#include "core/sft.h"

#define SFT_TREE_ROOT 0u
#define SFT_NODES_MAX (UINT32_C(1) << 31)

struct sft_node {
	const char *name;      /* encoded, @name_len bytes; not NUL-terminated */
	uint32_t parent;       /* of the root: the root */
	uint32_t first;        /* folder: its first child; tensor: the tensor's index */
	uint32_t folder_count; /* of the children */
	uint32_t tensor_count; /* of the children */
	uint8_t name_len;
	bool is_folder;
};

struct sft_tree_block;

struct sft_tree {
	struct sft_node *nodes;
	size_t count;
	size_t folder_count;
	struct sft_tree_block *blocks; /* names that differ from the raw ones */
};

/**
 * sft_tree_build() - make the tree of a set of names
 * @tree:  filled; freed by the caller with sft_tree_done(), also after a failure
 * @names: of the tensors, @count of them, all different; borrowed until sft_tree_done()
 *         as far as their bytes go
 * @count: below SFT_NODES_MAX
 *
 * Cost: O(n log n), and 32 bytes a node; a third of a second for a million tensors.
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY, SFT_E_LIMIT or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_tree_build(struct sft_tree *tree,
					      const struct sft_bytes *names, size_t count,
					      struct sft_error *err);

void sft_tree_done(struct sft_tree *tree);

/* The name of a node; empty for the root. */
static inline struct sft_bytes sft_node_name(const struct sft_node *node)
{
	return (struct sft_bytes){ (const uint8_t *)node->name, node->name_len };
}

/**
 * sft_tree_find() - find a child of a folder
 * @folder:    of the nodes
 * @name:      encoded
 * @want_folder: whether the child is a folder; one of each kind may have the same name
 *
 * Return: false if there is none.
 */
SFT_MUST_CHECK bool sft_tree_find(const struct sft_tree *tree, uint32_t folder,
				  struct sft_bytes name, bool want_folder,
				  uint32_t *ret_node);

#endif /* SFT_CORE_TREE_H */
