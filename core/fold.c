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
 * character, of which an encoded name has none; padded numbers are alike if they are
 * equally long.
 */
static uint64_t key_of(const struct sft_outline *outline, uint32_t node)
{
	const struct sft_bytes name = name_of(outline, node);
	uint8_t text[2 * (size_t)SFT_COMPONENT_MAX + sizeof(uint64_t) + 1];
	struct sft_run run = { 0 };
	size_t done = 0, used = 0;

	while (sft_run_next(name, run.end, &run)) {
		memcpy(text + used, name.data + done, run.begin - done);
		used += run.begin - done;
		text[used++] = 1;
		if (run.is_padded)
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

static size_t child_count(const struct sft_node *node)
{
	return (size_t)node->folder_count + node->leaf_count;
}

/* Whether all children of a folder are one line. */
static bool is_single(const struct sft_outline *outline, uint32_t folder)
{
	const struct sft_node *node = &outline->tree->nodes[folder];
	const size_t count = child_count(node);
	uint64_t key;

	if (count < 2)
		return count == 1;
	if (!is_enough(outline, node->first, count))
		return false;
	key = key_of(outline, node->first);
	for (uint32_t i = 1; i < count; i++)
		if (key_of(outline, node->first + i) != key)
			return false;
	return true;
}

static int compare_keys(const void *left, const void *right)
{
	const struct sft_member *a = left;
	const struct sft_member *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
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
		members[i] = (struct sft_member){ key_of(outline, first + i), first + i };
	qsort(members, count, sizeof(*members), compare_keys);
	return members;
}

/* ---- in which order ---- */

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* Takes the number that a name has at @at, without its zeros in front. */
static struct sft_bytes take_number(struct sft_bytes name, size_t *at)
{
	size_t begin;

	while (*at + 1 < name.len && name.data[*at] == '0' &&
	       is_digit(name.data[*at + 1]))
		++*at;
	begin = *at;
	while (*at < name.len && is_digit(name.data[*at]))
		++*at;
	return (struct sft_bytes){ name.data + begin, *at - begin };
}

/* By bytes, but numbers of any length by their value. */
static int compare_names(struct sft_bytes a, struct sft_bytes b)
{
	size_t i = 0, j = 0;

	while (i < a.len && j < b.len) {
		if (is_digit(a.data[i]) && is_digit(b.data[j])) {
			const struct sft_bytes a_number = take_number(a, &i);
			const struct sft_bytes b_number = take_number(b, &j);

			if (a_number.len != b_number.len)
				return a_number.len < b_number.len ? -1 : 1;
			if (!sft_bytes_equal(a_number, b_number))
				return sft_bytes_compare(a_number, b_number);
		} else if (a.data[i++] != b.data[j++]) {
			return a.data[i - 1] < b.data[j - 1] ? -1 : 1;
		}
	}
	if (i < a.len || j < b.len)
		return i < a.len ? 1 : -1;
	return sft_bytes_compare(a, b);
}

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
		compare_names(name_of(outline, a_node), name_of(outline, b_node));

	/* A tensor comes before the folder of its name. */
	return order != 0 ? order : (a_node < b_node) - (a_node > b_node);
}

/* Puts the member with the first name in front. */
static void lead_group(const struct sft_outline *outline, const struct group *group)
{
	size_t first = 0;
	struct sft_member member;

	for (size_t i = 1; i < group->count; i++)
		if (compare_names(name_of(outline, group->members[i].node),
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

/* Takes members sorted by key apart into groups. */
static void choose_groups(const struct sft_outline *outline, struct sft_member *members,
			  size_t count, struct chosen *chosen)
{
	for (size_t begin = 0, end; begin < count; begin = end) {
		struct group group = { members + begin, 1 };

		end = begin + 1;
		while (end < count && members[end].key == members[begin].key)
			end++;
		if (is_enough(outline, members[begin].node, end - begin)) {
			group.count = end - begin;
			lead_group(outline, &group);
			choose(outline, chosen, &group);
			continue;
		}
		for (size_t i = begin; i < end; i++) {
			group.members = members + i;
			choose(outline, chosen, &group);
		}
	}
}

/* ---- lines ---- */

/* Makes the line of a group, and of the only lines below it. */
static bool fill_line(const struct sft_outline *outline, const struct group *group,
		      struct sft_line *ret_line)
{
	const struct sft_node *nodes = outline->tree->nodes;
	uint32_t node = group->members[0].node;
	uint64_t times = group->count;
	struct sft_label label = { .len = 0 };

	if (!sft_label_members(&label, outline->tree, group->members, group->count))
		return false;
	while (nodes[node].is_folder && is_single(outline, node)) {
		const size_t count = child_count(&nodes[node]);
		struct group below = { sort_children(outline, node, count), count };
		bool added = below.members != NULL;

		if (added) {
			lead_group(outline, &below);
			sft_label_add(&label, sft_bytes_of("."));
			added = sft_label_members(&label, outline->tree, below.members,
						  count);
			times *= count; /* of names there are, which fit */
			node = below.members[0].node;
		}
		free(below.members);
		if (!added)
			return false;
	}
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
