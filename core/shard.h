/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/shard.h - one file of a model: its header, and the open file
 */
#ifndef SFT_CORE_SHARD_H
#define SFT_CORE_SHARD_H

#include "core/backing.h"
#include "core/header.h"
#include "core/sft.h"

struct sft_shard {
	char *name; /* as the index writes it, or the file's base name */
	struct sft_backing file;
	uint64_t data_off; /* of the tensors' data in the file */
	struct sft_header header;
};

/**
 * sft_shard_open() - open a file, read its header and check it
 * @shard: zero but for @name and the file's path; closed by the caller with
 * sft_shard_close(), also after a failure
 * @idx:   goes into each tensor
 * @io:    whether to map the file
 * @spare: see sft_header_read()
 *
 * Symbolic links are followed; never blocks on a FIFO. Return: SFT_OK, SFT_E_IO,
 * SFT_E_NO_MEMORY, SFT_E_CHANGED or one of the reference's; @err then says what the file
 * is if it is something else.
 */
SFT_MUST_CHECK enum sft_status sft_shard_open(struct sft_shard *shard, uint16_t idx,
					      enum sft_io io, struct sft_spare spare,
					      struct sft_error *err);

/* Frees all of it, the names included. */
void sft_shard_close(struct sft_shard *shard);

#endif /* SFT_CORE_SHARD_H */
