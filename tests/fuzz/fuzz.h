/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz.h - what the fuzz targets share
 *
 * A target is one file that defines LLVMFuzzerTestOneInput(). With -Dfuzz=true it is
 * linked to libFuzzer and finds inputs; without, to replay.c, and goes once through those
 * that are kept in corpus/TARGET. What it claims about an input it says with MUST(),
 * whatever the build: assert() is core's own.
 */
#ifndef SFT_TESTS_FUZZ_FUZZ_H
#define SFT_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/sft.h"

/* The entry that libFuzzer looks for. Return: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, and so the run, where something does not hold. */
#define MUST(claim) ((claim) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #claim))
_Noreturn void fuzz_fail(const char *file, int line, const char *claim);

/* ---- input ---- */

/*
 * A copy whose last byte is the last of accessible memory: the page behind it is none,
 * so that reading on is a fault even without a sanitizer.
 */
struct fuzz_guarded {
	uint8_t *data;
	size_t len;
	uint8_t *map;
	size_t map_len; /* without the page behind */
};

struct fuzz_guarded fuzz_guard(struct sft_bytes input);

/* The same with a NUL as the last byte, which @len does not count. */
struct fuzz_guarded fuzz_guard_text(struct sft_bytes input);

void fuzz_unguard(struct fuzz_guarded *copy);

/* Takes what stands before the first @separator, or all that is left; false at the end.
 */
bool fuzz_take_part(struct sft_bytes *rest, uint8_t separator,
		    struct sft_bytes *ret_part);

/* ---- files ---- */

#define FUZZ_PATH_CAP 32u

/**
 * fuzz_file_new() - a file in memory
 * @head: its first bytes
 * @len:  of the file; what is behind @head is a hole
 * @path: receives a path to open it by, as long as the descriptor is open
 *
 * Return: the descriptor, to be closed; or -1 if a file cannot be that long.
 */
int fuzz_file_new(struct sft_bytes head, uint64_t len, char path[FUZZ_PATH_CAP]);

/* ---- claims ---- */

/* A message is one line of printable UTF-8 about a place within @len bytes, or none. */
void fuzz_check_error(const struct sft_error *err, enum sft_status status, uint64_t len);

static inline bool fuzz_same_ref(struct sft_ref a, struct sft_ref b)
{
	return a.node == b.node && a.view == b.view && a.kind == b.kind;
}

/* A name can stand in any listing. */
void fuzz_check_name(const char *name, size_t len, size_t max);

#endif /* SFT_TESTS_FUZZ_FUZZ_H */
