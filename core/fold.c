// SPDX-License-Identifier: Apache-2.0
/*
 * core/fold.c - siblings that are alike as one line
 *
 * The children of a folder get a key each: a hash of the name with its numbers taken out,
 * and of what is below. Sorted by that, those that belong together stand together.
 */
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/outline.h"

/* Fewer siblings than these are shown one by one: w1, w2 and w3 are three things. */
#define NAMES_MIN 4u
#define NUMBERS_MIN 2u /* of names that are nothing but a number */

static struct sft_bytes name_of(const struct sft_outline *outline, uint32_t node)
{
	return sft_node_name(&outline->tree->nodes[node]);
}

/* ---- which belong together ---- */

/*
 * A name with marks in place of its numbers, and what is below it. A mark is a control
 * character, of which an encoded name has none; @splits: padded numbers are alike only if
 * they are equally long.
 */
static uint64_t key_of(const struct sft_outline *outline, uint32_t node, bool splits)
{
	const struct sft_bytes name = name_of(outline, node);
	uint8_t text[2 * (size_t)SFT_COMPONENT_MAX + sizeof(uint64_t) + 1];
	struct sft_run run = { 0 };
	size_t done = 0, used = 0;

	while (sft_run_next(name, run.end, &run)) {
		memcpy(text + used, name.data + done, run.begin - done);
		used += run.begin - done;
		text[used++] = 1;
		if (run.is_padded && splits)
			text[used++] = (uint8_t)(1 + run.end - run.begin);
		done = run.end;
	}
	memcpy(text + used, name.data + done, name.len - done);
	used += name.len - done;
	text[used++] = outline->tree->nodes[node].is_folder;
	memcpy(text + used, &outline->levels[node].hash, sizeof(uint64_t));
	used += sizeof(uint64_t);
	return sft_hash_of(&outline->hash, (struct sft_bytes){ text, used });
}

/* Whether so many siblings of equal keys are one line. */
static bool is_enough(const struct sft_outline *outline, uint32_t node, size_t count)
{
	const struct sft_bytes name = name_of(outline, node);
	struct sft_run run = { 0 };
	size_t runs = 0, digits = 0;

	if (count < NUMBERS_MIN)
		return false;
	while (sft_run_next(name, run.end, &run)) {
		digits += run.end - run.begin;
		runs++;
	}
	if (digits == name.len)
		return count >= NUMBERS_MIN;
	/* With hardly a letter between the numbers, the name is some hash. */
	return count >= NAMES_MIN && (runs == 1 || name.len - digits >= 2 * runs);
}

static int compare_keys(const void *left, const void *right)
{
	const struct sft_member *a = left;
	const struct sft_member *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

/* Gives siblings their keys, and sorts them by these. */
static void sort_members(const struct sft_outline *outline, struct sft_member *members,
			 size_t count, bool splits)
{
	for (size_t i = 0; i < count; i++)
		members[i].key = key_of(outline, members[i].node, splits);
	qsort(members, count, sizeof(*members), compare_keys);
}

/* How many in front, of @count sorted ones, have the same key. */
static size_t same_keys(const struct sft_member *members, size_t count)
{
	size_t same = 1;

	while (same < count && members[same].key == members[0].key)
		same++;
	return same;
}

static size_t child_count(const struct sft_node *node)
{
	return (size_t)node->folder_count + node->leaf_count;
}

/* The children of a folder, sorted by key; malloc()ed. */
static struct sft_member *sort_children(const struct sft_outline *outline,
					uint32_t folder, size_t count)
{
	const uint32_t first = outline->tree->nodes[folder].first;
	struct sft_member *members = calloc(count + 1, sizeof(*members));

	if (members == NULL)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		members[i].node = first + i;
	sort_members(outline, members, count, false);
	return members;
}

/* Whether all children of a folder may be one line, but for how numbers are written. */
static bool is_single(const struct sft_outline *outline, uint32_t folder)
{
	const struct sft_node *node = &outline->tree->nodes[folder];
	const size_t count = child_count(node);
	uint64_t key;

	if (count < 2)
		return count == 1;
	if (!is_enough(outline, node->first, count))
		return false;
	key = key_of(outline, node->first, false);
	for (uint32_t i = 1; i < count; i++)
		if (key_of(outline, node->first + i, false) != key)
			return false;
	return true;
}

/* ---- in which order ---- */

/* Siblings on one line; the first member stands for them. */
struct group {
	struct sft_member *members;
	size_t count;
};

static int compare_groups(const struct sft_outline *outline, const struct group *a,
			  const struct group *b)
{
	const uint32_t a_node = a->members[0].node;
	const uint32_t b_node = b->members[0].node;
	const int order =
		sft_label_compare(name_of(outline, a_node), name_of(outline, b_node));

	/* A tensor comes before the folder of its name. */
	return order != 0 ? order : (a_node < b_node) - (a_node > b_node);
}

/* Puts the member with the first name in front. */
static void lead_group(const struct sft_outline *outline, const struct group *group)
{
	size_t first = 0;
	struct sft_member member;

	for (size_t i = 1; i < group->count; i++)
		if (sft_label_compare(name_of(outline, group->members[i].node),
				      name_of(outline, group->members[first].node)) < 0)
			first = i;
	member = group->members[first];
	group->members[first] = group->members[0];
	group->members[0] = member;
}

/* The first groups in order, of all that there are. */
struct chosen {
	struct group *groups; /* sorted, at most @max */
	size_t used, max;
	size_t count; /* of all */
};

static void choose(const struct sft_outline *outline, struct chosen *chosen,
		   const struct group *group)
{
	size_t at = chosen->used;

	chosen->count++;
	while (at > 0 && compare_groups(outline, group, &chosen->groups[at - 1]) < 0)
		at--;
	if (at == chosen->max)
		return;
	if (chosen->used < chosen->max)
		chosen->used++;
	memmove(&chosen->groups[at + 1], &chosen->groups[at],
		(chosen->used - 1 - at) * sizeof(*group));
	chosen->groups[at] = *group;
}

/* Takes members of one key for a group, or each for itself if they are few. */
static void choose_alike(const struct sft_outline *outline, struct sft_member *members,
			 size_t count, struct chosen *chosen)
{
	struct group group = { members, count };

	if (is_enough(outline, members[0].node, count)) {
		lead_group(outline, &group);
		choose(outline, chosen, &group);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		group = (struct group){ members + i, 1 };
		choose(outline, chosen, &group);
	}
}

/* Takes members sorted by key apart into groups. */
static void choose_groups(const struct sft_outline *outline, struct sft_member *members,
			  size_t count, struct chosen *chosen)
{
	for (size_t end, len; count > 0; members += end, count -= end) {
		end = same_keys(members, count);
		if (end == 1 || sft_members_are_even(outline->tree, members, end)) {
			choose_alike(outline, members, end, chosen);
			continue;
		}
		sort_members(outline, members, end, true);
		for (size_t at = 0; at < end; at += len) {
			len = same_keys(members + at, end - at);
			choose_alike(outline, members + at, len, chosen);
		}
	}
}

/* ---- lines ---- */

/*
 * Goes on from a folder to the only line below it; @ret_more: whether there was just one.
 * Return: false where memory is short.
 */
static bool add_below(const struct sft_outline *outline, uint32_t *node, uint64_t *times,
		      struct sft_label *label, bool *ret_more)
{
	const struct sft_node *folder = &outline->tree->nodes[*node];
	const size_t count = child_count(folder);
	auto_free struct sft_member *members = NULL;

	*ret_more = folder->is_folder && is_single(outline, *node);
	if (!*ret_more)
		return true;
	members = sort_children(outline, *node, count);
	if (members == NULL)
		return false;
	*ret_more = sft_members_are_even(outline->tree, members, count);
	if (!*ret_more)
		return true;
	lead_group(outline, &(struct group){ members, count });
	*node = members[0].node;
	*times *= count; /* of names there are, which fit */
	sft_label_add(label, sft_bytes_of("."));
	return sft_label_members(label, outline->tree, members, count);
}

/* Makes the line of a group, and of the only lines below it. */
static bool fill_line(const struct sft_outline *outline, const struct group *group,
		      struct sft_line *ret_line)
{
	uint32_t node = group->members[0].node;
	uint64_t times = group->count;
	struct sft_label label = { .len = 0 };
	bool more = true;

	if (!sft_label_members(&label, outline->tree, group->members, group->count))
		return false;
	while (more)
		if (!add_below(outline, &node, &times, &label, &more))
			return false;
	sft_outline_line(outline, node, times, ret_line);
	sft_escape(ret_line->label, sizeof(ret_line->label), label.text, label.len);
	return true;
}

enum sft_status sft_outline_list(const struct sft_outline *outline, uint32_t node,
				 struct sft_line *ret_lines, size_t max,
				 size_t *ret_count, struct sft_error *err)
{
	const size_t count = child_count(&outline->tree->nodes[node]);
	auto_free struct sft_member *members = sort_children(outline, node, count);
	auto_free struct group *groups = calloc(max + 1, sizeof(*groups));
	struct chosen chosen = { .groups = groups, .max = max };

	if (members == NULL || groups == NULL)
		return sft_fail_memory(err);
	choose_groups(outline, members, count, &chosen);
	for (size_t i = 0; i < chosen.used; i++)
		if (!fill_line(outline, &groups[i], &ret_lines[i]))
			return sft_fail_memory(err);
	*ret_count = chosen.count;
	return SFT_OK;
}
