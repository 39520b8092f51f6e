// SPDX-License-Identifier: Apache-2.0
#include "core/kept.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/views/view.h"

/*
 * No view writes more for a tensor than this and so many times the bytes that its name
 * and shape take in a header: a name stands in a file at most three times, a byte of it
 * becomes six where it is escaped.
 */
#define LITERAL_PER_TENSOR UINT64_C(512)
#define LITERAL_PER_HEADER UINT64_C(8)
#define HEADER_PER_TENSOR UINT64_C(160) /* the same of a safetensors header alone */
#define HEADER_PER_HEADER UINT64_C(6)
#define HEADER_MORE UINT64_C(8192) /* braces, a format, and spaces behind it */

struct sft_kept {
	atomic_bool decided; /* whether there can be the file */
	_Atomic(const char *) absent;
	atomic_ullong len_1;  /* length + 1; 0: not measured yet */
	pthread_mutex_t lock; /* of what is made */
	atomic_bool made;
	struct sft_layout layout;
};

static enum sft_status measure(const struct sft_model *model, size_t view,
			       uint64_t *ret_len)
{
	struct sft_layout layout;
	enum sft_status status;

	sft_layout_init(&layout, true);
	sft_views[view]->tops[0].describe(model, &layout);
	status = layout.status;
	if (status == SFT_OK)
		*ret_len = layout.len;
	sft_layout_done(&layout);
	return status;
}

/* Whether no file of the model can pass a limit. */
static bool is_small(const struct sft_model *model)
{
	const uint64_t count = model->tensor_count + model->alias_count;
	uint64_t names = 0; /* at most SFT_HEADERS_LEN_MAX */
	uint64_t len = 0;

	for (size_t i = 0; i < model->shard_count; i++) {
		names += model->shards[i].header.text_len;
		if (!sft_add(len, model->shards[i].file.len, &len))
			return false;
	}
	return len < SFT_FILE_LEN_MAX / 2 &&
	       names * LITERAL_PER_HEADER + count * LITERAL_PER_TENSOR <
		       SFT_LITERAL_LEN_MAX &&
	       names * HEADER_PER_HEADER + count * HEADER_PER_TENSOR + HEADER_MORE <
		       SFT_HEADER_LEN_MAX;
}

bool sft_kept_decide(const struct sft_model *model, size_t view)
{
	struct sft_kept *kept = &model->state->kept[view];
	enum sft_status status = SFT_OK;
	const char *absent = NULL;
	uint64_t len;

	if (!sft_views[view]->keeps_top || atomic_load(&kept->decided))
		return true;
	if (sft_views[view]->absent_top != NULL)
		absent = sft_views[view]->absent_top(model);
	if (absent == NULL && model->may_pass_limits)
		status = sft_kept_len(model, view, &len);
	if (status == SFT_E_LIMIT)
		absent = "past a limit: more than 100,000,000 bytes of a header, "
			 "512 MiB of other text, or 2^63 bytes";
	else if (status != SFT_OK)
		return false;
	/* Threads that come here at once have found the same. */
	atomic_store(&kept->absent, absent);
	atomic_store(&kept->decided, true);
	return true;
}

enum sft_status sft_kept_init(struct sft_model *model, struct sft_error *err)
{
	struct sft_kept *kept = calloc(sft_view_count(), sizeof(*kept));

	if (kept == NULL)
		return sft_fail_memory(err);
	model->state->kept = kept;
	model->may_pass_limits = !is_small(model);
	for (size_t i = 0; i < sft_view_count(); i++) {
		pthread_mutex_init(&kept[i].lock, NULL);
		sft_layout_init(&kept[i].layout, false);
	}
	return SFT_OK;
}

void sft_kept_done(struct sft_model *model)
{
	struct sft_kept *kept = model->state->kept;

	for (size_t i = 0; kept != NULL && i < sft_view_count(); i++) {
		sft_layout_done(&kept[i].layout);
		pthread_mutex_destroy(&kept[i].lock);
	}
	free(kept);
	model->state->kept = NULL;
}

const char *sft_kept_absent(const struct sft_model *model, size_t view)
{
	(void)sft_kept_decide(model, view);
	return atomic_load(&model->state->kept[view].absent);
}

enum sft_status sft_kept_len(const struct sft_model *model, size_t view,
			     uint64_t *ret_len)
{
	struct sft_kept *kept = &model->state->kept[view];
	uint64_t len = atomic_load(&kept->len_1);
	enum sft_status status;

	if (len > 0) {
		*ret_len = len - 1;
		return SFT_OK;
	}
	/* Two threads may both measure; they find the same. */
	status = measure(model, view, &len);
	if (status != SFT_OK)
		return status;
	atomic_store(&kept->len_1, len + 1);
	*ret_len = len;
	return SFT_OK;
}

enum sft_status sft_kept_layout(const struct sft_model *model, size_t view,
				const struct sft_layout **ret_layout)
{
	struct sft_kept *kept = &model->state->kept[view];
	enum sft_status status = SFT_OK;

	if (!atomic_load_explicit(&kept->made, memory_order_acquire)) {
		pthread_mutex_lock(&kept->lock);
		if (!atomic_load(&kept->made)) {
			sft_views[view]->tops[0].describe(model, &kept->layout);
			status = kept->layout.status;
			if (status == SFT_OK) {
				sft_layout_trim(&kept->layout);
				atomic_store_explicit(&kept->made, true,
						      memory_order_release);
			} else {
				sft_layout_done(&kept->layout); /* another try later */
			}
		}
		pthread_mutex_unlock(&kept->lock);
	}
	if (status == SFT_OK)
		*ret_layout = &kept->layout;
	return status;
}
