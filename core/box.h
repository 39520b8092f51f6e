/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/box.h - a part of a tensor: from the text of a slice to where its bytes are
 *
 *	"-1,:,0:64" of F32 [8, 16, 128]  ->  [16, 64], rows of 256 bytes, 512 apart
 *
 * The text is Python's basic slicing, the step absent or 1, as numpy takes it: bounds are
 * clamped, an index has to be inside, "..." stands for the dimensions that are not named.
 * Numbers have no sign but "-", no leading zeros and no spaces around them.
 */
#ifndef SFT_CORE_BOX_H
#define SFT_CORE_BOX_H

#include "core/header.h"
#include "core/rows.h"

#define SFT_BOX_RANK_MAX SFT_LEVELS_MAX /* dimensions of a tensor that can be sliced */

struct sft_box {
	size_t rank; /* dimensions that are left: those with an index are gone */
	uint64_t dims[SFT_BOX_RANK_MAX];
	uint64_t elements;
	uint64_t off;         /* from the tensor's first byte to the box's */
	uint64_t len;         /* bytes */
	struct sft_rows rows; /* without levels: it is in one piece */
	size_t text_len;
	char text[SFT_SLICE_LEN_MAX]; /* canonical: the same for the same part */
};

/**
 * sft_box_cut() - find the part of a tensor that a text means
 * @header:  that the tensor is of; checked
 * @text:    what stands between the brackets
 * @ret_box: undefined on failure
 *
 * Canonical is: an index as it counts from 0; all of a dimension as ":"; nothing of it as
 * "0:0"; else "begin:end"; without ":" at the end, but for the first. Of a scalar "...".
 *
 * Return: false where the text is no slice of this tensor: malformed, an index that is
 * outside, more of them than dimensions, more than SFT_BOX_RANK_MAX dimensions, or, of a
 * type under a byte, pieces that do not begin and end on bytes.
 */
SFT_MUST_CHECK bool sft_box_cut(const struct sft_header *header,
				const struct sft_tensor *tensor, struct sft_bytes text,
				struct sft_box *ret_box);

#endif /* SFT_CORE_BOX_H */
