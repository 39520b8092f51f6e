// SPDX-License-Identifier: Apache-2.0
/*
 * core/open.c - from a source to a model: the phases that core/model.h names, in order
 *
 * All checks of hostile input happen on the way. What comes out is immutable but for its
 * state.
 */
#include "core/model.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/cleanup.h"
#include "core/describe.h"
#include "core/filter.h"
#include "core/kept.h"
#include "core/known.h"
#include "core/merge.h"
#include "core/metadata.h"
#include "core/opener.h"
#include "core/shared.h"
#include "core/views/view.h"

/* A tree of fewer is made sooner than a thread is started. */
#define THREAD_TENSORS_MIN 4096u

/* Every shard stays open, and a model may have thousands. */
static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit); /* if it fails, open() will say so */
	}
}

static void warn(const struct sft_options *options, const struct sft_error *warning)
{
	if (options->warn != NULL)
		options->warn(options->warn_arg, warning);
}

/* Takes shards that are not there out of the list. */
static void drop_absent(struct sft_model *model, const bool *absent,
			uint32_t *shard_files)
{
	size_t used = 0;

	for (size_t i = 0; i < model->shard_count; i++) {
		if (absent[i]) {
			sft_shard_close(&model->shards[i]);
			continue;
		}
		for (size_t j = 0; j < model->shards[i].header.tensor_count; j++)
			model->shards[i].header.tensors[j].shard = (uint16_t)used;
		shard_files[used] = (uint32_t)i;
		model->shards[used++] = model->shards[i];
	}
	model->shard_count = used;
}

static enum sft_status open_and_merge(struct sft_model *model,
				      const struct sft_source *source,
				      const struct sft_options *options,
				      struct sft_error *err)
{
	const struct sft_names *names =
		source->index != NULL ? &model->files : &source->names;
	auto_free bool *absent = calloc(names->count, sizeof(*absent));
	auto_free uint32_t *shard_files = calloc(names->count, sizeof(*shard_files));
	enum sft_status status;

	if (names->count > SFT_SHARDS_MAX)
		return sft_fail(err, SFT_E_LIMIT, SFT_POS_NONE, "more than %u shards",
				SFT_SHARDS_MAX);
	model->shards = calloc(names->count, sizeof(*model->shards));
	if (absent == NULL || shard_files == NULL || model->shards == NULL)
		return sft_fail_memory(err);
	for (size_t i = 0; i < names->count; i++) {
		model->shards[i] = (struct sft_shard){ .file.fd = -1,
						       .name = strdup(names->items[i]) };
		model->shard_count++;
		if (model->shards[i].name == NULL)
			return sft_fail_memory(err);
	}
	status = sft_shards_open(model, source, options, absent, err);
	if (status != SFT_OK)
		return status;
	drop_absent(model, absent, shard_files);
	if (model->shard_count == 0)
		return sft_fail(err, SFT_E_INDEX, SFT_POS_NONE,
				"none of the %zu shards of the index is there",
				names->count);
	return sft_model_merge(model, shard_files, options, err);
}

static enum sft_status open_companions(struct sft_model *model,
				       const struct sft_source *source,
				       struct sft_error *err)
{
	const char *slash = source->index != NULL ? strrchr(source->index, '/') : NULL;
	const char *index = slash != NULL ? slash + 1 : source->index;
	struct sft_names own = { 0 };
	enum sft_status status = SFT_OK;

	for (size_t i = 0; status == SFT_OK && i < model->shard_count; i++)
		if (!sft_names_add(&own, model->shards[i].name,
				   strlen(model->shards[i].name)))
			status = sft_fail_memory(err);
	if (status == SFT_OK && index != NULL &&
	    !sft_names_add(&own, index, strlen(index)))
		status = sft_fail_memory(err);
	sft_names_sort(&own);
	if (status == SFT_OK)
		status = sft_companions_open(&model->companions, source->folder, &own,
					     err);
	sft_names_done(&own);
	return status;
}

enum sft_status sft_model_tree(const struct sft_model *model, enum sft_tree_kind kind,
			       struct sft_tree *ret_tree, struct sft_error *err)
{
	const bool is_paths = kind == SFT_TREE_PATHS;
	const size_t count = is_paths ? model->companions.count
				      : model->tensor_count + model->alias_count;
	auto_free struct sft_bytes *names = calloc(count + 1, sizeof(*names));

	if (names == NULL)
		return sft_fail_memory(err);
	for (size_t i = 0; i < count; i++) {
		if (is_paths)
			names[i] = sft_bytes_of(model->companions.files[i].path);
		else if (i < model->tensor_count)
			names[i] = sft_model_name(model, &model->tensors[i]);
		else
			names[i] = model->aliases[i - model->tensor_count].name;
	}
	return sft_tree_build(ret_tree, kind, names, count, err);
}

static enum sft_status build_tree(struct sft_model *model, enum sft_tree_kind kind,
				  struct sft_error *err)
{
	return sft_model_tree(model, kind, &model->trees[kind], err);
}

/* One of the trees, made by a thread of its own. */
struct tree_job {
	struct sft_model *model;
	enum sft_status status;
	struct sft_error err;
};

static void *build_flat_tree(void *arg)
{
	struct tree_job *job = arg;

	job->status = build_tree(job->model, SFT_TREE_FLAT, &job->err);
	return NULL;
}

static enum sft_status build_trees(struct sft_model *model, struct sft_error *err)
{
	struct tree_job job = { .model = model };
	pthread_t thread;
	const bool started = model->tensor_count >= THREAD_TENSORS_MIN &&
			     pthread_create(&thread, NULL, build_flat_tree, &job) == 0;
	enum sft_status status = build_tree(model, SFT_TREE_NESTED, err);

	if (status == SFT_OK)
		status = build_tree(model, SFT_TREE_PATHS, err);
	if (started)
		pthread_join(thread, NULL);
	else
		build_flat_tree(&job);
	if (status == SFT_OK && job.status != SFT_OK) {
		status = job.status;
		if (err != NULL)
			*err = job.err;
	}
	return status == SFT_OK ? sft_aliases_place(model, err) : status;
}

static enum sft_status init_state(struct sft_model *model, struct sft_error *err)
{
	struct sft_state *state = model->state;

	/* Large and sparse: pages come as entries are set. */
	state->stale = calloc(model->companions.count + 1, sizeof(*state->stale));
	state->folder_len =
		calloc(model->trees[SFT_TREE_NESTED].count, sizeof(*state->folder_len));
	state->known = sft_known_new(model->tensor_count);
	if (state->stale == NULL || state->folder_len == NULL || state->known == NULL)
		return sft_fail_memory(err);
	for (size_t i = 0; i < model->tensor_count; i++)
		model->widths |= UINT64_C(1)
				 << (sft_dtype(model->tensors[i].dtype)->bits - 1);
	state->shared = sft_shared_new();
	if (state->shared == NULL)
		return sft_fail_memory(err);
	return sft_kept_init(model, err);
}

/* Names that loaders of a kind look for, and that the weights' file keeps. */
static const char *stem_of(const struct sft_source *source)
{
	static const char *const stems[] = { "adapter_model", "diffusion_pytorch_model" };
	const char *path = source->index != NULL ? source->index : source->names.items[0];
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
		const size_t len = strlen(stems[i]);

		/* Of a file, an index, a shard, or a variant such as .fp16. */
		if (strncmp(name, stems[i], len) == 0 &&
		    (name[len] == '.' || name[len] == '-'))
			return stems[i];
	}
	return NULL;
}

/* One line for a partial download; the names stand in __metadata__.json. */
static void report_missing(const struct sft_model *model,
			   const struct sft_options *options, const char *index_path)
{
	struct sft_error warning;
	char name[128];

	if (model->missing_count == 0)
		return;
	sft_fail(&warning, SFT_E_INDEX, SFT_POS_NONE,
		 "%zu of the %zu tensors of the index are missing, the first is \"%s\"",
		 model->missing_count, model->index.count,
		 sft_escape(name, sizeof(name), model->missing[0].tensor.data,
			    model->missing[0].tensor.len));
	sft_error_file(&warning, index_path);
	warn(options, &warning);
}

/* What is needed to look up and read files. */
static enum sft_status open_files(struct sft_model *model,
				  const struct sft_source *source, struct sft_error *err)
{
	enum sft_status status = SFT_OK;

	if (source->is_folder)
		status = open_companions(model, source, err);
	if (status == SFT_OK)
		status = build_trees(model, err);
	return status == SFT_OK ? init_state(model, err) : status;
}

static enum sft_status open_model(struct sft_model *model,
				  const struct sft_source *source,
				  const struct sft_options *options,
				  struct sft_error *err)
{
	enum sft_status status = SFT_OK;

	model->state = calloc(1, sizeof(*model->state));
	if (model->state == NULL)
		return sft_fail_memory(err);
	pthread_mutex_init(&model->state->document.lock, NULL);
	model->stem = stem_of(source);
	model->names_only = options->names_only;
	if (source->index != NULL)
		status = sft_index_read(source->index, &model->index, &model->files, err);
	if (status == SFT_OK)
		status = open_and_merge(model, source, options, err);
	if (status == SFT_OK && model->missing_count == 0)
		sft_index_done(&model->index);
	if (status == SFT_OK)
		status = sft_aliases_find(model, err);
	if (status == SFT_OK)
		status = sft_filter_apply(model, options->filter, err);
	if (status == SFT_OK)
		status = sft_metadata_keep_format(model, err);
	if (status == SFT_OK && !model->names_only)
		status = open_files(model, source, err);
	if (status == SFT_OK)
		status = sft_model_sum_up(model, err);
	if (status == SFT_OK && source->index != NULL)
		report_missing(model, options, source->index);
	return status;
}

enum sft_status sft_open(const char *source_path, const struct sft_options *options,
			 struct sft_model **ret_model, struct sft_error *err)
{
	static const struct sft_options defaults = { 0 };
	struct sft_model *model = calloc(1, sizeof(*model));
	struct sft_source source = { 0 };
	enum sft_status status;

	raise_open_files();
	if (model == NULL)
		return sft_fail_memory(err);
	status = sft_source_find(source_path, &source, err);
	if (status == SFT_OK)
		status = open_model(model, &source, options != NULL ? options : &defaults,
				    err);
	if (status == SFT_OK && !model->names_only && !sft_view_use(model, "tensors"))
		status = sft_fail(err, SFT_E_NAME, SFT_POS_NONE, "no view to begin with");
	if (status != SFT_OK) {
		sft_error_file(err, source.index != NULL ? source.index : source_path);
		sft_close(model);
		model = NULL;
	}
	sft_source_done(&source);
	malloc_trim(
		0); /* much was only needed on the way, in the arenas of many threads */
	if (status == SFT_OK)
		*ret_model = model;
	return status;
}

void sft_close(struct sft_model *model)
{
	if (model == NULL)
		return;
	if (model->state != NULL) {
		sft_kept_done(model);
		sft_shared_free(model->state->shared);
		free(model->state->stale);
		free(model->state->folder_len);
		sft_known_free(model->state->known);
		pthread_mutex_destroy(&model->state->document.lock);
		free(model->state->document.text);
		free(model->state);
	}
	for (size_t i = 0; i < SFT_TREE_COUNT; i++)
		sft_tree_done(&model->trees[i]);
	sft_companions_done(&model->companions);
	free(model->aliases);
	free(model->new_names);
	free(model->own_format);
	for (size_t i = 0; i < model->shard_count; i++)
		sft_shard_close(&model->shards[i]);
	free(model->shards);
	free(model->tensors);
	sft_index_done(&model->index);
	sft_names_done(&model->files);
	free(model->missing);
	free(model);
}

struct sft_totals sft_model_totals(const struct sft_model *model)
{
	struct sft_totals totals = {
		.tensor_count = model->tensor_count,
		.shard_count = model->shard_count,
	};

	for (size_t i = 0; i < model->shard_count; i++)
		totals.len +=
			model->shards[i].file.len; /* checked by sft_model_sum_up() */
	for (size_t i = 0; i < SFT_TREE_COUNT; i++)
		if (model->trees[i].count > totals.node_limit)
			totals.node_limit = model->trees[i].count;
	totals.node_limit += UINT8_MAX; /* the top files have nodes, too */
	return totals;
}

void sft_model_watch(const struct sft_model *model, bool (*is_over)(void *arg), void *arg)
{
	model->state->is_over_arg = arg;
	model->state->is_over = is_over;
}
