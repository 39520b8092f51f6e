// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/replay.c - inputs that were found once, with no fuzzer
 *
 *	replay PATH...
 *
 * Gives each file to the target; of a folder, all that is in it. Prints the file before a
 * target can end the process over it.
 */
#define _GNU_SOURCE /* asprintf() */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static void die(const char *path)
{
	perror(path);
	exit(EXIT_FAILURE);
}

static void replay_file(const char *path, size_t len)
{
	uint8_t *data = malloc(len > 0 ? len : 1); /* exactly: a sanitizer sees its end */
	FILE *file = fopen(path, "rb");

	if (data == NULL || file == NULL || fread(data, 1, len, file) != len)
		die(path);
	fclose(file);
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, len);
	free(data);
}

/* Return: the files that were replayed. */
static size_t replay(const char *path);

static size_t replay_folder(const char *path)
{
	struct dirent **entries;
	const int count = scandir(path, &entries, NULL, alphasort);
	size_t replayed = 0;

	if (count < 0)
		die(path);
	for (int i = 0; i < count; i++) {
		char *child;

		if (asprintf(&child, "%s/%s", path, entries[i]->d_name) < 0)
			abort();
		if (entries[i]->d_name[0] != '.')
			replayed += replay(child);
		free(child);
		free(entries[i]);
	}
	free(entries);
	return replayed;
}

static size_t replay(const char *path)
{
	struct stat info;

	if (stat(path, &info) != 0)
		die(path);
	if (S_ISDIR(info.st_mode))
		return replay_folder(path);
	replay_file(path, (size_t)info.st_size);
	return 1;
}

int main(int argc, char **argv)
{
	size_t replayed = 0;

	for (int i = 1; i < argc; i++)
		replayed += replay(argv[i]);
	printf("%zu inputs\n", replayed);
	return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE; /* none tests nothing */
}
