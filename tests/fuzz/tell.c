// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/tell.c - what core makes of many files
 *
 *	tell < FILES
 *
 * Each file comes as its length, 8 bytes little-endian, and its bytes. Each is opened
 * as a program would open it, and told in lines that an empty one ends:
 *
 *	ok				or the word of the error
 *	T 612e62 F32 2,3 0 24		a tensor: name in hex, dtype, shape, data_offsets
 *	M 6b 76				a pair of the metadata, in hex, in the file's
 * order
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/model.h"
#include "tests/fuzz/fuzz.h"

static void print_hex(struct sft_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		printf("%02x", text.data[i]);
}

static void print_tensor(const struct sft_header *header, const struct sft_tensor *tensor)
{
	struct sft_shape shape = sft_tensor_shape(header, tensor);
	const char *separator = "";
	uint64_t dim;

	printf("T ");
	print_hex(sft_tensor_name(header, tensor));
	printf(" %s ", sft_dtype(tensor->dtype)->name);
	while (sft_shape_next(&shape, &dim)) {
		printf("%s%" PRIu64, separator, dim);
		separator = ",";
	}
	printf(" %" PRIu64 " %" PRIu64 "\n", tensor->begin, tensor->end);
}

static void print_pair(const struct sft_header *header, const struct sft_pair *pair)
{
	printf("M ");
	print_hex(sft_header_text(header, pair->key_off, pair->key_len));
	printf(" ");
	print_hex(sft_header_text(header, pair->value_off, pair->value_len));
	printf("\n");
}

static void tell(struct sft_bytes file)
{
	char path[FUZZ_PATH_CAP];
	const int fd = fuzz_file_new(file, file.len, path);
	struct sft_model *model = NULL;
	const enum sft_status status = sft_open(path, NULL, &model, NULL);

	printf("%s\n", status == SFT_OK ? "ok" : sft_status_word(status));
	if (status == SFT_OK) {
		const struct sft_header *header = &model->shards[0].header;

		for (size_t i = 0; i < model->tensor_count; i++)
			print_tensor(header, &model->tensors[i]);
		for (size_t i = 0; i < header->metadata_count; i++)
			print_pair(header, &header->metadata[i]);
	}
	printf("\n");
	sft_close(model);
	close(fd);
}

/* Return: false at the end. */
static bool read_len(uint64_t *ret_len)
{
	uint8_t field[8];
	const size_t got = fread(field, 1, sizeof(field), stdin);

	if (got == 0)
		return false;
	MUST(got == sizeof(field));
	*ret_len = 0;
	for (unsigned i = sizeof(field); i > 0; i--)
		*ret_len = *ret_len << 8 | field[i - 1];
	return true;
}

int main(void)
{
	uint64_t len;

	while (read_len(&len)) {
		uint8_t *file = malloc(len > 0 ? (size_t)len : 1);

		MUST(file != NULL && fread(file, 1, (size_t)len, stdin) == len);
		tell((struct sft_bytes){ file, (size_t)len });
		fflush(stdout); /* what was told before this process ends over a file */
		free(file);
	}
	return EXIT_SUCCESS;
}
