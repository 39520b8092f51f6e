/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/dtype.h - the 22 element types of the format, in one table
 *
 * A dtype is its index in the table. To add one, add a row in dtype.c.
 */
#ifndef SFT_CORE_DTYPE_H
#define SFT_CORE_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"

#define SFT_DTYPE_COUNT 22u

struct sft_dtype {
	const char *name; /* as the format spells it */
	uint8_t bits;     /* of one element: 4, 6 or a multiple of 8 */
	/*
	 * What numpy calls it in a .npy header. numpy has no BF16 and no FP8: those are
	 * the void types that np.save itself writes for them (never "<f1", which numpy
	 * cannot read back). NULL for types under a byte, which are shown packed, as
	 * bytes.
	 */
	const char *npy;
	/* torch.NAME, which is numpy's name, too, where it has the type; or NULL. */
	const char *torch;
};

/* Row @idx of the table, below SFT_DTYPE_COUNT. */
const struct sft_dtype *sft_dtype(uint8_t idx);

/**
 * sft_dtype_find() - look a dtype up by its exact name
 *
 * Return: false if the format has no such type.
 */
bool sft_dtype_find(struct sft_bytes name, uint8_t *ret_idx);

#endif /* SFT_CORE_DTYPE_H */
