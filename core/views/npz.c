// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/npz.c - a model folder with one model.npz, whatever the shards
 *
 *	member NAME.npy | header | data | patch |		of small tensors
 *			| header | data | patch | 4096 zeros |	of large ones
 *
 * Readers of a zip check CRCs, and a true one would cost reading all of the model before
 * the first byte could be shown. The patch makes each CRC the constant that the directory
 * declares (core/crc.h); numpy and others ignore what follows an array. The zeros keep
 * the patch of a large tensor off the page where the next member begins, so that to read
 * a small neighbour is not to read all of the large one.
 */
#include "core/cleanup.h"
#include "core/crc.h"
#include "core/npy.h"
#include "core/order.h"
#include "core/views/view.h"
#include "core/zip.h"

#define SUFFIX ".npy"
#define LARGE_LEN_MIN 65536u
#define PAGE_LEN 4096u

/* As Python's zipfile writes a file from memory. */
static const struct sft_zip_style style = {
	.made_by = 0x0314, /* Unix, 2.0 */
	.version = 20,
	.version_zip64 = 45,
	.date = 0x0021,               /* 1980-01-01 */
	.attributes = 0100644u << 16, /* a regular file, of this mode */
};

static bool has_dots(struct sft_bytes name)
{
	size_t begin = 0;

	for (size_t i = 0; i <= name.len; i++) {
		if (i < name.len && name.data[i] != '/')
			continue;
		if (i - begin == 2 && memcmp(name.data + begin, "..", 2) == 0)
			return true;
		begin = i + 1;
	}
	return false;
}

static const char *leaves_out(const struct sft_model *model,
			      const struct sft_tensor *tensor)
{
	const struct sft_bytes name = sft_model_name(model, tensor);

	if (name.len > SFT_ZIP_NAME_LEN_MAX - strlen(SUFFIX))
		return "its name is too long for a member of a zip";
	if (name.len > 0 && (name.data[0] == '/' || memchr(name.data, '\0', name.len) ||
			     memchr(name.data, '\\', name.len) || has_dots(name)))
		return "its name cannot be that of a member of a zip";
	return sft_npy_absent(model, sft_whole(tensor));
}

static size_t zeros_of(const struct sft_tensor *tensor)
{
	return sft_tensor_len(tensor) >= LARGE_LEN_MIN ? PAGE_LEN : 0;
}

static enum sft_status fill_patch(const struct sft_model *model, uint32_t idx,
				  struct sft_lazy *lazy, struct sft_error *err)
{
	uint32_t crc;
	const enum sft_status status = sft_crc_npy(model, idx, &crc, err);

	if (status == SFT_OK)
		sft_crc_patch(crc, SFT_ZIP_CRC, zeros_of(&model->tensors[idx]),
			      lazy->bytes);
	return status;
}

static void describe_member(const struct sft_model *model, uint32_t idx,
			    struct sft_zip *zip)
{
	static const uint8_t zeros[PAGE_LEN];
	const struct sft_tensor *tensor = &model->tensors[idx];
	char header[SFT_NPY_HEADER_LEN_MAX];
	const size_t header_len = sft_npy_header(model, sft_whole(tensor), header);
	const size_t zero_count = zeros_of(tensor);

	/* Cannot wrap: see sft_npy_absent(). */
	sft_zip_begin(zip, sft_model_name(model, tensor), sft_bytes_of(SUFFIX),
		      header_len + sft_tensor_len(tensor) + SFT_CRC_PATCH_LEN +
			      zero_count);
	sft_layout_literal(zip->layout, header, header_len);
	sft_view_describe_bin(model, sft_whole(tensor), zip->layout);
	sft_layout_lazy(zip->layout, fill_patch, idx, SFT_CRC_PATCH_LEN);
	sft_layout_memory(zip->layout, zeros, zero_count);
	sft_zip_end_member(zip);
}

static void describe_weights(const struct sft_model *model, struct sft_layout *layout)
{
	auto_free uint32_t *order = NULL;
	struct sft_zip zip;

	layout->status = sft_order_make(model, SFT_ORDER_FILE, &order, NULL);
	if (layout->status != SFT_OK)
		return;
	sft_zip_init(&zip, layout, &style);
	for (size_t i = 0; layout->status == SFT_OK && i < model->tensor_count; i++)
		if (leaves_out(model, &model->tensors[order[i]]) == NULL)
			describe_member(model, order[i], &zip);
	sft_zip_end(&zip);
}

static const struct sft_view_top tops[] = {
	{ .stem = "model", .name = ".npz", .describe = describe_weights },
};

const struct sft_view sft_view_npz = {
	.name = "npz",
	.about = "a model folder with one model.npz",
	.tree = SFT_TREE_PATHS,
	.keeps_top = true,
	.files = &sft_view_companion,
	.file_count = 1,
	.tops = tops,
	.top_count = sizeof(tops) / sizeof(tops[0]),
	.leaves_out = leaves_out,
};
