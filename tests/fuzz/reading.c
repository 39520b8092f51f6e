// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/reading.h"

#include <unistd.h>

#define WINDOW_LEN 6000u /* a page and a half */

/* Reads exactly what there is; in long tensors a checksum may be given up. */
static bool read_at(const struct sft_file *file, uint64_t off, uint8_t *buf, size_t len)
{
	const uint64_t file_len = sft_file_len(file);
	const uint64_t left = off < file_len ? file_len - off : 0;
	struct sft_error err = { 0 };
	size_t got = SIZE_MAX;
	const enum sft_status status = sft_file_read(file, off, buf, len, &got, &err);

	if (status != SFT_OK) {
		MUST(status == SFT_E_IO && got == SIZE_MAX);
		fuzz_check_error(&err, status, UINT64_MAX);
		return false;
	}
	MUST(got == (left < len ? left : len));
	return true;
}

/* Pieces of a window are what the window is: two that meet, and its last byte. */
static void check_pieces(const struct sft_file *file, uint64_t off, const uint8_t *window,
			 size_t len)
{
	const size_t middle = len * 5 / 8;
	const struct {
		size_t at, len;
	} pieces[] = { { 0, middle }, { middle, len - middle }, { len - 1, 1 } };
	uint8_t piece[WINDOW_LEN];

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		if (read_at(file, off + pieces[i].at, piece, pieces[i].len))
			MUST(memcmp(piece, window + pieces[i].at, pieces[i].len) == 0);
}

/* What lies behind an iovec is the same, too. */
static void check_map(const struct sft_model *model, const struct sft_file *file,
		      uint64_t off, const uint8_t *window, size_t len)
{
	struct iovec iov[16];
	struct sft_home home;
	size_t count;

	if (!sft_file_map(file, off, len, iov, 16, &count, &home))
		return;
	MUST(count <= 16 && sft_home_check(model, home, NULL) == SFT_OK);
	for (size_t i = 0; i < count; i++) {
		MUST(iov[i].iov_len <= len);
		MUST(memcmp(iov[i].iov_base, window, iov[i].iov_len) == 0);
		window += iov[i].iov_len;
		len -= iov[i].iov_len;
	}
	MUST(len == 0);
}

static void check_span(const struct sft_file *file, uint64_t off, const uint8_t *window,
		       size_t len)
{
	struct sft_span span;
	uint8_t bytes[WINDOW_LEN];
	size_t part;

	if (!sft_file_span(file, off, &span))
		return;
	MUST(span.len > 0 && span.len <= sft_file_len(file) - off);
	part = span.len < len ? (size_t)span.len : len;
	MUST(pread(span.fd, bytes, part, (off_t)span.off) == (ssize_t)part);
	MUST(memcmp(bytes, window, part) == 0);
}

static void check_window(const struct sft_model *model, const struct sft_file *file,
			 uint64_t off)
{
	const uint64_t left = sft_file_len(file) - off;
	const size_t len = left < WINDOW_LEN ? (size_t)left : WINDOW_LEN;
	uint8_t window[WINDOW_LEN];

	if (len == 0 || !read_at(file, off, window, len))
		return;
	check_pieces(file, off, window, len);
	check_map(model, file, off, window, len);
	check_span(file, off, window, len);
}

void check_reading(const struct sft_model *model, const struct sft_file *file,
		   uint64_t len)
{
	uint8_t byte;
	struct sft_span span;

	MUST(sft_file_len(file) == len);
	MUST(read_at(file, len, &byte, 1) && read_at(file, UINT64_MAX, &byte, 1));
	MUST(read_at(file, 0, &byte, 0));
	MUST(!sft_file_span(file, len, &span));
	check_window(model, file, 0);
	if (len > WINDOW_LEN / 2) {
		check_window(model, file, len / 2);
		check_window(model, file, len - WINDOW_LEN / 2);
	}
}
