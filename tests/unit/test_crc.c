// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_crc.c - checksums, the bytes that make them what was declared, and when
 * they are computed
 */
#include "core/crc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/known.h"
#include "core/npy.h"
#include "tests/unit/support.h"

#define BUFFER_LEN 20000u

/* The definition: bit by bit. */
static uint32_t slow_crc(const uint8_t *bytes, size_t len)
{
	uint32_t value = UINT32_MAX;

	for (size_t i = 0; i < len * 8; i++) {
		const uint32_t bit = ((uint32_t)bytes[i / 8] >> i % 8 ^ value) & 1;

		value = value >> 1 ^ (bit ? 0xedb88320u : 0);
	}
	return ~value;
}

static void test_crc(void **state)
{
	uint8_t bytes[512];

	(void)state;
	CHECK_UINT("nothing", sft_crc(0, "", 0), 0);
	CHECK_UINT("check value", sft_crc(0, "123456789", 9), 0xcbf43926);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = data_byte(i);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		const size_t half = len * 2 / 3;

		CHECK_UINT("at once", sft_crc(0, bytes, len), slow_crc(bytes, len));
		CHECK_UINT("in parts",
			   sft_crc(sft_crc(0, bytes, half), bytes + half, len - half),
			   slow_crc(bytes, len));
	}
}

/* A simple generator: tests have to do the same each time. */
static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*seed >> 32);
}

static void test_patch(void **state)
{
	static const size_t zeros[] = { 0, 1, 3, 63, 4096, 10000 };
	uint8_t *bytes = malloc(BUFFER_LEN);
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		const size_t len = i < 8 ? i : next_random(&seed) % 5000;
		const size_t tail = zeros[i % ARRAY_COUNT(zeros)];
		const uint32_t want = i % 3 == 0 ? 0 : next_random(&seed);

		for (size_t j = 0; j < len; j++)
			bytes[j] = (uint8_t)next_random(&seed);
		sft_crc_patch(slow_crc(bytes, len), want, tail, bytes + len);
		memset(bytes + len + SFT_CRC_PATCH_LEN, 0, tail);
		CHECK_UINT("patched", slow_crc(bytes, len + SFT_CRC_PATCH_LEN + tail),
			   want);
	}
	free(bytes);
}

/* ---- of tensors ---- */

#define HEADER "{\"a\":[\"U8\",[3],[0,3]],\"b\":[\"U8\",[200000],[3,200003]]}"
#define DATA_LEN 200003u

static void test_npy(void **state)
{
	struct sft_model *model;

	write_model(*state, "m", HEADER, DATA_LEN);
	model = open_model(*state, "m", NULL);
	for (uint32_t i = 0; i < 2; i++) {
		const char *path = i == 0 ? ".view/npy/a.npy" : ".view/npy/b.npy";
		uint32_t got;
		size_t len;
		char *text = read_whole(model, path, &len);

		assert_int_equal(sft_crc_npy(model, i, &got, NULL), SFT_OK);
		CHECK_UINT(path, got, slow_crc((uint8_t *)text, len));
		free(text);
	}
	sft_close(model);
}

/* Writes over a byte of the tensor b; the file keeps its length and its times. */
static void change_byte(const char *path, char byte)
{
	struct stat info;
	const int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &info), 0);
	assert_int_equal(pwrite(fd, &byte, 1, info.st_size - 1), 1);
	assert_int_equal(futimens(fd, (struct timespec[]){ info.st_mtim, info.st_mtim }),
			 0);
	assert_int_equal(close(fd), 0);
}

/* It is computed when it is first asked for, and then no more. */
static void test_once(void **state)
{
	char *path = path_in(*state, "m");
	struct sft_model *model;
	uint32_t first, again, fresh;

	write_model(*state, "m", HEADER, DATA_LEN);
	model = open_model(*state, "m", NULL);
	change_byte(path, 'x');
	assert_int_equal(sft_crc_npy(model, 1, &first, NULL), SFT_OK);
	change_byte(path, 'y');
	assert_int_equal(sft_crc_npy(model, 1, &again, NULL), SFT_OK);
	sft_close(model);
	model = open_model(*state, "m", NULL);
	assert_int_equal(sft_crc_npy(model, 1, &fresh, NULL), SFT_OK);
	CHECK_UINT("asked again", again, first);
	CHECK_UINT("of another byte", fresh != first, true);
	sft_close(model);
	free(path);
}

/* Nothing is kept of a file that changed; nor of one that ends too early. */
static void test_changed(void **state)
{
	char *path = path_in(*state, "m");
	struct sft_model *model;
	struct sft_error err = { 0 };
	uint32_t crc;

	write_model(*state, "m", HEADER, DATA_LEN);
	model = open_model(*state, "m", NULL);
	assert_int_equal(
		utimensat(AT_FDCWD, path,
			  (struct timespec[]){ { .tv_sec = 1 }, { .tv_sec = 1 } }, 0),
		0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sft_crc_npy(model, 1, &crc, &err), SFT_E_CHANGED);
		CHECK_HOLDS("message", err.file, "m");
	}
	CHECK_UINT("kept", atomic_load(&model->state->known->sums[1].has), 0);
	assert_int_equal(truncate(path, 1000), 0);
	assert_int_equal(sft_crc_npy(model, 1, &crc, &err), SFT_E_IO);
	CHECK_UINT("kept", atomic_load(&model->state->known->sums[1].has), 0);
	sft_close(model);
	free(path);
}

/* Says that nobody waits any more, from the second time on that it is asked. */
static bool is_over(void *arg)
{
	return ++*(unsigned *)arg > 1;
}

/* A long computation asks after each MiB; a sparse file can claim to be longer. */
static void test_long(void **state)
{
	static const uint8_t zeros[65536];
	static const char text[] = "{\"a\":[\"U8\",[41943040],[0,41943040]]}";
	const size_t len = 40u << 20;
	char *path = path_in(*state, "m");
	struct sft_error err = { 0 };
	struct sft_model *model;
	uint32_t crc, want;
	unsigned asked = 0;
	char header[SFT_NPY_HEADER_LEN_MAX];

	write_model(*state, "m", text, 0);
	assert_int_equal(truncate(path, (off_t)(8 + strlen(text) + len)), 0);
	model = open_model(*state, "m", NULL);
	sft_model_watch(model, is_over, &asked);
	CHECK_UINT("over", sft_crc_npy(model, 0, &crc, &err), SFT_E_IO);
	CHECK_HOLDS("over", err.detail, "nobody waits for this checksum any more");
	CHECK_UINT("asked", asked, 2);
	CHECK_UINT("kept", atomic_load(&model->state->known->sums[0].has), 0);
	sft_model_watch(model, NULL, NULL);
	assert_int_equal(sft_crc_npy(model, 0, &crc, NULL), SFT_OK);
	want = sft_crc(0, header,
		       sft_npy_header(model, sft_whole(&model->tensors[0]), header));
	for (size_t done = 0; done < len; done += sizeof(zeros))
		want = sft_crc(want, zeros, sizeof(zeros));
	CHECK_UINT("computed", crc, want);
	sft_close(model);
	free(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc), cmocka_unit_test(test_patch),
		IN_FOLDER(test_npy),        IN_FOLDER(test_once),
		IN_FOLDER(test_changed),    IN_FOLDER(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
