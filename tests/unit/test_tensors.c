// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_tensors.c - tensors by number and by name, and their bytes in memory
 */
#include "core/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sft.h"
#include "tests/unit/support.h"

static const char header[] =
	"{\"__metadata__\":{\"tied\":\"a.b\"},"
	"\"a.b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
	"\"s\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[12,20]},"
	"\"n\\u0000l\":{\"dtype\":\"U8\",\"shape\":[0,7],\"data_offsets\":[20,20]},"
	"\"f\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[20,22]}}";
#define DATA_LEN 22u

static const struct {
	const char *name;
	size_t name_len;
	const char *dtype;
	unsigned bits;
	size_t rank;
	uint64_t dims[2];
	uint64_t elements, begin, len;
} wanted[] = {
	{ "a.b", 3, "BF16", 16, 2, { 2, 3 }, 6, 0, 12 },
	{ "s", 1, "F64", 64, 0, { 0 }, 1, 12, 8 },
	{ "n\0l", 3, "U8", 8, 2, { 0, 7 }, 0, 20, 0 },
	{ "f", 1, "F4", 4, 1, { 4 }, 4, 20, 2 },
};

static void check_one(const struct sft_model *model, size_t row, bool is_mapped)
{
	const char *name = wanted[row].name;
	struct sft_tensor_info info;
	uint64_t dims[2] = { 0 };
	uint8_t buf[DATA_LEN];
	const uint8_t *data;
	size_t idx;

	assert_true(sft_tensor_find(model, name, wanted[row].name_len, &idx));
	sft_tensor_at(model, idx, &info);
	CHECK_BYTES(name, info.name, bytes_at(name, wanted[row].name_len));
	CHECK_TEXT(name, info.dtype, wanted[row].dtype);
	CHECK_UINT(name, info.element_bits, wanted[row].bits);
	CHECK_UINT(name, info.rank, wanted[row].rank);
	CHECK_UINT(name, info.elements, wanted[row].elements);
	CHECK_UINT(name, info.len, wanted[row].len);
	CHECK_UINT(name, info.file_off, 8 + sizeof(header) - 1 + wanted[row].begin);
	CHECK_HOLDS(name, info.file, "m.safetensors");
	CHECK_UINT(name, sft_tensor_dims(model, idx, dims, 1), wanted[row].rank);
	CHECK_UINT(name, dims[1], 0); /* there was room for one */
	sft_tensor_dims(model, idx, dims, 2);
	assert_memory_equal(dims, wanted[row].dims, sizeof(dims));

	data = sft_tensor_data(model, idx);
	assert_true((data != NULL) == (is_mapped && wanted[row].len > 0));
	assert_int_equal(sft_tensor_read(model, idx, 0, buf, (size_t)info.len, NULL),
			 SFT_OK);
	for (size_t i = 0; i < info.len; i++)
		CHECK_UINT(name, buf[i], data_byte(wanted[row].begin + i));
	assert_true(data == NULL || memcmp(data, buf, (size_t)info.len) == 0);
}

/* However the model is opened, the same is known of its tensors. */
static void test_tensors(void **state)
{
	static const struct sft_options options[] = { { .io = SFT_IO_MAP },
						      { .io = SFT_IO_PREAD },
						      { .names_only = true } };

	write_model(*state, "m.safetensors", header, DATA_LEN);
	for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
		struct sft_model *model =
			open_model(*state, "m.safetensors", &options[i]);
		size_t idx;

		for (size_t row = 0; row < ARRAY_COUNT(wanted); row++)
			check_one(model, row, options[i].io != SFT_IO_PREAD);
		assert_false(sft_tensor_find(model, "a", 1, &idx));
		assert_false(sft_tensor_find(model, "", 0, &idx));
		assert_false(sft_tensor_find(model, "n", 1, &idx));
		assert_false(sft_tensor_find(model, "a.b\0", 4, &idx));
		sft_close(model);
	}
}

/* Another name of a tensor finds it, and so does one that a rule made. */
static void test_other_names(void **state)
{
	struct sft_filter *filter = sft_filter_new();
	const struct sft_options options = { .filter = filter };
	struct sft_model *model;
	size_t first, second;

	write_model(*state, "m.safetensors", header, DATA_LEN);
	model = open_model(*state, "m.safetensors", NULL);
	assert_true(sft_tensor_find(model, "a.b", 3, &first));
	assert_true(sft_tensor_find(model, "tied", 4, &second));
	assert_int_equal(first, second);
	sft_close(model);

	assert_int_equal(sft_filter_rename(filter, "s/^a/z/", NULL), SFT_OK);
	model = open_model(*state, "m.safetensors", &options);
	assert_true(sft_tensor_find(model, "z.b", 3, &first));
	assert_false(sft_tensor_find(model, "a.b", 3, &first));
	sft_close(model);
	sft_filter_free(filter);
}

/* Names that are cut in a listing are found by all of their bytes. */
static void test_long_names(void **state)
{
	static const char tail[] =
		"\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
	char text[1400] = "{\"";
	char name[301];
	struct sft_model *model;
	size_t idx;

	memset(name, 'x', 300);
	name[300] = '\0';
	snprintf(text, sizeof(text), "{\"%s%s,\"%.299sy%s}", name, tail, name, tail);
	write_model(*state, "m.safetensors", text, 0);
	model = open_model(*state, "m.safetensors", NULL);
	assert_true(sft_tensor_find(model, name, 300, &idx));
	assert_int_equal(idx, 0);
	assert_false(sft_tensor_find(model, name, 299, &idx));
	name[299] = 'y';
	assert_true(sft_tensor_find(model, name, 300, &idx));
	assert_int_equal(idx, 1);
	sft_close(model);
}

/* No byte from outside the tensor, and none of a source that changed. */
static void test_refused(void **state)
{
	char *path = path_in(*state, "m.safetensors");
	struct sft_model *model;
	struct sft_error err;
	uint8_t buf[DATA_LEN];

	write_model(*state, "m.safetensors", header, DATA_LEN);
	model = open_model(*state, "m.safetensors", NULL);
	assert_int_equal(sft_tensor_read(model, 0, 12, buf, 0, &err), SFT_OK);
	assert_int_equal(sft_tensor_read(model, 0, 11, buf, 1, &err), SFT_OK);
	assert_int_equal(buf[0], data_byte(11));
	assert_int_equal(sft_tensor_read(model, 0, 11, buf, 2, &err), SFT_E_USAGE);
	assert_int_equal(sft_tensor_read(model, 0, 13, buf, 0, &err), SFT_E_USAGE);
	assert_int_equal(sft_tensor_read(model, 0, UINT64_MAX, buf, 1, &err),
			 SFT_E_USAGE);
	assert_int_equal(sft_tensor_read(model, 0, 1, buf, SIZE_MAX, &err), SFT_E_USAGE);
	assert_int_equal(truncate(path, sizeof(header)), 0);
	assert_int_equal(sft_tensor_read(model, 0, 0, buf, 12, &err), SFT_E_CHANGED);
	CHECK_HOLDS("cut", err.file, "m.safetensors");
	assert_int_equal(sft_tensor_read(model, 0, 0, buf, 0, NULL), SFT_E_CHANGED);
	sft_close(model);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_tensors),
		IN_FOLDER(test_other_names),
		IN_FOLDER(test_long_names),
		IN_FOLDER(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
