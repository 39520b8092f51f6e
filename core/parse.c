// SPDX-License-Identifier: Apache-2.0
/*
 * core/parse.c - the JSON of a header: sft_header_parse()
 *
 * The grammar is the reference reader's, oddities included (format notes, section 2): a
 * tensor may be an array, a dtype an object, and what else stands in a tensor is skipped,
 * but checked.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/header.h"
#include "core/table.h"
#include "core/text.h"

static const char metadata_key[] = "__metadata__";

/* What sft_header_parse() works with. */
struct parser {
	struct sft_scan scan;
	struct sft_header *header;
	size_t tensor_room, metadata_room;
	struct sft_table names; /* of the tensors so far */
	uint16_t shard;
	bool has_metadata;
};

/* Offset of scanned text in the header; fits, for a header has at most 10^8 bytes. */
static uint32_t offset_of(const struct parser *parser, struct sft_bytes text)
{
	return (uint32_t)(text.data - parser->header->text);
}

/* ---- __metadata__ ---- */

static enum sft_status parse_metadata(struct parser *parser)
{
	struct sft_scan *scan = &parser->scan;
	struct sft_header *header = parser->header;
	enum sft_status status;
	bool more;

	if (sft_scan_peek(scan) == 'n')
		return sft_scan_null(scan);
	status = sft_scan_open(scan, '{', '}', &more);
	while (status == SFT_OK && more) {
		struct sft_bytes key, value;

		if (!sft_array_reserve(&header->metadata, sizeof(*header->metadata),
				       header->metadata_count + 1,
				       &parser->metadata_room))
			return sft_fail_memory(scan->err);
		status = sft_scan_key(scan, &key);
		if (status == SFT_OK)
			status = sft_scan_string(scan, &value);
		if (status != SFT_OK)
			return status;
		header->metadata[header->metadata_count++] = (struct sft_pair){
			offset_of(parser, key),
			(uint32_t)key.len,
			offset_of(parser, value),
			(uint32_t)value.len,
		};
		status = sft_scan_more(scan, '}', &more);
	}
	return status;
}

/* ---- one tensor ---- */

/* "F32", or {"F32": null}. */
static enum sft_status parse_dtype(struct parser *parser, struct sft_tensor *tensor)
{
	struct sft_scan *scan = &parser->scan;
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
	uint64_t value;
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

static enum sft_status parse_shape(struct parser *parser, struct sft_tensor *tensor)
{
	uint64_t first[2];
	size_t count;

	sft_scan_peek(&parser->scan);
	tensor->shape_off = (uint32_t)parser->scan.off;
	return parse_uints(&parser->scan, first, &count);
}

static enum sft_status parse_offsets(struct parser *parser, struct sft_tensor *tensor)
{
	struct sft_scan *scan = &parser->scan;
	uint64_t first[2] = { 0, 0 };
	enum sft_status status;
	size_t count;

	sft_scan_peek(scan);
	tensor->offsets_off = (uint32_t)scan->off;
	status = parse_uints(scan, first, &count);
	if (status == SFT_OK && count != 2)
		return sft_scan_fail(scan, tensor->offsets_off,
				     "data_offsets has %zu numbers, not 2", count);
	tensor->begin = first[0];
	tensor->end = first[1];
	return status;
}

/* The fields of a tensor, in the order in which the array form has them. */
static const struct {
	const char *name;
	enum sft_status (*parse)(struct parser *parser, struct sft_tensor *tensor);
} fields[] = {
	{ "dtype", parse_dtype },
	{ "shape", parse_shape },
	{ "data_offsets", parse_offsets },
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* ["F32", [2], [0, 8]]: the reference reads a struct from an array, too. */
static enum sft_status parse_info_array(struct parser *parser, struct sft_tensor *tensor)
{
	struct sft_scan *scan = &parser->scan;
	const size_t begin = scan->off;
	size_t count = 0;
	bool more;
	enum sft_status status = sft_scan_open(scan, '[', ']', &more);

	for (; status == SFT_OK && more; count++) {
		if (count == FIELD_COUNT)
			return sft_scan_fail(scan, begin,
					     "tensor of more than %zu elements",
					     FIELD_COUNT);
		status = fields[count].parse(parser, tensor);
		if (status == SFT_OK)
			status = sft_scan_more(scan, ']', &more);
	}
	if (status == SFT_OK && count < FIELD_COUNT)
		return sft_scan_fail(scan, begin, "tensor without %s",
				     fields[count].name);
	return status;
}

static enum sft_status parse_info_field(struct parser *parser, struct sft_tensor *tensor,
					unsigned *seen)
{
	struct sft_scan *scan = &parser->scan;
	const size_t begin = scan->off;
	struct sft_bytes key;
	const enum sft_status status = sft_scan_key(scan, &key);

	if (status != SFT_OK)
		return status;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!sft_bytes_equal(key, sft_bytes_of(fields[i].name)))
			continue;
		if (*seen & 1u << i)
			return sft_scan_fail(scan, begin, "second %s of a tensor",
					     fields[i].name);
		*seen |= 1u << i;
		return fields[i].parse(parser, tensor);
	}
	return sft_scan_skip(scan, 2); /* a field of others, inside header and tensor */
}

static enum sft_status parse_info_object(struct parser *parser, struct sft_tensor *tensor)
{
	struct sft_scan *scan = &parser->scan;
	const size_t begin = scan->off;
	unsigned seen = 0; /* a bit a field */
	bool more;
	enum sft_status status = sft_scan_open(scan, '{', '}', &more);

	while (status == SFT_OK && more) {
		sft_scan_peek(scan);
		status = parse_info_field(parser, tensor, &seen);
		if (status == SFT_OK)
			status = sft_scan_more(scan, '}', &more);
	}
	for (size_t i = 0; status == SFT_OK && i < FIELD_COUNT; i++)
		if (!(seen & 1u << i))
			return sft_scan_fail(scan, begin, "tensor without %s",
					     fields[i].name);
	return status;
}

/* Keeps the tensor, in the place of one of the same name if there was one. */
static enum sft_status add_tensor(struct parser *parser, const struct sft_tensor *tensor)
{
	struct sft_header *header = parser->header;
	const uint32_t count = (uint32_t)header->tensor_count; /* below 10^8 */
	uint32_t idx;
	enum sft_status status;

	if (!sft_array_reserve(&header->tensors, sizeof(*header->tensors),
			       header->tensor_count + 1, &parser->tensor_room))
		return sft_fail_memory(parser->scan.err);
	status = sft_table_put(&parser->names, sft_tensor_name(header, tensor), count,
			       &idx, parser->scan.err);
	if (status != SFT_OK)
		return status;
	header->tensors[idx] = *tensor;
	header->tensor_count += idx == count;
	return SFT_OK;
}

static enum sft_status parse_entry(struct parser *parser)
{
	struct sft_scan *scan = &parser->scan;
	struct sft_tensor tensor = { .shard = parser->shard };
	const size_t begin = scan->off;
	struct sft_bytes key;
	enum sft_status status = sft_scan_key(scan, &key);

	if (status != SFT_OK)
		return status;
	if (sft_bytes_equal(key, sft_bytes_of(metadata_key))) {
		if (parser->has_metadata)
			return sft_scan_fail(scan, begin, "second %s", metadata_key);
		parser->has_metadata = true;
		return parse_metadata(parser);
	}
	tensor.name_off = offset_of(parser, key);
	tensor.name_len = (uint32_t)key.len;
	if (sft_scan_peek(scan) == '[')
		status = parse_info_array(parser, &tensor);
	else
		status = parse_info_object(parser, &tensor);
	return status == SFT_OK ? add_tensor(parser, &tensor) : status;
}

/* ---- the whole text ---- */

static struct sft_bytes name_of(const void *ctx, uint32_t idx)
{
	const struct sft_header *header = ctx;

	return sft_tensor_name(header, &header->tensors[idx]);
}

/* Gives back what the arrays have too much. */
static void trim(void *array, size_t size, size_t count)
{
	void *smaller = count > 0 ? realloc(*(void **)array, count * size) : NULL;

	if (smaller != NULL)
		*(void **)array = smaller;
}

enum sft_status sft_header_parse(struct sft_header *header, uint16_t shard,
				 struct sft_error *err)
{
	const size_t valid = sft_utf8_valid_len(header->text, header->text_len);
	struct parser parser = { .header = header, .shard = shard };
	enum sft_status status;
	bool more;

	assert(header->text_len <= SFT_HEADER_LEN_MAX);
	if (valid < header->text_len)
		return sft_fail(err, SFT_E_INVALID_HEADER, SFT_LEN_FIELD_LEN + valid,
				"the header is not UTF-8");
	parser.scan = sft_header_scan(header->text, header->text_len, err);
	status = sft_table_init(&parser.names, name_of, header, err);
	if (status != SFT_OK)
		return status;
	status = sft_scan_open(&parser.scan, '{', '}', &more);
	while (status == SFT_OK && more) {
		sft_scan_peek(&parser.scan);
		status = parse_entry(&parser);
		if (status == SFT_OK)
			status = sft_scan_more(&parser.scan, '}', &more);
	}
	if (status == SFT_OK)
		status = sft_scan_end(&parser.scan);
	sft_table_done(&parser.names);
	trim(&header->tensors, sizeof(*header->tensors), header->tensor_count);
	trim(&header->metadata, sizeof(*header->metadata), header->metadata_count);
	return status;
}
