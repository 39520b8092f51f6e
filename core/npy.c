// SPDX-License-Identifier: Apache-2.0
#include "core/npy.h"

#include <inttypes.h>
#include <stdio.h>

#define RANK_MAX 64u /* of an array in numpy 2; version 1 has 32 */
#define DATA_ALIGN 64u
#define PREFIX_LEN 10u /* magic, version, length field */

/* The same for elements of any width. */
static const char *absent(const struct sft_model *model, struct sft_part part,
			  uint64_t element_len)
{
	struct sft_shape shape = sft_part_shape(model, part);
	uint64_t bytes = element_len;
	bool empty = false;
	uint64_t dim;

	for (size_t rank = 0; sft_shape_next(&shape, &dim); rank++) {
		if (rank == RANK_MAX)
			return "numpy arrays have at most 64 dimensions";
		empty = empty || dim == 0;
		/* numpy wants to count the bytes even of an array that has none. */
		if (dim > 0 && !sft_mul(bytes, dim, &bytes))
			bytes = UINT64_MAX;
	}
	/* Where there are any, the header has to find room, too. */
	if (bytes > INT64_MAX - (empty ? 0 : SFT_NPY_HEADER_LEN_MAX))
		return "numpy arrays have at most 2^63-1 bytes, dimensions of 0 not "
		       "counted";
	return NULL;
}

const char *sft_npy_absent(const struct sft_model *model, struct sft_part part)
{
	return absent(model, part, (sft_dtype(part.tensor->dtype)->bits + 7u) / 8);
}

const char *sft_npy_absent_f32(const struct sft_model *model, struct sft_part part)
{
	return absent(model, part, sizeof(float));
}

/* The dimensions, at most RANK_MAX; returns their number. */
static size_t read_shape(const struct sft_model *model, struct sft_part part,
			 uint64_t dims[RANK_MAX])
{
	struct sft_shape shape = sft_part_shape(model, part);
	size_t rank = 0;

	while (rank < RANK_MAX && sft_shape_next(&shape, &dims[rank]))
		rank++;
	return rank;
}

/* Makes elements under a byte bytes; returns the number of dimensions. */
static size_t pack_shape(struct sft_part part, uint64_t dims[RANK_MAX], size_t rank)
{
	const uint8_t bits = sft_dtype(part.tensor->dtype)->bits;
	uint64_t row;

	if (bits % 8 == 0)
		return rank;
	/* A scalar under a byte cannot be: it would not fill one. */
	if (rank > 0 && sft_mul(dims[rank - 1], bits, &row) && row % 8 == 0) {
		dims[rank - 1] = row / 8;
		return rank;
	}
	dims[0] = sft_part_len(part);
	return 1;
}

static size_t write_header(const char *descr, const uint64_t *dims, size_t rank,
			   char out[SFT_NPY_HEADER_LEN_MAX])
{
	static const char magic[] = "\x93NUMPY\x01";
	size_t used = PREFIX_LEN;

	memcpy(out, magic, sizeof(magic));
	used += (size_t)sprintf(
		out + used, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
	for (size_t i = 0; i < rank; i++)
		used += (size_t)sprintf(out + used, "%s%" PRIu64, i > 0 ? ", " : "",
					dims[i]);
	used += (size_t)sprintf(out + used, "%s), }", rank == 1 ? "," : "");
	while ((used + 1) % DATA_ALIGN != 0)
		out[used++] = ' ';
	out[used++] = '\n';
	out[8] = (char)((used - PREFIX_LEN) & 0xff);
	out[9] = (char)((used - PREFIX_LEN) >> 8);
	return used;
}

size_t sft_npy_header(const struct sft_model *model, struct sft_part part,
		      char out[SFT_NPY_HEADER_LEN_MAX])
{
	const char *descr = sft_dtype(part.tensor->dtype)->npy;
	uint64_t dims[RANK_MAX];
	const size_t rank = read_shape(model, part, dims);

	return write_header(descr != NULL ? descr : "|u1", dims,
			    pack_shape(part, dims, rank), out);
}

size_t sft_npy_header_f32(const struct sft_model *model, struct sft_part part,
			  char out[SFT_NPY_HEADER_LEN_MAX])
{
	uint64_t dims[RANK_MAX];
	const size_t rank = read_shape(model, part, dims);

	return write_header("<f4", dims, rank, out);
}
