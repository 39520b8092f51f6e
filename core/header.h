/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/header.h - the header of one file: from bytes to checked tensors
 *
 *	file off 0        8                 8 + N            file length
 *	|  N, u64 LE      |  JSON, N bytes  |  tensors        |
 *
 * The text is read once into private memory. Names and shapes stay there and are pointed
 * at, so a tensor costs 40 bytes beside them; the rest of it goes as it is read.
 */
#ifndef SFT_CORE_HEADER_H
#define SFT_CORE_HEADER_H

#include "core/bytes.h"
#include "core/dtype.h"
#include "core/scan.h"
#include "core/sft.h"

#define SFT_LEN_FIELD_LEN 8u                   /* bytes of N */
#define SFT_HEADER_LEN_MAX UINT64_C(100000000) /* of N; the reference's limit */

struct sft_tensor {
	uint64_t begin, end; /* data_offsets: from the end of the header; begin <= end */
	uint32_t name_off;   /* of the decoded name in the header's text */
	uint32_t name_len;
	uint32_t shape_off; /* of the '[' of the shape in the text that is kept */
	uint32_t shape_pos; /* where that stood, and data_offsets: for sft_check() */
	uint32_t offsets_pos;
	uint16_t shard;
	uint8_t dtype;   /* index of sft_dtype() */
	bool is_renamed; /* the name lies in the model's text: see filter.h */
};

/* One key of __metadata__ and its value; both lie in the header's text. */
struct sft_pair {
	uint32_t key_off, key_len;
	uint32_t value_off, value_len;
};

struct sft_header {
	uint8_t *text;   /* names, shapes and metadata are left of it once it is parsed */
	size_t text_len; /* N */
	struct sft_tensor *tensors;
	size_t tensor_count;
	struct sft_pair
		*metadata; /* in the file's order; of equal keys the last counts */
	size_t metadata_count;
};

/**
 * sft_header_decode_len() - decode and check the length field that starts a file
 * @field:    the first SFT_LEN_FIELD_LEN bytes; not looked at if @file_len is smaller
 * @file_len: length of the whole file
 * @ret_len:  length of the JSON text
 *
 * Return: SFT_OK, SFT_E_HEADER_TOO_SMALL, SFT_E_HEADER_TOO_LARGE or
 * SFT_E_INVALID_HEADER_LENGTH.
 */
SFT_MUST_CHECK enum sft_status
sft_header_decode_len(const uint8_t field[SFT_LEN_FIELD_LEN], uint64_t file_len,
		      uint64_t *ret_len, struct sft_error *err);

/**
 * sft_header_parse() - turn the text into tensors
 * @header: zero but for @text and @text_len; what is filled in is freed by the caller
 * with sft_header_done(), also after a failure
 * @shard:  goes into each tensor
 *
 * Checks the text itself and the types in it; sft_check() does the rest. Of tensors with
 * equal names the last one stays. Linear in the text, whatever it holds.
 *
 * Of a typical entry, {"dtype":"F32","shape":[2],"data_offsets":[0,8]}, only the name and
 * the shape are looked at later, a third of the text: they move to its front.
 *
 * Return: SFT_OK, SFT_E_INVALID_HEADER, SFT_E_INVALID_HEADER_DESERIALIZATION, SFT_E_IO or
 * SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_header_parse(struct sft_header *header, uint16_t shard,
						struct sft_error *err);

/* Memory of a caller's that reads many headers, one after another. */
struct sft_spare {
	uint8_t *memory; /* NULL: there is none */
	size_t len;
};

/**
 * sft_header_read() - the same with the text that a file has behind its first bytes
 * @header: zero but for @text_len
 * @fd:     of the file; has the bytes
 * @piece:  bytes to read at a time: SFT_FEED_PIECE but in tests
 * @spare:  what text that fits there is read into; free for the next call afterwards
 *
 * The text is read while it is parsed, and takes no more memory than what is kept of it.
 *
 * Return: also SFT_E_CHANGED, as of sft_read_all().
 */
SFT_MUST_CHECK enum sft_status sft_header_read(struct sft_header *header, int fd,
					       size_t piece, struct sft_spare spare,
					       uint16_t shard, struct sft_error *err);

/* Frees the text and all that was made from it. */
void sft_header_done(struct sft_header *header);

/**
 * sft_header_scan() - a scanner at the start of a header's text
 * @text: @len bytes of the JSON text; known to be UTF-8
 */
struct sft_scan sft_header_scan(uint8_t *text, size_t len, struct sft_error *err);

/* The text, as a name of it: a tensor's name, or a key or value of the metadata. */
static inline struct sft_bytes sft_header_text(const struct sft_header *header,
					       uint32_t off, uint32_t len)
{
	return (struct sft_bytes){ header->text + off, len };
}

/* A tensor's name; any bytes, NUL included, that are UTF-8. */
static inline struct sft_bytes sft_tensor_name(const struct sft_header *header,
					       const struct sft_tensor *tensor)
{
	return sft_header_text(header, tensor->name_off, tensor->name_len);
}

/* Bytes of a tensor's data. */
static inline uint64_t sft_tensor_len(const struct sft_tensor *tensor)
{
	return tensor->end - tensor->begin; /* begin <= end: sft_check() */
}

/* Elements of a tensor: its bits, which fit 64 bits, over those of an element. */
static inline uint64_t sft_tensor_elements(const struct sft_tensor *tensor)
{
	return sft_tensor_len(tensor) * 8 / sft_dtype(tensor->dtype)->bits;
}

/*
 * Walks the dimensions of a shape, from the slowest to the fastest:
 *
 *	struct sft_shape shape = sft_tensor_shape(header, tensor);
 *	uint64_t dim;
 *
 *	while (sft_shape_next(&shape, &dim))
 */
struct sft_shape {
	const uint8_t *at; /* in the header's text, which is well-formed here; or NULL */
	const uint64_t *dims; /* where @at is NULL: @left of them */
	size_t left;
};

static inline struct sft_shape sft_tensor_shape(const struct sft_header *header,
						const struct sft_tensor *tensor)
{
	return (struct sft_shape){ .at = header->text + tensor->shape_off + 1 };
}

/* Return: false behind the last dimension. */
bool sft_shape_next(struct sft_shape *shape, uint64_t *ret_dim);

/**
 * sft_shape_format() - a shape for people, as "[2, 3]"
 * @out: receives NUL-terminated text; a long shape is cut with "..."
 * @cap: size of @out in bytes, at least 48
 */
void sft_shape_format(struct sft_shape shape, char *out, size_t cap);

/**
 * sft_check() - check the tensors of a header against each other and the file
 * @header:   parsed
 * @file_len: length of the whole file
 *
 * The rules and their order are the reference's (format notes, section 1, rows 6 to 10).
 * After it: the tensors cover the file behind the header exactly, none overlaps another,
 * and the bits of each, and all offsets into the file, fit 64 bits.
 *
 * Return: SFT_OK, SFT_E_INVALID_OFFSET, SFT_E_VALIDATION_OVERFLOW,
 * SFT_E_MISALIGNED_SLICE, SFT_E_TENSOR_INVALID_INFO, SFT_E_METADATA_INCOMPLETE_BUFFER or
 * SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_check(const struct sft_header *header,
					 uint64_t file_len, struct sft_error *err);

#endif /* SFT_CORE_HEADER_H */
