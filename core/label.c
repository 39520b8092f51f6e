// SPDX-License-Identifier: Apache-2.0
/*
 * core/label.c - the numbers in names, and what siblings that differ in them are called
 *
 *	0 1 2 3 5		-> 0-3,5
 *	1 3 5 7 9		-> 1,3,...,9
 *	w0_a1 w0_a2 w1_a1 ...	-> w*_a*
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/outline.h"

#define RUN_DIGITS_MAX 18u /* they fit 64 bits */
#define PARTS_MAX 8u       /* of a list of numbers */
#define PROGRESSION_MIN 4u /* fewer numbers with a step are written one by one */

bool sft_run_next(struct sft_bytes name, size_t from, struct sft_run *ret_run)
{
	size_t begin = from;

	while (begin < name.len) {
		size_t end = begin;
		uint64_t value = 0;

		while (end < name.len && name.data[end] >= '0' && name.data[end] <= '9') {
			if (end - begin < RUN_DIGITS_MAX)
				value = value * 10 + (name.data[end] - (uint64_t)'0');
			end++;
		}
		if (end > begin && end - begin <= RUN_DIGITS_MAX) {
			*ret_run = (struct sft_run){
				begin,
				end,
				value,
				name.data[begin] == '0' && end - begin > 1,
			};
			return true;
		}
		begin = end > begin ? end : begin + 1;
	}
	return false;
}

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

int sft_label_compare(struct sft_bytes a, struct sft_bytes b)
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

void sft_label_add(struct sft_label *label, struct sft_bytes text)
{
	const size_t room = sizeof(label->text) - label->len;
	const size_t len = text.len < room ? text.len : room;

	memcpy(label->text + label->len, text.data, len);
	label->len += len;
}

static int compare_values(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left;
	const uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* How many of sorted values go on with the step of the first two; at least 1. */
static size_t progression(const uint64_t *values, size_t count)
{
	size_t len = count > 1 ? 2 : 1;

	while (len < count && values[len] - values[len - 1] == values[1] - values[0])
		len++;
	return len;
}

/* Appends sorted values, all different; @width: of those that are padded, else 0. */
static void add_values(struct sft_label *label, const uint64_t *values, size_t count,
		       int width)
{
	size_t parts = 0;
	char text[96];

	for (size_t at = 0, len; at < count; at += len) {
		const char *comma = parts > 0 ? "," : "";

		if (parts++ == PARTS_MAX) {
			sft_label_add(label, sft_bytes_of(",..."));
			return;
		}
		len = progression(values + at, count - at);
		if (len > 1 && values[at + 1] - values[at] == 1) {
			snprintf(text, sizeof(text), "%s%0*" PRIu64 "-%0*" PRIu64, comma,
				 width, values[at], width, values[at + len - 1]);
		} else if (len >= PROGRESSION_MIN) {
			snprintf(text, sizeof(text),
				 "%s%0*" PRIu64 ",%0*" PRIu64 ",...,%0*" PRIu64, comma,
				 width, values[at], width, values[at + 1], width,
				 values[at + len - 1]);
		} else {
			snprintf(text, sizeof(text), "%s%0*" PRIu64, comma, width,
				 values[at]);
			len = 1;
		}
		sft_label_add(label, sft_bytes_of(text));
	}
}

static struct sft_bytes name_of(const struct sft_tree *tree,
				const struct sft_member *member)
{
	return sft_node_name(&tree->nodes[member->node]);
}

bool sft_members_are_even(const struct sft_tree *tree, const struct sft_member *members,
			  size_t count)
{
	const struct sft_bytes first = name_of(tree, &members[0]);
	bool has_zeros[SFT_COMPONENT_MAX] = { false };
	bool has_lengths[SFT_COMPONENT_MAX] = { false };

	for (size_t i = 0; i < count; i++) {
		const struct sft_bytes name = name_of(tree, &members[i]);
		struct sft_run a = { 0 }, b = { 0 };

		for (size_t nth = 0;
		     sft_run_next(first, a.end, &a) && sft_run_next(name, b.end, &b);
		     nth++) {
			has_zeros[nth] |= b.is_padded;
			has_lengths[nth] |= a.end - a.begin != b.end - b.begin;
			if (has_zeros[nth] && has_lengths[nth])
				return false;
		}
	}
	return true;
}

/* Which numbers of the names, counted from 0, are not the same in all of them. */
struct varying {
	bool is_varying[SFT_COMPONENT_MAX];
	size_t count;
	size_t last; /* of them */
};

static void find_varying(struct varying *varying, const struct sft_tree *tree,
			 const struct sft_member *members, size_t count)
{
	const struct sft_bytes first = name_of(tree, &members[0]);

	for (size_t i = 1; i < count; i++) {
		const struct sft_bytes name = name_of(tree, &members[i]);
		struct sft_run a = { 0 }, b = { 0 };

		for (size_t nth = 0;
		     sft_run_next(first, a.end, &a) && sft_run_next(name, b.end, &b);
		     nth++) {
			if (a.value == b.value || varying->is_varying[nth])
				continue;
			varying->is_varying[nth] = true;
			varying->count++;
			varying->last = nth;
		}
	}
}

/* The @nth number of each name, sorted; malloc()ed. */
static uint64_t *collect_values(const struct sft_tree *tree,
				const struct sft_member *members, size_t count,
				size_t nth)
{
	uint64_t *values = calloc(count, sizeof(*values));

	for (size_t i = 0; values != NULL && i < count; i++) {
		const struct sft_bytes name = name_of(tree, &members[i]);
		struct sft_run run = { 0 };

		for (size_t j = 0; j <= nth && sft_run_next(name, run.end, &run); j++)
			values[i] = run.value;
	}
	if (values != NULL)
		qsort(values, count, sizeof(*values), compare_values);
	return values;
}

bool sft_label_members(struct sft_label *label, const struct sft_tree *tree,
		       const struct sft_member *members, size_t count)
{
	const struct sft_bytes name = name_of(tree, &members[0]);
	auto_free uint64_t *values = NULL;
	struct varying varying = { .count = 0 };
	struct sft_run run = { 0 };
	size_t done = 0;

	find_varying(&varying, tree, members, count);
	if (varying.count == 1) {
		values = collect_values(tree, members, count, varying.last);
		if (values == NULL)
			return false;
	}
	for (size_t nth = 0; sft_run_next(name, run.end, &run); nth++) {
		if (!varying.is_varying[nth])
			continue;
		sft_label_add(label,
			      (struct sft_bytes){ name.data + done, run.begin - done });
		if (values != NULL)
			add_values(label, values, count,
				   run.is_padded ? (int)(run.end - run.begin) : 0);
		else
			sft_label_add(label, sft_bytes_of("*"));
		done = run.end;
	}
	sft_label_add(label, (struct sft_bytes){ name.data + done, name.len - done });
	return true;
}
