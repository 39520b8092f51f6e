/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/digest.h - digests of the tensors' bytes, and files that are made of them
 *
 * Part of the public interface: core/sft.h includes it. A digest takes as long as reading
 * the tensor. It is never one of bytes that were changed after sft_open().
 */
#ifndef SFT_CORE_DIGEST_H
#define SFT_CORE_DIGEST_H

#include <stdbool.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sft_file;
struct sft_model;

/* Who waits for something that takes long. Called by the thread that is at it. */
struct sft_waiter {
	/* Asked every megabyte: true ends it with SFT_E_IO and EINTR. May be NULL. */
	bool (*has_left)(void *arg);
	/* Told of bytes of the source that were read just now. May be NULL. */
	void (*progress)(void *arg, uint64_t len);
	void *arg;
};

/* ---- of a tensor ---- */

enum sft_digest_kind {
	SFT_DIGEST_XXH128, /* quick; tells apart what was not made to be alike */
	SFT_DIGEST_SHA256, /* also what was */
};

#define SFT_DIGEST_COUNT 2u     /* kinds */
#define SFT_DIGEST_TEXT_LEN 65u /* bytes of the longest text, with its NUL */

/* The name of a kind: "xxh128" or "sha256". Static. */
const char *sft_digest_name(enum sft_digest_kind kind);

/**
 * sft_tensor_digest() - the digest of a tensor's bytes
 * @idx:    of the tensor: see sft_tensor_at(); of a model opened with its files
 * @waiter: or NULL
 * @out:    receives hexadecimal digits, as xxhsum(1) and sha256sum(1) write them
 * @err:    may be NULL
 *
 * Reads all of them, unless it is an XXH128 that was computed before. Safe from any
 * thread.
 *
 * Return: SFT_OK, SFT_E_CHANGED, or SFT_E_IO: with EINTR if the waiter left.
 */
SFT_MUST_CHECK enum sft_status sft_tensor_digest(const struct sft_model *model,
						 size_t idx, enum sft_digest_kind kind,
						 const struct sft_waiter *waiter,
						 char out[SFT_DIGEST_TEXT_LEN],
						 struct sft_error *err);

/* ---- files whose bytes take long to make ---- */

/*
 * Whether a file is one: a list of digests, each of which is computed when it is first
 * read. Whoever can uses sft_file_read_some() for it, and reads nothing in advance.
 */
bool sft_file_is_slow(const struct sft_file *file);

/**
 * sft_file_read_some() - read no more bytes than can be had soon
 * @waiter:  or NULL
 * @ret_len: bytes read: at least 1, unless @off is at or past the end or @len is 0
 *
 * As sft_file_read(), but that it ends before a line that has to be computed, unless it
 * would begin with that. Any other file is read as there.
 *
 * Return: SFT_OK, SFT_E_CHANGED, or SFT_E_IO: with EINTR if the waiter left.
 */
SFT_MUST_CHECK enum sft_status sft_file_read_some(const struct sft_file *file,
						  uint64_t off, void *buf, size_t len,
						  size_t *ret_len,
						  const struct sft_waiter *waiter,
						  struct sft_error *err);

/* ---- the list ---- */

/* Bytes of the longest path of a file of the view `tensors`. */
#define SFT_DIGEST_PATH_LEN_MAX 2320u

/* A line of a list: which tensor, and what its file in the view `tensors` is called. */
struct sft_digest_line {
	uint32_t tensor;                        /* its number: see sft_tensor_at() */
	uint32_t next;                          /* position of the line after this one */
	uint64_t len;                           /* bytes that the digest is of */
	char path[SFT_DIGEST_PATH_LEN_MAX + 1]; /* from the view's root; printable */
};

/**
 * sft_digest_next() - the tensors of a model, each once, in an order that never changes
 * @pos: 0 for the first, else the `next` of a line
 *
 * The order is that of sft_list(), what is in a folder before what is behind it. Models
 * with the same names are in the same order, whatever their files. Aliases are left out:
 * their bytes are those of their tensor.
 *
 * Return: false at the end.
 */
SFT_MUST_CHECK bool sft_digest_next(const struct sft_model *model, uint32_t pos,
				    struct sft_digest_line *ret_line);

#ifdef __cplusplus
}
#endif

#endif /* SFT_CORE_DIGEST_H */
