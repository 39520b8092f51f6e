// SPDX-License-Identifier: Apache-2.0
#include "core/pickle.h"

#include <inttypes.h>
#include <stdio.h>

#define RANK_MAX 64u /* of a tensor that numpy and torch can both have */

/* What stands in the memo, after its first use. The types follow, by dtype. */
enum memo {
	MEMO_DICT,
	MEMO_REBUILD,
	MEMO_REBUILD_UNTYPED,
	MEMO_STORAGE,
	MEMO_CPU,
	MEMO_UNTYPED,
	MEMO_TYPES,
};

_Static_assert(MEMO_TYPES + SFT_DTYPE_COUNT <= 64, "a bit for each entry of the memo");

/* The storage class of a type. Those without one have untyped storages, and say it. */
static const char *storage_of(const struct sft_dtype *dtype)
{
	static const char *const classes[][2] = {
		{ "float64", "DoubleStorage" },
		{ "float32", "FloatStorage" },
		{ "float16", "HalfStorage" },
		{ "bfloat16", "BFloat16Storage" },
		{ "int64", "LongStorage" },
		{ "int32", "IntStorage" },
		{ "int16", "ShortStorage" },
		{ "int8", "CharStorage" },
		{ "uint8", "ByteStorage" },
		{ "bool", "BoolStorage" },
		{ "complex64", "ComplexFloatStorage" },
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strcmp(classes[i][0], dtype->torch) == 0)
			return classes[i][1];
	return NULL;
}

/* ---- opcodes ---- */

static void put(struct sft_pickle *pickle, const char *bytes, size_t len)
{
	sft_layout_literal(pickle->layout, bytes, len);
}

static void put_op(struct sft_pickle *pickle, char op)
{
	put(pickle, &op, 1);
}

/* An opcode and the lowest bytes of its argument. */
static void put_number(struct sft_pickle *pickle, char op, uint64_t value, size_t width)
{
	char text[9] = { op };

	for (size_t i = 0; i < width; i++)
		text[1 + i] = (char)(value >> (8 * i));
	put(pickle, text, 1 + width);
}

static void put_int(struct sft_pickle *pickle, uint64_t value)
{
	if (value <= UINT8_MAX)
		put_number(pickle, 'K', value, 1);
	else if (value <= UINT16_MAX)
		put_number(pickle, 'M', value, 2);
	else if (value <= INT32_MAX)
		put_number(pickle, 'J', value, 4);
	else {
		put(pickle, "\x8a\x08", 2); /* of 8 bytes; at most INT64_MAX */
		put_number(pickle, (char)value, value >> 8, 7);
	}
}

static void put_text(struct sft_pickle *pickle, struct sft_bytes text)
{
	put_number(pickle, 'X', text.len, 4);
	sft_layout_literal(pickle->layout, text.data, text.len);
}

/* Whether the memo has it; if so, gets it. */
static bool recall(struct sft_pickle *pickle, unsigned idx)
{
	if (!(pickle->memo & UINT64_C(1) << idx))
		return false;
	put_number(pickle, 'h', idx, 1);
	return true;
}

static void remember(struct sft_pickle *pickle, unsigned idx)
{
	pickle->memo |= UINT64_C(1) << idx;
	put_number(pickle, 'q', idx, 1);
}

static void put_global(struct sft_pickle *pickle, unsigned idx, const char *module,
		       const char *name)
{
	if (recall(pickle, idx))
		return;
	put_op(pickle, 'c');
	put(pickle, module, strlen(module));
	put_op(pickle, '\n');
	put(pickle, name, strlen(name));
	put_op(pickle, '\n');
	remember(pickle, idx);
}

static void put_string(struct sft_pickle *pickle, unsigned idx, const char *text)
{
	if (recall(pickle, idx))
		return;
	put_text(pickle, sft_bytes_of(text));
	remember(pickle, idx);
}

static void put_dict(struct sft_pickle *pickle)
{
	put_global(pickle, MEMO_DICT, "collections", "OrderedDict");
	put(pickle, ")R", 2);
}

/* ---- tensors ---- */

/*
 * Sizes and strides in elements. Of a type under a byte torch counts bytes: the last
 * dimension is halved.
 */
static bool shape_of(const struct sft_model *model, const struct sft_tensor *tensor,
		     uint64_t dims[RANK_MAX], uint64_t strides[RANK_MAX],
		     size_t *ret_rank)
{
	const unsigned per_byte = 8u / sft_dtype(tensor->dtype)->bits;
	struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, tensor), tensor);
	uint64_t stride = 1;
	size_t rank = 0;
	uint64_t dim;

	for (; sft_shape_next(&shape, &dim); rank++) {
		if (rank == RANK_MAX || dim > INT64_MAX)
			return false;
		dims[rank] = dim;
	}
	if (per_byte > 1) {
		if (rank == 0 || dims[rank - 1] % per_byte != 0)
			return false;
		dims[rank - 1] /= per_byte;
	}
	for (size_t i = rank; i-- > 0;) {
		strides[i] = stride;
		if (!sft_mul(stride, dims[i] > 0 ? dims[i] : 1, &stride) ||
		    stride > INT64_MAX)
			return false;
	}
	*ret_rank = rank;
	return true;
}

const char *sft_pickle_absent(const struct sft_model *model,
			      const struct sft_tensor *tensor)
{
	uint64_t dims[RANK_MAX], strides[RANK_MAX];
	size_t rank;

	if (sft_dtype(tensor->dtype)->torch == NULL)
		return "torch has no such type";
	if (!shape_of(model, tensor, dims, strides, &rank))
		return "torch has no tensor of this shape";
	return NULL;
}

static void put_tuple(struct sft_pickle *pickle, const uint64_t *values, size_t count)
{
	static const char ends[] = { ')', '\x85', '\x86', '\x87' };

	if (count >= sizeof(ends))
		put_op(pickle, '(');
	for (size_t i = 0; i < count; i++)
		put_int(pickle, values[i]);
	put_op(pickle, count < sizeof(ends) ? ends[count] : 't');
}

/* ('storage', class, key, 'cpu', elements) as a persistent id. */
static void put_storage(struct sft_pickle *pickle, const struct sft_tensor *tensor,
			uint64_t storage)
{
	const struct sft_dtype *dtype = sft_dtype(tensor->dtype);
	const char *class = storage_of(dtype);
	char key[24];

	put_op(pickle, '(');
	put_string(pickle, MEMO_STORAGE, "storage");
	if (class != NULL)
		put_global(pickle, MEMO_TYPES + tensor->dtype, "torch", class);
	else
		put_global(pickle, MEMO_UNTYPED, "torch.storage", "UntypedStorage");
	snprintf(key, sizeof(key), "%" PRIu64, storage);
	put_text(pickle, sft_bytes_of(key));
	put_string(pickle, MEMO_CPU, "cpu");
	put_int(pickle,
		class != NULL ? sft_tensor_elements(tensor) : sft_tensor_len(tensor));
	put(pickle, "tQ", 2);
}

void sft_pickle_begin(struct sft_pickle *pickle, struct sft_layout *layout)
{
	*pickle = (struct sft_pickle){ .layout = layout };
	put_number(pickle, '\x80', 2, 1);
	put_dict(pickle);
	put_op(pickle, '(');
}

void sft_pickle_tensor(struct sft_pickle *pickle, const struct sft_model *model,
		       struct sft_bytes name, const struct sft_tensor *tensor,
		       uint64_t storage)
{
	const struct sft_dtype *dtype = sft_dtype(tensor->dtype);
	const bool is_typed = storage_of(dtype) != NULL;
	uint64_t dims[RANK_MAX], strides[RANK_MAX];
	size_t rank = 0;

	if (!shape_of(model, tensor, dims, strides, &rank))
		return; /* not one that may be given here */
	put_text(pickle, name);
	if (is_typed)
		put_global(pickle, MEMO_REBUILD, "torch._utils", "_rebuild_tensor_v2");
	else
		put_global(pickle, MEMO_REBUILD_UNTYPED, "torch._utils",
			   "_rebuild_tensor_v3");
	put_op(pickle, '(');
	put_storage(pickle, tensor, storage);
	put_int(pickle, 0); /* offset in it */
	put_tuple(pickle, dims, rank);
	put_tuple(pickle, strides, rank);
	put_op(pickle, '\x89'); /* False: needs no gradient */
	put_dict(pickle);       /* of hooks */
	if (!is_typed)
		put_global(pickle, MEMO_TYPES + tensor->dtype, "torch", dtype->torch);
	put(pickle, "tR", 2);
}

void sft_pickle_end(struct sft_pickle *pickle)
{
	put(pickle, "u.", 2);
}
