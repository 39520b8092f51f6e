// SPDX-License-Identifier: Apache-2.0
/*
 * core/lint.c - what the written specification forbids and the reference reader accepts
 *
 * Two readers may disagree on such a file, so a person should hear of it; it is no error.
 * Walks headers that sft_open() accepted, from a copy of their text, with a stack of its
 * own. The rules are those of the format notes, section 4.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/cleanup.h"
#include "core/model.h"
#include "core/table.h"

enum rule {
	RULE_LEADING,
	RULE_PADDING,
	RULE_DUPLICATE,
	RULE_NULL_METADATA,
	RULE_ARRAY,
	RULE_DTYPE_MAP,
	RULE_COUNT,
};

static const char *const rule_texts[RULE_COUNT] = {
	"white space before the '{', which has to come first",
	"padding other than spaces behind the header's JSON",
	("a key that stands twice in one object; the last one counts here, other "
	 "readers may take the first"),
	"\"__metadata__\" is null, not an object",
	"a tensor written as an array, not as an object",
	"a dtype written as an object, not as a string",
};

struct lint {
	struct sft_scan scan;
	size_t first[RULE_COUNT]; /* offsets in the text */
	uint64_t count[RULE_COUNT];
	/* Where the walk is: the containers that are open, outermost first. */
	char closes[SFT_SCAN_DEPTH_MAX];
	uint32_t objects[SFT_SCAN_DEPTH_MAX]; /* a number for each */
	size_t elements[SFT_SCAN_DEPTH_MAX];  /* behind in each */
	unsigned depth;
	uint32_t object_count;
	bool in_metadata, in_dtype; /* the keys on the way say so */
	/* The keys seen: the number of the object and the name, in one text. */
	uint8_t *keys;
	size_t keys_len, keys_room;
	struct sft_bytes *key_spans; /* data is an offset until asked for: @keys moves */
	size_t key_count, key_room;
	struct sft_table key_table;
};

static void report(struct lint *lint, enum rule rule, size_t off)
{
	if (lint->count[rule]++ == 0)
		lint->first[rule] = off;
}

static struct sft_bytes key_of(const void *ctx, uint32_t idx)
{
	const struct lint *lint = ctx;
	const struct sft_bytes span = lint->key_spans[idx];

	return (struct sft_bytes){ lint->keys + (uintptr_t)span.data, span.len };
}

/* Notes a key of the innermost object, and whether it stood there before. */
static enum sft_status note_key(struct lint *lint, struct sft_bytes key, size_t off)
{
	const uint32_t object = lint->objects[lint->depth - 1];
	const size_t begin = lint->keys_len;
	const size_t len = sizeof(object) + key.len;
	const uint32_t count = (uint32_t)lint->key_count;
	enum sft_status status;
	uint32_t idx;

	if (!sft_array_reserve(&lint->keys, 1, begin + len, &lint->keys_room) ||
	    !sft_array_reserve(&lint->key_spans, sizeof(*lint->key_spans),
			       lint->key_count + 1, &lint->key_room))
		return sft_fail_memory(lint->scan.err);
	memcpy(lint->keys + begin, &object, sizeof(object));
	memcpy(lint->keys + begin + sizeof(object), key.data, key.len);
	lint->key_spans[count] =
		(struct sft_bytes){ (const uint8_t *)(uintptr_t)begin, len };
	status = sft_table_put(&lint->key_table,
			       (struct sft_bytes){ lint->keys + begin, len }, count, &idx,
			       lint->scan.err);
	if (status != SFT_OK)
		return status;
	if (idx != count) {
		report(lint, RULE_DUPLICATE, off);
		return SFT_OK;
	}
	lint->key_count++;
	lint->keys_len += len;
	return SFT_OK;
}

static enum sft_status walk_key(struct lint *lint)
{
	struct sft_bytes key;
	enum sft_status status;
	size_t off;

	sft_scan_peek(&lint->scan);
	off = lint->scan.off;
	status = sft_scan_key(&lint->scan, &key);
	if (status != SFT_OK)
		return status;
	if (lint->depth == 1)
		lint->in_metadata = sft_bytes_equal(key, sft_bytes_of("__metadata__"));
	lint->in_dtype = lint->depth == 2 && sft_bytes_equal(key, sft_bytes_of("dtype"));
	return note_key(lint, key, off);
}

/* Judges the value at the cursor by where it stands. */
static void judge_value(struct lint *lint, int byte)
{
	const size_t off = lint->scan.off;
	const bool in_array = lint->depth > 0 && lint->closes[lint->depth - 1] == ']';

	if (lint->depth == 1 && lint->in_metadata && byte == 'n')
		report(lint, RULE_NULL_METADATA, off);
	if (lint->depth == 1 && byte == '[')
		report(lint, RULE_ARRAY, off);
	if (lint->depth == 2 && !lint->in_metadata && byte == '{' &&
	    (in_array ? lint->elements[1] == 0 : lint->in_dtype))
		report(lint, RULE_DTYPE_MAP, off);
}

/* Goes through one value or into it; @ret_more: whether elements follow. */
static enum sft_status walk_value(struct lint *lint, bool *ret_more)
{
	const int byte = sft_scan_peek(&lint->scan);
	enum sft_status status;
	char close;

	judge_value(lint, byte);
	*ret_more = false;
	if (byte != '{' && byte != '[')
		return sft_scan_scalar(&lint->scan);
	close = byte == '{' ? '}' : ']';
	status = sft_scan_open(&lint->scan, (char)byte, close, ret_more);
	if (status == SFT_OK && *ret_more) {
		/* Not too deep: the header was accepted. */
		lint->closes[lint->depth] = close;
		lint->objects[lint->depth] = lint->object_count++;
		lint->elements[lint->depth] = 0;
		lint->depth++;
	}
	return status;
}

static enum sft_status walk(struct lint *lint)
{
	enum sft_status status = SFT_OK;
	bool more;

	do {
		status = walk_value(lint, &more);
		while (status == SFT_OK && !more && lint->depth > 0) {
			status = sft_scan_more(&lint->scan, lint->closes[lint->depth - 1],
					       &more);
			if (status == SFT_OK && more)
				lint->elements[lint->depth - 1]++;
			else
				lint->depth--;
		}
		if (status == SFT_OK && more && lint->closes[lint->depth - 1] == '}')
			status = walk_key(lint);
	} while (status == SFT_OK && lint->depth > 0);
	return status;
}

static enum sft_status lint_text(struct lint *lint)
{
	struct sft_scan *scan = &lint->scan;
	enum sft_status status;

	sft_scan_peek(scan);
	if (scan->off > 0)
		report(lint, RULE_LEADING, 0);
	status = walk(lint);
	for (size_t i = scan->off; status == SFT_OK && i < scan->len; i++) {
		if (scan->text[i] != ' ') {
			report(lint, RULE_PADDING, i);
			break;
		}
	}
	return status;
}

static void warn_of(const struct lint *lint, const struct sft_shard *shard,
		    void (*warn)(void *arg, const struct sft_error *warning), void *arg)
{
	for (size_t i = 0; i < RULE_COUNT; i++) {
		struct sft_error warning;

		if (lint->count[i] == 0)
			continue;
		if (lint->count[i] > 1)
			sft_fail(&warning, SFT_OK, SFT_LEN_FIELD_LEN + lint->first[i],
				 "%s (and %" PRIu64 " more)", rule_texts[i],
				 lint->count[i] - 1);
		else
			sft_fail(&warning, SFT_OK, SFT_LEN_FIELD_LEN + lint->first[i],
				 "%s", rule_texts[i]);
		sft_error_file(&warning, shard->file.path);
		warn(arg, &warning);
	}
}

static enum sft_status lint_shard(const struct sft_shard *shard,
				  void (*warn)(void *arg,
					       const struct sft_error *warning),
				  void *arg, struct sft_error *err)
{
	const size_t len = shard->header.text_len;
	auto_free uint8_t *text = malloc(len > 0 ? len : 1);
	auto_free struct lint *lint = calloc(1, sizeof(*lint));
	enum sft_status status;

	if (text == NULL || lint == NULL)
		return sft_fail_memory(err);
	status = sft_read_all(shard->file.fd, text, len, SFT_LEN_FIELD_LEN, err);
	if (status == SFT_OK)
		status = sft_backing_check(&shard->file,
					   err); /* so the text is the one accepted */
	if (status == SFT_OK)
		status = sft_table_init(&lint->key_table, key_of, lint, err);
	if (status == SFT_OK) {
		lint->scan = sft_header_scan(text, len, err);
		status = lint_text(lint);
	}
	if (status == SFT_OK)
		warn_of(lint, shard, warn, arg);
	sft_table_done(&lint->key_table);
	free(lint->keys);
	free(lint->key_spans);
	if (status != SFT_OK)
		sft_error_file(err, shard->file.path);
	return status;
}

enum sft_status sft_lint(const struct sft_model *model,
			 void (*warn)(void *arg, const struct sft_error *warning),
			 void *arg, struct sft_error *err)
{
	enum sft_status status = SFT_OK;

	for (size_t i = 0; status == SFT_OK && i < model->shard_count; i++)
		status = lint_shard(&model->shards[i], warn, arg, err);
	return status;
}
