/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/rows.h - pieces of equal length at regular distances, and reading them as one
 *
 *	source  ..[row 0]....[row 1]....[row 2]........[row 3]....[row 4]....[row 5]..
 *	          |<-stride->|                         levels[0] = { 3, stride }
 *	          |<------------ stride -------------->|  levels[1] = { 2, stride }
 *
 * That is what a slice of a tensor is that is not in one piece: columns of a matrix, for
 * example. Rows go forward and do not overlap.
 */
#ifndef SFT_CORE_ROWS_H
#define SFT_CORE_ROWS_H

#include "core/sft.h"

#define SFT_LEVELS_MAX 64u /* dimensions of the longest slice */

struct sft_rows {
	uint64_t row_len; /* bytes of each, at least 1 */
	size_t level_count;
	struct {
		uint64_t count;   /* at least 2 */
		uint64_t stride;  /* bytes from one to the next */
	} levels[SFT_LEVELS_MAX]; /* from the inner to the outer */
};

/* The number of rows; all of them together fit 64 bits. */
uint64_t sft_rows_count(const struct sft_rows *rows);

/* Where a row begins, counted from the first; @row is below their number. */
uint64_t sft_rows_off(const struct sft_rows *rows, uint64_t row);

/* Bytes of a file as they are, in one piece or in rows. */
struct sft_raw {
	int fd;
	uint64_t off;                /* of the first byte, in the file */
	const struct sft_rows *rows; /* NULL: in one piece; else borrowed */
};

/**
 * sft_raw_read() - read bytes one after another, wherever they are
 * @raw:  what they are of
 * @skip: bytes of it before the first one wanted
 * @out:  receives @len bytes, which have to be there
 *
 * Rows that lie close together are read at once, with what is between them.
 *
 * Return: SFT_OK or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status sft_raw_read(const struct sft_raw *raw, uint64_t skip,
					    uint8_t *out, size_t len,
					    struct sft_error *err);

#endif /* SFT_CORE_ROWS_H */
