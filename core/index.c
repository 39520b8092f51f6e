// SPDX-License-Identifier: Apache-2.0
#include "core/index.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/backing.h"
#include "core/cleanup.h"
#include "core/huge.h"
#include "core/scan.h"
#include "core/text.h"

/* What sft_index_read() works with. */
struct reader {
	struct sft_scan scan;
	struct sft_index *index;
	struct sft_names *files;     /* in the order of the index until sorted */
	struct sft_table file_table; /* name -> index into @files */
	size_t room;
};

static struct sft_bytes tensor_of(const void *ctx, uint32_t idx)
{
	const struct sft_index *index = ctx;

	return index->entries[idx].tensor;
}

static struct sft_bytes file_of(const void *ctx, uint32_t idx)
{
	const struct sft_names *files = ctx;

	return sft_bytes_of(files->items[idx]);
}

/* Says what is wrong with a file's name, or NULL. */
static const char *check_file_name(struct sft_bytes name)
{
	size_t part = 0; /* bytes since the last slash */

	if (name.len == 0 || memchr(name.data, '\0', name.len) != NULL)
		return "is empty or holds a NUL";
	if (name.data[0] == '/')
		return "is absolute";
	for (size_t i = 0; i <= name.len; i++) {
		if (i < name.len && name.data[i] != '/') {
			part++;
			continue;
		}
		if (part == 2 && memcmp(name.data + i - 2, "..", 2) == 0)
			return "leaves the folder with '..'";
		part = 0;
	}
	if (!sft_bytes_end_in(name, ".safetensors"))
		return "does not end in .safetensors";
	return NULL;
}

/* The number of a file, which is a new one if the name was not seen before. */
static enum sft_status intern_file(struct reader *reader, struct sft_bytes name,
				   size_t off, uint32_t *ret_file)
{
	const uint32_t count = (uint32_t)reader->files->count;
	struct sft_error *err = reader->scan.err;
	const char *wrong;

	if (sft_table_find(&reader->file_table, name, ret_file))
		return SFT_OK;
	wrong = check_file_name(name);
	if (wrong != NULL) {
		char text[128];

		sft_escape(text, sizeof(text), name.data, name.len);
		return sft_scan_fail(&reader->scan, off, "the file name \"%s\" %s", text,
				     wrong);
	}
	if (count == SFT_SHARDS_MAX)
		return sft_fail(err, SFT_E_LIMIT, off, "more than %u shards",
				SFT_SHARDS_MAX);
	if (!sft_names_add(reader->files, (const char *)name.data, name.len))
		return sft_fail_memory(err);
	return sft_table_put(&reader->file_table, name, count, ret_file, err);
}

static enum sft_status read_entry(struct reader *reader)
{
	struct sft_scan *scan = &reader->scan;
	struct sft_index *index = reader->index;
	struct sft_index_entry entry = { 0 };
	const uint32_t count = (uint32_t)index->count;
	enum sft_status status;
	struct sft_bytes file;
	uint32_t idx;
	size_t off = 0;

	if (!sft_array_reserve(&index->entries, sizeof(entry), index->count + 1,
			       &reader->room))
		return sft_fail_memory(scan->err);
	status = sft_scan_key(scan, &entry.tensor);
	if (status == SFT_OK) {
		sft_scan_peek(scan);
		off = scan->off;
		status = sft_scan_string(scan, &file);
	}
	if (status == SFT_OK)
		status = intern_file(reader, file, off, &entry.file);
	if (status != SFT_OK)
		return status;
	index->entries[count] = entry;
	status = sft_table_put(&index->tensors, entry.tensor, count, &idx, scan->err);
	if (status != SFT_OK)
		return status;
	if (idx == count)
		index->count++;
	else
		index->entries[idx].file = entry.file; /* the last of equal keys counts */
	return SFT_OK;
}

static enum sft_status read_weight_map(struct reader *reader)
{
	bool more;
	enum sft_status status = sft_scan_open(&reader->scan, '{', '}', &more);

	while (status == SFT_OK && more) {
		status = read_entry(reader);
		if (status == SFT_OK)
			status = sft_scan_more(&reader->scan, '}', &more);
	}
	return status;
}

static enum sft_status forget_entries(struct reader *reader)
{
	struct sft_index *index = reader->index;

	index->count = 0;
	sft_table_done(&index->tensors);
	return sft_table_init(&index->tensors, tensor_of, index, reader->scan.err);
}

static enum sft_status read_top(struct reader *reader)
{
	struct sft_scan *scan = &reader->scan;
	bool found = false;
	bool more;
	enum sft_status status = sft_scan_open(scan, '{', '}', &more);

	while (status == SFT_OK && more) {
		struct sft_bytes key;

		status = sft_scan_key(scan, &key);
		if (status != SFT_OK)
			break;
		if (sft_bytes_equal(key, sft_bytes_of("weight_map"))) {
			if (found) /* the last of equal keys counts, here too */
				status = forget_entries(reader);
			found = true;
			if (status == SFT_OK)
				status = read_weight_map(reader);
		} else {
			status = sft_scan_skip(scan, 1);
		}
		if (status == SFT_OK)
			status = sft_scan_more(scan, '}', &more);
	}
	if (status == SFT_OK)
		status = sft_scan_end(scan);
	if (status == SFT_OK && !found)
		return sft_fail(scan->err, SFT_E_INDEX, SFT_POS_NONE,
				"the index has no \"weight_map\"");
	if (status == SFT_OK && reader->index->count == 0)
		return sft_fail(scan->err, SFT_E_INDEX, SFT_POS_NONE,
				"the \"weight_map\" of the index is empty");
	return status;
}

/* Sorts the files, leaves out those that no entry names any more, and renumbers. */
static enum sft_status sort_files(struct reader *reader)
{
	struct sft_names *files = reader->files;
	struct sft_index *index = reader->index;
	struct sft_names used = { 0 };
	auto_free bool *named = calloc(files->count, sizeof(*named));
	auto_free uint32_t *renumber = calloc(files->count, sizeof(*renumber));

	if (named == NULL || renumber == NULL)
		return sft_fail_memory(reader->scan.err);
	for (size_t i = 0; i < index->count; i++)
		named[index->entries[i].file] = true;
	for (size_t i = 0; i < files->count; i++)
		if (named[i] &&
		    !sft_names_add(&used, files->items[i], strlen(files->items[i]))) {
			sft_names_done(&used);
			return sft_fail_memory(reader->scan.err);
		}
	sft_names_sort(&used);
	for (uint32_t now = 0; now < used.count; now++) {
		uint32_t then;

		if (sft_table_find(&reader->file_table, sft_bytes_of(used.items[now]),
				   &then))
			renumber[then] = now;
	}
	for (size_t i = 0; i < index->count; i++)
		index->entries[i].file = renumber[index->entries[i].file];
	sft_names_done(files);
	*files = used;
	return SFT_OK;
}

static enum sft_status read_open(const struct sft_backing *file, uint8_t **ret_text,
				 size_t *ret_len, struct sft_error *err)
{
	const uint64_t len = file->len;
	auto_free uint8_t *text = NULL;
	enum sft_status status;
	size_t valid;

	if (len > SFT_INDEX_LEN_MAX)
		return sft_fail(err, SFT_E_LIMIT, SFT_POS_NONE,
				"an index of %" PRIu64 " bytes, the limit is %" PRIu64,
				len, SFT_INDEX_LEN_MAX);
	text = malloc(len > 0 ? (size_t)len : 1);
	if (text == NULL)
		return sft_fail_memory(err);
	sft_huge(text, (size_t)len);
	status = sft_read_all(file->fd, text, (size_t)len, 0, err);
	if (status != SFT_OK)
		return status;
	valid = sft_utf8_valid_len(text, (size_t)len);
	if (valid < len)
		return sft_fail(err, SFT_E_INDEX, valid, "the index is not UTF-8");
	*ret_text = steal_ptr(&text);
	*ret_len = (size_t)len;
	return SFT_OK;
}

static enum sft_status read_text(const char *path, uint8_t **ret_text, size_t *ret_len,
				 struct sft_error *err)
{
	struct sft_backing file = { .fd = -1 };
	enum sft_status status = sft_backing_open(&file, path, err);

	if (status == SFT_OK)
		status = read_open(&file, ret_text, ret_len, err);
	sft_backing_close(&file);
	return status;
}

enum sft_status sft_index_read(const char *path, struct sft_index *index,
			       struct sft_names *files, struct sft_error *err)
{
	struct reader reader = { .index = index, .files = files };
	enum sft_status status;

	*index = (struct sft_index){ 0 };
	status = read_text(path, &index->text, &reader.scan.len, err);
	if (status == SFT_OK)
		status = sft_table_init(&index->tensors, tensor_of, index, err);
	if (status == SFT_OK)
		status = sft_table_init(&reader.file_table, file_of, files, err);
	if (status == SFT_OK) {
		reader.scan.text = index->text;
		reader.scan.status = SFT_E_INDEX;
		reader.scan.err = err;
		status = read_top(&reader);
	}
	if (status == SFT_OK)
		status = sort_files(&reader);
	sft_table_done(&reader.file_table);
	if (status != SFT_OK)
		sft_error_file(err, path);
	return status;
}

void sft_index_done(struct sft_index *index)
{
	free(index->text);
	free(index->entries);
	sft_table_done(&index->tensors);
	*index = (struct sft_index){ 0 };
}

bool sft_index_find(const struct sft_index *index, struct sft_bytes tensor,
		    uint32_t first, uint32_t *ret_entry)
{
	if (first < index->count &&
	    sft_bytes_equal(index->entries[first].tensor, tensor)) {
		*ret_entry = first;
		return true;
	}
	return index->count > 0 && sft_table_find(&index->tensors, tensor, ret_entry);
}
