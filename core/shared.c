// SPDX-License-Identifier: Apache-2.0
#include "core/shared.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/file.h"
#include "core/slice.h"

#define BUCKET_COUNT 1024u

struct sft_shared_layout {
	struct sft_shared_layout *next; /* in its bucket */
	struct sft_ref ref;
	struct sft_slice *slice; /* NULL: the whole file */
	size_t users;
	struct sft_layout layout;
};

struct sft_shared {
	pthread_mutex_t lock; /* of all that follows */
	struct sft_shared_layout *buckets[BUCKET_COUNT];
	uint64_t len;
};

struct sft_shared *sft_shared_new(void)
{
	struct sft_shared *shared = calloc(1, sizeof(*shared));

	if (shared != NULL)
		pthread_mutex_init(&shared->lock, NULL);
	return shared;
}

void sft_shared_free(struct sft_shared *shared)
{
	if (shared == NULL)
		return;
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

/* Whether a shape's text is long; it surely ends. */
static bool has_long_shape(const struct sft_model *model, const struct sft_tensor *tensor)
{
	const struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, tensor), tensor);

	for (size_t i = 0; i < SFT_SHARED_NAME_MIN; i++)
		if (shape.at[i] == ']')
			return false;
	return true;
}

bool sft_shared_has(const struct sft_model *model, struct sft_ref ref)
{
	const struct sft_tensor *tensor = sft_ref_tensor(model, ref);

	if (tensor == NULL) /* a folder's file; the others are small, or kept for good */
		return ref.kind >= SFT_KIND_FILE &&
		       sft_ref_tree(model, ref)->nodes[ref.node].is_folder;
	return tensor->name_len >= SFT_SHARED_NAME_MIN || has_long_shape(model, tensor);
}

static struct sft_shared_layout **bucket_of(struct sft_shared *shared, struct sft_ref ref,
					    const struct sft_slice *slice)
{
	const uint32_t hash = ref.node * 31u + ref.view * 7u + ref.kind +
			      (slice != NULL ? (uint32_t)slice->id : 0);

	return &shared->buckets[hash % BUCKET_COUNT];
}

/* Bytes that a layout takes; it is trimmed. */
static uint64_t len_of(const struct sft_layout *layout)
{
	return layout->text_len + layout->count * sizeof(struct sft_segment);
}

static void discard(struct sft_shared_layout *layout)
{
	sft_layout_done(&layout->layout);
	free(layout->slice);
	free(layout);
}

/* Describes the file, or a slice, of which a copy is kept. */
static enum sft_status describe(struct sft_shared_layout *made,
				const struct sft_model *model, struct sft_ref ref,
				const struct sft_slice *slice)
{
	if (slice == NULL) {
		sft_ref_describe(model, ref, &made->layout);
		return made->layout.status;
	}
	made->slice = malloc(sizeof(*slice));
	if (made->slice == NULL)
		return SFT_E_NO_MEMORY;
	*made->slice = *slice;
	sft_slice_describe(model, slice, &made->layout);
	return made->layout.status;
}

static enum sft_status make(const struct sft_model *model, struct sft_ref ref,
			    const struct sft_slice *slice,
			    struct sft_shared_layout **ret_layout)
{
	struct sft_shared *shared = model->state->shared;
	struct sft_shared_layout **bucket = bucket_of(shared, ref, slice);
	struct sft_shared_layout *made = calloc(1, sizeof(*made));
	enum sft_status status;

	if (made == NULL)
		return SFT_E_NO_MEMORY;
	sft_layout_init(&made->layout, false);
	status = describe(made, model, ref, slice);
	if (status == SFT_OK) {
		sft_layout_trim(&made->layout);
		if (shared->len + len_of(&made->layout) > SFT_SHARED_LEN_MAX)
			status = SFT_E_NO_MEMORY;
	}
	if (status != SFT_OK) {
		discard(made);
		return status;
	}
	made->ref = ref;
	made->users = 1;
	made->next = *bucket;
	*bucket = made;
	shared->len += len_of(&made->layout);
	*ret_layout = made;
	return SFT_OK;
}

static bool is_of(const struct sft_shared_layout *layout, struct sft_ref ref,
		  const struct sft_slice *slice)
{
	return layout->ref.node == ref.node && layout->ref.view == ref.view &&
	       layout->ref.kind == ref.kind &&
	       (layout->slice == NULL) == (slice == NULL) &&
	       (slice == NULL || sft_slice_equal(layout->slice, slice));
}

enum sft_status sft_shared_take(const struct sft_model *model, struct sft_ref ref,
				const struct sft_slice *slice,
				struct sft_shared_layout **ret_layout)
{
	struct sft_shared *shared = model->state->shared;
	enum sft_status status = SFT_OK;
	struct sft_shared_layout *found;

	pthread_mutex_lock(&shared->lock);
	found = *bucket_of(shared, ref, slice);
	while (found != NULL && !is_of(found, ref, slice))
		found = found->next;
	if (found != NULL) {
		found->users++;
		*ret_layout = found;
	} else {
		status = make(model, ref, slice, ret_layout);
	}
	pthread_mutex_unlock(&shared->lock);
	return status;
}

void sft_shared_drop(const struct sft_model *model, struct sft_shared_layout *layout)
{
	struct sft_shared *shared = model->state->shared;
	struct sft_shared_layout **at;

	pthread_mutex_lock(&shared->lock);
	if (--layout->users == 0) {
		at = bucket_of(shared, layout->ref, layout->slice);
		while (*at != layout)
			at = &(*at)->next;
		*at = layout->next;
		shared->len -= len_of(&layout->layout);
		discard(layout);
	}
	pthread_mutex_unlock(&shared->lock);
}

const struct sft_layout *sft_shared_get(const struct sft_shared_layout *layout)
{
	return &layout->layout;
}
