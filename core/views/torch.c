// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/torch.c - a model folder with one pytorch_model.bin, whatever the shards
 *
 *	pytorch_model/data.pkl		 the state dict: a pickle of names and tensors
 *	pytorch_model/.format_version	 ... and three more records of a few bytes
 *	pytorch_model/data/0 ...	 the tensors' bytes
 *	pytorch_model/version		 and .data/serialization_id
 *
 * Laid out as torch.save() does without checksums, to the byte, so that torch.load() can
 * compute where a record is. An alias is a second key, of the same bytes.
 */
#include <inttypes.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "core/order.h"
#include "core/state_dict.h"
#include "core/views/view.h"
#include "core/zip.h"

#define STEM "pytorch_model"

/* All that PyTorch sets. */
static const struct sft_zip_style style = {
	.flags = 0x0800,
	.has_descriptors = true,
	.has_zip64_end = true,
};

static void add_record(struct sft_zip *zip, struct sft_bytes folder, const char *name,
		       const char *content)
{
	sft_zip_begin(zip, folder, sft_bytes_of(name), strlen(content));
	sft_layout_literal(zip->layout, content, strlen(content));
	sft_zip_end_member(zip);
}

static void add_tensor(struct sft_zip *zip, struct sft_bytes folder,
		       const struct sft_model *model, uint32_t idx,
		       const struct sft_record *record)
{
	const struct sft_tensor *tensor = &model->tensors[idx];
	char name[32];

	if (record->number == SFT_RECORD_NONE)
		return;
	snprintf(name, sizeof(name), "data/%" PRIu32, record->number);
	sft_zip_begin(zip, folder, sft_bytes_of(name), sft_tensor_len(tensor));
	sft_view_describe_bin(model, sft_whole(tensor), zip->layout);
	sft_zip_end_member(zip);
}

static void describe_archive(const struct sft_model *model, const uint32_t *order,
			     const struct sft_record *records, struct sft_layout *layout)
{
	char text[SFT_TOP_NAME_LEN_MAX];
	struct sft_bytes folder;
	struct sft_zip zip;

	snprintf(text, sizeof(text), "%s/", model->stem != NULL ? model->stem : STEM);
	folder = sft_bytes_of(text);
	sft_zip_init(&zip, layout, &style);
	sft_zip_begin(&zip, folder, sft_bytes_of("data.pkl"), SFT_LITERAL_LEN_MAX);
	sft_state_dict_pickle(model, order, records, layout);
	sft_zip_end_member(&zip);
	add_record(&zip, folder, ".format_version", "1");
	add_record(&zip, folder, ".storage_alignment", "64");
	add_record(&zip, folder, "byteorder", "little");
	for (size_t i = 0; layout->status == SFT_OK && i < model->tensor_count; i++)
		add_tensor(&zip, folder, model, order[i], &records[order[i]]);
	add_record(&zip, folder, "version", "3\n");
	/* Tells files apart in PyTorch's statistics; in ours there is nothing to tell. */
	add_record(&zip, folder, ".data/serialization_id",
		   "0000000000000000000000000000000000000000");
	sft_zip_end(&zip);
}

static void describe_weights(const struct sft_model *model, struct sft_layout *layout)
{
	auto_free uint32_t *order = NULL;
	auto_free struct sft_record *records = NULL;

	layout->status = sft_order_make(model, SFT_ORDER_FILE, &order, NULL);
	if (layout->status == SFT_OK)
		layout->status = sft_state_dict_number(model, order, &records);
	if (layout->status == SFT_OK)
		describe_archive(model, order, records, layout);
}

static const struct sft_view_top tops[] = {
	{ .stem = STEM, .name = ".bin", .describe = describe_weights },
};

const struct sft_view sft_view_torch = {
	.name = "torch",
	.about = "a model folder with one pytorch_model.bin",
	.tree = SFT_TREE_PATHS,
	.keeps_top = true,
	.files = &sft_view_companion,
	.file_count = 1,
	.tops = tops,
	.top_count = sizeof(tops) / sizeof(tops[0]),
	.leaves_out = sft_state_dict_absent,
};
