/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/npy.h - the header of a NumPy array
 *
 *	"\x93NUMPY" 1 0 | u16 LE: length of the rest | dict | spaces | "\n" | data
 *
 * The data begins at a multiple of 64. Types that numpy lacks get the void type of their
 * width (core/dtype.c). Types under a byte are shown packed, as bytes: the last dimension
 * counts bytes, or, where a row does not end on one, the whole is one row of bytes.
 * Source of the format: numpy's NEP 1, version 1.0.
 */
#ifndef SFT_CORE_NPY_H
#define SFT_CORE_NPY_H

#include "core/part.h"

/* Longest header: 64 dimensions of 20 digits, ", " behind each, and the words. */
#define SFT_NPY_HEADER_LEN_MAX 2048u

/* Why there can be no array of a part, as static text; NULL: there can. */
const char *sft_npy_absent(const struct sft_model *model, struct sft_part part);

/* The same for an array of its elements as float32. */
const char *sft_npy_absent_f32(const struct sft_model *model, struct sft_part part);

/**
 * sft_npy_header() - write the header of an array that there can be
 * @out: receives it
 *
 * Return: its length in bytes.
 */
size_t sft_npy_header(const struct sft_model *model, struct sft_part part,
		      char out[SFT_NPY_HEADER_LEN_MAX]);

/* The same for an array of its elements as float32. */
size_t sft_npy_header_f32(const struct sft_model *model, struct sft_part part,
			  char out[SFT_NPY_HEADER_LEN_MAX]);

#endif /* SFT_CORE_NPY_H */
