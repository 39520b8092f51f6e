// SPDX-License-Identifier: Apache-2.0
/*
 * core/check.c - the rules that tensors of a well-formed header can still break
 *
 * Runs once for each file, after sft_header_parse(). What is proved here is trusted from
 * then on: see sft_check() in core/header.h. Cost: one pass, and a sort where the header
 * does not list its tensors in the order of their data.
 */
#define _GNU_SOURCE /* qsort_r() */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/header.h"

#define SHAPE_TEXT_CAP 96

static int compare_ranges(const void *left, const void *right, void *ctx)
{
	const struct sft_tensor *tensors = ctx;
	const uint32_t a_idx = *(const uint32_t *)left;
	const uint32_t b_idx = *(const uint32_t *)right;
	const struct sft_tensor *a = &tensors[a_idx];
	const struct sft_tensor *b = &tensors[b_idx];

	if (a->begin != b->begin)
		return a->begin < b->begin ? -1 : 1;
	if (a->end != b->end)
		return a->end < b->end ? -1 : 1;
	return a_idx < b_idx ? -1 : a_idx > b_idx;
}

static bool is_sorted(const struct sft_header *header)
{
	for (size_t i = 1; i < header->tensor_count; i++) {
		const struct sft_tensor *a = &header->tensors[i - 1];
		const struct sft_tensor *b = &header->tensors[i];

		if (a->begin > b->begin || (a->begin == b->begin && a->end > b->end))
			return false;
	}
	return true;
}

/* Sets *ret_order to the tensors by (begin, end), or to NULL where they stand so. */
static enum sft_status sort_tensors(const struct sft_header *header, uint32_t **ret_order,
				    struct sft_error *err)
{
	uint32_t *order = NULL;

	if (!is_sorted(header)) {
		order = calloc(header->tensor_count, sizeof(*order));
		if (order == NULL)
			return sft_fail_memory(err);
		for (uint32_t i = 0; i < header->tensor_count; i++)
			order[i] = i;
		qsort_r(order, header->tensor_count, sizeof(*order), compare_ranges,
			header->tensors);
	}
	*ret_order = order;
	return SFT_OK;
}

/* Fails with the tensor's name before the rest, at the field that is wrong. */
static enum sft_status fail_tensor(const struct sft_header *header,
				   const struct sft_tensor *tensor,
				   enum sft_status status, uint32_t off, const char *what,
				   struct sft_error *err)
{
	const struct sft_bytes name = sft_tensor_name(header, tensor);
	char text[128];

	return sft_fail(err, status, SFT_LEN_FIELD_LEN + (uint64_t)off,
			"tensor \"%s\": %s",
			sft_escape(text, sizeof(text), name.data, name.len), what);
}

/* Row 6: the data of the tensors follows on one another. */
static enum sft_status check_offsets(const struct sft_header *header,
				     const struct sft_tensor *tensor,
				     uint64_t previous_end, struct sft_error *err)
{
	char what[160];

	if (tensor->end < tensor->begin)
		snprintf(what, sizeof(what),
			 "data_offsets [%" PRIu64 ", %" PRIu64 "] end "
			 "before they begin",
			 tensor->begin, tensor->end);
	else if (tensor->begin != previous_end)
		snprintf(what, sizeof(what),
			 "data begins at %" PRIu64 ", but %s %" PRIu64 ": a%s",
			 tensor->begin,
			 previous_end == 0 ? "the first has to begin at"
					   : "the one before ends at",
			 previous_end,
			 tensor->begin < previous_end ? "n overlap" : " hole");
	else
		return SFT_OK;
	return fail_tensor(header, tensor, SFT_E_INVALID_OFFSET, tensor->offsets_pos,
			   what, err);
}

/* Rows 7 to 9: the shape and the dtype say how long the data is. */
static enum sft_status check_size(const struct sft_header *header,
				  const struct sft_tensor *tensor, struct sft_error *err)
{
	const struct sft_dtype *dtype = sft_dtype(tensor->dtype);
	struct sft_shape shape = sft_tensor_shape(header, tensor);
	char shape_text[SHAPE_TEXT_CAP];
	char what[320];
	bool fits = true;
	uint64_t bits = 1;
	uint64_t dim;

	while (fits && sft_shape_next(&shape, &dim))
		fits = sft_mul(bits, dim, &bits);
	fits = fits && sft_mul(bits, dtype->bits, &bits);
	if (fits && bits % 8 == 0 && bits / 8 == sft_tensor_len(tensor))
		return SFT_OK;

	sft_shape_format(sft_tensor_shape(header, tensor), shape_text,
			 sizeof(shape_text));
	if (!fits) {
		snprintf(what, sizeof(what), "%s %s has more bits than 2^64-1",
			 dtype->name, shape_text);
		return fail_tensor(header, tensor, SFT_E_VALIDATION_OVERFLOW,
				   tensor->shape_pos, what, err);
	}
	if (bits % 8 != 0) {
		snprintf(what, sizeof(what),
			 "%s %s has %" PRIu64 " bits, which is no whole "
			 "number of bytes",
			 dtype->name, shape_text, bits);
		return fail_tensor(header, tensor, SFT_E_MISALIGNED_SLICE,
				   tensor->shape_pos, what, err);
	}
	snprintf(what, sizeof(what),
		 "data_offsets [%" PRIu64 ", %" PRIu64 "] but %s %s needs %" PRIu64
		 " bytes",
		 tensor->begin, tensor->end, dtype->name, shape_text, bits / 8);
	return fail_tensor(header, tensor, SFT_E_TENSOR_INVALID_INFO, tensor->offsets_pos,
			   what, err);
}

/* Row 10: the data of the last tensor ends with the file. */
static enum sft_status check_total(const struct sft_header *header, uint64_t data_len,
				   uint64_t file_len, struct sft_error *err)
{
	const uint64_t begin = SFT_LEN_FIELD_LEN + header->text_len;
	uint64_t total;

	assert(file_len >= begin); /* sft_header_decode_len() */
	if (sft_add(begin, data_len, &total) && total == file_len)
		return SFT_OK;
	return sft_fail(err, SFT_E_METADATA_INCOMPLETE_BUFFER, begin,
			"the header describes %" PRIu64
			" bytes of data, the file has %" PRIu64 ": %s",
			data_len, file_len - begin,
			data_len > file_len - begin
				? "the file was cut short, or is still "
				  "being downloaded"
				: "something was appended to it");
}

enum sft_status sft_check(const struct sft_header *header, uint64_t file_len,
			  struct sft_error *err)
{
	auto_free uint32_t *order = NULL;
	enum sft_status status = sort_tensors(header, &order, err);
	uint64_t end = 0;

	for (size_t i = 0; status == SFT_OK && i < header->tensor_count; i++) {
		const struct sft_tensor *tensor = &header->tensors[order ? order[i] : i];

		status = check_offsets(header, tensor, end, err);
		if (status == SFT_OK)
			status = check_size(header, tensor, err);
		end = tensor->end;
	}
	return status == SFT_OK ? check_total(header, end, file_len, err) : status;
}
