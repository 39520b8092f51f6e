// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_npz.c - model.npz: every member's CRC is what was declared, and names
 * that no member can have
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/crc.h"
#include "core/known.h"
#include "core/views/view.h"
#include "tests/unit/support.h"

#define PATH ".view/npz/model.npz"
#define CUT "its name cannot be that of a member of a zip"

/* ---- members ---- */

/* Of tensors on either side of what counts as large. */
#define HEADER                                                                           \
	"{\"a\":[\"U8\",[3],[0,3]],\"empty\":[\"F32\",[0,2],[3,3]],"                     \
	"\"under\":[\"U8\",[65535],[3,65538]],\"large\":[\"U8\",[65536],[65538,131074]]" \
	","                                                                              \
	"\"last\":[\"U8\",[1],[131074,131075]]}"
#define DATA_LEN 131075u

static const struct {
	const char *member, *array; /* the same array in another view */
	size_t zeros;
} members[] = {
	{ "a.npy", ".view/npy/a.npy", 0 },
	{ "empty.npy", ".view/npy/empty.npy", 0 },
	{ "under.npy", ".view/npy/under.npy", 0 },
	{ "large.npy", ".view/npy/large.npy", 4096 },
	{ "last.npy", ".view/npy/last.npy", 0 },
};

static size_t number_at(const char *text, unsigned width)
{
	size_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (size_t)(uint8_t)text[i] << 8 * i;
	return value;
}

/* Members one after the other: the array, four bytes, zeros; the CRC of all that is 0. */
static void test_members(void **state)
{
	struct sft_model *model;
	char *zip;
	size_t len, off = 0;

	write_model(*state, "m", HEADER, DATA_LEN);
	model = open_model(*state, "m", NULL);
	zip = read_whole(model, PATH, &len);
	for (size_t i = 0; i < ARRAY_COUNT(members); i++) {
		const size_t name_len = number_at(zip + off + 26, 2);
		const size_t member_len = number_at(zip + off + 22, 4);
		const char *member =
			zip + off + 30 + name_len + number_at(zip + off + 28, 2);
		size_t array_len;
		char *array = read_whole(model, members[i].array, &array_len);

		CHECK_BYTES("name", bytes_at(zip + off + 30, name_len),
			    sft_bytes_of(members[i].member));
		CHECK_UINT(members[i].member, (size_t)(member - zip) % 64, 0);
		CHECK_UINT(members[i].member, member_len,
			   array_len + 4 + members[i].zeros);
		CHECK_BYTES(members[i].member, bytes_at(member, array_len),
			    bytes_at(array, array_len));
		CHECK_UINT(members[i].member, number_at(zip + off + 14, 4), 0);
		CHECK_UINT(members[i].member, sft_crc(0, member, member_len), 0);
		off = (size_t)(member - zip) + member_len;
		free(array);
	}
	CHECK_UINT("directory", number_at(zip + off, 4), 0x02014b50);
	free(zip);
	sft_close(model);
}

/* To read a small member is not to compute the CRC of the large one before it. */
static void test_lazy(void **state)
{
	struct sft_model *model;
	struct sft_file *file;
	char page[4096];
	uint64_t len;
	size_t got;

	write_model(*state, "m", HEADER, DATA_LEN);
	model = open_model(*state, "m", NULL);
	assert_int_equal(sft_file_open(model, find_ref(model, PATH), &file, NULL),
			 SFT_OK);
	len = sft_file_len(file);
	/* The pages from the last member on; its header begins well behind 4 KiB. */
	for (uint64_t off = (len - 600) / 4096 * 4096; off < len; off += 4096)
		assert_int_equal(sft_file_read(file, off, page, sizeof(page), &got, NULL),
				 SFT_OK);
	CHECK_UINT("large", atomic_load(&model->state->known->sums[3].has), 0);
	CHECK_UINT("last", atomic_load(&model->state->known->sums[4].has) != 0, true);
	sft_file_close(file);
	sft_close(model);
}

/* ---- names ---- */

static const struct {
	const char *row, *name; /* as JSON */
	const char *why;
} rows[] = {
	{ "plain", "model.layers.0.weight", NULL },
	{ "empty", "", NULL },
	{ "UTF-8", "\xc3\xa4", NULL },
	{ "folders", "a/b/c", NULL },
	{ "dots", "a/..b/c../...", NULL },
	{ "colon", "c:/a", NULL },
	{ "NUL", "a\\u0000b", CUT },
	{ "absolute", "/a", CUT },
	{ "backslash", "a\\\\b", CUT },
	{ "parent", "..", CUT },
	{ "parent first", "../a", CUT },
	{ "parent inside", "a/../b", CUT },
	{ "parent last", "a/..", CUT },
};

static void check_name(const char *folder, const char *row, const char *name,
		       const char *why)
{
	char *header = malloc(strlen(name) + 64);
	struct sft_model *model;

	sprintf(header, "{\"%s\":[\"U8\",[1],[0,1]]}", name);
	write_model(folder, "m", header, 1);
	model = open_model(folder, "m", NULL);
	CHECK_TEXT(row, sft_view_npz.leaves_out(model, model->tensors), why);
	sft_close(model);
	free(header);
}

static void test_names(void **state)
{
	char *name = malloc(65536);

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_name(*state, rows[i].row, rows[i].name, rows[i].why);
	memset(name, 'n', 65532);
	name[65531] = '\0';
	check_name(*state, "longest", name, NULL);
	name[65531] = 'n';
	name[65532] = '\0';
	check_name(*state, "longer", name, "its name is too long for a member of a zip");
	free(name);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_members),
		IN_FOLDER(test_lazy),
		IN_FOLDER(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
