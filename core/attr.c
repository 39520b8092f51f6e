// SPDX-License-Identifier: Apache-2.0
/*
 * core/attr.c - what stat() shows of a ref
 *
 * A tensor's files have the attributes of its shard. Folders, and files about the whole
 * model, have those that all shards share: the newest time, and what every one allows.
 */
#include <stdio.h>

#include "core/file.h"
#include "core/views/view.h"

/* What belongs to all shards: the newest time, and what every one of them allows. */
static struct sft_attr attr_of_model(const struct sft_model *model)
{
	const struct sft_shard *first = &model->shards[0];
	struct sft_attr attr = {
		.mode = 0444,
		.uid = first->file.uid,
		.gid = first->file.gid,
		.mtime = first->file.mtime,
	};

	for (size_t i = 0; i < model->shard_count; i++) {
		const struct sft_shard *shard = &model->shards[i];

		attr.mode &= shard->file.mode;
		if (shard->file.mtime.tv_sec > attr.mtime.tv_sec ||
		    (shard->file.mtime.tv_sec == attr.mtime.tv_sec &&
		     shard->file.mtime.tv_nsec > attr.mtime.tv_nsec))
			attr.mtime = shard->file.mtime;
	}
	return attr;
}

static struct sft_attr attr_of_shard(const struct sft_shard *shard)
{
	return (struct sft_attr){
		.mode = shard->file.mode & 0444,
		.uid = shard->file.uid,
		.gid = shard->file.gid,
		.mtime = shard->file.mtime,
	};
}

enum sft_status sft_attr(const struct sft_model *model, struct sft_ref ref,
			 struct sft_attr *ret_attr, struct sft_error *err)
{
	const struct sft_tensor *tensor = sft_ref_tensor(model, ref);
	struct sft_attr attr = tensor != NULL
				       ? attr_of_shard(&model->shards[tensor->shard])
				       : attr_of_model(model);
	struct sft_layout layout;
	enum sft_status status;

	if (sft_ref_is_folder(ref)) {
		attr.is_folder = true;
		attr.mode |= attr.mode >> 2; /* who may read it may enter it */
		attr.link_count =
			2 + (ref.kind == SFT_KIND_VIEWS
				     ? (uint32_t)sft_view_count()
				     : model->tree.nodes[ref.node].folder_count);
		*ret_attr = attr;
		return SFT_OK;
	}
	attr.link_count = 1;
	sft_layout_init(&layout, true);
	sft_ref_describe(model, ref, &layout);
	attr.len = layout.len;
	status = layout.status;
	sft_layout_done(&layout);
	if (status != SFT_OK)
		return sft_fail(err, status, SFT_POS_NONE,
				"cannot tell the length of a file");
	*ret_attr = attr;
	return SFT_OK;
}

void sft_ref_note(const struct sft_model *model, struct sft_ref ref, char *out,
		  size_t cap)
{
	const struct sft_tensor *tensor = sft_ref_tensor(model, ref);
	char shape[96];

	out[0] = '\0';
	if (tensor == NULL)
		return;
	sft_shape_format(sft_model_header(model, tensor), tensor, shape, sizeof(shape));
	snprintf(out, cap, "%s %s", sft_dtype(tensor->dtype)->name, shape);
}
