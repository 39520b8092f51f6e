// SPDX-License-Identifier: Apache-2.0
/*
 * core/fields.c - what a header says of one tensor
 *
 * The grammar is the reference reader's, oddities included (format notes, section 2): a
 * tensor may be an array, a dtype an object, and what else stands in a tensor is skipped,
 * but checked.
 */
#include "core/fields.h"

#include "core/text.h"

/* "F32", or {"F32": null}. */
static enum sft_status parse_dtype(struct sft_scan *scan, struct sft_tensor *tensor)
{
	const bool is_map = sft_scan_peek(scan) == '{';
	const size_t begin = scan->off;
	enum sft_status status;
	struct sft_bytes name;
	bool more = true;

	if (is_map) {
		status = sft_scan_open(scan, '{', '}', &more);
		if (status == SFT_OK && !more)
			return sft_scan_fail(scan, begin, "dtype is an empty object");
		if (status == SFT_OK)
			status = sft_scan_key(scan, &name);
	} else {
		status = sft_scan_string(scan, &name);
	}
	if (status != SFT_OK)
		return status;
	if (!sft_dtype_find(name, &tensor->dtype)) {
		char text[64];

		sft_escape(text, sizeof(text), name.data, name.len);
		return sft_scan_fail(scan, begin, "unknown dtype \"%s\"", text);
	}
	if (is_map) {
		status = sft_scan_null(scan);
		if (status == SFT_OK)
			status = sft_scan_more(scan, '}', &more);
		if (status == SFT_OK && more)
			return sft_scan_fail(scan, begin,
					     "dtype is an object of two keys");
	}
	return status;
}

/* Walks an array of unsigned integers and keeps the first two. */
static enum sft_status parse_uints(struct sft_scan *scan, uint64_t first[2],
				   size_t *ret_count)
{
	size_t count = 0;
	uint64_t value = 0;
	bool more;
	enum sft_status status = sft_scan_open(scan, '[', ']', &more);

	for (; status == SFT_OK && more; count++) {
		status = sft_scan_uint(scan, &value);
		if (count < 2)
			first[count] = value;
		if (status == SFT_OK)
			status = sft_scan_more(scan, ']', &more);
	}
	*ret_count = count;
	return status;
}

static enum sft_status parse_shape(struct sft_scan *scan, struct sft_tensor *tensor)
{
	const size_t begin = scan->off;
	enum sft_status status;
	uint64_t first[2];
	size_t count;

	tensor->shape_pos = (uint32_t)begin; /* fits: SFT_HEADER_LEN_MAX */
	status = parse_uints(scan, first, &count);
	if (status == SFT_OK)
		tensor->shape_off = sft_feed_pack(scan->feed, begin, scan->off - begin);
	return status;
}

static enum sft_status parse_offsets(struct sft_scan *scan, struct sft_tensor *tensor)
{
	uint64_t first[2] = { 0, 0 };
	enum sft_status status;
	size_t count;

	tensor->offsets_pos = (uint32_t)scan->off;
	status = parse_uints(scan, first, &count);
	if (status == SFT_OK && count != 2)
		return sft_scan_fail(scan, tensor->offsets_pos,
				     "data_offsets has %zu numbers, not 2", count);
	tensor->begin = first[0];
	tensor->end = first[1];
	return status;
}

#define FIELD(name, parse)                                                               \
	{                                                                                \
		name, sizeof(name) - 1, parse                                            \
	}

/* The fields of a tensor, in the order in which the array form has them. */
static const struct {
	const char *name;
	size_t len;
	enum sft_status (*parse)(struct sft_scan *scan, struct sft_tensor *tensor);
} fields[] = {
	FIELD("dtype", parse_dtype),
	FIELD("shape", parse_shape),
	FIELD("data_offsets", parse_offsets),
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* One of them, from its first byte on. */
static enum sft_status parse_field(struct sft_scan *scan, size_t field,
				   struct sft_tensor *tensor)
{
	enum sft_status status;

	sft_scan_hold(scan);
	status = fields[field].parse(scan, tensor);
	sft_scan_drop(scan);
	return status;
}

/* ["F32", [2], [0, 8]]: the reference reads a struct from an array, too. */
static enum sft_status parse_info_array(struct sft_scan *scan, struct sft_tensor *tensor)
{
	const size_t begin = scan->off;
	size_t count = 0;
	bool more;
	enum sft_status status = sft_scan_open(scan, '[', ']', &more);

	for (; status == SFT_OK && more; count++) {
		if (count == FIELD_COUNT)
			return sft_scan_fail(scan, begin,
					     "tensor of more than %zu elements",
					     FIELD_COUNT);
		status = parse_field(scan, count, tensor);
		if (status == SFT_OK)
			status = sft_scan_more(scan, ']', &more);
	}
	if (status == SFT_OK && count < FIELD_COUNT)
		return sft_scan_fail(scan, begin, "tensor without %s",
				     fields[count].name);
	return status;
}

static enum sft_status parse_info_field(struct sft_scan *scan, struct sft_tensor *tensor,
					unsigned *seen)
{
	const size_t begin = scan->off;
	struct sft_bytes key;
	const enum sft_status status = sft_scan_key(scan, &key);

	if (status != SFT_OK)
		return status;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (key.len != fields[i].len ||
		    memcmp(key.data, fields[i].name, key.len) != 0)
			continue;
		if (*seen & 1u << i)
			return sft_scan_fail(scan, begin, "second %s of a tensor",
					     fields[i].name);
		*seen |= 1u << i;
		return parse_field(scan, i, tensor);
	}
	sft_scan_drop(scan);
	return sft_scan_skip(scan, 2); /* a field of others, inside header and tensor */
}

static enum sft_status parse_info_object(struct sft_scan *scan, struct sft_tensor *tensor)
{
	const size_t begin = scan->off;
	unsigned seen = 0; /* a bit a field */
	bool more;
	enum sft_status status = sft_scan_open(scan, '{', '}', &more);

	while (status == SFT_OK && more) {
		sft_scan_hold(scan);
		status = parse_info_field(scan, tensor, &seen);
		if (status == SFT_OK)
			status = sft_scan_more(scan, '}', &more);
	}
	for (size_t i = 0; status == SFT_OK && i < FIELD_COUNT; i++)
		if (!(seen & 1u << i))
			return sft_scan_fail(scan, begin, "tensor without %s",
					     fields[i].name);
	return status;
}

enum sft_status sft_fields_parse(struct sft_scan *scan, struct sft_tensor *tensor)
{
	return sft_scan_peek(scan) == '[' ? parse_info_array(scan, tensor)
					  : parse_info_object(scan, tensor);
}
