/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/backing.h - an open file of the source: a shard, or another file of its folder
 *
 * The descriptor is kept, so that renaming over the file or deleting it disturbs nothing.
 * A file has changed when the size or modification time of that descriptor has.
 */
#ifndef SFT_CORE_BACKING_H
#define SFT_CORE_BACKING_H

#include "core/sft.h"

struct sft_backing {
	char *path; /* for messages */
	int fd;     /* -1: not open */
	uint64_t len;
	struct timespec mtime;
	mode_t mode; /* permission bits */
	uid_t uid;
	gid_t gid;
	dev_t device;
	ino_t inode;
	const uint8_t *map; /* of the whole file; NULL: use pread() */
};

/* Makes an empty one. */
void sft_backing_init(struct sft_backing *backing);

/**
 * sft_backing_open() - open a regular file for reading, and never wait for anything
 * @backing: its path stays what it is
 * @path:    symbolic links are followed
 *
 * Return: SFT_OK or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status sft_backing_open(struct sft_backing *backing,
						const char *path, struct sft_error *err);

/* The same with an open descriptor, which is taken over (and then -1) on success. */
SFT_MUST_CHECK enum sft_status sft_backing_take(struct sft_backing *backing, int *fd,
						struct sft_error *err);

/**
 * sft_backing_map() - map the whole file, if @io and the kind of file system let it
 *
 * Return: SFT_OK, mapped or not, or SFT_E_NO_MEMORY where @io insists.
 */
SFT_MUST_CHECK enum sft_status sft_backing_map(struct sft_backing *backing,
					       enum sft_io io, struct sft_error *err);

/* Closes, unmaps, frees the path; leaves an empty one. */
void sft_backing_close(struct sft_backing *backing);

/**
 * sft_backing_check() - ask the system whether the file is still what was opened
 *
 * Return: SFT_OK, SFT_E_CHANGED or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status sft_backing_check(const struct sft_backing *backing,
						 struct sft_error *err);

/**
 * sft_read_all() - read bytes at an offset, all of them
 * @fd:  of a regular file
 * @buf: receives @len bytes
 *
 * Return: SFT_OK; SFT_E_IO, with the errno 0 where the file ends too early; SFT_E_CHANGED
 * where the system calls it stale, as NFS does when somebody else replaced it.
 */
SFT_MUST_CHECK enum sft_status sft_read_all(int fd, void *buf, size_t len, uint64_t off,
					    struct sft_error *err);

#endif /* SFT_CORE_BACKING_H */
