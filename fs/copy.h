/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/copy.h - the bytes of one file of the tree, written to another file
 *
 * Long ranges that lie on whole blocks here and there are left to the kernel, which
 * shares the blocks where the file system can, or has its server do the copying. All else
 * is read, a piece at a time, and written: for the kernel is slow with ranges that lie
 * otherwise, as most tensors do.
 *
 * Several threads may work on one file. Each takes the next piece, reads it while others
 * do the same, and writes it when all before it is written: a file only ever grows at its
 * end, and what there is of it is whole. Writing in parallel would gain nothing, for
 * file systems let one thread at a time write to a file.
 */
#ifndef FS_COPY_H
#define FS_COPY_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/sft.h"

#define FS_COPY_BUFFER_LEN (UINT64_C(1) << 20)

/* What all copies of a run have in common. */
struct fs_copying {
	atomic_bool over;      /* set: come to an end, complete or not */
	atomic_bool no_ranges; /* the kernel cannot copy from here to there */
	atomic_ullong written; /* bytes, by all copies */
};

struct fs_copy {
	struct fs_copying *run;
	const struct sft_file *file;
	int fd;
	uint64_t len;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t moved; /* @done or @status is another */
	uint64_t next;        /* first byte that nobody has taken */
	uint64_t done;        /* bytes that are written */
	bool has_ranges; /* the kernel copied some: ask sft_home_check() in the end */
	enum sft_status status;
	struct sft_error err; /* of a status that is not SFT_OK */
};

/**
 * fs_copy_init() - prepare to write a file
 * @file:  outlives the copy
 * @fd:    to write to; nobody else does
 * @begin: bytes that are there already
 */
void fs_copy_init(struct fs_copy *copy, struct fs_copying *run,
		  const struct sft_file *file, int fd, uint64_t begin);

/* Frees what fs_copy_init() made. */
void fs_copy_free(struct fs_copy *copy);

/**
 * fs_copy_work() - write pieces until none is left
 * @buffer: FS_COPY_BUFFER_LEN bytes, this thread's alone
 *
 * Returns when all pieces are taken and this thread's are written. The copy is complete
 * when every thread has returned and fs_copy_is_done() says so. Safe from any thread.
 */
void fs_copy_work(struct fs_copy *copy, uint8_t *buffer);

/* Whether there is a piece that nobody has taken. Safe from any thread. */
bool fs_copy_has_more(struct fs_copy *copy);

/* Whether all is written; no thread works on it any more. */
bool fs_copy_is_done(const struct fs_copy *copy);

#endif /* FS_COPY_H */
