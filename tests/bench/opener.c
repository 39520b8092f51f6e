// SPDX-License-Identifier: Apache-2.0
/*
 * tests/bench/opener.c - read the headers of a model one way, and say what it took
 *
 *	bench-opener sft|names|cjson SOURCE...
 *
 *	sft     sft_open(): all that a mount needs
 *
 *	names   sft_open() without the tree: what --info needs, and safe_open() gives
 *
 *	cjson   cJSON_Parse() of each header: the sources are files
 *
 * Prints nanoseconds and the largest resident memory in bytes.
 */
#include <cJSON.h>
#include <endian.h>
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/sft.h"

static void open_model(const char *source, bool names_only)
{
	const struct sft_options options = { .names_only = names_only };
	struct sft_model *model = NULL;
	struct sft_error error;

	if (sft_open(source, &options, &model, &error) != SFT_OK)
		errx(1, "%s: %s", source, error.detail);
	sft_close(model);
}

static void parse(const char *path)
{
	FILE *file = fopen(path, "rbe");
	uint64_t len;
	char *text;
	cJSON *json;

	if (file == NULL || fread(&len, sizeof(len), 1, file) != 1)
		err(1, "%s", path);
	len = le64toh(len);
	text = malloc((size_t)len);
	if (text == NULL || fread(text, 1, (size_t)len, file) != len)
		err(1, "%s", path);
	json = cJSON_ParseWithLength(text, (size_t)len);
	if (json == NULL)
		errx(1, "%s: cJSON cannot read it", path);
	cJSON_Delete(json);
	free(text);
	fclose(file);
}

/*
 * The largest resident memory since this program began. Not getrusage(): that counts what
 * the process was before, which may be Python.
 */
static int64_t peak_memory(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	int64_t kib = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "VmHWM: %" SCNd64, &kib) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return kib * 1024;
}

int main(int argc, char **argv)
{
	struct timespec begin, end;

	if (argc < 3)
		errx(2, "usage: %s sft|names|cjson SOURCE...", argv[0]);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[1], "cjson") == 0)
			parse(argv[i]);
		else
			open_model(argv[i], strcmp(argv[1], "names") == 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%" PRId64 " %" PRId64 "\n",
	       (int64_t)(end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec -
		       begin.tv_nsec,
	       peak_memory());
	return 0;
}
