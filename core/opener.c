// SPDX-License-Identifier: Apache-2.0
#include "core/opener.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/feed.h"

/* More than there are processors: on a cold disk or a network, threads mostly wait. */
#define OPENERS_MAX 8u

/* What the threads that open shards share. */
struct openers {
	struct sft_model *model;
	const struct sft_source *source;
	const struct sft_options *options;
	bool *absent; /* by shard: not there, and that is allowed */
	atomic_size_t next;
	atomic_bool stop;
	atomic_uint_fast64_t headers_len;
	pthread_mutex_t lock; /* of what follows */
	size_t failed;        /* the first shard that failed, or SIZE_MAX */
	struct sft_error *err;
};

static enum sft_status open_one(struct openers *openers, size_t idx,
				struct sft_spare spare, struct sft_error *err)
{
	struct sft_shard *shard = &openers->model->shards[idx];
	enum sft_status status;
	uint64_t total;

	shard->file.path = sft_source_path(openers->source, shard->name);
	if (shard->file.path == NULL)
		return sft_fail_memory(err);
	status = sft_shard_open(shard, (uint16_t)idx, openers->options->io, spare, err);
	if (status == SFT_E_IO && err->sys_errno == ENOENT &&
	    openers->source->index != NULL) {
		if (openers->options->skip_missing) {
			openers->absent[idx] = true;
			return SFT_OK;
		}
		status = sft_fail(err, SFT_E_INDEX, SFT_POS_NONE,
				  "this shard is missing, but the index lists it; '-o "
				  "missing=skip' opens what is there");
		sft_error_file(err, shard->file.path);
		return status;
	}
	total = atomic_fetch_add(&openers->headers_len, shard->header.text_len) +
		shard->header.text_len;
	if (status == SFT_OK && total > SFT_HEADERS_LEN_MAX) {
		status = sft_fail(err, SFT_E_LIMIT, SFT_POS_NONE,
				  "the headers up to here have %" PRIu64
				  " bytes, the limit is %" PRIu64,
				  total, SFT_HEADERS_LEN_MAX);
		sft_error_file(err, shard->file.path);
	}
	return status;
}

/*
 * Opens shards until there are none left. Reports the first in order that fails. All
 * headers go through the same memory: threads that ask the kernel for new pages, and give
 * them back, wait for one another most of the time.
 */
static void *run_opener(void *arg)
{
	struct openers *openers = arg;
	auto_free uint8_t *memory = malloc(SFT_FEED_PIECE); /* may fail */
	const struct sft_spare spare = { memory, SFT_FEED_PIECE };
	struct sft_error err;

	while (!atomic_load(&openers->stop)) {
		const size_t idx = atomic_fetch_add(&openers->next, 1);

		if (idx >= openers->model->shard_count)
			break;
		if (open_one(openers, idx, spare, &err) == SFT_OK)
			continue;
		atomic_store(&openers->stop, true);
		pthread_mutex_lock(&openers->lock);
		if (idx < openers->failed) {
			openers->failed = idx;
			*openers->err = err;
		}
		pthread_mutex_unlock(&openers->lock);
	}
	return NULL;
}

enum sft_status sft_shards_open(struct sft_model *model, const struct sft_source *source,
				const struct sft_options *options, bool *absent,
				struct sft_error *err)
{
	struct sft_error first;
	struct openers openers = {
		.model = model,
		.source = source,
		.options = options,
		.absent = absent,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.failed = SIZE_MAX,
		.err = &first,
	};
	pthread_t threads[OPENERS_MAX];
	size_t started = 0;

	/* This thread takes part; with a single shard it is the only one. */
	while (started + 1 < model->shard_count && started < OPENERS_MAX &&
	       pthread_create(&threads[started], NULL, run_opener, &openers) == 0)
		started++;
	run_opener(&openers);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&openers.lock);
	if (openers.failed == SIZE_MAX)
		return SFT_OK;
	if (err != NULL)
		*err = first;
	return first.status;
}
