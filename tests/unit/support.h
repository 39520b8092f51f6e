/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/support.h - what the unit tests share: rows that name themselves, and small
 * model files in a folder of their own
 *
 * A check that fails prints the row of the table it came from and both values. Whole
 * results are compared, never just their lengths.
 */
#ifndef SFT_TESTS_UNIT_SUPPORT_H
#define SFT_TESTS_UNIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/bytes.h"
#include "core/sft.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Text with its length; a literal may hold NUL. */
#define BYTES(text) ((struct sft_bytes){ (const uint8_t *)(text), sizeof(text) - 1 })

/* Bytes with their length. */
static inline struct sft_bytes bytes_at(const void *data, size_t len)
{
	return (struct sft_bytes){ data, len };
}

#define CHECK_UINT(row, got, want) check_uint(__FILE__, __LINE__, row, #got, got, want)
#define CHECK_TEXT(row, got, want) check_text(__FILE__, __LINE__, row, #got, got, want)
#define CHECK_BYTES(row, got, want) check_bytes(__FILE__, __LINE__, row, #got, got, want)

void check_uint(const char *file, int line, const char *row, const char *what,
		uint64_t got, uint64_t want);

/* Either may be NULL. */
void check_text(const char *file, int line, const char *row, const char *what,
		const char *got, const char *want);

void check_bytes(const char *file, int line, const char *row, const char *what,
		 struct sft_bytes got, struct sft_bytes want);

/* Checks that a message holds a piece of text. */
#define CHECK_HOLDS(row, got, piece) check_holds(__FILE__, __LINE__, row, got, piece)
void check_holds(const char *file, int line, const char *row, const char *got,
		 const char *piece);

/* From @least to @most. cmocka's own has another name in each of its versions. */
#define CHECK_RANGE(got, least, most) check_range(__FILE__, __LINE__, got, least, most)
void check_range(const char *file, int line, uint64_t got, uint64_t least, uint64_t most);

/* ---- files ---- */

/* Setup and teardown of a test: *state is the path of a new folder; all in it goes. */
int folder_setup(void **state);
int folder_teardown(void **state);

#define IN_FOLDER(test)                                                                  \
	cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

/* The same in memory where there is such a folder: a disk takes seconds for many files.
 */
int memory_setup(void **state);

#define IN_MEMORY(test)                                                                  \
	cmocka_unit_test_setup_teardown(test, memory_setup, folder_teardown)

/* Makes @count empty files, called @prefix, six digits from 000000 on, and @suffix. */
void make_many(const char *folder, const char *prefix, const char *suffix,
	       unsigned count);

/* The path of a file in a folder; free() it. */
char *path_in(const char *folder, const char *name);

/* Writes a file; folders on the way are made. */
void write_file(const char *folder, const char *name, const void *bytes, size_t len);

/* Byte @off of the data of every model file written here; no two neighbours are equal. */
static inline uint8_t data_byte(uint64_t off)
{
	return (uint8_t)(off * 7 + (off >> 8) + 3);
}

/**
 * write_model() - write a model file
 * @header:   its JSON; the length field is put before it
 * @data_len: bytes behind it, each of them a data_byte()
 */
void write_model(const char *folder, const char *name, const char *header,
		 size_t data_len);

/* Opens what must open, and prints the error where it does not. */
struct sft_model *open_model(const char *folder, const char *name,
			     const struct sft_options *options);

/* The ref of a path such as ".view/npy/a.npy"; fails the test if it is not there. */
struct sft_ref find_ref(const struct sft_model *model, const char *path);

/* The file at a path, open, to be closed with sft_file_close(); fails the test otherwise.
 */
struct sft_file *open_file(const struct sft_model *model, const char *path);

/* All of a file, NUL-terminated; free() it. */
char *read_whole(const struct sft_model *model, const char *path, size_t *ret_len);

#endif /* SFT_TESTS_UNIT_SUPPORT_H */
