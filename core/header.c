// SPDX-License-Identifier: Apache-2.0
#include "core/header.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum sft_status sft_header_decode_len(const uint8_t field[SFT_LEN_FIELD_LEN],
				      uint64_t file_len, uint64_t *ret_len,
				      struct sft_error *err)
{
	uint64_t len = 0;

	if (file_len < SFT_LEN_FIELD_LEN)
		return sft_fail(err, SFT_E_HEADER_TOO_SMALL, 0,
				"only %" PRIu64
				" bytes, no room for the %u of a header length",
				file_len, SFT_LEN_FIELD_LEN);
	/* Little endian on any machine. */
	for (unsigned i = SFT_LEN_FIELD_LEN; i > 0; i--)
		len = len << 8 | field[i - 1];
	if (len > SFT_HEADER_LEN_MAX)
		return sft_fail(err, SFT_E_HEADER_TOO_LARGE, 0,
				"header of %" PRIu64 " bytes, the limit is %" PRIu64, len,
				SFT_HEADER_LEN_MAX);
	if (len > file_len - SFT_LEN_FIELD_LEN)
		return sft_fail(err, SFT_E_INVALID_HEADER_LENGTH, 0,
				"header of %" PRIu64 " bytes in a file of %" PRIu64, len,
				file_len);
	*ret_len = len;
	return SFT_OK;
}

struct sft_scan sft_header_scan(uint8_t *text, size_t len, struct sft_error *err)
{
	return (struct sft_scan){
		.text = text,
		.len = len,
		.status = SFT_E_INVALID_HEADER_DESERIALIZATION,
		.base = SFT_LEN_FIELD_LEN,
		.err = err,
	};
}

void sft_header_done(struct sft_header *header)
{
	free(header->text);
	free(header->tensors);
	free(header->metadata);
	*header = (struct sft_header){ 0 };
}

bool sft_shape_next(struct sft_shape *shape, uint64_t *ret_dim)
{
	uint64_t dim = 0;

	if (shape->at == NULL) {
		if (shape->left == 0)
			return false;
		shape->left--;
		*ret_dim = *shape->dims++;
		return true;
	}
	while (*shape->at != ']' && (*shape->at < '0' || *shape->at > '9'))
		shape->at++; /* a comma, whitespace */
	if (*shape->at == ']')
		return false;
	for (; *shape->at >= '0' && *shape->at <= '9'; shape->at++)
		dim = dim * 10 + (*shape->at - (unsigned)'0'); /* fits: sft_scan_uint() */
	*ret_dim = dim;
	return true;
}

void sft_shape_format(struct sft_shape shape, char *out, size_t cap)
{
	const char *separator = "";
	size_t used = 0;
	uint64_t dim;

	out[used++] = '[';
	while (sft_shape_next(&shape, &dim)) {
		if (used > cap - 32) { /* a dimension takes at most 22, the end 7 */
			used += (size_t)sprintf(out + used, ", ...");
			break;
		}
		used += (size_t)sprintf(out + used, "%s%" PRIu64, separator, dim);
		separator = ", ";
	}
	out[used] = ']';
	out[used + 1] = '\0';
}
