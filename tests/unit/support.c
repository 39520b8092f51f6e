// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* asprintf(), mknodat(), nftw() */
#include "tests/unit/support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void check_uint(const char *file, int line, const char *row, const char *what,
		uint64_t got, uint64_t want)
{
	if (got == want)
		return;
	print_error("[%s] %s: got %" PRIu64 ", want %" PRIu64 "\n", row, what, got, want);
	_fail(file, line);
}

void check_text(const char *file, int line, const char *row, const char *what,
		const char *got, const char *want)
{
	if (got == want || (got != NULL && want != NULL && strcmp(got, want) == 0))
		return;
	print_error("[%s] %s:\n got %s\nwant %s\n", row, what, got != NULL ? got : "NULL",
		    want != NULL ? want : "NULL");
	_fail(file, line);
}

void check_bytes(const char *file, int line, const char *row, const char *what,
		 struct sft_bytes got, struct sft_bytes want)
{
	if (sft_bytes_equal(got, want))
		return;
	print_error("[%s] %s:\n got %zu bytes: %.*s\nwant %zu bytes: %.*s\n", row, what,
		    got.len, (int)got.len, (const char *)got.data, want.len,
		    (int)want.len, (const char *)want.data);
	_fail(file, line);
}

void check_holds(const char *file, int line, const char *row, const char *got,
		 const char *piece)
{
	if (strstr(got, piece) != NULL)
		return;
	print_error("[%s]\n got %s\nwant %s in it\n", row, got, piece);
	_fail(file, line);
}

void check_range(const char *file, int line, uint64_t got, uint64_t least, uint64_t most)
{
	if (got >= least && got <= most)
		return;
	print_error("got %" PRIu64 ", want %" PRIu64 " to %" PRIu64 "\n", got, least,
		    most);
	_fail(file, line);
}

/* ---- files ---- */

int folder_setup(void **state)
{
	const char *parent = getenv("TMPDIR");
	char *path;

	if (asprintf(&path, "%s/sft-unit-XXXXXX", parent != NULL ? parent : "/tmp") < 0)
		return -1;
	*state = mkdtemp(path);
	return *state != NULL ? 0 : -1;
}

int memory_setup(void **state)
{
	char *path = strdup("/dev/shm/sft-unit-XXXXXX");

	*state = path != NULL ? mkdtemp(path) : NULL;
	if (*state != NULL)
		return 0;
	free(path);
	return folder_setup(state);
}

static int remove_one(const char *path, const struct stat *info, int type,
		      struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	return remove(path);
}

int folder_teardown(void **state)
{
	const int failed = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return failed;
}

char *path_in(const char *folder, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

void make_many(const char *folder, const char *prefix, const char *suffix, unsigned count)
{
	const int fd = open(folder, O_PATH | O_DIRECTORY);
	char first[64] = "";

	for (unsigned i = 0; i < count; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%06u%s", prefix, i, suffix);
		if (i % 1000 == 0) { /* no file may have any number of names */
			assert_int_equal(mknodat(fd, name, S_IFREG | 0600, 0), 0);
			memcpy(first, name, sizeof(first));
		} else { /* which are made faster than files */
			assert_int_equal(linkat(fd, first, fd, name, 0), 0);
		}
	}
	close(fd);
}

/* Makes the folders that a path goes through. */
static void make_parents(char *path)
{
	for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
		*at = '/';
	}
}

void write_file(const char *folder, const char *name, const void *bytes, size_t len)
{
	char *path = path_in(folder, name);
	FILE *file;

	make_parents(path);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	free(path);
}

void write_model(const char *folder, const char *name, const char *header,
		 size_t data_len)
{
	const size_t header_len = strlen(header);
	uint8_t *text = malloc(8 + header_len + data_len);

	assert_non_null(text);
	for (unsigned i = 0; i < 8; i++)
		text[i] = (uint8_t)((uint64_t)header_len >> 8 * i);
	memcpy(text + 8, header, header_len);
	for (size_t i = 0; i < data_len; i++)
		text[8 + header_len + i] = data_byte(i);
	write_file(folder, name, text, 8 + header_len + data_len);
	free(text);
}

struct sft_model *open_model(const char *folder, const char *name,
			     const struct sft_options *options)
{
	char *path = path_in(folder, name);
	struct sft_model *model = NULL;
	struct sft_error err = { 0 };

	if (sft_open(path, options, &model, &err) != SFT_OK)
		fail_msg("%s: %s (%s)", path, err.detail, sft_status_word(err.status));
	free(path);
	return model;
}

struct sft_ref find_ref(const struct sft_model *model, const char *path)
{
	struct sft_ref ref = SFT_REF_ROOT;

	while (*path != '\0') {
		const size_t len = strcspn(path, "/");

		if (!sft_lookup(model, ref, path, len, &ref))
			fail_msg("%s is not there", path);
		path += len + (path[len] == '/');
	}
	return ref;
}

struct sft_file *open_file(const struct sft_model *model, const char *path)
{
	struct sft_file *file = NULL;
	struct sft_error err = { .detail = "" };

	if (sft_file_open(model, find_ref(model, path), &file, &err) != SFT_OK)
		fail_msg("%s: %s", path, err.detail);
	return file;
}

char *read_whole(const struct sft_model *model, const char *path, size_t *ret_len)
{
	struct sft_file *file = open_file(model, path);
	size_t len, got;
	char *text;

	len = (size_t)sft_file_len(file);
	text = malloc(len + 1);
	assert_non_null(text);
	assert_int_equal(sft_file_read(file, 0, text, len + 1, &got, NULL), SFT_OK);
	assert_int_equal(got, len);
	text[len] = '\0';
	sft_file_close(file);
	*ret_len = len;
	return text;
}
