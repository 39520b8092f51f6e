// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/tree.c - names as a tree of folders
 *
 * The input is names with a byte FF between them, which is nowhere in UTF-8. Each of the
 * three trees is made of them twice, the second time of the names in reverse: where a
 * name stands and what it looks like must not depend on that.
 */
#include <stdlib.h>

#include "core/text.h"
#include "core/tree.h"
#include "tests/fuzz/fuzz.h"

#define NAMES_MAX 512u
#define SEPARATOR 0xff

struct names {
	struct sft_bytes items[NAMES_MAX];
	size_t count;
};

static bool holds(const struct names *names, struct sft_bytes name)
{
	for (size_t i = 0; i < names->count; i++)
		if (sft_bytes_equal(names->items[i], name))
			return true;
	return false;
}

/* Paths are shown as they are, so core/companion.c lets only such in. */
static bool is_path(struct sft_bytes name)
{
	struct sft_bytes part;
	unsigned depth = 0;

	while (fuzz_take_part(&name, '/', &part)) {
		if (part.len == 0 || part.len > 255 || part.data[0] == '.' || ++depth > 5)
			return false;
		for (size_t i = 0; i < part.len; i++)
			if (part.data[i] < 0x20 || part.data[i] > 0x7e)
				return false;
	}
	return true;
}

static void take_names(struct names *names, struct sft_bytes input, bool are_paths)
{
	struct sft_bytes name;

	names->count = 0;
	while (names->count < NAMES_MAX && fuzz_take_part(&input, SEPARATOR, &name))
		if (sft_utf8_valid_len(name.data, name.len) == name.len &&
		    !holds(names, name) && (!are_paths || is_path(name)))
			names->items[names->count++] = name;
}

/* Children stand in one run, folders first, each kind in order, and know their parent. */
static void check_folder(const struct sft_tree *tree, uint32_t folder)
{
	const struct sft_node *node = &tree->nodes[folder];
	const uint32_t count = node->folder_count + node->leaf_count;

	MUST(count == 0 || (node->first > folder && count <= tree->count - node->first));
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t idx = node->first + i;
		const struct sft_node *child = &tree->nodes[idx];
		uint32_t found;

		MUST(child->parent == folder);
		MUST(child->is_folder == (i < node->folder_count));
		MUST(sft_tree_find(tree, folder, sft_node_name(child), child->is_folder,
				   &found) &&
		     found == idx);
		if (i > 0 && child[-1].is_folder == child->is_folder)
			MUST(sft_bytes_compare(sft_node_name(child - 1),
					       sft_node_name(child)) < 0);
	}
}

static void check_node(const struct sft_tree *tree, uint32_t idx, size_t max)
{
	const struct sft_node *node = &tree->nodes[idx];
	char path[SFT_NODE_PATH_MAX];
	unsigned depth = 0;

	fuzz_check_name(node->name, node->name_len, max);
	MUST(!node->is_folder || memchr(node->name, '.', node->name_len) == NULL ||
	     max > SFT_COMPONENT_MAX);
	MUST(sft_tree_path(tree, SFT_TREE_ROOT, idx, path) >= node->name_len);
	for (uint32_t at = idx; at != SFT_TREE_ROOT; at = tree->nodes[at].parent)
		depth++;
	MUST(depth <= SFT_DEPTH_MAX + 1);
}

/* Every name has one leaf, and walking meets each once. */
static void check_leaves(const struct sft_tree *tree, const struct names *names)
{
	struct sft_walk walk = sft_tree_walk(tree, SFT_TREE_ROOT);
	bool seen[NAMES_MAX] = { false };
	size_t count = 0;
	uint32_t node;

	while (sft_walk_next(&walk, &node)) {
		const uint32_t name = tree->nodes[node].first;

		MUST(!tree->nodes[node].is_folder && name < names->count && !seen[name]);
		seen[name] = true;
		count++;
	}
	MUST(count == names->count);
}

static void check_tree(const struct sft_tree *tree, enum sft_tree_kind kind,
		       const struct names *names)
{
	size_t folders = 0;

	MUST(tree->count > 0 && tree->nodes[SFT_TREE_ROOT].is_folder);
	for (uint32_t i = 0; i < tree->count; i++) {
		if (i != SFT_TREE_ROOT)
			check_node(tree, i,
				   kind == SFT_TREE_PATHS ? 255 : SFT_COMPONENT_MAX);
		if (tree->nodes[i].is_folder)
			check_folder(tree, i);
		folders += tree->nodes[i].is_folder;
	}
	MUST(tree->folder_count == folders);
	MUST(tree->count - folders == names->count);
	check_leaves(tree, names);
}

static void check_equal(const struct sft_tree *tree, const struct sft_tree *reversed,
			size_t count)
{
	MUST(tree->count == reversed->count);
	for (size_t i = 0; i < tree->count; i++) {
		const struct sft_node *a = &tree->nodes[i];
		const struct sft_node *b = &reversed->nodes[i];

		MUST(sft_bytes_equal(sft_node_name(a), sft_node_name(b)));
		MUST(a->is_folder == b->is_folder && a->parent == b->parent);
		MUST(a->is_folder || a->first == count - 1 - b->first);
	}
}

static void try_kind(enum sft_tree_kind kind, struct sft_bytes input)
{
	struct names names, reversed;
	struct sft_tree tree, other;

	take_names(&names, input, kind == SFT_TREE_PATHS);
	reversed.count = names.count;
	for (size_t i = 0; i < names.count; i++)
		reversed.items[i] = names.items[names.count - 1 - i];
	MUST(sft_tree_build(&tree, kind, names.items, names.count, NULL) == SFT_OK);
	MUST(sft_tree_build(&other, kind, reversed.items, names.count, NULL) == SFT_OK);
	check_tree(&tree, kind, &names);
	check_equal(&tree, &other, names.count);
	sft_tree_done(&tree);
	sft_tree_done(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_guarded copy = fuzz_guard((struct sft_bytes){ data, size });
	const struct sft_bytes input = { copy.data, copy.len };

	try_kind(SFT_TREE_NESTED, input);
	try_kind(SFT_TREE_FLAT, input);
	try_kind(SFT_TREE_PATHS, input);
	fuzz_unguard(&copy);
	return 0;
}
