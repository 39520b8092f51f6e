// SPDX-License-Identifier: Apache-2.0
#include "fs/passthrough.h"

#include <stdlib.h>
#include <sys/ioctl.h>

/*
 * Of linux/fuse.h, which on many machines is older than the kernel. libfuse has a call
 * for it, too, but that takes a request, and requests come when the rights are gone.
 */
struct backing_map {
	int32_t fd;
	uint32_t flags; /* none yet */
	uint64_t padding;
};

#define BACKING_OPEN _IOW(229, 1, struct backing_map)

struct row {
	struct sft_span file;
	int32_t id; /* the kernel's; 0: it has none */
};

struct fs_passthrough {
	size_t count;
	struct row rows[]; /* by descriptor, ascending */
};

static int compare_rows(const void *a, const void *b)
{
	const int x = ((const struct row *)a)->file.fd;
	const int y = ((const struct row *)b)->file.fd;

	return (x > y) - (x < y);
}

struct fs_passthrough *fs_passthrough_new(const struct sft_model *model)
{
	struct fs_passthrough *passthrough;
	struct sft_span file;
	size_t count = 0;

	while (sft_model_whole(model, count, &file))
		count++;
	passthrough = calloc(1, sizeof(*passthrough) + count * sizeof(struct row));
	if (passthrough == NULL)
		return NULL;
	passthrough->count = count;
	for (size_t i = 0; i < count && sft_model_whole(model, i, &file); i++)
		passthrough->rows[i].file = file;
	qsort(passthrough->rows, count, sizeof(struct row), compare_rows);
	return passthrough;
}

void fs_passthrough_free(struct fs_passthrough *passthrough)
{
	free(passthrough);
}

size_t fs_passthrough_register(struct fs_passthrough *passthrough, int session_fd)
{
	size_t taken = 0;

	for (size_t i = 0; i < passthrough->count; i++) {
		struct row *row = &passthrough->rows[i];
		const struct backing_map map = { .fd = row->file.fd };
		const int id = ioctl(session_fd, BACKING_OPEN, &map);

		/* One may be refused for its file system, and the next be taken. */
		row->id = id > 0 ? id : 0;
		taken += id > 0;
	}
	return taken;
}

int32_t fs_passthrough_find(const struct fs_passthrough *passthrough,
			    const struct sft_file *file)
{
	const struct row *row;
	struct row key = { 0 };

	/* All of the file has to be one piece, and that all of another. */
	if (!sft_file_span(file, 0, &key.file) || key.file.off != 0 ||
	    key.file.len != sft_file_len(file))
		return 0;
	row = bsearch(&key, passthrough->rows, passthrough->count, sizeof(key),
		      compare_rows);
	return row != NULL && row->file.len == key.file.len ? row->id : 0;
}
