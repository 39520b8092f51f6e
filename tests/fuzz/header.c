// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/header.c - a file, and what core makes of its header
 *
 * The input is a file. It is read twice: as it is, first by the parts of core against a
 * guard page and then by sft_open(), which must say the same; and with its length field
 * taken for the length of the file in place of the header's, so that the text behind it
 * can have any file to describe, and need not say anything about its own length.
 */
#include <stdlib.h>
#include <unistd.h>

#include "core/header.h"
#include "core/text.h"
#include "tests/fuzz/fuzz.h"

#define CHECKED_TENSORS_MAX 256u /* what is done with them is quadratic */

static void check_text(const struct sft_header *header, uint32_t off, uint32_t len)
{
	MUST(off <= header->text_len && len <= header->text_len - off);
	MUST(sft_utf8_valid_len(header->text + off, len) == len);
}

/* A tensor has the bytes that it needs, and a number of bits that fits. */
static void check_len(const struct sft_header *header, const struct sft_tensor *tensor)
{
	struct sft_shape shape = sft_tensor_shape(header, tensor);
	uint64_t bits = 1;
	uint64_t dim;

	while (sft_shape_next(&shape, &dim))
		MUST(sft_mul(bits, dim, &bits));
	MUST(sft_mul(bits, sft_dtype(tensor->dtype)->bits, &bits));
	MUST(bits % 8 == 0 && bits / 8 == sft_tensor_len(tensor));
}

/* Tensors lie one behind the other: each begins where another ends, or is the first. */
static void check_places(const struct sft_header *header, uint64_t data_len)
{
	uint64_t total = 0;

	for (size_t i = 0; i < header->tensor_count; i++) {
		const struct sft_tensor *tensor = &header->tensors[i];
		bool is_first = tensor->begin == 0;

		MUST(tensor->begin <= tensor->end && tensor->end <= data_len);
		MUST(sft_add(total, sft_tensor_len(tensor), &total));
		for (size_t j = 0; j < header->tensor_count; j++) {
			const struct sft_tensor *other = &header->tensors[j];

			is_first = is_first || other->end == tensor->begin;
			MUST(i == j || !sft_bytes_equal(sft_tensor_name(header, tensor),
							sft_tensor_name(header, other)));
			MUST(i == j || tensor->begin >= other->end ||
			     other->begin >= tensor->end || sft_tensor_len(tensor) == 0);
		}
		MUST(is_first);
	}
	MUST(total == data_len);
}

/* What the header's contracts promise once it was parsed and checked. */
static void check_header(const struct sft_header *header, uint64_t file_len)
{
	for (size_t i = 0; i < header->tensor_count; i++) {
		const struct sft_tensor *tensor = &header->tensors[i];

		check_text(header, tensor->name_off, tensor->name_len);
		check_len(header, tensor);
	}
	for (size_t i = 0; i < header->metadata_count; i++) {
		const struct sft_pair *pair = &header->metadata[i];

		check_text(header, pair->key_off, pair->key_len);
		check_text(header, pair->value_off, pair->value_len);
	}
	if (header->tensor_count <= CHECKED_TENSORS_MAX)
		check_places(header, file_len - SFT_LEN_FIELD_LEN - header->text_len);
}

/* Both say the same. */
static void check_same(const struct sft_header *packed, const struct sft_header *whole)
{
	MUST(packed->tensor_count == whole->tensor_count);
	MUST(packed->metadata_count == whole->metadata_count);
	for (size_t i = 0; i < whole->tensor_count; i++) {
		const struct sft_tensor *a = &packed->tensors[i];
		const struct sft_tensor *b = &whole->tensors[i];
		struct sft_shape a_shape = sft_tensor_shape(packed, a);
		struct sft_shape b_shape = sft_tensor_shape(whole, b);
		uint64_t a_dim, b_dim;

		MUST(sft_bytes_equal(sft_tensor_name(packed, a),
				     sft_tensor_name(whole, b)));
		while (sft_shape_next(&b_shape, &b_dim))
			MUST(sft_shape_next(&a_shape, &a_dim) && a_dim == b_dim);
		MUST(!sft_shape_next(&a_shape, &a_dim));
	}
	for (size_t i = 0; i < whole->metadata_count; i++) {
		const struct sft_pair *a = &packed->metadata[i];
		const struct sft_pair *b = &whole->metadata[i];

		MUST(sft_bytes_equal(sft_header_text(packed, a->key_off, a->key_len),
				     sft_header_text(whole, b->key_off, b->key_len)));
		MUST(sft_bytes_equal(sft_header_text(packed, a->value_off, a->value_len),
				     sft_header_text(whole, b->value_off, b->value_len)));
	}
}

/*
 * Reads the same text from a file, in pieces as long as its first byte says, and into
 * memory that was there before where its length is odd.
 */
static void check_pieces(struct sft_bytes text, const struct sft_header *whole,
			 enum sft_status want, const struct sft_error *want_err)
{
	struct sft_bytes file = { NULL, SFT_LEN_FIELD_LEN + text.len };
	struct sft_header header = { .text_len = text.len };
	struct sft_spare spare = { NULL, text.len };
	struct sft_error err = { 0 };
	uint8_t *bytes = calloc(1, file.len);
	char path[FUZZ_PATH_CAP];
	enum sft_status status;
	int fd;

	if (bytes == NULL)
		abort();
	if (text.len > 0)
		memcpy(bytes + SFT_LEN_FIELD_LEN, text.data, text.len);
	file.data = bytes;
	fd = fuzz_file_new(file, file.len, path);
	if (text.len % 2 == 1)
		spare.memory = malloc(text.len);
	status = sft_header_read(&header, fd, text.len > 0 ? 1 + text.data[0] % 80 : 1,
				 spare, 0, &err);
	MUST(status == want);
	if (status == SFT_OK)
		check_same(&header, whole);
	else
		MUST(err.pos == want_err->pos &&
		     strcmp(err.detail, want_err->detail) == 0);
	sft_header_done(&header);
	close(fd);
	free(spare.memory);
	free(bytes);
}

/* Reads a header's text of a file of that length, against a guard page. */
static enum sft_status read_text(struct sft_bytes text, uint64_t file_len)
{
	struct fuzz_guarded copy = fuzz_guard(text);
	struct sft_header header = { .text = copy.data, .text_len = copy.len };
	struct sft_error err = { 0 };
	enum sft_status status = sft_header_parse(&header, 0, &err);

	check_pieces(text, &header, status, &err);
	if (status == SFT_OK)
		status = sft_check(&header, file_len, &err);
	if (status == SFT_OK) {
		check_header(&header, file_len);
	} else {
		fuzz_check_error(&err, status, SFT_LEN_FIELD_LEN + (uint64_t)text.len);
	}
	header.text = NULL; /* the guard's */
	sft_header_done(&header);
	fuzz_unguard(&copy);
	return status;
}

static enum sft_status read_file(struct sft_bytes file)
{
	struct fuzz_guarded copy = fuzz_guard(file);
	struct sft_error err = { 0 };
	uint64_t len = UINT64_MAX;
	enum sft_status status = sft_header_decode_len(copy.data, file.len, &len, &err);

	if (status == SFT_OK) {
		MUST(len <= SFT_HEADER_LEN_MAX && len <= file.len - SFT_LEN_FIELD_LEN);
		status = read_text(
			(struct sft_bytes){ file.data + SFT_LEN_FIELD_LEN, (size_t)len },
			file.len);
	} else {
		MUST(len == UINT64_MAX);
		fuzz_check_error(&err, status, file.len);
	}
	fuzz_unguard(&copy);
	return status;
}

static void ignore_warning(void *arg, const struct sft_error *warning)
{
	fuzz_check_error(warning, warning->status, *(const uint64_t *)arg);
}

static void open_file(struct sft_bytes file, enum sft_status want)
{
	char path[FUZZ_PATH_CAP];
	const int fd = fuzz_file_new(file, file.len, path);
	struct sft_model *model = NULL;
	struct sft_error err = { 0 };
	const enum sft_status status = sft_open(path, NULL, &model, &err);
	uint64_t len = file.len;

	MUST(status == want);
	MUST((model != NULL) == (status == SFT_OK));
	if (status == SFT_OK)
		MUST(sft_lint(model, ignore_warning, &len, &err) == SFT_OK);
	else
		fuzz_check_error(&err, status, len);
	sft_close(model);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sft_bytes file = { data, size };
	uint64_t file_len = 0;

	open_file(file, read_file(file));
	if (size < SFT_LEN_FIELD_LEN)
		return 0;
	for (unsigned i = SFT_LEN_FIELD_LEN; i > 0; i--)
		file_len = file_len << 8 | data[i - 1];
	if (file_len >= size) /* where it is less, read_file() says all there is to say */
		read_text((struct sft_bytes){ data + SFT_LEN_FIELD_LEN,
					      size - SFT_LEN_FIELD_LEN },
			  file_len);
	return 0;
}
