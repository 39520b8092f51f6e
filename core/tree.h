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

/* How names become a tree. */
enum sft_tree_kind {
	SFT_TREE_NESTED, /* tensors, split at their dots */
	SFT_TREE_FLAT,   /* tensors, all in the root */
	SFT_TREE_PATHS,  /* paths of files, split at slashes and shown as they are */
};
#define SFT_TREE_COUNT 3u

struct sft_node {
	const char *name;      /* encoded, @name_len bytes; not NUL-terminated */
	uint32_t parent;       /* of the root: the root */
	uint32_t first;        /* folder: its first child; else the name's index */
	uint32_t folder_count; /* of the children */
	uint32_t leaf_count;   /* of the children */
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
 * @kind:  of tree; the parts of paths are at most 255 bytes long
 * @names: @count of them, all different; borrowed until sft_tree_done() as far as their
 *         bytes go
 * @count: below SFT_NODES_MAX
 *
 * Cost: O(n log n), and 32 bytes a node; a third of a second for a million tensors.
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY, SFT_E_LIMIT or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_tree_build(struct sft_tree *tree,
					      enum sft_tree_kind kind,
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

/* Bytes of the longest path: of a folder, a slash, and a name. */
#define SFT_NODE_PATH_MAX (SFT_PATH_MAX + 256u)

/**
 * sft_tree_path() - the way from a folder down to a node
 * @from: the node itself, or a folder above it
 * @out:  receives the names with slashes between them, not NUL-terminated
 *
 * Return: its length in bytes; 0 if @from is the node.
 */
size_t sft_tree_path(const struct sft_tree *tree, uint32_t from, uint32_t node,
		     char out[SFT_NODE_PATH_MAX]);

/**
 * sft_tree_next() - the node after another one, depth first
 *
 * What is in a folder comes before what stands behind the folder.
 *
 * Return: the root behind the last one.
 */
uint32_t sft_tree_next(const struct sft_tree *tree, uint32_t node);

/*
 * Walks the leaves below a folder, level by level. The descendants of one level stand in
 * one run of nodes, so the walk needs no memory:
 *
 *	struct sft_walk walk = sft_tree_walk(tree, folder);
 *	uint32_t node;
 *
 *	while (sft_walk_next(&walk, &node))
 */
struct sft_walk {
	const struct sft_tree *tree;
	uint32_t at, end;           /* of this level */
	uint32_t next_at, next_end; /* of the one below; equal: none so far */
};

struct sft_walk sft_tree_walk(const struct sft_tree *tree, uint32_t folder);

/* Return: false behind the last leaf. */
bool sft_walk_next(struct sft_walk *walk, uint32_t *ret_node);

#endif /* SFT_CORE_TREE_H */
