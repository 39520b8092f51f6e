// SPDX-License-Identifier: Apache-2.0
#include "core/filter.h"

#include <stdlib.h>

#include "core/array.h"
#include "core/cleanup.h"
#include "core/glob.h"
#include "core/metadata.h"
#include "core/names.h"
#include "core/rename.h"
#include "core/table.h"

#define NONE UINT32_MAX
#define RECORD_LEN (2 * sizeof(uint32_t)) /* before a new name */

struct sft_filter {
	struct sft_names includes, excludes;
	struct sft_rename **renames;
	size_t rename_count, rename_room;
};

/* ---- rules ---- */

struct sft_filter *sft_filter_new(void)
{
	return calloc(1, sizeof(struct sft_filter));
}

void sft_filter_free(struct sft_filter *filter)
{
	if (filter == NULL)
		return;
	sft_names_done(&filter->includes);
	sft_names_done(&filter->excludes);
	for (size_t i = 0; i < filter->rename_count; i++)
		sft_rename_free(filter->renames[i]);
	free(filter->renames);
	free(filter);
}

static enum sft_status add_pattern(struct sft_names *patterns, const char *pattern,
				   struct sft_error *err)
{
	const enum sft_status status = sft_glob_check(pattern, err);

	if (status != SFT_OK)
		return status;
	return sft_names_add(patterns, pattern, strlen(pattern)) ? SFT_OK
								 : sft_fail_memory(err);
}

enum sft_status sft_filter_include(struct sft_filter *filter, const char *pattern,
				   struct sft_error *err)
{
	return add_pattern(&filter->includes, pattern, err);
}

enum sft_status sft_filter_exclude(struct sft_filter *filter, const char *pattern,
				   struct sft_error *err)
{
	return add_pattern(&filter->excludes, pattern, err);
}

enum sft_status sft_filter_rename(struct sft_filter *filter, const char *expression,
				  struct sft_error *err)
{
	enum sft_status status;

	/* NOLINTNEXTLINE(bugprone-sizeof-expression): they are pointers */
	if (!sft_array_reserve(&filter->renames, sizeof(*filter->renames),
			       filter->rename_count + 1, &filter->rename_room))
		return sft_fail_memory(err);
	status = sft_rename_new(expression, &filter->renames[filter->rename_count], err);
	filter->rename_count += status == SFT_OK;
	return status;
}

/* ---- names ---- */

static bool matches_any(const struct sft_names *patterns, struct sft_bytes name)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (sft_glob_match(patterns->items[i], name))
			return true;
	return false;
}

static bool is_kept(const struct sft_filter *filter, struct sft_bytes name)
{
	if (filter->includes.count > 0 && !matches_any(&filter->includes, name))
		return false;
	return !matches_any(&filter->excludes, name);
}

/* What applying works with. */
struct applier {
	struct sft_model *model;
	const struct sft_filter *filter;
	size_t text_len, text_room; /* of the new names */
	struct sft_error *err;
};

/* Applies all renames. @ret_len: of the new name in @out, or SIZE_MAX for the old one. */
static enum sft_status rename_all(const struct applier *applier, struct sft_bytes name,
				  char out[SFT_PATTERN_NAME_MAX], size_t *ret_len)
{
	char other[SFT_PATTERN_NAME_MAX];
	const struct sft_bytes old = name;

	for (size_t i = 0; i < applier->filter->rename_count; i++) {
		bool changed;
		size_t len;
		const enum sft_status status =
			sft_rename_apply(applier->filter->renames[i], name, other, &len,
					 &changed, applier->err);

		if (status != SFT_OK)
			return status;
		if (!changed)
			continue;
		memcpy(out, other, len);
		name = (struct sft_bytes){ (const uint8_t *)out, len };
	}
	*ret_len = sft_bytes_equal(name, old) ? SIZE_MAX : name.len;
	return SFT_OK;
}

/* Keeps a new name. @ret_off: of it in the text, or NONE where the old one stays. */
static enum sft_status rename_one(struct applier *applier, struct sft_bytes name,
				  uint32_t old_off, uint32_t *ret_off)
{
	struct sft_model *model = applier->model;
	const uint32_t record[2] = { old_off, (uint32_t)name.len };
	char renamed[SFT_PATTERN_NAME_MAX];
	enum sft_status status;
	size_t len;

	*ret_off = NONE;
	status = rename_all(applier, name, renamed, &len);
	if (status != SFT_OK || len == SIZE_MAX)
		return status;
	if (applier->text_len > UINT32_MAX - RECORD_LEN - SFT_PATTERN_NAME_MAX - 1)
		return sft_fail(applier->err, SFT_E_LIMIT, SFT_POS_NONE,
				"the new names have more than 4 GiB");
	if (!sft_array_reserve(&model->new_names, 1, applier->text_len + RECORD_LEN + len,
			       &applier->text_room))
		return sft_fail_memory(applier->err);
	memcpy(model->new_names + applier->text_len, record, sizeof(record));
	memcpy(model->new_names + applier->text_len + RECORD_LEN, renamed, len);
	*ret_off = (uint32_t)(applier->text_len + RECORD_LEN);
	applier->text_len += RECORD_LEN + len;
	return SFT_OK;
}

struct sft_bytes sft_filter_source_name(const struct sft_model *model,
					const struct sft_tensor *tensor)
{
	uint32_t record[2];

	if (!tensor->is_renamed)
		return sft_model_name(model, tensor);
	memcpy(record, model->new_names + tensor->name_off - RECORD_LEN, sizeof(record));
	return sft_header_text(sft_model_header(model, tensor), record[0], record[1]);
}

/* ---- tensors and aliases ---- */

/* @moved: by old index: the new one, or NONE. */
static enum sft_status apply_to_tensors(struct applier *applier, uint32_t *moved)
{
	struct sft_model *model = applier->model;
	size_t used = 0;

	for (size_t i = 0; i < model->tensor_count; i++) {
		struct sft_tensor tensor = model->tensors[i];
		const struct sft_bytes name = sft_model_name(model, &tensor);
		size_t begin = applier->text_len;
		enum sft_status status;
		uint32_t off;

		moved[i] = NONE;
		if (!is_kept(applier->filter, name))
			continue;
		status = rename_one(applier, name, tensor.name_off, &off);
		if (status != SFT_OK)
			return status;
		if (off != NONE) {
			tensor.is_renamed = true;
			tensor.name_off = off;
			tensor.name_len =
				(uint32_t)(applier->text_len - begin - RECORD_LEN);
			model->is_filtered = true;
		}
		moved[i] = (uint32_t)used;
		model->tensors[used++] = tensor;
	}
	model->is_filtered = model->is_filtered || used < model->tensor_count;
	model->tensor_count = used;
	return SFT_OK;
}

/* Aliases that go stay behind those that are left: their metadata goes, too. */
static enum sft_status apply_to_aliases(struct applier *applier, const uint32_t *moved)
{
	struct sft_model *model = applier->model;
	const size_t count = model->alias_count;
	auto_free struct sft_alias *sorted = calloc(count + 1, sizeof(*sorted));
	auto_free uint32_t *offs = calloc(count + 1, sizeof(*offs));
	size_t gone = count;
	size_t used = 0;

	if (sorted == NULL || offs == NULL)
		return sft_fail_memory(applier->err);
	for (size_t i = 0; i < count; i++) {
		struct sft_alias alias = model->aliases[i];
		enum sft_status status;

		alias.tensor = moved[alias.tensor];
		if (alias.tensor == NONE || !is_kept(applier->filter, alias.name)) {
			sorted[--gone] = alias;
			continue;
		}
		status = rename_one(applier, alias.name, 0, &offs[used]);
		if (status != SFT_OK)
			return status;
		if (offs[used] != NONE) {
			alias.name.len = applier->text_len - offs[used];
			model->is_filtered = true;
		}
		sorted[used++] = alias;
	}
	for (size_t i = 0; i < used; i++) /* the text has stopped moving */
		if (offs[i] != NONE)
			sorted[i].name.data = model->new_names + offs[i];
	if (count > 0)
		memcpy(model->aliases, sorted, count * sizeof(*sorted));
	model->alias_count = used;
	model->gone_alias_count = count - used;
	model->is_filtered = model->is_filtered || used < count;
	return SFT_OK;
}

/* ---- what came out ---- */

static struct sft_bytes name_at(const void *ctx, uint32_t idx)
{
	const struct sft_model *model = ctx;

	return idx < model->tensor_count ? sft_model_name(model, &model->tensors[idx])
					 : model->aliases[idx - model->tensor_count].name;
}

static struct sft_bytes source_at(const struct sft_model *model, uint32_t idx)
{
	return idx < model->tensor_count
		       ? sft_filter_source_name(model, &model->tensors[idx])
		       : model->aliases[idx - model->tensor_count].source;
}

static enum sft_status fail_twice(const struct applier *applier, uint32_t first,
				  uint32_t second)
{
	const struct sft_model *model = applier->model;
	const struct sft_bytes a = source_at(model, first);
	const struct sft_bytes b = source_at(model, second);
	const struct sft_bytes name = name_at(model, first);
	char text[3][256];

	return sft_fail(applier->err, SFT_E_NAME, SFT_POS_NONE,
			"\"%s\" and \"%s\" are both renamed to, or are, \"%s\"",
			sft_escape(text[0], sizeof(text[0]), a.data, a.len),
			sft_escape(text[1], sizeof(text[1]), b.data, b.len),
			sft_escape(text[2], sizeof(text[2]), name.data, name.len));
}

static enum sft_status fail_reserved(const struct applier *applier, uint32_t idx)
{
	const struct sft_bytes name = source_at(applier->model, idx);
	char text[256];

	return sft_fail(applier->err, SFT_E_NAME, SFT_POS_NONE,
			"\"%s\" is renamed to \"__metadata__\", which no tensor can be",
			sft_escape(text, sizeof(text), name.data, name.len));
}

static struct sft_bytes source_of(const void *ctx, uint32_t idx)
{
	const struct sft_alias *aliases = ctx;

	return aliases[idx].source;
}

/* A name that is no alias, but says something of the model: another may not take it. */
static enum sft_status check_key(const struct applier *applier, struct sft_bytes key,
				 const struct sft_table *sources,
				 const struct sft_table *names)
{
	const struct sft_model *model = applier->model;
	uint32_t idx;
	char text[2][256];

	if (sft_table_find(sources, key, &idx) || !sft_table_find(names, key, &idx) ||
	    idx < model->tensor_count)
		return SFT_OK;
	idx -= (uint32_t)model->tensor_count;
	return sft_fail(applier->err, SFT_E_NAME, SFT_POS_NONE,
			"\"%s\" is renamed to \"%s\", which the metadata has already",
			sft_escape(text[0], sizeof(text[0]),
				   model->aliases[idx].source.data,
				   model->aliases[idx].source.len),
			sft_escape(text[1], sizeof(text[1]), key.data, key.len));
}

/* In the metadata aliases stand beside other keys. */
static enum sft_status check_metadata(const struct applier *applier,
				      const struct sft_table *names)
{
	const struct sft_model *model = applier->model;
	const size_t all = model->alias_count + model->gone_alias_count;
	auto_free struct sft_metadata_entry *entries = NULL;
	struct sft_table sources;
	enum sft_status status;
	size_t count = 0;

	if (model->alias_count == 0)
		return SFT_OK;
	status = sft_metadata_unite(model, &entries, &count, applier->err);
	if (status != SFT_OK)
		return status;
	status = sft_table_init(&sources, source_of, model->aliases, applier->err);
	for (uint32_t i = 0, found; status == SFT_OK && i < all; i++)
		status = sft_table_put(&sources, model->aliases[i].source, i, &found,
				       applier->err);
	for (size_t i = 0; status == SFT_OK && i < count; i++)
		status = check_key(applier, entries[i].key, &sources, names);
	sft_table_done(&sources);
	return status;
}

static enum sft_status check_names(const struct applier *applier)
{
	const struct sft_model *model = applier->model;
	const uint32_t count = (uint32_t)(model->tensor_count + model->alias_count);
	const struct sft_bytes reserved = sft_bytes_of("__metadata__");
	struct sft_table names;
	enum sft_status status = sft_table_init(&names, name_at, model, applier->err);

	for (uint32_t i = 0; status == SFT_OK && i < count; i++) {
		const struct sft_bytes name = name_at(model, i);
		uint32_t found;

		if (sft_bytes_equal(name, reserved))
			status = fail_reserved(applier, i);
		else
			status = sft_table_put(&names, name, i, &found, applier->err);
		if (status == SFT_OK && found != i)
			status = fail_twice(applier, found, i);
	}
	if (status == SFT_OK)
		status = check_metadata(applier, &names);
	sft_table_done(&names);
	return status;
}

enum sft_status sft_filter_apply(struct sft_model *model, const struct sft_filter *filter,
				 struct sft_error *err)
{
	struct applier applier = { .model = model, .filter = filter, .err = err };
	auto_free uint32_t *moved = NULL;
	enum sft_status status;

	if (filter == NULL)
		return SFT_OK;
	moved = calloc(model->tensor_count + 1, sizeof(*moved));
	if (moved == NULL)
		return sft_fail_memory(err);
	status = apply_to_tensors(&applier, moved);
	if (status == SFT_OK && model->tensor_count == 0)
		status = sft_fail(err, SFT_E_NAME, SFT_POS_NONE,
				  "no tensor is left: none is both included and not "
				  "excluded (an alias goes with its tensor)");
	if (status == SFT_OK)
		status = apply_to_aliases(&applier, moved);
	return status == SFT_OK ? check_names(&applier) : status;
}
