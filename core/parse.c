// SPDX-License-Identifier: Apache-2.0
/*
 * core/parse.c - the JSON of a header: sft_header_parse() and sft_header_read()
 */
#include <assert.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/fields.h"
#include "core/huge.h"
#include "core/table.h"

static const char metadata_key[] = "__metadata__";

/*
 * Whether a name was there before is asked of a table that fits no cache. So it is asked
 * for many names at a time, and the processor waits for all of them together.
 */
#define QUEUE_LEN 16u

/* What sft_header_parse() works with. */
struct parser {
	struct sft_scan scan;
	struct sft_header *header;
	size_t tensor_room, metadata_room;
	struct sft_table names;             /* of the tensors of the header so far */
	struct sft_tensor queue[QUEUE_LEN]; /* the next ones */
	uint32_t hashes[QUEUE_LEN];
	size_t queued;
	uint16_t shard;
	bool has_metadata;
};

/* Keeps text that was held and scanned; the rest of what was held may go. */
static void keep_text(struct sft_scan *scan, struct sft_bytes text, uint32_t *ret_off,
		      uint32_t *ret_len)
{
	const size_t off = (size_t)(text.data - scan->text);

	sft_scan_drop(scan);
	*ret_off = sft_feed_pack(scan->feed, off, text.len);
	*ret_len = (uint32_t)text.len;
}

/* ---- __metadata__ ---- */

static enum sft_status parse_metadata(struct parser *parser)
{
	struct sft_scan *scan = &parser->scan;
	struct sft_header *header = parser->header;
	enum sft_status status;
	bool more;

	sft_scan_drop(scan); /* the key */
	if (sft_scan_peek(scan) == 'n')
		return sft_scan_null(scan);
	status = sft_scan_open(scan, '{', '}', &more);
	while (status == SFT_OK && more) {
		struct sft_pair pair;
		struct sft_bytes text;

		if (!sft_array_reserve(&header->metadata, sizeof(*header->metadata),
				       header->metadata_count + 1,
				       &parser->metadata_room))
			return sft_fail_memory(scan->err);
		sft_scan_hold(scan);
		status = sft_scan_key(scan, &text);
		if (status != SFT_OK)
			return status;
		keep_text(scan, text, &pair.key_off, &pair.key_len);
		sft_scan_hold(scan);
		status = sft_scan_string(scan, &text);
		if (status != SFT_OK)
			return status;
		keep_text(scan, text, &pair.value_off, &pair.value_len);
		header->metadata[header->metadata_count++] = pair;
		status = sft_scan_more(scan, '}', &more);
	}
	return status;
}

/* ---- tensors ---- */

/* Keeps the tensor, in the place of one of the same name if there was one. */
static enum sft_status add_tensor(struct parser *parser, const struct sft_tensor *tensor,
				  uint32_t hash)
{
	struct sft_header *header = parser->header;
	const uint32_t count = (uint32_t)header->tensor_count; /* below 10^8 */
	uint32_t idx;
	enum sft_status status;

	if (!sft_array_reserve(&header->tensors, sizeof(*header->tensors),
			       header->tensor_count + 1, &parser->tensor_room))
		return sft_fail_memory(parser->scan.err);
	status = sft_table_put_hashed(&parser->names, sft_tensor_name(header, tensor),
				      hash, count, &idx, parser->scan.err);
	if (status != SFT_OK)
		return status;
	header->tensors[idx] = *tensor;
	header->tensor_count += idx == count;
	return SFT_OK;
}

static enum sft_status add_queued(struct parser *parser)
{
	enum sft_status status = SFT_OK;

	for (size_t i = 0; status == SFT_OK && i < parser->queued; i++)
		status = add_tensor(parser, &parser->queue[i], parser->hashes[i]);
	parser->queued = 0;
	return status;
}

static enum sft_status queue_tensor(struct parser *parser,
				    const struct sft_tensor *tensor)
{
	const size_t at = parser->queued++;

	parser->queue[at] = *tensor;
	parser->hashes[at] =
		sft_table_expect(&parser->names, sft_tensor_name(parser->header, tensor));
	return parser->queued == QUEUE_LEN ? add_queued(parser) : SFT_OK;
}

static enum sft_status parse_entry(struct parser *parser)
{
	struct sft_scan *scan = &parser->scan;
	struct sft_tensor tensor = { .shard = parser->shard };
	const size_t begin = scan->off;
	struct sft_bytes key;
	enum sft_status status;

	status = sft_scan_key(scan, &key);
	if (status != SFT_OK)
		return status;
	if (sft_bytes_equal(key, sft_bytes_of(metadata_key))) {
		if (parser->has_metadata)
			return sft_scan_fail(scan, begin, "second %s", metadata_key);
		parser->has_metadata = true;
		return parse_metadata(parser);
	}
	keep_text(scan, key, &tensor.name_off, &tensor.name_len);
	status = sft_fields_parse(scan, &tensor);
	return status == SFT_OK ? queue_tensor(parser, &tensor) : status;
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

/* The object that a header is, and nothing behind it. */
static enum sft_status parse_entries(struct parser *parser)
{
	struct sft_scan *scan = &parser->scan;
	bool more;
	enum sft_status status = sft_scan_open(scan, '{', '}', &more);

	while (status == SFT_OK && more) {
		sft_scan_hold(scan);
		status = parse_entry(parser);
		if (status == SFT_OK)
			status = sft_scan_more(scan, '}', &more);
	}
	if (status == SFT_OK)
		status = sft_scan_end(scan);
	return status == SFT_OK ? add_queued(parser) : status;
}

static enum sft_status parse(struct sft_header *header, struct sft_feed *feed,
			     uint16_t shard, struct sft_error *err)
{
	struct parser parser = { .header = header, .shard = shard };
	enum sft_status status;

	assert(header->text_len <= SFT_HEADER_LEN_MAX);
	parser.scan = sft_header_scan(header->text, 0, err);
	parser.scan.feed = feed;
	sft_scan_drop(&parser.scan);
	status = sft_table_init(&parser.names, name_of, header, err);
	if (status == SFT_OK)
		status = parse_entries(&parser);
	sft_table_done(&parser.names);
	trim(&header->tensors, sizeof(*header->tensors), header->tensor_count);
	trim(&header->metadata, sizeof(*header->metadata), header->metadata_count);
	/* That all of it is UTF-8 is asked before anything else, as the reference does.
	 */
	while (sft_feed_has_more(feed))
		sft_feed_more(feed, feed->ready);
	if (feed->err.status == SFT_OK)
		return status;
	if (err != NULL)
		*err = feed->err;
	return feed->err.status;
}

enum sft_status sft_header_parse(struct sft_header *header, uint16_t shard,
				 struct sft_error *err)
{
	struct sft_feed feed;

	sft_feed_init_text(&feed, header->text, header->text_len, SFT_LEN_FIELD_LEN);
	return parse(header, &feed, shard, err);
}

static enum sft_status no_memory(const struct sft_header *header, struct sft_error *err)
{
	return sft_fail(err, SFT_E_NO_MEMORY, SFT_POS_NONE,
			"out of memory for a header of %zu bytes", header->text_len);
}

/* What the parser kept, in memory of its own. Return: NULL without memory. */
static uint8_t *copy_packed(const struct sft_feed *feed)
{
	uint8_t *copy = malloc(feed->packed > 0 ? feed->packed : 1);

	if (copy != NULL)
		memcpy(copy, feed->text, feed->packed);
	return copy;
}

enum sft_status sft_header_read(struct sft_header *header, int fd, size_t piece,
				struct sft_spare spare, uint16_t shard,
				struct sft_error *err)
{
	const bool fits = spare.memory != NULL && header->text_len <= spare.len;
	struct sft_feed feed;
	enum sft_status status;

	/* Not a byte more than there is: sanitizers then see who reads on. */
	header->text =
		fits ? spare.memory : malloc(header->text_len > 0 ? header->text_len : 1);
	if (header->text == NULL)
		return no_memory(header, err);
	if (!fits)
		sft_huge(header->text, header->text_len);
	sft_feed_init_file(&feed, header->text, header->text_len, fd, SFT_LEN_FIELD_LEN,
			   piece);
	status = parse(header, &feed, shard, err);
	if (fits)
		header->text = copy_packed(&feed);
	else
		trim(&header->text, 1, feed.packed > 0 ? feed.packed : 1);
	return header->text != NULL ? status : no_memory(header, err);
}
