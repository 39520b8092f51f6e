// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_rows.c - rows read as one, against rows copied one by one
 *
 * The source is made of data_byte()s, so a byte from a wrong place is a wrong byte. The
 * rows are short and long, near and far: below and above what is read at once.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "core/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/support.h"

#define OFF 11u /* of the first row in the file */

struct row {
	const char *what;
	struct sft_rows rows;
};

static const struct row cases[] = {
	{ "columns of a byte", { 1, 1, { { 300, 6 } } } },
	{ "two levels", { 3, 2, { { 5, 4 }, { 7, 50 } } } },
	{ "three levels", { 2, 3, { { 2, 3 }, { 3, 7 }, { 4, 40 } } } },
	{ "as near as rows can be far", { 8, 1, { { 40, 8 + 4096 } } } },
	{ "one byte further", { 8, 1, { { 40, 8 + 4097 } } } },
	{ "near, then far", { 8, 2, { { 4, 100 }, { 5, 20000 } } } },
	{ "more than fits at once", { 1000, 1, { { 200, 1500 } } } },
	{ "a row of just what fits", { 65536, 1, { { 3, 65536 + 64 } } } },
	{ "longer rows", { 70000, 1, { { 3, 70001 } } } },
	{ "two that fit at once", { 32000, 1, { { 5, 33000 } } } },
	{ "a row and a part of one", { 40000, 1, { { 4, 41000 } } } },
	{ "side by side", { 16, 1, { { 10, 16 } } } },
};

static uint64_t end_of(const struct sft_rows *rows)
{
	return sft_rows_off(rows, sft_rows_count(rows) - 1) + rows->row_len;
}

/* Where a row is, by counting. */
static uint64_t slow_off(const struct sft_rows *rows, uint64_t row)
{
	uint64_t idx[3] = { 0 };
	uint64_t off = 0;

	for (uint64_t i = 0; i < row; i++)
		for (size_t level = 0; level < rows->level_count; level++) {
			if (++idx[level] < rows->levels[level].count)
				break;
			idx[level] = 0;
		}
	for (size_t level = 0; level < rows->level_count; level++)
		off += idx[level] * rows->levels[level].stride;
	return off;
}

static int make_file(size_t len)
{
	const int fd = memfd_create("sft", MFD_CLOEXEC);
	uint8_t *bytes = malloc(OFF + len);

	assert_true(fd >= 0 && bytes != NULL);
	for (size_t i = 0; i < OFF + len; i++)
		bytes[i] = i < OFF ? 0xee : data_byte(i - OFF);
	assert_int_equal(write(fd, bytes, OFF + len), OFF + len);
	free(bytes);
	return fd;
}

/* All rows one after another; free() it. */
static uint8_t *gathered(const struct sft_rows *rows, size_t *ret_len)
{
	const uint64_t count = sft_rows_count(rows);
	uint8_t *out = malloc((size_t)(count * rows->row_len));
	size_t used = 0;

	assert_non_null(out);
	for (uint64_t row = 0; row < count; row++)
		for (uint64_t i = 0; i < rows->row_len; i++)
			out[used++] = data_byte(slow_off(rows, row) + i);
	*ret_len = used;
	return out;
}

/* Reads into memory of just the right length. */
static void check_part(const struct row *row, int fd, const uint8_t *whole, size_t skip,
		       size_t len)
{
	const struct sft_raw raw = { fd, OFF, &row->rows };
	uint8_t *out = malloc(len > 0 ? len : 1);

	assert_non_null(out);
	CHECK_UINT(row->what, sft_raw_read(&raw, skip, out, len, NULL), SFT_OK);
	CHECK_BYTES(row->what, bytes_at(out, len), bytes_at(whole + skip, len));
	free(out);
}

static void test_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct sft_rows *rows = &cases[i].rows;
		const int fd = make_file((size_t)end_of(rows));
		uint32_t random = 1;
		size_t len;
		uint8_t *whole = gathered(rows, &len);

		check_part(&cases[i], fd, whole, 0, len);
		check_part(&cases[i], fd, whole, 0, 0);
		check_part(&cases[i], fd, whole, len, 0);
		for (size_t at = 0; at < len; at += 1 + len / 200)
			check_part(&cases[i], fd, whole, at, 1);
		for (size_t n = 0; n < 300; n++) {
			size_t skip, part;

			random = random * 1664525u + 1013904223u;
			skip = random % len;
			random = random * 1664525u + 1013904223u;
			part = random % (len - skip) + 1;
			check_part(&cases[i], fd, whole, skip, part);
		}
		free(whole);
		close(fd);
	}
}

static void test_offsets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		for (uint64_t row = 0; row < sft_rows_count(&cases[i].rows); row++)
			CHECK_UINT(cases[i].what, sft_rows_off(&cases[i].rows, row),
				   slow_off(&cases[i].rows, row));
}

/* Offsets past 32 bits; sparse, so that it costs nothing. */
static void test_far(void **state)
{
	const struct sft_rows rows = { 4, 1, { { 3, UINT64_C(1) << 33 } } };
	const struct sft_raw raw = { memfd_create("sft", MFD_CLOEXEC), OFF, &rows };
	uint8_t out[12];

	(void)state;
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(pwrite(raw.fd, &"abcdefghijkl"[4 * i], 4,
					(off_t)(OFF + (i << 33))),
				 4);
	assert_int_equal(sft_raw_read(&raw, 0, out, sizeof(out), NULL), SFT_OK);
	assert_memory_equal(out, "abcdefghijkl", 12);
	close(raw.fd);
}

/* A file that ends too early, and one that cannot be read. */
static void test_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct sft_rows *rows = &cases[i].rows;
		const int fd = make_file((size_t)end_of(rows) - 1);
		struct sft_raw raw = { fd, OFF, rows };
		struct sft_error err;
		size_t len;
		uint8_t *whole = gathered(rows, &len);

		CHECK_UINT(cases[i].what, sft_raw_read(&raw, 0, whole, len, &err),
			   SFT_E_IO);
		assert_int_equal(err.sys_errno, 0);
		CHECK_UINT(cases[i].what, sft_raw_read(&raw, len - 1, whole, 1, &err),
			   SFT_E_IO);
		raw.fd = -1;
		CHECK_UINT(cases[i].what, sft_raw_read(&raw, 0, whole, 1, &err),
			   SFT_E_IO);
		assert_int_equal(err.sys_errno, EBADF);
		free(whole);
		close(fd);
	}
}

/* Without rows it is a range. */
static void test_one_piece(void **state)
{
	const struct sft_raw raw = { make_file(100), OFF, NULL };
	uint8_t out[10];

	(void)state;
	assert_int_equal(sft_raw_read(&raw, 5, out, sizeof(out), NULL), SFT_OK);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], data_byte(5 + i));
	close(raw.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),     cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_far),       cmocka_unit_test(test_failures),
		cmocka_unit_test(test_one_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
