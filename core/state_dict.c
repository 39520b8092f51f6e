// SPDX-License-Identifier: Apache-2.0
#include "core/state_dict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/pickle.h"

/* Types that have a class of storage of their own; it is older than the others are. */
static const struct {
	const char *torch, *storage;
} storages[] = {
	{ "bool", "BoolStorage" },      { "uint8", "ByteStorage" },
	{ "int8", "CharStorage" },      { "int16", "ShortStorage" },
	{ "float16", "HalfStorage" },   { "bfloat16", "BFloat16Storage" },
	{ "int32", "IntStorage" },      { "float32", "FloatStorage" },
	{ "float64", "DoubleStorage" }, { "complex64", "ComplexFloatStorage" },
	{ "int64", "LongStorage" },
};

/* What the pickle says more than once. */
enum slot {
	SLOT_DICT,
	SLOT_REBUILD,
	SLOT_REBUILD_TYPED,
	SLOT_STORAGE,
	SLOT_CPU,
	SLOT_UNTYPED,
	SLOT_TYPES, /* one for each */
};

_Static_assert(SLOT_TYPES + SFT_DTYPE_COUNT <= SFT_PICKLE_SLOTS, "each type has a slot");

struct state_dict {
	const struct sft_model *model;
	const struct sft_record *records;
	struct sft_pickle pickle;
	const char *types[SFT_DTYPE_COUNT]; /* their storages' classes, or NULL */
};

/* ---- shapes ---- */

/* Walks the dimensions that a tensor has in torch. */
struct dims {
	struct sft_shape shape;
	bool has_next, is_packed;
	uint64_t next;
};

static struct dims dims_of(const struct sft_model *model, const struct sft_tensor *tensor)
{
	struct dims dims = {
		.shape = sft_tensor_shape(sft_model_header(model, tensor), tensor),
		.is_packed = sft_dtype(tensor->dtype)->bits == 4,
	};

	dims.has_next = sft_shape_next(&dims.shape, &dims.next);
	return dims;
}

/* Two elements of four bits are one of torch's: it counts these in the last dimension. */
static bool next_dim(struct dims *dims, uint64_t *ret_dim)
{
	if (!dims->has_next)
		return false;
	*ret_dim = dims->next;
	dims->has_next = sft_shape_next(&dims->shape, &dims->next);
	if (dims->is_packed && !dims->has_next)
		*ret_dim /= 2;
	return true;
}

/* Whether rows of four-bit elements end on a byte. */
static bool has_whole_rows(const struct sft_model *model, const struct sft_tensor *tensor)
{
	struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, tensor), tensor);
	uint64_t dim = 1;

	while (sft_shape_next(&shape, &dim))
		;
	return dim % 2 == 0;
}

/* What a dimension adds to the strides of those before it. */
static uint64_t step_of(uint64_t dim)
{
	return dim > 0 ? dim : 1;
}

/*
 * Multiplies a shape to the stride of its first dimension. torch takes dimensions of 0
 * for 1 there, and has all of it signed. It does not count more elements than 64 bits
 * can either, but sft_check() was there before. Return: false where something does not
 * fit.
 */
static bool multiply(struct dims dims, uint64_t *ret_stride)
{
	uint64_t stride = 1;
	uint64_t dim;

	for (size_t rank = 0; next_dim(&dims, &dim); rank++)
		if (dim > INT64_MAX ||
		    (rank > 0 && !sft_mul(stride, step_of(dim), &stride)))
			return false;
	*ret_stride = stride;
	return stride <= INT64_MAX;
}

const char *sft_state_dict_absent(const struct sft_model *model,
				  const struct sft_tensor *tensor)
{
	const struct sft_dtype *dtype = sft_dtype(tensor->dtype);
	uint64_t stride;

	if (dtype->torch == NULL)
		return "torch has no such type";
	if (dtype->bits == 4 && !has_whole_rows(model, tensor))
		return "torch has elements of four bits in pairs, and the last dimension "
		       "is odd";
	if (!multiply(dims_of(model, tensor), &stride))
		return "torch has sizes and strides up to 2^63-1";
	return NULL;
}

/* ---- the pickle ---- */

static void pickle_sizes(struct sft_pickle *pickle, struct dims dims)
{
	uint64_t dim;

	while (next_dim(&dims, &dim))
		sft_pickle_uint(pickle, dim);
}

static void pickle_strides(struct sft_pickle *pickle, struct dims dims)
{
	uint64_t stride = 1;
	uint64_t dim;

	/* Fits: see sft_state_dict_absent(). */
	if (!multiply(dims, &stride) || !next_dim(&dims, &dim))
		return;
	sft_pickle_uint(pickle, stride);
	while (next_dim(&dims, &dim)) {
		stride /= step_of(dim);
		sft_pickle_uint(pickle, stride);
	}
}

/* A tuple of a value for each dimension. */
static void pickle_tuple(struct sft_pickle *pickle, struct dims dims,
			 void (*values)(struct sft_pickle *pickle, struct dims dims))
{
	static const enum sft_pickle_op ops[] = { SFT_PICKLE_EMPTY_TUPLE,
						  SFT_PICKLE_TUPLE_1, SFT_PICKLE_TUPLE_2,
						  SFT_PICKLE_TUPLE_3 };
	struct dims counted = dims;
	size_t rank = 0;
	uint64_t dim;

	while (next_dim(&counted, &dim))
		rank++;
	if (rank >= sizeof(ops) / sizeof(ops[0]))
		sft_pickle_op(pickle, SFT_PICKLE_MARK);
	values(pickle, dims);
	sft_pickle_op(pickle,
		      rank < sizeof(ops) / sizeof(ops[0]) ? ops[rank] : SFT_PICKLE_TUPLE);
}

static void pickle_dict(struct sft_pickle *pickle)
{
	sft_pickle_global(pickle, SLOT_DICT, "collections", "OrderedDict");
	sft_pickle_op(pickle, SFT_PICKLE_EMPTY_TUPLE);
	sft_pickle_op(pickle, SFT_PICKLE_REDUCE);
}

/* ("storage", class, record, device, length): what a reader finds the bytes by. */
static void pickle_storage(struct state_dict *dict, const struct sft_tensor *tensor,
			   const struct sft_record *record)
{
	struct sft_pickle *pickle = &dict->pickle;
	const char *type = dict->types[tensor->dtype];
	char number[16];

	snprintf(number, sizeof(number), "%" PRIu32, record->number);
	sft_pickle_op(pickle, SFT_PICKLE_MARK);
	sft_pickle_word(pickle, SLOT_STORAGE, "storage");
	if (type != NULL)
		sft_pickle_global(pickle, SLOT_TYPES + tensor->dtype, "torch", type);
	else
		sft_pickle_global(pickle, SLOT_UNTYPED, "torch.storage",
				  "UntypedStorage");
	sft_pickle_text(pickle, sft_bytes_of(number));
	sft_pickle_word(pickle, SLOT_CPU, "cpu");
	sft_pickle_uint(pickle, type != NULL ? sft_tensor_elements(tensor)
					     : sft_tensor_len(tensor));
	sft_pickle_op(pickle, SFT_PICKLE_TUPLE);
	sft_pickle_op(pickle, SFT_PICKLE_PERSISTENT);
}

/*
 * Sizes and strides. Where there are aliases, their reader keeps both: a shape may be as
 * long as a header, and is not written for each of them.
 */
static void pickle_shape(struct state_dict *dict, const struct sft_tensor *tensor,
			 const struct sft_record *record, bool is_alias)
{
	struct sft_pickle *pickle = &dict->pickle;
	const struct dims dims = dims_of(dict->model, tensor);
	const uint32_t kept = SFT_PICKLE_SLOTS + 2 * record->shared;

	if (is_alias) {
		sft_pickle_get(pickle, kept);
		sft_pickle_get(pickle, kept + 1);
		return;
	}
	pickle_tuple(pickle, dims, pickle_sizes);
	if (record->shared > 0)
		sft_pickle_put(pickle, kept);
	pickle_tuple(pickle, dims, pickle_strides);
	if (record->shared > 0)
		sft_pickle_put(pickle, kept + 1);
}

/* One item: a name, and a call that makes the tensor. */
static void pickle_tensor(struct state_dict *dict, struct sft_bytes name, uint32_t idx,
			  bool is_alias)
{
	const struct sft_tensor *tensor = &dict->model->tensors[idx];
	const struct sft_record *record = &dict->records[idx];
	const bool is_typed = dict->types[tensor->dtype] == NULL;
	struct sft_pickle *pickle = &dict->pickle;

	if (record->number == SFT_RECORD_NONE)
		return;
	sft_pickle_text(pickle, name);
	if (is_typed)
		sft_pickle_global(pickle, SLOT_REBUILD_TYPED, "torch._utils",
				  "_rebuild_tensor_v3");
	else
		sft_pickle_global(pickle, SLOT_REBUILD, "torch._utils",
				  "_rebuild_tensor_v2");
	sft_pickle_op(pickle, SFT_PICKLE_MARK);
	pickle_storage(dict, tensor, record);
	sft_pickle_uint(pickle, 0); /* where it begins in the storage */
	pickle_shape(dict, tensor, record, is_alias);
	sft_pickle_op(pickle, SFT_PICKLE_FALSE); /* needs no gradient */
	pickle_dict(pickle);                     /* has no hooks */
	if (is_typed)
		sft_pickle_global(pickle, SLOT_TYPES + tensor->dtype, "torch",
				  sft_dtype(tensor->dtype)->torch);
	sft_pickle_op(pickle, SFT_PICKLE_TUPLE);
	sft_pickle_op(pickle, SFT_PICKLE_REDUCE);
}

static void find_types(struct state_dict *dict)
{
	for (uint8_t i = 0; i < SFT_DTYPE_COUNT; i++) {
		const char *torch = sft_dtype(i)->torch;

		for (size_t j = 0; j < sizeof(storages) / sizeof(storages[0]); j++)
			if (torch != NULL && strcmp(torch, storages[j].torch) == 0)
				dict->types[i] = storages[j].storage;
	}
}

void sft_state_dict_pickle(const struct sft_model *model, const uint32_t *order,
			   const struct sft_record *records, struct sft_layout *layout)
{
	struct state_dict dict = { .model = model, .records = records };

	find_types(&dict);
	sft_pickle_begin(&dict.pickle, layout);
	pickle_dict(&dict.pickle);
	sft_pickle_op(&dict.pickle, SFT_PICKLE_MARK);
	for (size_t i = 0; layout->status == SFT_OK && i < model->tensor_count; i++)
		pickle_tensor(&dict, sft_model_name(model, &model->tensors[order[i]]),
			      order[i], false);
	for (size_t i = 0; layout->status == SFT_OK && i < model->alias_count; i++)
		pickle_tensor(&dict, model->aliases[i].name, model->aliases[i].tensor,
			      true);
	sft_pickle_op(&dict.pickle, SFT_PICKLE_SET_ITEMS);
	sft_pickle_op(&dict.pickle, SFT_PICKLE_STOP);
}

enum sft_status sft_state_dict_number(const struct sft_model *model,
				      const uint32_t *order,
				      struct sft_record **ret_records)
{
	struct sft_record *records = calloc(model->tensor_count + 1, sizeof(*records));
	uint32_t count = 0;
	uint32_t shared = 0;

	if (records == NULL)
		return SFT_E_NO_MEMORY;
	for (size_t i = 0; i < model->tensor_count; i++) {
		const struct sft_tensor *tensor = &model->tensors[order[i]];

		records[order[i]].number = sft_state_dict_absent(model, tensor) == NULL
						   ? count++
						   : SFT_RECORD_NONE;
	}
	for (size_t i = 0; i < model->alias_count; i++)
		if (records[model->aliases[i].tensor].shared == 0)
			records[model->aliases[i].tensor].shared = ++shared;
	*ret_records = records;
	return SFT_OK;
}
