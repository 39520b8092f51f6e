/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/shard.h - one open file of a model
 *
 * The descriptor is kept, so that renaming over the file or deleting it disturbs nothing.
 * A shard has changed when the size or modification time of that descriptor has.
 */
#ifndef SFT_CORE_SHARD_H
#define SFT_CORE_SHARD_H

#include "core/header.h"
#include "core/sft.h"

struct sft_shard {
	char *name; /* as the index writes it, or the file's base name */
	char *path; /* as it was opened, for messages */
	int fd;     /* -1: not open */
	uint64_t len;
	struct timespec mtime;
	mode_t mode; /* permission bits */
	uid_t uid;
	gid_t gid;
	uint64_t data_off; /* of the tensors' data in the file */
	struct sft_header header;
	const uint8_t *map; /* of the whole file; NULL: use pread() */
};

/**
 * sft_shard_open() - open a file, read its header and check it
 * @shard: zero but for @name and @path; closed by the caller with sft_shard_close(), also
 * after a failure
 * @idx:   goes into each tensor
 * @io:    whether to map the file
 *
 * Symbolic links are followed; never blocks on a FIFO. Return: SFT_OK, SFT_E_IO,
 * SFT_E_NO_MEMORY, SFT_E_CHANGED or one of the reference's; @err then says what the file
 * is if it is something else.
 */
SFT_MUST_CHECK enum sft_status sft_shard_open(struct sft_shard *shard, uint16_t idx,
					      enum sft_io io, struct sft_error *err);

/* Frees all of it, the names included. */
void sft_shard_close(struct sft_shard *shard);

/**
 * sft_shard_check() - ask the system whether the file is still what was opened
 *
 * Return: SFT_OK, SFT_E_CHANGED or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status sft_shard_check(const struct sft_shard *shard,
					       struct sft_error *err);

/**
 * sft_read_all() - read bytes at an offset, all of them
 * @fd:  of a regular file
 * @buf: receives @len bytes
 *
 * Return: SFT_OK, or SFT_E_IO, with the errno 0 where the file ends too early.
 */
SFT_MUST_CHECK enum sft_status sft_read_all(int fd, void *buf, size_t len, uint64_t off,
					    struct sft_error *err);

/**
 * sft_open_regular() - open a regular file for reading, and never wait for anything
 * @path:    symbolic links are followed
 * @ret_fd:  the caller's, close-on-exec
 * @ret_len: length of the file
 *
 * Return: SFT_OK or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status sft_open_regular(const char *path, int *ret_fd,
						uint64_t *ret_len, struct sft_error *err);

#endif /* SFT_CORE_SHARD_H */
