// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_cast_read.c - any part of a range as float32
 *
 * A part is the same part of the whole: what the whole is, is test_cast.c's matter, which
 * is why it comes from the kernel here, in one go.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "core/cast_read.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/cast.h"
#include "core/dtype.h"
#include "tests/unit/support.h"

#define OFF 5u /* of the range in the file: no type is aligned there */

/* A file of data_byte()s, of which @len stand at OFF. */
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

/* The float32 of @count elements of data_byte()s; free() it. */
static uint8_t *whole_of(uint8_t dtype, size_t count)
{
	const size_t len = count * sft_dtype(dtype)->bits / 8;
	uint8_t *src = malloc(len);
	uint8_t *whole = malloc(4 * count);

	assert_true(src != NULL && whole != NULL);
	for (size_t i = 0; i < len; i++)
		src[i] = data_byte(i);
	sft_cast(dtype, src, whole, count);
	free(src);
	return whole;
}

/* Reads into memory of just the right length, so that a byte too many is caught. */
static void check_part(int fd, uint8_t dtype, const uint8_t *whole, size_t skip,
		       size_t len)
{
	const char *name = sft_dtype(dtype)->name;
	uint8_t *out = malloc(len);

	CHECK_UINT(name,
		   sft_cast_read(&(struct sft_raw){ fd, OFF, NULL }, dtype, skip, out,
				 len, NULL),
		   SFT_OK);
	CHECK_BYTES(name, bytes_at(out, len), bytes_at(whole + skip, len));
	free(out);
}

/* Every part of a few elements: all skips, all lengths. */
static void test_all_parts(void **state)
{
	static const size_t count = 6;

	(void)state;
	for (uint8_t dtype = 0; dtype < SFT_DTYPE_COUNT; dtype++) {
		uint8_t *whole;
		int fd;

		if (!sft_cast_has(dtype))
			continue;
		fd = make_file(count * sft_dtype(dtype)->bits / 8);
		whole = whole_of(dtype, count);
		for (size_t skip = 0; skip <= 4 * count; skip++)
			for (size_t len = 0; len <= 4 * count - skip; len++)
				check_part(fd, dtype, whole, skip, len);
		free(whole);
		close(fd);
	}
}

/* What is read in several pieces: edges of pieces, and on either side of them. */
static void test_pieces(void **state)
{
	static const size_t piece = 16384; /* bytes of source at a time */

	(void)state;
	for (uint8_t dtype = 0; dtype < SFT_DTYPE_COUNT; dtype++) {
		const size_t per_piece = piece * 8 / sft_dtype(dtype)->bits;
		const size_t count = 2 * per_piece + 2;
		uint8_t *whole;
		int fd;

		if (!sft_cast_has(dtype))
			continue;
		fd = make_file(count * sft_dtype(dtype)->bits / 8);
		whole = whole_of(dtype, count);
		for (size_t i = 0; i < 9; i++) {
			const size_t skip = 4 * per_piece - 4 + i;

			check_part(fd, dtype, whole, i, 4 * count - i);
			check_part(fd, dtype, whole, i, 4 * per_piece);
			check_part(fd, dtype, whole, i, 4 * (count - 2) - i);
			check_part(fd, dtype, whole, skip, 9);
			check_part(fd, dtype, whole, skip, 4 * count - skip);
		}
		free(whole);
		close(fd);
	}
}

/* Low nibble first, whatever element a part begins with. */
static void test_nibbles(void **state)
{
	/* 0.5, -6, 0, 1 */
	static const uint8_t codes[] = { 0xf1, 0x20 };
	static const uint8_t want[] = { 0, 0, 0, 0x3f, 0, 0, 0xc0, 0xc0,
					0, 0, 0, 0,    0, 0, 0x80, 0x3f };
	const int fd = memfd_create("sft", MFD_CLOEXEC);
	uint8_t dtype;

	(void)state;
	assert_true(sft_dtype_find(BYTES("F4"), &dtype));
	assert_int_equal(pwrite(fd, codes, sizeof(codes), OFF), sizeof(codes));
	for (size_t skip = 0; skip <= sizeof(want); skip++)
		check_part(fd, dtype, want, skip, sizeof(want) - skip);
	close(fd);
}

/* A file that ends too early gives an error, and says where. */
static void test_short(void **state)
{
	static const size_t count = 20000; /* elements: more than one piece */

	(void)state;
	for (uint8_t dtype = 0; dtype < SFT_DTYPE_COUNT; dtype++) {
		const char *name = sft_dtype(dtype)->name;
		const size_t len = count * sft_dtype(dtype)->bits / 8;
		uint8_t *out = malloc(4 * count);
		struct sft_error err = { .sys_errno = 99 };
		int fd;

		if (sft_cast_has(dtype)) {
			fd = make_file(len - 1);
			CHECK_UINT(name,
				   sft_cast_read(&(struct sft_raw){ fd, OFF, NULL },
						 dtype, 0, out, 4 * count, &err),
				   SFT_E_IO);
			CHECK_UINT(name, (uint64_t)err.sys_errno, 0);
			CHECK_UINT(name, err.pos, OFF + len - 1);
			CHECK_UINT(name,
				   sft_cast_read(&(struct sft_raw){ fd, OFF, NULL },
						 dtype, 4 * count - 1, out, 1, &err),
				   SFT_E_IO);
			/* What is still there can be read; and nothing needs no file. */
			CHECK_UINT(name,
				   sft_cast_read(&(struct sft_raw){ fd, OFF, NULL },
						 dtype, 0, out, 4, NULL),
				   SFT_OK);
			CHECK_UINT(name,
				   sft_cast_read(&(struct sft_raw){ fd, OFF, NULL },
						 dtype, 4 * count, out, 0, NULL),
				   SFT_OK);
			close(fd);
			CHECK_UINT(name,
				   sft_cast_read(&(struct sft_raw){ -1, OFF, NULL },
						 dtype, 0, out, 4, &err),
				   SFT_E_IO);
			CHECK_UINT(name, (uint64_t)err.sys_errno, EBADF);
		}
		free(out);
	}
}

/* Far inside a sparse file: skips and offsets past 32 bits. */
static void test_far(void **state)
{
	static const uint64_t first = UINT64_C(3) << 31; /* element */
	static const uint8_t value[] = { 0x00, 0x40 };   /* BF16 2.0, F16 2.0 */
	static const uint8_t want[] = { 0, 0, 0, 0x40 };
	static const char *const names[] = { "BF16", "F16" };
	const int fd = memfd_create("sft", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(pwrite(fd, value, 2, (off_t)(OFF + 2 * first)), 2);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		uint8_t out[4];
		uint8_t dtype;

		assert_true(sft_dtype_find(sft_bytes_of(names[i]), &dtype));
		CHECK_UINT(names[i],
			   sft_cast_read(&(struct sft_raw){ fd, OFF, NULL }, dtype,
					 4 * first, out, 4, NULL),
			   SFT_OK);
		assert_memory_equal(out, want, 4);
		CHECK_UINT(names[i],
			   sft_cast_read(&(struct sft_raw){ fd, OFF, NULL }, dtype,
					 4 * first - 1, out, 4, NULL),
			   SFT_OK);
		assert_memory_equal(out + 1, want, 3);
	}
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_parts), cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_nibbles),   cmocka_unit_test(test_short),
		cmocka_unit_test(test_far),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
