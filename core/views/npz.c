// SPDX-License-Identifier: Apache-2.0
/*
 * core/views/npz.c - a model folder with one model.npz, whatever the shards
 *
 * A zip of arrays whose checksums hold, although none of the data was read to write them:
 *
 *	| .npy header | data | 4 bytes | zeros |
 *
 * The four bytes give every member the same checksum (core/crc.h). They are computed when
 * they are read, which reads the tensor once more. numpy reads neither them nor the
 *zeros, but the kernel reads pages, and ahead: behind a large tensor the zeros fill the
 *page, so that reading its neighbour does not ask for its checksum.
 */
#include <libdeflate.h>

#include "core/cleanup.h"
#include "core/crc.h"
#include "core/npy.h"
#include "core/order.h"
#include "core/views/view.h"
#include "core/zip.h"

#define MEMBER_CRC UINT32_C(0x4e505a21) /* of every member; any value would do */
#define CRC_KNOWN (UINT64_C(1) << 32)   /* in state->crc, beside the CRC */
#define CHUNK_LEN 65536u                /* read at a time: still cached when summed */
#define PAGE_LEN 4096u
/* Bytes of a tensor whose checksum takes longer than a page of it. */
#define LARGE_LEN 65536u

static const char suffix[] = ".npy";

static const struct sft_zip_style style = {
	.version = 20, .date = 0x0021, /* 1 January 1980, the first that there is */
};

/* ---- checksums ---- */

static bool is_large(const struct sft_tensor *tensor)
{
	return sft_tensor_len(tensor) >= LARGE_LEN;
}

/* Zeros behind the patch of a member that begins on a page, if it is large. */
static uint64_t zeros_behind(const struct sft_tensor *tensor, size_t header_len)
{
	const uint64_t len = header_len + sft_tensor_len(tensor) + SFT_CRC_PATCH_LEN;

	return is_large(tensor) ? -len % PAGE_LEN : 0;
}

/* The checksum of a header and a tensor's data. */
static enum sft_status sum_up(const struct sft_model *model,
			      const struct sft_tensor *tensor, const char *header,
			      size_t header_len, uint32_t *ret_crc, struct sft_error *err)
{
	const struct sft_backing *file = sft_model_file(model, tensor->shard);
	const uint64_t begin = sft_model_data_off(model, tensor);
	uint32_t crc = libdeflate_crc32(0, header, header_len);
	uint8_t chunk[CHUNK_LEN];
	uint64_t done = 0;

	while (done < sft_tensor_len(tensor)) {
		const uint64_t left = sft_tensor_len(tensor) - done;
		const size_t len = left < CHUNK_LEN ? (size_t)left : CHUNK_LEN;
		const enum sft_status status =
			sft_read_all(file->fd, chunk, len, begin + done, err);

		if (status != SFT_OK) {
			sft_error_file(err, file->path);
			return status;
		}
		crc = libdeflate_crc32(crc, chunk, len);
		done += len;
	}
	*ret_crc = crc;
	return SFT_OK;
}

/* Fills a lazy segment: see sft_lazy_fill. */
static enum sft_status fill_patch(const struct sft_model *model, uint32_t idx,
				  uint8_t out[SFT_LAZY_LEN_MAX], struct sft_error *err)
{
	const struct sft_tensor *tensor = &model->tensors[idx];
	const struct sft_backing *file = sft_model_file(model, tensor->shard);
	atomic_ullong *kept = &model->state->crc[idx];
	const uint64_t known = atomic_load_explicit(kept, memory_order_relaxed);
	uint32_t crc = (uint32_t)known;
	char header[SFT_NPY_HEADER_LEN_MAX];
	const size_t header_len = sft_npy_header(model, tensor, header);

	if (!(known & CRC_KNOWN)) {
		enum sft_status status =
			sum_up(model, tensor, header, header_len, &crc, err);

		if (status == SFT_OK) /* else it is of no state of the file */
			status = sft_backing_check(file, err);
		if (status != SFT_OK)
			return status;
		atomic_store_explicit(kept, CRC_KNOWN | crc, memory_order_relaxed);
	}
	sft_crc_patch(crc, MEMBER_CRC, zeros_behind(tensor, header_len), out);
	return SFT_OK;
}

/* ---- members ---- */

/* Whether a part between slashes is "..". */
static bool leads_up(struct sft_bytes name)
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

	if (name.len + strlen(suffix) > SFT_ZIP_NAME_LEN_MAX)
		return "its name is longer than a zip archive can have it";
	if (name.len > 0 && memchr(name.data, '\0', name.len) != NULL)
		return "its name has a NUL";
	if (name.len > 0 && memchr(name.data, '\\', name.len) != NULL)
		return "its name has a backslash, which some programs take for a slash";
	if (name.len > 0 && name.data[0] == '/')
		return "its name is an absolute path";
	if (leads_up(name))
		return "its name leads out of a folder";
	return sft_npy_absent(model, tensor);
}

static void add_zeros(struct sft_layout *layout, uint64_t len)
{
	static const uint8_t zeros[PAGE_LEN];

	sft_layout_memory(layout, zeros, len);
}

static void add_member(struct sft_zip *zip, const struct sft_model *model, uint32_t idx)
{
	const struct sft_tensor *tensor = &model->tensors[idx];
	const struct sft_bytes name = sft_model_name(model, tensor);
	char path[SFT_ZIP_NAME_LEN_MAX];
	char header[SFT_NPY_HEADER_LEN_MAX];
	const size_t header_len = sft_npy_header(model, tensor, header);
	const uint64_t zeros = zeros_behind(tensor, header_len);

	if (name.len > 0)
		memcpy(path, name.data, name.len);
	memcpy(path + name.len, suffix, strlen(suffix));
	sft_zip_member(
		zip,
		(struct sft_bytes){ (const uint8_t *)path, name.len + strlen(suffix) },
		header_len + sft_tensor_len(tensor) + SFT_CRC_PATCH_LEN + zeros,
		MEMBER_CRC, is_large(tensor) ? PAGE_LEN : SFT_ZIP_ALIGN);
	sft_layout_literal(zip->layout, header, header_len);
	sft_view_describe_bin(model, tensor, zip->layout);
	sft_layout_lazy(zip->layout, fill_patch, idx, SFT_CRC_PATCH_LEN);
	add_zeros(zip->layout, zeros);
	sft_zip_member_end(zip);
}

static void describe_weights(const struct sft_model *model, struct sft_layout *layout)
{
	auto_free uint32_t *order = NULL;
	struct sft_zip zip;

	layout->status = sft_order_make(model, SFT_ORDER_FILE, &order, NULL);
	if (layout->status != SFT_OK)
		return;
	sft_zip_begin(&zip, &style, layout);
	for (size_t i = 0; i < model->tensor_count; i++)
		if (leaves_out(model, &model->tensors[order[i]]) == NULL)
			add_member(&zip, model, order[i]);
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
