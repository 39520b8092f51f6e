// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/index.c - an index of shards
 */
#include <stdlib.h>
#include <unistd.h>

#include "core/index.h"
#include "core/text.h"
#include "tests/fuzz/fuzz.h"

/* A shard lies in the folder of the index or below, and is called like one. */
static void check_file(const char *name)
{
	struct sft_bytes rest = sft_bytes_of(name);
	struct sft_bytes part;

	MUST(sft_utf8_valid_len(rest.data, rest.len) == rest.len);
	MUST(name[0] != '/' && sft_bytes_end_in(rest, ".safetensors"));
	while (fuzz_take_part(&rest, '/', &part))
		MUST(!sft_bytes_equal(part, sft_bytes_of("..")));
}

static void check_index(const struct sft_index *index, const struct sft_names *files)
{
	MUST(index->count > 0 && files->count > 0 && files->count <= SFT_SHARDS_MAX);
	for (size_t i = 0; i < files->count; i++) {
		check_file(files->items[i]);
		MUST(i == 0 || strcmp(files->items[i - 1], files->items[i]) < 0);
	}
	for (uint32_t i = 0; i < index->count; i++) {
		uint32_t near, far;

		MUST(index->entries[i].file < files->count);
		MUST(sft_index_find(index, index->entries[i].tensor, i, &near) &&
		     near == i);
		MUST(sft_index_find(index, index->entries[i].tensor, 0, &far) &&
		     far == i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[FUZZ_PATH_CAP];
	const int fd = fuzz_file_new((struct sft_bytes){ data, size }, size, path);
	struct sft_names files = { 0 };
	struct sft_error err = { 0 };
	struct sft_index index;
	const enum sft_status status = sft_index_read(path, &index, &files, &err);

	if (status == SFT_OK) {
		check_index(&index, &files);
	} else {
		MUST(status == SFT_E_INDEX || status == SFT_E_LIMIT);
		fuzz_check_error(&err, status, size);
	}
	sft_index_done(&index);
	sft_names_done(&files);
	close(fd);
	return 0;
}
