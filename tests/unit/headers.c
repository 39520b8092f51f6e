// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* open_memstream() */
#include "tests/unit/headers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

struct sft_header header_of(struct sft_bytes text)
{
	struct sft_header header = { .text = malloc(text.len > 0 ? text.len : 1),
				     .text_len = text.len };

	assert_non_null(header.text);
	if (text.len > 0)
		memcpy(header.text, text.data, text.len);
	return header;
}

static void dump_text(FILE *out, struct sft_bytes text)
{
	char escaped[256];

	fputs(sft_escape(escaped, sizeof(escaped), text.data, text.len), out);
}

static void dump_tensor(FILE *out, const struct sft_header *header,
			const struct sft_tensor *tensor)
{
	struct sft_shape shape = sft_tensor_shape(header, tensor);
	const char *separator = "";
	uint64_t dim;

	dump_text(out, sft_tensor_name(header, tensor));
	fprintf(out, ": %s [", sft_dtype(tensor->dtype)->name);
	while (sft_shape_next(&shape, &dim)) {
		fprintf(out, "%s%" PRIu64, separator, dim);
		separator = ", ";
	}
	fprintf(out, "] %" PRIu64 "-%" PRIu64 " in %u\n", tensor->begin, tensor->end,
		tensor->shard);
}

char *header_dump(const struct sft_header *header)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	for (size_t i = 0; i < header->tensor_count; i++)
		dump_tensor(out, header, &header->tensors[i]);
	for (size_t i = 0; i < header->metadata_count; i++) {
		const struct sft_pair *pair = &header->metadata[i];

		dump_text(out, sft_header_text(header, pair->key_off, pair->key_len));
		fputs(" = ", out);
		dump_text(out, sft_header_text(header, pair->value_off, pair->value_len));
		fputs("\n", out);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}
