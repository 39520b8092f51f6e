// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/torch.c - a model folder with one pytorch_model.bin, whatever the shards
 *
 * What torch.save() writes for the state dict: a zip of a pickle and a record for the
 * data of each tensor, without checksums, as with compute_crc32=False. An alias is a
 * second key with the same storage.
 */
#include <inttypes.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "core/order.h"
#include "core/pickle.h"
#include "core/views/view.h"
#include "core/zip.h"

static const struct sft_zip_style style = {
	.has_descriptors = true,
	.always_zip64 = true,
	.flags = 0x0800, /* names are UTF-8 */
};

/* What describing works with. */
struct writer {
	const struct sft_model *model;
	struct sft_zip zip;
	const uint32_t *order;
	uint32_t *storage; /* by tensor: number of its record */
};

/* A record's name: the archive's root folder is what the file is called. */
static void begin_record(struct writer *writer, const char *name, uint64_t len)
{
	const char *stem = writer->model->stem;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", stem != NULL ? stem : "pytorch_model",
		 name);
	sft_zip_member(&writer->zip, sft_bytes_of(path), len, 0, SFT_ZIP_ALIGN);
}

static void add_record(struct writer *writer, const char *name, const char *text)
{
	begin_record(writer, name, strlen(text));
	sft_layout_literal(writer->zip.layout, text, strlen(text));
	sft_zip_member_end(&writer->zip);
}

static void add_pickle(struct writer *writer)
{
	const struct sft_model *model = writer->model;
	struct sft_layout *layout = writer->zip.layout;
	struct sft_layout text;
	struct sft_pickle pickle;
	uint32_t count = 0;

	sft_layout_init(&text, layout->measures);
	sft_pickle_begin(&pickle, &text);
	for (size_t i = 0; i < model->tensor_count; i++) {
		const uint32_t idx = writer->order[i];
		const struct sft_tensor *tensor = &model->tensors[idx];

		if (sft_pickle_absent(model, tensor) != NULL)
			continue;
		writer->storage[idx] = count++;
		sft_pickle_tensor(&pickle, model, sft_model_name(model, tensor), tensor,
				  writer->storage[idx]);
	}
	for (size_t i = 0; i < model->alias_count; i++) {
		const uint32_t idx = model->aliases[i].tensor;
		const struct sft_tensor *tensor = &model->tensors[idx];

		if (sft_pickle_absent(model, tensor) == NULL)
			sft_pickle_tensor(&pickle, model, model->aliases[i].name, tensor,
					  writer->storage[idx]);
	}
	sft_pickle_end(&pickle);
	if (text.status != SFT_OK && layout->status == SFT_OK)
		layout->status = text.status;
	begin_record(writer, "data.pkl", text.len);
	sft_layout_literal(layout, text.text, text.len);
	sft_zip_member_end(&writer->zip);
	sft_layout_done(&text);
}

static void add_data(struct writer *writer)
{
	const struct sft_model *model = writer->model;

	for (size_t i = 0; i < model->tensor_count; i++) {
		const uint32_t idx = writer->order[i];
		const struct sft_tensor *tensor = &model->tensors[idx];
		char name[32];

		if (sft_pickle_absent(model, tensor) != NULL)
			continue;
		snprintf(name, sizeof(name), "data/%" PRIu32, writer->storage[idx]);
		begin_record(writer, name, sft_tensor_len(tensor));
		sft_view_describe_bin(model, tensor, writer->zip.layout);
		sft_zip_member_end(&writer->zip);
	}
}

static void describe_weights(const struct sft_model *model, struct sft_layout *layout)
{
	auto_free uint32_t *storage = calloc(model->tensor_count + 1, sizeof(*storage));
	auto_free uint32_t *order = NULL;
	struct writer writer = { .model = model, .storage = storage };

	layout->status = sft_order_make(model, SFT_ORDER_FILE, &order, NULL);
	if (storage == NULL)
		layout->status = SFT_E_NO_MEMORY;
	if (layout->status != SFT_OK)
		return;
	writer.order = order;
	sft_zip_begin(&writer.zip, &style, layout);
	add_pickle(&writer);
	add_record(&writer, ".format_version", "1");
	add_record(&writer, ".storage_alignment", "64");
	add_record(&writer, "byteorder", "little");
	add_data(&writer);
	add_record(&writer, "version", "3\n");
	/* A number that tells files apart in torch's statistics; ours are all alike. */
	add_record(&writer, ".data/serialization_id",
		   "0000000000000000000000000000000000000000");
	sft_zip_end(&writer.zip);
}

static const struct sft_view_top tops[] = {
	{ .stem = "pytorch_model", .name = ".bin", .describe = describe_weights },
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
	.leaves_out = sft_pickle_absent,
};
