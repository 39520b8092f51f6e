// SPDX-License-Identifier: Apache-2.0
/*
 * core/file.c - open files: the only way to the bytes
 *
 * Reading is sft_layout_map() and then either a mapping or pread(). Around it stands the
 * promise that nothing is shown of a source that changed: see sft_home_check().
 */
#include "core/file.h"

#include <stdlib.h>
#include <string.h>

#define EXTENTS_PER_STEP 64u

struct sft_file {
	const struct sft_model *model;
	struct sft_home home;
	struct sft_layout layout;
};

enum sft_status sft_file_open(const struct sft_model *model, struct sft_ref ref,
			      struct sft_file **ret_file, struct sft_error *err)
{
	const struct sft_tensor *tensor = sft_ref_tensor(model, ref);
	struct sft_file *file = malloc(sizeof(*file));
	enum sft_status status;

	if (file == NULL)
		return sft_fail_memory(err);
	file->model = model;
	file->home = tensor != NULL ? (struct sft_home){ tensor->shard, 1 }
				    : (struct sft_home){ 0, model->shard_count };
	sft_layout_init(&file->layout, false);
	status = sft_home_check(model, file->home, err);
	if (status == SFT_OK) {
		sft_ref_describe(model, ref, &file->layout);
		if (file->layout.status != SFT_OK)
			status = sft_fail(err, file->layout.status, SFT_POS_NONE,
					  "cannot describe a file");
	}
	if (status != SFT_OK) {
		sft_file_close(file);
		return status;
	}
	*ret_file = file;
	return SFT_OK;
}

void sft_file_close(struct sft_file *file)
{
	if (file == NULL)
		return;
	sft_layout_done(&file->layout);
	free(file);
}

uint64_t sft_file_len(const struct sft_file *file)
{
	return file->layout.len;
}

/* Asks for one shard; remembers a change. */
static enum sft_status check_shard(const struct sft_model *model, size_t idx,
				   struct sft_error *err)
{
	const enum sft_status status = sft_backing_check(&model->shards[idx].file, err);

	if (status == SFT_E_CHANGED)
		atomic_store_explicit(&model->latch->changed, true, memory_order_release);
	if (status != SFT_OK)
		sft_error_file(err, model->shards[idx].file.path);
	return status;
}

struct sft_home sft_file_home(const struct sft_file *file)
{
	return file->home;
}

enum sft_status sft_home_check(const struct sft_model *model, struct sft_home home,
			       struct sft_error *err)
{
	for (size_t i = home.first; i < home.first + home.count; i++) {
		const enum sft_status status = check_shard(model, i, err);

		if (status != SFT_OK)
			return status;
	}
	/* Asked last: another thread may have seen another shard change. */
	if (sft_model_changed(model))
		return sft_fail(err, SFT_E_CHANGED, SFT_POS_NONE,
				"the source changed after it was opened");
	return SFT_OK;
}

/* Where an extent lies in memory that outlives the file, or NULL. */
static const uint8_t *mapped(const struct sft_model *model,
			     const struct sft_extent *extent)
{
	const uint8_t *map;

	if (extent->memory != NULL)
		return extent->is_own ? NULL : extent->memory;
	map = model->shards[extent->shard].file.map;
	return map != NULL ? map + extent->file_off : NULL;
}

bool sft_file_map(const struct sft_file *file, uint64_t off, size_t len,
		  struct iovec *ret_iov, size_t max, size_t *ret_count)
{
	size_t count = 0;

	while (len > 0 && off < file->layout.len) {
		struct sft_extent extents[EXTENTS_PER_STEP];
		const size_t found = sft_layout_map(&file->layout, off, len, extents,
						    EXTENTS_PER_STEP);

		for (size_t i = 0; i < found; i++) {
			const uint8_t *memory = mapped(file->model, &extents[i]);

			if (memory == NULL || count == max)
				return false;
			ret_iov[count++] =
				(struct iovec){ (void *)memory, extents[i].len };
			off += extents[i].len;
			len -= extents[i].len;
		}
	}
	*ret_count = count;
	return true;
}

static enum sft_status read_extent(const struct sft_model *model,
				   const struct sft_extent *extent, uint8_t *buf,
				   struct sft_error *err)
{
	const struct sft_shard *shard;
	enum sft_status status;

	if (extent->memory != NULL) {
		memcpy(buf, extent->memory, extent->len);
		return SFT_OK;
	}
	shard = &model->shards[extent->shard];
	status = sft_read_all(shard->file.fd, buf, extent->len, extent->file_off, err);
	if (status != SFT_OK)
		sft_error_file(err, shard->file.path);
	return status;
}

enum sft_status sft_file_read(const struct sft_file *file, uint64_t off, void *buf,
			      size_t len, size_t *ret_len, struct sft_error *err)
{
	enum sft_status status;
	size_t done = 0;

	while (done < len &&
	       off + done < file->layout.len) { /* off + done: both in the file */
		struct sft_extent extents[EXTENTS_PER_STEP];
		const size_t found = sft_layout_map(&file->layout, off + done, len - done,
						    extents, EXTENTS_PER_STEP);

		for (size_t i = 0; i < found; i++) {
			status = read_extent(file->model, &extents[i],
					     (uint8_t *)buf + done, err);
			if (status != SFT_OK) {
				/* A file that was cut short has changed; say that. */
				if (sft_home_check(file->model, file->home, NULL) ==
				    SFT_E_CHANGED)
					return sft_home_check(file->model, file->home,
							      err);
				return status;
			}
			done += extents[i].len;
		}
	}
	/* Behind the reading: what was read is from before any change. */
	status = sft_home_check(file->model, file->home, err);
	if (status == SFT_OK)
		*ret_len = done;
	return status;
}
