/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/tensors.h - the tensors of a model, for programs that want no files
 *
 * Part of the public interface: core/sft.h includes it. Tensors are numbered from 0 to
 * sft_model_totals().tensor_count, in the order of the shards and of their headers. All
 * of this is safe from any thread.
 */
#ifndef SFT_CORE_TENSORS_H
#define SFT_CORE_TENSORS_H

#include "bytes.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sft_model;

/* What a header says of a tensor. Pointers are borrowed until sft_close(). */
struct sft_tensor_info {
	struct sft_bytes
		name;      /* UTF-8 of the file, NUL included; as a filter renamed it */
	const char *dtype; /* as the format spells it, e.g. "BF16"; static */
	unsigned element_bits; /* 4, 6 or a multiple of 8 */
	size_t rank;           /* dimensions; 0 for a scalar */
	uint64_t elements;     /* product of the dimensions */
	uint64_t len;          /* bytes of data: little-endian, C order */
	const char *file;      /* path of the shard, as it was opened */
	uint64_t file_off;     /* of the first byte in that */
};

/**
 * sft_tensor_at() - a tensor by its number
 * @idx: below sft_model_totals().tensor_count
 */
void sft_tensor_at(const struct sft_model *model, size_t idx,
		   struct sft_tensor_info *ret_info);

/**
 * sft_tensor_find() - a tensor by its name
 * @name:    @len bytes, as the file has it; an alias is the tensor that it stands for
 * @ret_idx: its number
 *
 * Cost: O(log n); O(n) of a model that was opened with names_only.
 *
 * Return: false if there is none.
 */
SFT_MUST_CHECK bool sft_tensor_find(const struct sft_model *model, const char *name,
				    size_t len, size_t *ret_idx);

/**
 * sft_tensor_dims() - the shape of a tensor
 * @ret_dims: receives the first @max dimensions, the slowest first
 *
 * Return: the rank, which may be more than @max.
 */
size_t sft_tensor_dims(const struct sft_model *model, size_t idx, uint64_t *ret_dims,
		       size_t max);

/**
 * sft_tensor_data() - where a tensor's bytes lie in memory
 *
 * The memory is a shared, read-only mapping of the file, borrowed until sft_close(); it
 * may begin at any address. Whoever touches a page that is gone, because the file was
 * cut short, gets SIGBUS: sft_tensor_read() has an error for that.
 *
 * Return: NULL where the file is not mapped (SFT_IO_PREAD, network file systems), and for
 * a tensor without bytes.
 */
const void *sft_tensor_data(const struct sft_model *model, size_t idx);

/**
 * sft_tensor_read() - read bytes of a tensor, all of them or none
 * @off: first byte wanted
 * @buf: receives @len bytes; its content is undefined on failure
 * @len: bytes wanted; @off + @len is at most the tensor's length
 * @err: may be NULL
 *
 * Return: SFT_OK; SFT_E_CHANGED where the model changed since it was opened; SFT_E_IO;
 * SFT_E_USAGE where the tensor is shorter.
 */
SFT_MUST_CHECK enum sft_status sft_tensor_read(const struct sft_model *model, size_t idx,
					       uint64_t off, void *buf, size_t len,
					       struct sft_error *err);

#ifdef __cplusplus
}
#endif

#endif /* SFT_CORE_TENSORS_H */
