// SPDX-License-Identifier: Apache-2.0
/*
 * fs/cat.c - --cat: files of the tree to standard output, without a mount
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/log.h"
#include "fs/offline.h"
#include "fs/opening.h"
#include "fs/path.h"

#define CHUNK_LEN (1u << 20) /* bytes read, and written, at a time */

/* In place of an exit status: nothing can be written any more. */
#define OUTPUT_GONE (-1)

/* Return: 0 or OUTPUT_GONE; there is no message for a reader that has seen enough. */
static int write_all(const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		const ssize_t written = write(STDOUT_FILENO, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno != EPIPE)
			fs_log_fail(SFT_E_IO, "cannot write to standard output: %s",
				    strerror(errno));
		if (written < 0)
			return OUTPUT_GONE;
		bytes += written;
		len -= (size_t)written;
	}
	return 0;
}

static int copy_out(const struct sft_file *file, uint8_t *chunk)
{
	struct sft_error err;
	uint64_t off = 0;
	int exit_status = 0;

	while (exit_status == 0 && off < sft_file_len(file)) {
		size_t len;

		if (sft_file_read_some(file, off, chunk, CHUNK_LEN, &len, NULL, &err) !=
		    SFT_OK) {
			fs_log_error(&err);
			return 1;
		}
		exit_status = write_all(chunk, len);
		off += len;
	}
	return exit_status;
}

static int cat_path(const struct sft_model *model, const char *text, uint8_t *chunk)
{
	struct sft_file *file;
	struct sft_error err;
	struct fs_path path;
	char shown[512];
	int exit_status = fs_path_find(model, text, &path);

	if (exit_status != 0)
		return exit_status;
	free(path.text);
	sft_escape(shown, sizeof(shown), text, strlen(text));
	if (path.place.type == SFT_TYPE_FOLDER)
		return fs_log_fail(SFT_E_NAME, "%s: a folder; --list shows what is in it",
				   shown[0] != '\0' ? shown : "the root");
	if (fs_path_open(model, &path, &file, &err) != SFT_OK) {
		fs_log_error(&err);
		return 1;
	}
	exit_status = copy_out(file, chunk);
	sft_file_close(file);
	return exit_status;
}

int fs_cat(const struct fs_options *options)
{
	auto_free uint8_t *chunk = malloc(CHUNK_LEN);
	struct sft_model *model = NULL;
	int exit_status;

	if (chunk == NULL)
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	exit_status = fs_open_model(options, options->operands[0], &model);
	if (exit_status != 0)
		return exit_status;
	/* As cat(1) does: what can be had is written, whatever became of another. */
	for (int i = 1; i < options->operand_count; i++) {
		const int one = cat_path(model, options->operands[i], chunk);

		if (one != 0)
			exit_status = 1;
		if (one == OUTPUT_GONE)
			break;
	}
	sft_close(model);
	return exit_status;
}
