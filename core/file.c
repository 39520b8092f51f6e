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

#include "core/cast_read.h"
#include "core/kept.h"
#include "core/shared.h"
#include "core/slice.h"

#define EXTENTS_PER_STEP 64u

struct sft_file {
	const struct sft_model *model;
	struct sft_home home; /* of all of it */
	dev_t device;         /* of that; 0: several */
	const struct sft_layout
		*layout; /* @own, or one that the model keeps, or @shared */
	struct sft_layout own;
	struct sft_shared_layout *shared; /* or NULL */
};

static enum sft_status describe(struct sft_file *file, struct sft_ref ref,
				const struct sft_slice *slice)
{
	const struct sft_model *model = file->model;

	if (sft_ref_is_kept(model, ref))
		return sft_kept_layout(model, sft_ref_view_idx(model, ref),
				       &file->layout);
	if (sft_shared_has(model, ref)) {
		const enum sft_status status =
			sft_shared_take(model, ref, slice, &file->shared);

		if (status == SFT_OK)
			file->layout = sft_shared_get(file->shared);
		return status;
	}
	if (slice != NULL)
		sft_slice_describe(model, slice, &file->own);
	else
		sft_ref_describe(model, ref, &file->own);
	file->layout = &file->own;
	return file->own.status;
}

/* Opens the file of @ref, or of a slice of it. */
static enum sft_status open_file(const struct sft_model *model, struct sft_ref ref,
				 const struct sft_slice *slice,
				 struct sft_file **ret_file, struct sft_error *err)
{
	struct sft_file *file = malloc(sizeof(*file));
	enum sft_status status;

	if (file == NULL)
		return sft_fail_memory(err);
	file->model = model;
	file->shared = NULL;
	file->home = sft_ref_home(model, ref);
	file->device = sft_ref_device(model, ref);
	sft_layout_init(&file->own, false);
	status = sft_home_check(model, file->home, err);
	if (status == SFT_OK) {
		status = describe(file, ref, slice);
		if (status != SFT_OK)
			sft_fail(err, status, SFT_POS_NONE, "cannot describe a file");
	}
	if (status != SFT_OK) {
		sft_file_close(file);
		return status;
	}
	*ret_file = file;
	return SFT_OK;
}

enum sft_status sft_file_open(const struct sft_model *model, struct sft_ref ref,
			      struct sft_file **ret_file, struct sft_error *err)
{
	return open_file(model, ref, NULL, ret_file, err);
}

enum sft_status sft_slice_open(const struct sft_model *model,
			       const struct sft_slice *slice, struct sft_file **ret_file,
			       struct sft_error *err)
{
	return open_file(model, slice->ref, slice, ret_file, err);
}

void sft_file_close(struct sft_file *file)
{
	if (file == NULL)
		return;
	if (file->shared != NULL)
		sft_shared_drop(file->model, file->shared);
	sft_layout_done(&file->own);
	free(file);
}

uint64_t sft_file_len(const struct sft_file *file)
{
	return file->layout->len;
}

uint64_t sft_file_id(const struct sft_file *file)
{
	return sft_layout_id(file->layout);
}

dev_t sft_file_device(const struct sft_file *file)
{
	return file->device;
}

struct sft_home sft_file_home(const struct sft_file *file)
{
	return file->home;
}

/* ---- changes of the source ---- */

/* The latch of a file of the source: all shards have one together. */
static atomic_bool *latch_of(const struct sft_model *model, size_t idx)
{
	return idx < model->shard_count ? &model->state->changed
					: &model->state->stale[idx - model->shard_count];
}

/* Asks for one file of the source; remembers a change. */
static enum sft_status check_file(const struct sft_model *model, size_t idx,
				  struct sft_error *err)
{
	const struct sft_backing *file = sft_model_file(model, idx);
	const enum sft_status status = sft_backing_check(file, err);

	if (status == SFT_E_CHANGED && !atomic_exchange(latch_of(model, idx), true))
		atomic_fetch_add(&model->state->changes, 1);
	if (status != SFT_OK)
		sft_error_file(err, file->path);
	return status;
}

static bool has_changed(const struct sft_model *model, struct sft_home home)
{
	return atomic_load_explicit(latch_of(model, home.first), memory_order_acquire);
}

enum sft_status sft_home_check(const struct sft_model *model, struct sft_home home,
			       struct sft_error *err)
{
	for (size_t i = home.first; i < home.first + home.count; i++) {
		const enum sft_status status = check_file(model, i, err);

		if (status != SFT_OK)
			return status;
	}
	/* Asked last: another thread may have seen another shard change. */
	if (has_changed(model, home))
		return sft_fail(err, SFT_E_CHANGED, SFT_POS_NONE,
				"the source changed after it was opened");
	return SFT_OK;
}

enum sft_status sft_home_explain(const struct sft_model *model, struct sft_home home,
				 enum sft_status status, struct sft_error *err)
{
	struct sft_error why;

	if (sft_home_check(model, home, &why) != SFT_E_CHANGED)
		return status;
	if (err != NULL)
		*err = why;
	return SFT_E_CHANGED;
}

unsigned sft_model_changes(const struct sft_model *model)
{
	return atomic_load(&model->state->changes);
}

bool sft_model_holds(const struct sft_model *model, dev_t device, ino_t inode)
{
	const size_t count = model->shard_count + model->companions.count;

	for (size_t i = 0; i < count; i++) {
		const struct sft_backing *file = sft_model_file(model, i);

		if (file->device == device && file->inode == inode)
			return true;
	}
	return false;
}

bool sft_model_whole(const struct sft_model *model, size_t idx, struct sft_span *ret_span)
{
	/* Shards are shown by the view `model`, if there is nothing to merge. */
	const bool has_shard = model->shard_count == 1 && !model->is_filtered;
	const size_t skipped = has_shard ? 0 : model->shard_count;
	const struct sft_backing *file;

	if (idx >= model->shard_count - skipped + model->companions.count)
		return false;
	file = sft_model_file(model, idx + skipped);
	*ret_span = (struct sft_span){ .fd = file->fd, .len = file->len };
	return true;
}

bool sft_ref_changed(const struct sft_model *model, struct sft_ref ref)
{
	return has_changed(model, sft_ref_home(model, ref));
}

/*
 * Of a file about the whole model a read touches few shards, and only these are asked. A
 * read of text alone, of a header for example, is one of all that the text was made of.
 */
static struct sft_home home_of(const struct sft_file *file,
			       const struct sft_extent *extents, size_t count,
			       struct sft_home home)
{
	if (file->home.count == 1)
		return file->home;
	for (size_t i = 0; i < count; i++) {
		size_t first = 0;
		size_t end;

		switch (extents[i].kind) {
		case SFT_SEGMENT_LITERAL:
		case SFT_SEGMENT_MEMORY:
			continue;
		case SFT_SEGMENT_LAZY:
			first = file->model->tensors[extents[i].idx].shard;
			break;
		case SFT_SEGMENT_RANGE:
		case SFT_SEGMENT_ROWS:
		case SFT_SEGMENT_CAST:
			first = extents[i].idx;
			break;
		}
		end = first + 1;
		if (home.count > 0) {
			if (home.first < first)
				first = home.first;
			if (home.first + home.count > end)
				end = home.first + home.count;
		}
		home = (struct sft_home){ first, end - first };
	}
	return home;
}

/* ---- reading ---- */

/* Pieces of memory, as many as there is room for. */
struct pieces {
	struct iovec *iov;
	size_t count, max;
};

/* Return: false where the memory is none, or there are too many pieces. */
static bool add_piece(struct pieces *pieces, const uint8_t *memory, size_t len)
{
	if (memory == NULL || pieces->count == pieces->max)
		return false;
	pieces->iov[pieces->count++] = (struct iovec){ (void *)memory, len };
	return true;
}

static bool add_rows(struct pieces *pieces, const uint8_t *map,
		     const struct sft_extent *extent)
{
	const struct sft_rows *rows = extent->rows;
	uint64_t row = extent->skip / rows->row_len;
	uint64_t in_row = extent->skip % rows->row_len;
	size_t left = extent->len;

	/* Short rows are gathered rather than pointed at: see sft_file_read(). */
	if (map == NULL || extent->len / rows->row_len > pieces->max - pieces->count)
		return false;
	for (; left > 0; row++, in_row = 0) {
		const uint64_t rest = rows->row_len - in_row;
		const size_t part = rest < left ? (size_t)rest : left;

		if (!add_piece(pieces,
			       map + extent->file_off + sft_rows_off(rows, row) + in_row,
			       part))
			return false;
		left -= part;
	}
	return true;
}

/* Adds an extent that lies in memory which outlives the file. */
static bool add_extent(struct pieces *pieces, const struct sft_file *file,
		       const struct sft_extent *extent)
{
	const uint8_t *map;

	switch (extent->kind) {
	case SFT_SEGMENT_LITERAL:
		return file->layout != &file->own && file->shared == NULL &&
		       add_piece(pieces, extent->memory, extent->len);
	case SFT_SEGMENT_MEMORY:
		return add_piece(pieces, extent->memory, extent->len);
	case SFT_SEGMENT_RANGE:
		map = sft_model_file(file->model, extent->idx)->map;
		return map != NULL &&
		       add_piece(pieces, map + extent->file_off, extent->len);
	case SFT_SEGMENT_ROWS:
		map = sft_model_file(file->model, extent->idx)->map;
		return add_rows(pieces, map, extent);
	case SFT_SEGMENT_CAST:
	case SFT_SEGMENT_LAZY:
		break;
	}
	return false;
}

bool sft_file_map(const struct sft_file *file, uint64_t off, size_t len,
		  struct iovec *ret_iov, size_t max, size_t *ret_count,
		  struct sft_home *ret_home)
{
	struct pieces pieces = { ret_iov, 0, max };
	struct sft_home home = { 0 };

	while (len > 0 && off < file->layout->len) {
		struct sft_extent extents[EXTENTS_PER_STEP];
		const size_t found =
			sft_layout_map(file->layout, off, len, extents, EXTENTS_PER_STEP);

		home = home_of(file, extents, found, home);
		for (size_t i = 0; i < found; i++) {
			if (!add_extent(&pieces, file, &extents[i]))
				return false;
			off += extents[i].len;
			len -= extents[i].len;
		}
	}
	*ret_count = pieces.count;
	*ret_home = home.count > 0 ? home : file->home;
	return true;
}

bool sft_file_span(const struct sft_file *file, uint64_t off, struct sft_span *ret_span)
{
	struct sft_extent extent;

	if (sft_layout_map(file->layout, off, SIZE_MAX, &extent, 1) == 0 ||
	    extent.kind != SFT_SEGMENT_RANGE)
		return false;
	*ret_span = (struct sft_span){
		.fd = sft_model_file(file->model, extent.idx)->fd,
		.off = extent.file_off,
		.len = extent.len,
	};
	return true;
}

static enum sft_status read_lazy(const struct sft_model *model,
				 const struct sft_extent *extent, struct sft_lazy *lazy,
				 uint8_t *buf, struct sft_error *err)
{
	const enum sft_status status = extent->fill(model, extent->idx, lazy, err);

	if (status == SFT_OK && !lazy->is_unknown)
		memcpy(buf, lazy->bytes + extent->skip, extent->len);
	return status;
}

static enum sft_status read_extent(const struct sft_model *model,
				   const struct sft_extent *extent, struct sft_lazy *lazy,
				   uint8_t *buf, struct sft_error *err)
{
	const struct sft_backing *file;
	enum sft_status status = SFT_OK;
	struct sft_raw raw;

	switch (extent->kind) {
	case SFT_SEGMENT_LITERAL:
	case SFT_SEGMENT_MEMORY:
		memcpy(buf, extent->memory, extent->len);
		break;
	case SFT_SEGMENT_RANGE:
	case SFT_SEGMENT_ROWS:
	case SFT_SEGMENT_CAST:
		file = sft_model_file(model, extent->idx);
		raw = (struct sft_raw){ file->fd, extent->file_off, extent->rows };
		status =
			extent->kind == SFT_SEGMENT_CAST
				? sft_cast_read(&raw, extent->dtype, extent->skip, buf,
						extent->len, err)
				: sft_raw_read(&raw, extent->skip, buf, extent->len, err);
		if (status != SFT_OK)
			sft_error_file(err, file->path);
		break;
	case SFT_SEGMENT_LAZY:
		status = read_lazy(model, extent, lazy, buf, err);
		break;
	}
	return status;
}

/* @is_patient: waits for all, not only for what comes first. */
static enum sft_status read_file(const struct sft_file *file, uint64_t off, void *buf,
				 size_t len, size_t *ret_len, bool is_patient,
				 const struct sft_waiter *waiter, struct sft_error *err)
{
	struct sft_lazy lazy = { .waiter = waiter };
	struct sft_home home = { 0 };
	enum sft_status status;
	size_t done = 0;

	while (done < len &&
	       off + done < file->layout->len) { /* off + done: both in the file */
		struct sft_extent extents[EXTENTS_PER_STEP];
		const size_t found = sft_layout_map(file->layout, off + done, len - done,
						    extents, EXTENTS_PER_STEP);

		home = home_of(file, extents, found, home);
		for (size_t i = 0; i < found; i++) {
			lazy.only_known = !is_patient && done > 0;
			status = read_extent(file->model, &extents[i], &lazy,
					     (uint8_t *)buf + done, err);
			if (status != SFT_OK)
				return sft_home_explain(file->model, home, status, err);
			if (lazy.is_unknown) {
				len = done;
				break;
			}
			done += extents[i].len;
		}
	}
	/* Behind the reading: what was read is from before any change. */
	status = sft_home_check(file->model, home.count > 0 ? home : file->home, err);
	if (status == SFT_OK)
		*ret_len = done;
	return status;
}

enum sft_status sft_file_read(const struct sft_file *file, uint64_t off, void *buf,
			      size_t len, size_t *ret_len, struct sft_error *err)
{
	return read_file(file, off, buf, len, ret_len, true, NULL, err);
}

bool sft_file_is_slow(const struct sft_file *file)
{
	return file->layout->is_slow;
}

enum sft_status sft_file_read_some(const struct sft_file *file, uint64_t off, void *buf,
				   size_t len, size_t *ret_len,
				   const struct sft_waiter *waiter, struct sft_error *err)
{
	return read_file(file, off, buf, len, ret_len, !file->layout->is_slow, waiter,
			 err);
}
