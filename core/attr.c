// SPDX-License-Identifier: Apache-2.0
/*
 * core/attr.c - what stat() shows of a ref
 *
 * A file has the attributes of the file of the source that it comes from. Folders, and
 * files about the whole model, have those that all shards share: the newest time, and
 * what every one allows.
 */
#include <stdio.h>

#include "core/file.h"
#include "core/kept.h"
#include "core/slice.h"
#include "core/views/view.h"

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static struct sft_attr attr_of_home(const struct sft_model *model, struct sft_home home)
{
	const struct sft_backing *first = sft_model_file(model, home.first);
	struct sft_attr attr = {
		.mode = 0444,
		.uid = first->uid,
		.gid = first->gid,
		.mtime = first->mtime,
		.link_count = 1,
	};

	for (size_t i = home.first; i < home.first + home.count; i++) {
		const struct sft_backing *file = sft_model_file(model, i);

		attr.mode &= file->mode;
		if (is_later(&file->mtime, &attr.mtime))
			attr.mtime = file->mtime;
	}
	return attr;
}

/* Subfolders of a folder. */
static uint32_t count_folders(const struct sft_model *model, struct sft_ref ref)
{
	if (ref.kind == SFT_KIND_VIEWS)
		return (uint32_t)sft_view_count();
	return sft_ref_tree(model, ref)->nodes[ref.node].folder_count;
}

static enum sft_status measure(const struct sft_model *model, struct sft_ref ref,
			       uint64_t *ret_len)
{
	struct sft_layout layout;
	enum sft_status status;

	if (sft_ref_is_kept(model, ref))
		return sft_kept_len(model, sft_ref_view_idx(model, ref), ret_len);
	sft_layout_init(&layout, true);
	sft_ref_describe(model, ref, &layout);
	status = layout.status;
	*ret_len = layout.len;
	sft_layout_done(&layout);
	return status;
}

enum sft_status sft_attr(const struct sft_model *model, struct sft_ref ref,
			 struct sft_attr *ret_attr, struct sft_error *err)
{
	struct sft_attr attr = attr_of_home(model, sft_ref_home(model, ref));
	enum sft_status status = SFT_OK;
	char target[SFT_LINK_LEN_MAX];

	attr.type = sft_ref_type(model, ref);
	switch (attr.type) {
	case SFT_TYPE_FOLDER:
		attr.mode |= attr.mode >> 2; /* who may read it may enter it */
		attr.link_count = 2 + count_folders(model, ref);
		break;
	case SFT_TYPE_LINK:
		attr.mode = 0777;
		attr.len = sft_link_target(model, ref, target);
		break;
	case SFT_TYPE_FILE:
		status = measure(model, ref, &attr.len);
		break;
	}
	if (status != SFT_OK)
		return sft_fail(err, status, SFT_POS_NONE,
				"cannot tell the length of a file");
	*ret_attr = attr;
	return SFT_OK;
}

enum sft_status sft_slice_attr(const struct sft_model *model,
			       const struct sft_slice *slice, struct sft_attr *ret_attr,
			       struct sft_error *err)
{
	struct sft_attr attr = attr_of_home(model, sft_ref_home(model, slice->ref));
	struct sft_layout layout;
	enum sft_status status;

	attr.type = SFT_TYPE_FILE;
	sft_layout_init(&layout, true);
	sft_slice_describe(model, slice, &layout);
	status = layout.status;
	attr.len = layout.len;
	sft_layout_done(&layout);
	if (status != SFT_OK)
		return sft_fail(err, status, SFT_POS_NONE,
				"cannot tell the length of a slice");
	*ret_attr = attr;
	return SFT_OK;
}

/* ---- notes ---- */

static void note(const struct sft_model *model, struct sft_part part, char *out,
		 size_t cap)
{
	char shape[96];

	sft_shape_format(sft_part_shape(model, part), shape, sizeof(shape));
	snprintf(out, cap, "%s %s", sft_dtype(part.tensor->dtype)->name, shape);
}

void sft_ref_note(const struct sft_model *model, struct sft_ref ref, char *out,
		  size_t cap)
{
	const struct sft_tensor *tensor = sft_ref_tensor(model, ref);

	out[0] = '\0';
	if (tensor != NULL)
		note(model, sft_whole(tensor), out, cap);
}

void sft_slice_note(const struct sft_model *model, const struct sft_slice *slice,
		    char *out, size_t cap)
{
	struct sft_box box;

	sft_slice_box(model, slice, &box);
	note(model, (struct sft_part){ sft_ref_tensor(model, slice->ref), &box }, out,
	     cap);
}
