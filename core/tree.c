// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* qsort_r() */
#include "core/tree.h"

#include <assert.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/draft.h"

/* The children of each draft, in one array. */
struct families {
	uint32_t *children; /* drafts, by parent */
	uint32_t *first;    /* by draft: where its children begin; one more at the end */
};

static bool is_folder(const struct sft_draft *draft)
{
	return draft->leaf == SFT_DRAFT_FOLDER;
}

static struct sft_bytes encoded_of(const struct sft_draft *draft)
{
	return (struct sft_bytes){ (const uint8_t *)draft->encoded, draft->encoded_len };
}

/* Folders first; then by encoded name; equal ones (a made collision) by raw name. */
static int compare_siblings(const void *left, const void *right, void *ctx)
{
	const struct sft_draft *items = ctx;
	const struct sft_draft *a = &items[*(const uint32_t *)left];
	const struct sft_draft *b = &items[*(const uint32_t *)right];
	int order;

	if (is_folder(a) != is_folder(b))
		return is_folder(a) ? -1 : 1;
	order = sft_bytes_compare(encoded_of(a), encoded_of(b));
	return order != 0 ? order : sft_bytes_compare(sft_draft_raw(a), sft_draft_raw(b));
}

static bool look_equal(const struct sft_draft *a, const struct sft_draft *b)
{
	return is_folder(a) == is_folder(b) &&
	       sft_bytes_equal(encoded_of(a), encoded_of(b));
}

/* Sorts siblings and gives those that look the same a mark each. */
static enum sft_status sort_siblings(struct sft_drafts *drafts, uint32_t *siblings,
				     size_t count, struct sft_error *err)
{
	struct sft_draft *items = drafts->items;
	enum sft_status status = SFT_OK;
	bool marked = false;
	unsigned nth = 1; /* of a run of equals, which begins at @head */
	size_t head = 0;

	if (count < 2)
		return SFT_OK;
	qsort_r(siblings, count, sizeof(*siblings), compare_siblings, items);
	for (size_t i = 1; status == SFT_OK && i < count; i++) {
		if (look_equal(&items[siblings[head]], &items[siblings[i]])) {
			status = sft_draft_mark(drafts, siblings[i], ++nth, err);
			marked = true;
		} else {
			head = i;
			nth = 1;
		}
	}
	if (marked) /* a mark may move a name */
		qsort_r(siblings, count, sizeof(*siblings), compare_siblings, items);
	return status;
}

/* Groups the drafts by parent, by counting. */
static enum sft_status find_families(const struct sft_drafts *drafts,
				     struct families *families, struct sft_error *err)
{
	const struct sft_draft *items = drafts->items;
	const size_t count = drafts->count;
	auto_free uint32_t *next = calloc(count + 1, sizeof(*next));

	families->first = calloc(count + 1, sizeof(*families->first));
	families->children = calloc(count, sizeof(*families->children));
	if (next == NULL || families->first == NULL || families->children == NULL)
		return sft_fail_memory(err);
	for (size_t i = 1; i < count; i++) /* the root is nobody's child */
		families->first[items[i].parent + 1]++;
	for (size_t i = 1; i <= count; i++)
		families->first[i] += families->first[i - 1];
	memcpy(next, families->first, (count + 1) * sizeof(*next));
	for (uint32_t i = 1; i < count; i++)
		families->children[next[items[i].parent]++] = i;
	return SFT_OK;
}

/* Numbers the drafts level by level, and fills a node for each. */
static enum sft_status number(struct sft_tree *tree, struct sft_drafts *drafts,
			      const struct families *families, struct sft_error *err)
{
	const size_t count = drafts->count;
	auto_free uint32_t *order = calloc(count, sizeof(*order)); /* node -> draft */
	uint32_t used = 1;

	tree->nodes = calloc(count, sizeof(*tree->nodes));
	if (order == NULL || tree->nodes == NULL)
		return sft_fail_memory(err);
	tree->count = count;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t idx = order[i];
		const uint32_t begin = families->first[idx];
		const uint32_t children = families->first[idx + 1] - begin;
		struct sft_node *node = &tree->nodes[i];
		enum sft_status status;

		status = sort_siblings(drafts, families->children + begin, children, err);
		if (status != SFT_OK)
			return status;
		node->name = drafts->items[idx].encoded;
		node->name_len = drafts->items[idx].encoded_len;
		node->is_folder = is_folder(&drafts->items[idx]);
		node->first = node->is_folder ? used : drafts->items[idx].leaf;
		tree->folder_count += node->is_folder;
		for (uint32_t j = 0; j < children; j++) {
			const uint32_t child = families->children[begin + j];

			tree->nodes[used].parent = i;
			node->folder_count += is_folder(&drafts->items[child]);
			order[used++] = child;
		}
		node->leaf_count = children - node->folder_count;
	}
	return SFT_OK;
}

enum sft_status sft_tree_build(struct sft_tree *tree, enum sft_tree_kind kind,
			       const struct sft_bytes *names, size_t count,
			       struct sft_error *err)
{
	struct sft_drafts drafts;
	struct families families = { 0 };
	enum sft_status status;

	*tree = (struct sft_tree){ 0 };
	status = sft_drafts_make(&drafts, kind, names, count, err);
	if (status == SFT_OK)
		status = find_families(&drafts, &families, err);
	if (status == SFT_OK)
		status = number(tree, &drafts, &families, err);
	tree->blocks = drafts.blocks;
	free(families.children);
	free(families.first);
	sft_drafts_done(&drafts);
	return status;
}

void sft_tree_done(struct sft_tree *tree)
{
	free(tree->nodes);
	sft_blocks_free(tree->blocks);
	*tree = (struct sft_tree){ 0 };
}

bool sft_tree_find(const struct sft_tree *tree, uint32_t folder, struct sft_bytes name,
		   bool want_folder, uint32_t *ret_node)
{
	const struct sft_node *parent = &tree->nodes[folder];
	uint32_t low = parent->first + (want_folder ? 0 : parent->folder_count);
	uint32_t high = low + (want_folder ? parent->folder_count : parent->leaf_count);

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;
		const int order =
			sft_bytes_compare(sft_node_name(&tree->nodes[mid]), name);

		if (order == 0) {
			*ret_node = mid;
			return true;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

size_t sft_tree_path(const struct sft_tree *tree, uint32_t from, uint32_t node,
		     char out[SFT_NODE_PATH_MAX])
{
	size_t at = SFT_NODE_PATH_MAX;

	for (; node != from; node = tree->nodes[node].parent) {
		const struct sft_bytes name = sft_node_name(&tree->nodes[node]);

		if (at < SFT_NODE_PATH_MAX)
			out[--at] = '/';
		assert(name.len < at); /* folders have at most SFT_PATH_MAX together */
		at -= name.len;
		memcpy(out + at, name.data, name.len);
	}
	memmove(out, out + at, SFT_NODE_PATH_MAX - at);
	return SFT_NODE_PATH_MAX - at;
}

static uint32_t child_count(const struct sft_node *node)
{
	return node->is_folder ? node->folder_count + node->leaf_count : 0;
}

uint32_t sft_tree_next(const struct sft_tree *tree, uint32_t node)
{
	const struct sft_node *nodes = tree->nodes;

	if (child_count(&nodes[node]) > 0)
		return nodes[node].first;
	while (node != SFT_TREE_ROOT) {
		const struct sft_node *parent = &nodes[nodes[node].parent];

		if (++node < parent->first + child_count(parent))
			return node;
		node = nodes[node - 1].parent;
	}
	return SFT_TREE_ROOT;
}

struct sft_walk sft_tree_walk(const struct sft_tree *tree, uint32_t folder)
{
	const struct sft_node *node = &tree->nodes[folder];

	return (struct sft_walk){
		.tree = tree,
		.at = node->first,
		.end = node->first + node->folder_count + node->leaf_count,
	};
}

bool sft_walk_next(struct sft_walk *walk, uint32_t *ret_node)
{
	for (;;) {
		while (walk->at < walk->end) {
			const uint32_t at = walk->at++;
			const struct sft_node *node = &walk->tree->nodes[at];

			if (!node->is_folder) {
				*ret_node = at;
				return true;
			}
			if (walk->next_at == walk->next_end)
				walk->next_at = node->first;
			walk->next_end =
				node->first + node->folder_count + node->leaf_count;
		}
		if (walk->next_at == walk->next_end)
			return false;
		walk->at = walk->next_at;
		walk->end = walk->next_end;
		walk->next_at = walk->next_end;
	}
}
