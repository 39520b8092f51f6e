// SPDX-License-Identifier: Apache-2.0
/* Finds a tensor and maps it: cc example.c $(pkg-config --cflags --libs safetensorsfs) */
#include <inttypes.h>
#include <safetensorsfs/sft.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct sft_model *model = NULL;
	struct sft_tensor_info info;
	struct sft_error error;
	const uint8_t *data;
	uint64_t sum = 0;
	size_t idx;

	if (argc != 3)
		return 2;
	if (sft_open(argv[1], NULL, &model, &error) != SFT_OK) {
		fprintf(stderr, "%s: %s\n", error.file, error.detail);
		return 1;
	}
	if (!sft_tensor_find(model, argv[2], strlen(argv[2]), &idx)) {
		fprintf(stderr, "%s: no tensor %s\n", argv[1], argv[2]);
		return 1;
	}
	sft_tensor_at(model, idx, &info);
	data = sft_tensor_data(model, idx); /* NULL: not mapped, or empty */
	for (uint64_t i = 0; data != NULL && i < info.len; i++)
		sum += data[i];
	printf("%s of rank %zu, %" PRIu64 " bytes at %" PRIu64 " of %s, sum %" PRIu64
	       "\n",
	       info.dtype, info.rank, info.len, info.file_off, info.file, sum);
	sft_close(model);
	return 0;
}
