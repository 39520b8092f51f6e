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

#define KEYS_FEW 32u /* of one object: they are compared one by one */

struct lint {
	struct sft_scan scan;
	size_t first[RULE_COUNT]; /* offsets in the text */
	uint64_t count[RULE_COUNT];
	/* Where the walk is: the containers that are open, outermost first. */
	char closes[SFT_SCAN_DEPTH_MAX];
	size_t elements[SFT_SCAN_DEPTH_MAX];         /* behind in each */
	size_t keys_begin[SFT_SCAN_DEPTH_MAX];       /* of each, in @keys */
	struct sft_table tables[SFT_SCAN_DEPTH_MAX]; /* of those with many keys */
	unsigned depth;
	bool in_metadata, in_dtype; /* the keys on the way say so */
	/* The keys, all different, of the objects that are open; they lie in the text. */
	struct sft_bytes *keys;
	size_t key_count, key_room;
	/* Those of the outermost object may be counted only. */
	bool only_counts;
	size_t name_count; /* without "__metadata__", which stands once at most */
};

static void report(struct lint *lint, enum rule rule, size_t off)
{
	if (lint->count[rule]++ == 0)
		lint->first[rule] = off;
}

static struct sft_bytes key_of(const void *ctx, uint32_t idx)
{
	const struct lint *lint = ctx;

	return lint->keys[idx];
}

/* Makes a table of the keys that the innermost object has so far. */
static enum sft_status begin_table(struct lint *lint, struct sft_table *table)
{
	enum sft_status status = sft_table_init(table, key_of, lint, lint->scan.err);
	uint32_t idx;

	for (size_t i = lint->keys_begin[lint->depth - 1];
	     status == SFT_OK && i < lint->key_count; i++)
		status = sft_table_put(table, lint->keys[i], (uint32_t)i, &idx,
				       lint->scan.err);
	return status;
}

/* Looks for a key in the innermost object; @ret_idx: the end of @keys if it is new. */
static enum sft_status find_key(struct lint *lint, struct sft_bytes key, size_t *ret_idx)
{
	struct sft_table *table = &lint->tables[lint->depth - 1];
	const size_t begin = lint->keys_begin[lint->depth - 1];
	const uint32_t end = (uint32_t)lint->key_count; /* below 10^8 */
	enum sft_status status = SFT_OK;
	uint32_t idx = (uint32_t)begin;

	if (end - begin < KEYS_FEW) {
		while (idx < end && !sft_bytes_equal(lint->keys[idx], key))
			idx++;
		*ret_idx = idx;
		return SFT_OK;
	}
	if (table->slots == NULL)
		status = begin_table(lint, table);
	if (status == SFT_OK)
		status = sft_table_put(table, key, end, &idx, lint->scan.err);
	*ret_idx = idx;
	return status;
}

/* Notes a key of the innermost object, and whether it stood there before. */
static enum sft_status note_key(struct lint *lint, struct sft_bytes key, size_t off)
{
	enum sft_status status;
	size_t idx;

	if (!sft_array_reserve(&lint->keys, sizeof(*lint->keys), lint->key_count + 1,
			       &lint->key_room))
		return sft_fail_memory(lint->scan.err);
	status = find_key(lint, key, &idx);
	if (status != SFT_OK)
		return status;
	if (idx == lint->key_count)
		lint->keys[lint->key_count++] = key;
	else
		report(lint, RULE_DUPLICATE, off);
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
	if (lint->depth == 1) {
		lint->in_metadata = sft_bytes_equal(key, sft_bytes_of("__metadata__"));
		lint->name_count += !lint->in_metadata;
		if (lint->only_counts)
			return SFT_OK;
	}
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
		lint->elements[lint->depth] = 0;
		lint->keys_begin[lint->depth] = lint->key_count;
		lint->depth++;
	}
	return status;
}

/* Leaves the innermost container, whose keys nobody asks for any more. */
static void leave(struct lint *lint)
{
	lint->depth--;
	lint->key_count = lint->keys_begin[lint->depth];
	if (lint->tables[lint->depth].slots != NULL)
		sft_table_done(&lint->tables[lint->depth]);
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
				leave(lint);
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

/* Reads the text of a header again, and goes through it. */
static enum sft_status lint_header(const struct sft_shard *shard, uint8_t *text,
				   struct lint *lint, struct sft_error *err)
{
	const size_t len = shard->header.text_len;
	enum sft_status status =
		sft_read_all(shard->file.fd, text, len, SFT_LEN_FIELD_LEN, err);

	if (status == SFT_OK) /* so the text is the one accepted */
		status = sft_backing_check(&shard->file, err);
	if (status == SFT_OK) {
		lint->scan = sft_header_scan(text, len, err);
		status = lint_text(lint);
	}
	while (lint->depth > 0)
		leave(lint);
	free(lint->keys);
	return status;
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
	lint->only_counts = true;
	status = lint_header(shard, text, lint, err);
	/* Of equal names one made a tensor: few files want to be gone through twice. */
	if (status == SFT_OK && lint->name_count != shard->header.tensor_count) {
		*lint = (struct lint){ .only_counts = false };
		status = lint_header(shard, text, lint, err);
	}
	if (status == SFT_OK)
		warn_of(lint, shard, warn, arg);
	else
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
