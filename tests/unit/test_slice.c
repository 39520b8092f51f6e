// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_slice.c - slices by name: what is one, and what it is one of
 *
 * Which text means which part is test_box.c's.
 */
#include "core/slice.h"

#include <stdlib.h>

#include "tests/unit/support.h"

static const char header[] = "{\"__metadata__\":{\"tied\":\"a.w\"},"
			     "\"a.w\":[\"U8\",[4,2],[0,8]],\"q\":[\"F4\",[4],[8,10]],\"q."
			     "absmax\":[\"U8\",[2],[10,12]],"
			     "\"x[0]\":[\"U8\",[3],[12,15]],\"c\":[\"C64\",[2],[15,31]]}";

/* A name that is looked up in a folder, and the canonical text of the slice; or NULL. */
static const struct {
	const char *folder, *name, *text;
} rows[] = {
	{ "a", "w[1].bin", "1" },
	{ "a", "w[-3:3,1].json", "1:3,1" },
	{ ".view/npy/a", "w[:,0].npy", ":,0" },
	{ ".view/f32/a", "w[0].bin", "0" },
	{ ".view/flat", "a.w[0].npy", "0" },
	{ ".view/safetensors/a", "w[3].safetensors", "3" },
	{ "", "tied[1].bin", "1" },
	/* The last pair of brackets counts. */
	{ "", "x[0][1].bin", "1" },
	{ "", "x[0].bin", NULL },
	/* The file of that name is the folder's; the slice is the tensor's all the same.
	 */
	{ ".view/safetensors", "q[0:2].safetensors", "0:2" },
	{ "", "q[1:3].bin", NULL }, /* half a byte */
	{ ".view/f32", "c[0].bin", NULL },
	{ ".view/f32", "q[0:2].npy", "0:2" },
	/* No slices of these. */
	{ "a", "w.bin", NULL },
	{ "a", "w].bin", NULL },
	{ "a", "w[0.bin", NULL },
	{ "a", "w[0]", NULL },
	{ "a", "w[0].npy", NULL },
	{ "a", "w[].bin", NULL },
	{ "a", "[0].bin", NULL },
	{ "a", "[0]", NULL },
	{ "a", "v[0].bin", NULL },
	{ "", "a[0].bin", NULL }, /* a folder */
	{ "", "__metadata__[0].json", NULL },
	{ "", "", NULL },
	{ ".view", "w[0].bin", NULL },
	{ ".view/model", "model[0].safetensors", NULL },
	{ ".view/offload", "a.w[0].dat", NULL },
};

static bool look_up(const struct sft_model *model, const char *folder, const char *name,
		    struct sft_slice *ret_slice)
{
	return sft_slice_lookup(model, find_ref(model, folder), name, strlen(name),
				ret_slice);
}

static void test_names(void **state)
{
	struct sft_model *model;

	write_model(*state, "m", header, 31);
	model = open_model(*state, "m", NULL);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_slice slice;
		const bool found = look_up(model, rows[i].folder, rows[i].name, &slice);

		CHECK_UINT(rows[i].name, found, rows[i].text != NULL);
		if (found)
			CHECK_BYTES(rows[i].name, bytes_at(slice.text, slice.len),
				    sft_bytes_of(rows[i].text));
	}
	sft_close(model);
}

/* A bound may have any number of digits, but a name 255 bytes. */
static void test_long_names(void **state)
{
	struct sft_model *model;
	struct sft_slice slice;
	char name[400];

	write_model(*state, "m", header, 31);
	model = open_model(*state, "m", NULL);
	for (size_t len = 250; len < sizeof(name); len++) {
		const size_t digits = len - strlen("w[0:].bin");

		memset(name, '9', sizeof(name));
		memcpy(name, "w[0:", 4);
		strcpy(name + 4 + digits, "].bin");
		CHECK_UINT(name, look_up(model, "a", name, &slice), len <= 255);
	}
	sft_close(model);
}

/* One number for one part, however it is written, and at every opening. */
static void test_ids(void **state)
{
	static const char *const same[] = { "w[1:3].bin", "w[-3:-1,:].bin",
					    "w[1:3,...].bin" };
	static const char *const others[] = { "w[1:2].bin", "w[1:3].json",
					      "w[1:3,0].bin" };
	struct sft_slice first, slice;
	struct sft_model *model;

	write_model(*state, "m", header, 31);
	model = open_model(*state, "m", NULL);
	assert_true(look_up(model, "a", same[0], &first));
	for (size_t i = 0; i < ARRAY_COUNT(same); i++) {
		assert_true(look_up(model, "a", same[i], &slice));
		CHECK_UINT(same[i], slice.id, first.id);
		CHECK_UINT(same[i], sft_slice_equal(&slice, &first), true);
	}
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		assert_true(look_up(model, "a", others[i], &slice));
		CHECK_UINT(others[i], slice.id != first.id, true);
	}
	/* A slice of an alias is that of its tensor. */
	assert_true(look_up(model, "", "tied[1:3].bin", &slice));
	CHECK_UINT("tied", slice.id, first.id);
	sft_close(model);
	model = open_model(*state, "m", NULL);
	assert_true(look_up(model, "a", same[0], &slice));
	CHECK_UINT("opened again", slice.id, first.id);
	sft_close(model);
}

/* It has its own length and note, and the bytes of its part. */
static void test_file(void **state)
{
	struct sft_slice slice;
	struct sft_file *file;
	struct sft_model *model;
	struct sft_attr attr;
	uint8_t bytes[8];
	char note[64];
	size_t len;

	write_model(*state, "m", header, 31);
	model = open_model(*state, "m", NULL);
	assert_true(look_up(model, "a", "w[1:,1].bin", &slice));
	assert_int_equal(sft_slice_attr(model, &slice, &attr, NULL), SFT_OK);
	CHECK_UINT("length", attr.len, 3);
	sft_slice_note(model, &slice, note, sizeof(note));
	CHECK_TEXT("note", note, "U8 [3]");
	assert_int_equal(sft_slice_open(model, &slice, &file, NULL), SFT_OK);
	assert_int_equal(sft_file_read(file, 0, bytes, sizeof(bytes), &len, NULL),
			 SFT_OK);
	CHECK_BYTES(
		"bytes", bytes_at(bytes, len),
		bytes_at(((uint8_t[]){ data_byte(3), data_byte(5), data_byte(7) }), 3));
	sft_file_close(file);
	sft_close(model);
}

/* Rows are pointed at one by one, as many as there are entries for. */
static void test_map(void **state)
{
	static const struct sft_options options = { .io = SFT_IO_MAP };
	struct sft_slice slice;
	struct sft_file *file;
	struct sft_model *model;
	struct sft_home home;
	struct iovec iov[5];
	size_t count;

	write_model(*state, "m", "{\"a\":[\"U8\",[8,4],[0,32]]}", 32);
	model = open_model(*state, "m", &options);
	assert_true(look_up(model, "", "a[:,1:3].bin", &slice));
	assert_int_equal(sft_slice_open(model, &slice, &file, NULL), SFT_OK);
	/* Eight bytes from the second on are five pieces. */
	assert_false(sft_file_map(file, 1, 8, iov, 3, &count, &home));
	assert_false(sft_file_map(file, 1, 8, iov, 4, &count, &home));
	assert_true(sft_file_map(file, 1, 8, iov, 5, &count, &home));
	CHECK_UINT("pieces", count, 5);
	for (unsigned i = 0; i < 5; i++) {
		const uint64_t off = i == 0 ? 2 : 4 * i + 1;
		const uint8_t want[] = { data_byte(off), data_byte(off + 1) };

		CHECK_BYTES("piece", bytes_at(iov[i].iov_base, iov[i].iov_len),
			    bytes_at(want, i == 0 || i == 4 ? 1 : 2));
	}
	sft_file_close(file);
	sft_close(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_names), IN_FOLDER(test_long_names), IN_FOLDER(test_ids),
		IN_FOLDER(test_file),  IN_FOLDER(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
