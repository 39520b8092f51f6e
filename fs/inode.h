/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/inode.h - inode numbers are refs, written as one number
 *
 *	bit 63       9 8      5 4      0
 *	|    node     |  kind  |  view  |   + 1
 *
 * The root, which FUSE wants to be 1, is node 0, kind 0 (folder), view 0. There is no
 * table of them: decoding is arithmetic and a check. Slices are no refs: fs/slices.h.
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include <fuse_lowlevel.h>

#include "core/sft.h"

_Static_assert(FUSE_ROOT_ID == 1, "the root's number");

static inline fuse_ino_t fs_ino_encode(struct sft_ref ref)
{
	return ((uint64_t)ref.node << (SFT_KIND_BITS + SFT_VIEW_BITS) |
		(uint64_t)ref.kind << SFT_VIEW_BITS | ref.view) +
	       1;
}

/* Return: false for a number that no ref of this model has. */
static inline bool fs_ino_decode(const struct sft_model *model, fuse_ino_t ino,
				 struct sft_ref *ret_ref)
{
	const uint64_t number = ino - 1;
	const uint64_t node = number >> (SFT_KIND_BITS + SFT_VIEW_BITS);
	const struct sft_ref ref = {
		.node = (uint32_t)node,
		.view = (uint8_t)(number & ((1u << SFT_VIEW_BITS) - 1)),
		.kind = (uint8_t)(number >> SFT_VIEW_BITS & ((1u << SFT_KIND_BITS) - 1)),
	};

	if (node > UINT32_MAX || !sft_ref_valid(model, ref))
		return false;
	*ret_ref = ref;
	return true;
}

#endif /* FS_INODE_H */
