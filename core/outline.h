/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/outline.h - names as a tree, with what each folder comes to
 *
 * The functions are in core/info.h. outline.c sums up what is below each node, and gives
 * it a hash of that; fold.c puts siblings that are alike on one line; label.c says what
 * to call them.
 */
#ifndef SFT_CORE_OUTLINE_H
#define SFT_CORE_OUTLINE_H

#include "core/compare.h"
#include "core/hash.h"
#include "core/model.h"

/* What is at or below a node. */
struct sft_level {
	uint64_t hash; /* of the names, dtypes and shapes there, but for its own name */
	uint64_t parameters, bytes;
	uint32_t tensors;
	uint32_t dtypes : 24; /* as in struct sft_line */
	uint32_t changes : 8;
};

struct sft_outline {
	const struct sft_model *model;           /* or @comparison */
	const struct sft_comparison *comparison; /* its leaves are matches */
	const struct sft_tree *tree;             /* the model's, or @own_tree */
	struct sft_tree own_tree;
	struct sft_level *levels; /* by node */
	struct sft_hash hash;
};

/* ---- outline.c ---- */

/* Makes the line of a node, but for its label. */
void sft_outline_line(const struct sft_outline *outline, uint32_t idx, uint64_t count,
		      struct sft_line *ret_line);

/* ---- fold.c ---- */

/* One of several siblings. */
struct sft_member {
	uint64_t key; /* equal: one line, if there are enough of them */
	uint32_t node;
};

/* ---- label.c ---- */

/* A run of digits that stands for a number. */
struct sft_run {
	size_t begin, end; /* in the name */
	uint64_t value;
	bool is_padded; /* with zeros */
};

/**
 * sft_run_next() - find the first number in a name
 * @from: where to begin
 *
 * What is too long to be a number here is none.
 *
 * Return: false if there is none.
 */
bool sft_run_next(struct sft_bytes name, size_t from, struct sft_run *ret_run);

/* By bytes, but numbers of any length by their value. */
int sft_label_compare(struct sft_bytes a, struct sft_bytes b);

/**
 * sft_members_are_even() - whether numbers of siblings are all written in one way
 * @members: @count of them, at least 1, whose names differ in numbers alone
 *
 * Return: false if there is one in the place of which some begin with zeros and some have
 * another length: "9", "09" and "10" are not of one row, "09" and "10" are.
 */
bool sft_members_are_even(const struct sft_tree *tree, const struct sft_member *members,
			  size_t count);

/* Text that grows up to a limit; the rest is dropped. */
struct sft_label {
	char text[4096];
	size_t len;
};

void sft_label_add(struct sft_label *label, struct sft_bytes text);

/**
 * sft_label_members() - append what to call several siblings
 * @members: @count of them, at least 1, whose names differ in numbers alone
 *
 * Return: false where memory is short.
 */
SFT_MUST_CHECK bool sft_label_members(struct sft_label *label,
				      const struct sft_tree *tree,
				      const struct sft_member *members, size_t count);

#endif /* SFT_CORE_OUTLINE_H */
