// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_shared.c - one large layout for all who have the file open
 */
#define _GNU_SOURCE /* memmem() */
#include "core/shared.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

static const char header[] = "{\"a.b\":[\"U8\",[2],[0,2]],\"a.c\":[\"F32\",[],[2,6]],"
			     "\"d\":[\"U8\",[],[6,7]]}";

static struct sft_model *open_small(const char *folder)
{
	write_model(folder, "m", header, 7);
	return open_model(folder, "m", NULL);
}

/* Files of folders are shared; those of tensors are small, and the others are kept. */
static void test_which(void **state)
{
	static const struct {
		const char *path;
		bool is_shared;
	} rows[] = {
		{ ".view/safetensors/a.safetensors", true },
		{ ".view/safetensors/a/b.safetensors", false },
		{ ".view/model/model.safetensors", false },
		{ "a/b.bin", false },
		{ "a/b.json", false },
		{ "__metadata__.json", false },
	};
	struct sft_model *model = open_small(*state);

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		CHECK_UINT(rows[i].path,
			   sft_shared_has(model, find_ref(model, rows[i].path)),
			   rows[i].is_shared);
	sft_close(model);
}

static void test_users(void **state)
{
	struct sft_model *model = open_small(*state);
	const struct sft_ref ref = find_ref(model, ".view/safetensors/a.safetensors");
	struct sft_shared_layout *one, *two, *three;

	assert_int_equal(sft_shared_take(model, ref, NULL, &one), SFT_OK);
	assert_int_equal(sft_shared_take(model, ref, NULL, &two), SFT_OK);
	assert_ptr_equal(one, two);
	sft_shared_drop(model, one);
	/* Still there for the other. */
	assert_int_equal(sft_shared_get(two)->len, 4096 + 6);
	assert_int_equal(sft_shared_take(model, ref, NULL, &three), SFT_OK);
	assert_ptr_equal(three, two);
	sft_shared_drop(model, two);
	sft_shared_drop(model, three);
	sft_close(model);
}

/* The header of a tensor with many dimensions is a long text, too. */
static void test_long_shape(void **state)
{
	char text[8192] = "{\"a\":[\"U8\",[1";
	struct sft_model *model;

	for (unsigned i = 0; i < 2100; i++)
		strcat(text, ",1");
	strcat(text, "],[0,1]]}");
	write_model(*state, "m", text, 1);
	model = open_model(*state, "m", NULL);
	CHECK_UINT("json", sft_shared_has(model, find_ref(model, "a.json")), true);
	sft_close(model);
}

#define SLICES 999u

/* A model with a tensor whose name is short, for names of slices, and its shape so long
 * that its files are shared, too. */
static struct sft_model *open_padded(const char *folder)
{
	char text[4200];

	snprintf(text, sizeof(text), "{\"w\":[\"U8\",[%4096s2000],[0,2000]]}", "");
	write_model(folder, "m", text, 2000);
	return open_model(folder, "m", NULL);
}

/* More slices than there are buckets, each of them its own; dropped from the middle on.
 */
static void test_slices(void **state)
{
	struct sft_model *model = open_padded(*state);
	struct sft_shared_layout *layouts[SLICES], *again;
	struct sft_slice *slices = calloc(SLICES, sizeof(*slices));

	assert_non_null(slices);
	for (unsigned i = 0; i < SLICES; i++) {
		char file[32];

		snprintf(file, sizeof(file), "w[%u:%u].json", i, 2 * i + 1);
		assert_true(sft_slice_lookup(model, SFT_REF_ROOT, file, strlen(file),
					     &slices[i]));
		assert_true(sft_shared_has(model, slices[i].ref));
		assert_int_equal(
			sft_shared_take(model, slices[i].ref, &slices[i], &layouts[i]),
			SFT_OK);
	}
	for (unsigned i = 0; i < SLICES; i++) {
		const struct sft_layout *layout = sft_shared_get(layouts[i]);
		char want[64];

		snprintf(want, sizeof(want), "\"slice\":\t\"%u:%u\"", i, 2 * i + 1);
		assert_non_null(
			memmem(layout->text, layout->text_len, want, strlen(want)));
		assert_int_equal(
			sft_shared_take(model, slices[i].ref, &slices[i], &again),
			SFT_OK);
		assert_ptr_equal(again, layouts[i]);
		sft_shared_drop(model, again);
	}
	for (unsigned i = 0; i < SLICES; i++)
		sft_shared_drop(model, layouts[(i + SLICES / 2) % SLICES]);
	free(slices);
	sft_close(model);
}

static void *open_and_read(void *arg)
{
	const struct sft_model *model = arg;
	const struct sft_ref ref = find_ref(model, ".view/safetensors/a.safetensors");

	for (unsigned i = 0; i < 200; i++) {
		struct sft_file *file;
		uint8_t bytes[8];
		size_t len;

		assert_int_equal(sft_file_open(model, ref, &file, NULL), SFT_OK);
		assert_int_equal(sft_file_read(file, 4096 + 4, bytes, 8, &len, NULL),
				 SFT_OK);
		/* The wide tensor first; of the other what is behind it. */
		assert_int_equal(len, 2);
		assert_int_equal(bytes[0], data_byte(0));
		sft_file_close(file);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct sft_model *model = open_small(*state);
	pthread_t threads[8];

	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_and_read, model),
				 0);
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	sft_close(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_which),      IN_FOLDER(test_users),
		IN_FOLDER(test_long_shape), IN_FOLDER(test_slices),
		IN_FOLDER(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
