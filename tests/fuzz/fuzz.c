// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* memfd_create() */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/text.h"

void fuzz_fail(const char *file, int line, const char *claim)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, claim);
	abort();
}

/* ---- input ---- */

static struct fuzz_guarded guard(struct sft_bytes input, size_t extra)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t map_len = (input.len + extra + page - 1) / page * page;
	uint8_t *map = mmap(NULL, map_len + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct fuzz_guarded copy = { .len = input.len, .map = map, .map_len = map_len };

	if (map == MAP_FAILED || mprotect(map + map_len, page, PROT_NONE) != 0)
		abort();
	copy.data = map + map_len - extra - input.len;
	if (input.len > 0)
		memcpy(copy.data, input.data, input.len);
	return copy;
}

struct fuzz_guarded fuzz_guard(struct sft_bytes input)
{
	return guard(input, 0);
}

struct fuzz_guarded fuzz_guard_text(struct sft_bytes input)
{
	return guard(input, 1); /* fresh memory is zero */
}

void fuzz_unguard(struct fuzz_guarded *copy)
{
	munmap(copy->map, copy->map_len + (size_t)sysconf(_SC_PAGESIZE));
	*copy = (struct fuzz_guarded){ 0 };
}

bool fuzz_take_part(struct sft_bytes *rest, uint8_t separator, struct sft_bytes *ret_part)
{
	const uint8_t *found;

	if (rest->data == NULL)
		return false;
	found = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
	*ret_part = *rest;
	if (found == NULL) {
		*rest = (struct sft_bytes){ 0 };
		return true;
	}
	ret_part->len = (size_t)(found - rest->data);
	rest->data = found + 1;
	rest->len -= ret_part->len + 1;
	return true;
}

/* ---- files ---- */

int fuzz_file_new(struct sft_bytes head, uint64_t len, char path[FUZZ_PATH_CAP])
{
	const int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	if (len > INT64_MAX || ftruncate(fd, (off_t)len) != 0) {
		close(fd);
		return -1;
	}
	if (pwrite(fd, head.data, head.len, 0) != (ssize_t)head.len)
		abort();
	snprintf(path, FUZZ_PATH_CAP, "/proc/self/fd/%d", fd);
	return fd;
}

/* ---- claims ---- */

static void check_printable(const uint8_t *text, size_t len)
{
	for (size_t off = 0; off < len;) {
		uint32_t cp;
		const size_t step = sft_utf8_decode(text + off, len - off, &cp);

		MUST(step > 0 && !sft_text_is_unsafe(cp));
		off += step;
	}
}

void fuzz_check_error(const struct sft_error *err, enum sft_status status, uint64_t len)
{
	const size_t detail_len = strnlen(err->detail, sizeof(err->detail));

	MUST(err->status == status);
	MUST(err->pos == SFT_POS_NONE || err->pos <= len);
	MUST(detail_len > 0 && detail_len < sizeof(err->detail));
	check_printable((const uint8_t *)err->detail, detail_len);
}

void fuzz_check_name(const char *name, size_t len, size_t max)
{
	MUST(len > 0 && len <= max);
	MUST(memchr(name, '/', len) == NULL);
	MUST(!(len == 1 && name[0] == '.') && !(len == 2 && memcmp(name, "..", 2) == 0));
	check_printable((const uint8_t *)name, len);
}
