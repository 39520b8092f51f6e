// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_api.c - a program that shows a model, from the public header
 * alone
 *
 * Opens a model, lists its tree, reads a file, and compares what it saw.
 * Nothing of core but core/sft.h is needed for that, and no test library.
 */
#define _GNU_SOURCE /* open_memstream() */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sft.h"

static const char bytes[] = "\x39\0\0\0\0\0\0\0"
			    "{\"lm_head.weight\":[\"U8\",[2,3],[0,6]],"
			    "\"w\":[\"U8\",[],[6,7]]}"
			    "abcdefg";

static const char want[] = "__metadata__.json\n"
			   "lm_head/\n"
			   "  weight.bin: U8 [2, 3], 6 bytes\n"
			   "  weight.json: U8 [2, 3]\n"
			   "w.bin: U8 [], 1 bytes\n"
			   "w.json: U8 []\n"
			   "abcdef\n";

/* What goes wrong is told in one line, and this is all a program has to do
 * about it. */
static void expect(enum sft_status status, const struct sft_error *err)
{
	if (status == SFT_OK)
		return;
	fprintf(stderr, "%s: %s (%s)\n", err->file, err->detail, sft_status_word(status));
	exit(EXIT_FAILURE);
}

static void list(FILE *out, const struct sft_model *model, struct sft_ref folder,
		 int indent)
{
	struct sft_entry entry = { .next = 0 };

	while (sft_list(model, folder, entry.next, &entry)) {
		struct sft_attr attr;
		struct sft_error err;
		char note[64];

		expect(sft_attr(model, entry.ref, &attr, &err), &err);
		sft_ref_note(model, entry.ref, note, sizeof(note));
		fprintf(out, "%*s%s%s%s%s", indent, "", entry.name,
			entry.type == SFT_TYPE_FOLDER ? "/" : "",
			note[0] != '\0' ? ": " : "", note);
		if (strstr(entry.name, ".bin") != NULL)
			fprintf(out, ", %" PRIu64 " bytes", attr.len);
		fputc('\n', out);
		if (entry.type == SFT_TYPE_FOLDER)
			list(out, model, entry.ref, indent + 2);
	}
}

static void cat(FILE *out, const struct sft_model *model, struct sft_ref ref)
{
	struct sft_file *file;
	struct sft_error err;
	uint64_t off = 0;
	char part[4];
	size_t got;

	expect(sft_file_open(model, ref, &file, &err), &err);
	do {
		expect(sft_file_read(file, off, part, sizeof(part), &got, &err), &err);
		fwrite(part, 1, got, out);
		off += got;
	} while (got > 0);
	sft_file_close(file);
}

static void show(FILE *out, const char *path)
{
	struct sft_model *model;
	struct sft_error err;
	struct sft_ref ref;

	expect(sft_open(path, NULL, &model, &err), &err);
	list(out, model, SFT_REF_ROOT, 0);
	if (sft_lookup(model, SFT_REF_ROOT, "lm_head", 7, &ref) &&
	    sft_lookup(model, ref, "weight.bin", 10, &ref))
		cat(out, model, ref);
	fputc('\n', out);
	sft_close(model);
}

int main(void)
{
	const char *folder = getenv("TMPDIR");
	char path[4096];
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);
	int fd;

	snprintf(path, sizeof(path), "%s/sft-api-XXXXXX",
		 folder != NULL ? folder : "/tmp");
	fd = mkstemp(path);
	if (out == NULL || fd < 0 ||
	    write(fd, bytes, sizeof(bytes) - 1) != (ssize_t)sizeof(bytes) - 1)
		return EXIT_FAILURE;
	show(out, path);
	fclose(out);
	close(fd);
	unlink(path);
	if (strcmp(got, want) != 0) {
		fprintf(stderr, " got:\n%swant:\n%s", got, want);
		return EXIT_FAILURE;
	}
	free(got);
	return EXIT_SUCCESS;
}
