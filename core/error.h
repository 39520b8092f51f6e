/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/error.h - what can go wrong, and how it is told
 *
 * Part of the public interface: core/sft.h includes it. Every function here is safe from
 * any thread.
 */
#ifndef SFT_CORE_ERROR_H
#define SFT_CORE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SFT_MUST_CHECK __attribute__((warn_unused_result))

enum sft_status {
	SFT_OK = 0,
	/* The reference reader's variants, under its names. */
	SFT_E_HEADER_TOO_SMALL,      /* shorter than the 8-byte length field */
	SFT_E_HEADER_TOO_LARGE,      /* length field above SFT_HEADER_LEN_MAX */
	SFT_E_INVALID_HEADER_LENGTH, /* length field runs past the end of the file */
	SFT_E_INVALID_HEADER,        /* header is not UTF-8 */
	SFT_E_INVALID_HEADER_DESERIALIZATION, /* not JSON, or of the wrong types */
	SFT_E_INVALID_OFFSET,      /* a hole, an overlap, or end before begin */
	SFT_E_VALIDATION_OVERFLOW, /* a shape whose size in bits passes 64 bits */
	SFT_E_MISALIGNED_SLICE, /* a sub-byte tensor that does not fill its last byte */
	SFT_E_TENSOR_INVALID_INFO,        /* shape and data_offsets disagree */
	SFT_E_METADATA_INCOMPLETE_BUFFER, /* the tensors do not end where the file ends */
	/* What a model adds. */
	SFT_E_IO,        /* a system call failed: see sys_errno */
	SFT_E_NO_MEMORY, /* out of memory or address space */
	SFT_E_INDEX, /* which files make up the model, or what they hold, is not clear */
	SFT_E_LIMIT, /* more than a named limit */
	SFT_E_NAME,  /* no such view, path or file */
	SFT_E_CHANGED, /* the source changed after it was opened */
	/* What a program around it adds. */
	SFT_E_MOUNT, /* the mount could not be made */
	SFT_E_USAGE, /* called wrongly */
};

#define SFT_POS_NONE UINT64_MAX

struct sft_error {
	enum sft_status status;
	int sys_errno;     /* non-zero only with SFT_E_IO */
	uint64_t pos;      /* bytes from the start of the file, or SFT_POS_NONE */
	char file[1024];   /* the file concerned, escaped and perhaps cut; "" if none */
	char detail[1024]; /* one line without a newline; text from files is escaped */
};

/**
 * sft_status_word() - the stable last word of a message
 * @status: any status
 *
 * Return: the status in kebab-case, as the reference spells its variant; static.
 */
const char *sft_status_word(enum sft_status status);

/**
 * sft_fail() - fill an error and return its status, so that failing is one line
 * @err:    filled; may be NULL
 * @status: not SFT_OK
 * @pos:    bytes from the start of the file, or SFT_POS_NONE
 * @format: printf format of one line; text from files must come through sft_escape()
 *
 * The file is left empty; see sft_error_file(). sys_errno takes errno for SFT_E_IO.
 *
 * Return: @status.
 */
__attribute__((format(printf, 4, 5))) enum sft_status sft_fail(struct sft_error *err,
							       enum sft_status status,
							       uint64_t pos,
							       const char *format, ...);

/* The most common failure: SFT_E_NO_MEMORY, out of memory. */
enum sft_status sft_fail_memory(struct sft_error *err);

/**
 * sft_error_file() - name the file an error is about, unless it has one already
 * @err:  may be NULL
 * @path: of the file, as the system spells it
 */
void sft_error_file(struct sft_error *err, const char *path);

/**
 * sft_escape() - make text that comes from a file or a file name safe to print
 * @out:  receives printable UTF-8, NUL-terminated, cut with "..." where it is too long
 * @cap:  size of @out in bytes, at least 8
 * @text: @len bytes of anything
 * @len:  bytes
 *
 * Controls, bidirectional marks and line separators become \uXXXX, bytes that are no
 * UTF-8 \xXX, and a backslash or a double quote gets a backslash.
 *
 * Return: @out.
 */
const char *sft_escape(char *out, size_t cap, const void *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif /* SFT_CORE_ERROR_H */
