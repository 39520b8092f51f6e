/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/draft.h - the tree while it is being made: names split into folders, unsorted
 *
 * First half of sft_tree_build(): walks all names once and makes a draft of each folder
 * and leaf, parents before children. Folders are found again by what stands before a
 * dot (or a slash, in paths), which names them uniquely: in a keyed table, or, since
 * neighbours in a header are neighbours in the tree, on the path of the name before.
 */
#ifndef SFT_CORE_DRAFT_H
#define SFT_CORE_DRAFT_H

#include "core/bytes.h"
#include "core/name.h"
#include "core/sft.h"
#include "core/tree.h"

#define SFT_DRAFT_FOLDER UINT32_MAX

struct sft_draft {
	const uint8_t *name; /* raw name of a leaf here or below */
	uint32_t end;        /* of what this draft stands for, in @name */
	uint32_t begin;      /* of its last component */
	const char *encoded; /* that component, encoded */
	uint32_t parent;     /* draft; of the root: itself */
	uint32_t leaf;       /* index of its name, or SFT_DRAFT_FOLDER */
	uint16_t path_len;   /* of a folder's encoded path */
	uint8_t depth;       /* folders above, the root not counted */
	uint8_t encoded_len;
};

struct sft_tree_block; /* memory for encoded names */

struct sft_drafts {
	struct sft_draft *items; /* [0] is the root */
	size_t count, room;
	struct sft_tree_block *blocks;
};

/**
 * sft_drafts_make() - split names into folders and leaves
 * @drafts: filled; freed by the caller with sft_drafts_done(), also after a failure
 * @names:  @count of them, all different
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY, SFT_E_LIMIT or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status sft_drafts_make(struct sft_drafts *drafts,
					       enum sft_tree_kind kind,
					       const struct sft_bytes *names,
					       size_t count, struct sft_error *err);

/* The raw text of a draft's last component. */
static inline struct sft_bytes sft_draft_raw(const struct sft_draft *draft)
{
	return (struct sft_bytes){ draft->name + draft->begin,
				   draft->end - draft->begin };
}

/**
 * sft_draft_mark() - tell a draft from siblings whose encoded names are the same
 * @nth: 2 for the second of them; its name then ends in "~2"
 */
SFT_MUST_CHECK enum sft_status sft_draft_mark(struct sft_drafts *drafts, uint32_t idx,
					      unsigned nth, struct sft_error *err);

/* Frees all but the blocks, which the tree takes over. */
void sft_drafts_done(struct sft_drafts *drafts);

void sft_blocks_free(struct sft_tree_block *blocks);

#endif /* SFT_CORE_DRAFT_H */
