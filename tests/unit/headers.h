/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/headers.h - headers in memory, and all that is in them as one text
 */
#ifndef SFT_TESTS_UNIT_HEADERS_H
#define SFT_TESTS_UNIT_HEADERS_H

#include "core/header.h"

/* A header that is still to be parsed, in memory of just its length. */
struct sft_header header_of(struct sft_bytes text);

/**
 * header_dump() - write down what was parsed
 *
 * A line for each tensor, as `a: F32 [2, 3] 0-24 in 0`, then one for each pair of the
 * metadata, as `key = value`; names are escaped.
 *
 * Return: text to free().
 */
char *header_dump(const struct sft_header *header);

#endif /* SFT_TESTS_UNIT_HEADERS_H */
