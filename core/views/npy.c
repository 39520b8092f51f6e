// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/npy.c - NumPy arrays: NAME.npy, a header and then the tensor's range
 *
 *	"\x93NUMPY" 1 0 | u16 LE: length of the rest | dict | spaces | "\n" | data
 *
 * The data begins at a multiple of 64. Types that numpy lacks get the void type of their
 * width (core/dtype.c). Types under a byte are shown packed, as bytes: the last dimension
 * counts bytes, or, where a row does not end on one, the whole is one row of bytes.
 * Source of the format: numpy's NEP 1, version 1.0.
 */
#include <inttypes.h>
#include <stdio.h>

#include "core/views/view.h"

#define RANK_MAX 64u /* of an array in numpy 2; version 1 has 32 */
#define DATA_ALIGN 64u
#define PREFIX_LEN 10u /* magic, version, length field */
/* Longest header: 64 dimensions of 20 digits, ", " behind each, and the words. */
#define HEADER_MAX 2048u

static const char *absent_npy(const struct sft_model *model,
			      const struct sft_tensor *tensor)
{
	struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, tensor), tensor);
	uint64_t bytes = (sft_dtype(tensor->dtype)->bits + 7u) / 8;
	uint64_t dim;

	for (size_t rank = 0; sft_shape_next(&shape, &dim); rank++) {
		if (rank == RANK_MAX)
			return "numpy arrays have at most 64 dimensions";
		/* numpy wants to count the bytes even of an array that has none. */
		if (dim > 0 && !sft_mul(bytes, dim, &bytes))
			bytes = UINT64_MAX;
	}
	if (bytes > INT64_MAX)
		return "numpy arrays have at most 2^63-1 bytes, dimensions of 0 not "
		       "counted";
	return NULL;
}

/* The dimensions as numpy sees them; returns their number. */
static size_t npy_shape(const struct sft_model *model, const struct sft_tensor *tensor,
			uint64_t dims[RANK_MAX])
{
	struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, tensor), tensor);
	const uint8_t bits = sft_dtype(tensor->dtype)->bits;
	size_t rank = 0;
	uint64_t row;

	while (rank < RANK_MAX && sft_shape_next(&shape, &dims[rank]))
		rank++;
	if (bits % 8 == 0)
		return rank;
	/* A scalar under a byte cannot be: it would not fill one. */
	if (rank > 0 && sft_mul(dims[rank - 1], bits, &row) && row % 8 == 0) {
		dims[rank - 1] = row / 8;
		return rank;
	}
	dims[0] = sft_tensor_len(tensor);
	return 1;
}

static void describe_npy(const struct sft_model *model, const struct sft_tensor *tensor,
			 struct sft_layout *layout)
{
	const char *descr = sft_dtype(tensor->dtype)->npy;
	char header[HEADER_MAX] = "\x93NUMPY\x01";
	uint64_t dims[RANK_MAX];
	const size_t rank = npy_shape(model, tensor, dims);
	size_t used = PREFIX_LEN;

	used += (size_t)sprintf(header + used,
				"{'descr': '%s', 'fortran_order': False, 'shape': (",
				descr != NULL ? descr : "|u1");
	for (size_t i = 0; i < rank; i++)
		used += (size_t)sprintf(header + used, "%s%" PRIu64, i > 0 ? ", " : "",
					dims[i]);
	used += (size_t)sprintf(header + used, "%s), }", rank == 1 ? "," : "");
	while ((used + 1) % DATA_ALIGN != 0)
		header[used++] = ' ';
	header[used++] = '\n';
	header[8] = (char)((used - PREFIX_LEN) & 0xff);
	header[9] = (char)((used - PREFIX_LEN) >> 8);
	sft_layout_literal(layout, header, used);
	sft_layout_range(layout, tensor->shard, sft_model_data_off(model, tensor),
			 sft_tensor_len(tensor));
}

static const struct sft_view_file files[] = {
	{ ".npy", absent_npy, describe_npy },
};

const struct sft_view sft_view_npy = {
	.name = "npy",
	.about = "NumPy arrays (.npy)",
	.files = files,
	.file_count = sizeof(files) / sizeof(files[0]),
};
