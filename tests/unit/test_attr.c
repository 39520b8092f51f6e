// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_attr.c - what stat() shows: lengths, modes, owners, times, link counts
 *
 * A tensor's files are like the file that holds it. What stands for the whole model is as
 * open as the least open of its files, and as new as the newest.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support.h"

static struct sft_attr attr_of(const struct sft_model *model, const char *path)
{
	struct sft_attr attr;
	struct sft_error err = { .detail = "" };

	if (sft_attr(model, find_ref(model, path), &attr, &err) != SFT_OK)
		fail_msg("%s: %s", path, err.detail);
	return attr;
}

/* ---- a set of three files, each with a tensor of its number in a folder ---- */

#define SHARDS 3u

static void name_shard(char name[64], unsigned idx)
{
	snprintf(name, 64, "m-%05u-of-%05u.safetensors", idx + 1, SHARDS);
}

static void write_set(const char *folder)
{
	for (unsigned i = 0; i < SHARDS; i++) {
		char name[64], header[64];

		name_shard(name, i);
		snprintf(header, sizeof(header), "{\"t.%u\":[\"U8\",[%u],[0,%u]]}", i, i,
			 i);
		write_model(folder, name, header, i);
	}
}

static char *shard_path(const char *folder, unsigned idx)
{
	char name[64];

	name_shard(name, idx);
	return path_in(folder, name);
}

/* The path of a tensor's file in a view, "t/1.bin" for example. */
static const char *tensor_path(char path[64], const char *prefix, unsigned idx,
			       const char *suffix)
{
	snprintf(path, 64, "%st/%u%s", prefix, idx, suffix);
	return path;
}

/* The paths that stand for the whole model. */
static const char *const folders[] = { "",
				       "t",
				       ".view",
				       ".view/npy",
				       ".view/npy/t",
				       ".view/f32/t",
				       ".view/flat",
				       ".view/offload",
				       ".view/model" };
static const char *const tops[] = { "__metadata__.json",
				    ".view/tensors/__metadata__.json",
				    ".view/offload/index.json",
				    ".view/model/model.safetensors",
				    ".view/safetensors/t.safetensors" };

/* The files of a tensor: the view, and the suffix there. */
static const char *const files[][2] = {
	{ "", ".bin" },
	{ "", ".json" },
	{ ".view/tensors/", ".bin" },
	{ ".view/npy/", ".npy" },
	{ ".view/f32/", ".bin" },
	{ ".view/safetensors/", ".safetensors" },
};

/* ---- modes ---- */

static const struct {
	mode_t shards[SHARDS];
	mode_t top;
	mode_t folder;
} modes[] = {
	{ { 0644, 0644, 0644 }, 0444, 0555 },    { { 0777, 0755, 0544 }, 0444, 0555 },
	{ { 0600, 0644, 0644 }, 0400, 0500 },    { { 0644, 0644, 0400 }, 0400, 0500 },
	{ { 0640, 0604, 0644 }, 0400, 0500 },    { { 0640, 0660, 0640 }, 0440, 0550 },
	{ { 04755, 02644, 01644 }, 0444, 0555 }, { { 0404, 0404, 0707 }, 0404, 0505 },
	{ { 0444, 0644, 0446 }, 0444, 0555 },
};

static void check_mode(const struct sft_model *model, const char *path, mode_t want)
{
	const struct sft_attr attr = attr_of(model, path);

	if (attr.mode != want)
		fail_msg("%s: mode %o, want %o", path, attr.mode, want);
}

static void test_modes(void **state)
{
	write_set(*state);
	for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
		struct sft_model *model;
		char text[64];

		for (unsigned j = 0; j < SHARDS; j++) {
			char *path = shard_path(*state, j);

			assert_int_equal(chmod(path, modes[i].shards[j]), 0);
			free(path);
		}
		model = open_model(*state, ".", NULL);
		for (unsigned j = 0; j < SHARDS; j++)
			for (size_t k = 0; k < ARRAY_COUNT(files); k++)
				check_mode(model,
					   tensor_path(text, files[k][0], j, files[k][1]),
					   modes[i].shards[j] & 0444);
		for (size_t j = 0; j < ARRAY_COUNT(folders); j++)
			check_mode(model, folders[j], modes[i].folder);
		for (size_t j = 0; j < ARRAY_COUNT(tops); j++)
			check_mode(model, tops[j], modes[i].top);
		sft_close(model);
	}
}

/* ---- times ---- */

static const struct {
	struct timespec shards[SHARDS];
	unsigned newest;
} times[] = {
	{ { { 3, 0 }, { 2, 999999999 }, { 1, 0 } }, 0 },
	{ { { 1, 0 }, { 3, 0 }, { 2, 999999999 } }, 1 },
	{ { { 1, 9 }, { 2, 8 }, { 3, 7 } }, 2 },
	{ { { 5, 1 }, { 5, 3 }, { 5, 2 } }, 1 },
	{ { { 5, 1 }, { 5, 1 }, { 5, 2 } }, 2 },
	{ { { 5, 2 }, { 5, 1 }, { 4, 3 } }, 0 },
	{ { { 2000000000, 123456789 }, { 0, 0 }, { 7, 7 } }, 0 },
};

static void check_time(const struct sft_model *model, const char *path,
		       const struct timespec *want)
{
	const struct sft_attr attr = attr_of(model, path);

	CHECK_UINT(path, (uint64_t)attr.mtime.tv_sec, (uint64_t)want->tv_sec);
	CHECK_UINT(path, (uint64_t)attr.mtime.tv_nsec, (uint64_t)want->tv_nsec);
}

static void test_times(void **state)
{
	write_set(*state);
	for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
		const struct timespec *newest = &times[i].shards[times[i].newest];
		struct sft_model *model;
		char text[64];

		for (unsigned j = 0; j < SHARDS; j++) {
			const struct timespec both[2] = { { .tv_nsec = UTIME_OMIT },
							  times[i].shards[j] };
			char *path = shard_path(*state, j);

			assert_int_equal(utimensat(AT_FDCWD, path, both, 0), 0);
			free(path);
		}
		model = open_model(*state, ".", NULL);
		for (unsigned j = 0; j < SHARDS; j++)
			for (size_t k = 0; k < ARRAY_COUNT(files); k++)
				check_time(model,
					   tensor_path(text, files[k][0], j, files[k][1]),
					   &times[i].shards[j]);
		for (size_t j = 0; j < ARRAY_COUNT(folders); j++)
			check_time(model, folders[j], newest);
		for (size_t j = 0; j < ARRAY_COUNT(tops); j++)
			check_time(model, tops[j], newest);
		sft_close(model);
	}
}

/* ---- owners ---- */

static void check_owner(const struct sft_model *model, const char *path,
			const struct stat *want)
{
	const struct sft_attr attr = attr_of(model, path);

	CHECK_UINT(path, attr.uid, want->st_uid);
	CHECK_UINT(path, attr.gid, want->st_gid);
}

/* Only root can give files away; others see one owner here, which is something, too. */
static void test_owners(void **state)
{
	struct stat infos[SHARDS];
	struct sft_model *model;
	char text[64];

	write_set(*state);
	for (unsigned i = 0; i < SHARDS; i++) {
		char *path = shard_path(*state, i);

		if (geteuid() == 0)
			assert_int_equal(chown(path, 1000 + i, 2000 + i), 0);
		assert_int_equal(stat(path, &infos[i]), 0);
		free(path);
	}
	model = open_model(*state, ".", NULL);
	for (unsigned i = 0; i < SHARDS; i++)
		for (size_t j = 0; j < ARRAY_COUNT(files); j++)
			check_owner(model, tensor_path(text, files[j][0], i, files[j][1]),
				    &infos[i]);
	for (size_t i = 0; i < ARRAY_COUNT(folders); i++)
		check_owner(model, folders[i], &infos[0]);
	for (size_t i = 0; i < ARRAY_COUNT(tops); i++)
		check_owner(model, tops[i], &infos[0]);
	sft_close(model);
}

/* ---- lengths, links, notes ---- */

static const char header[] = "{\"a.b.c\":[\"BF16\",[2,3],[0,12]],"
			     "\"a.d\":[\"F64\",[0],[12,12]],"
			     "\"e\":[\"F4\",[2,5],[12,17]],"
			     "\"scalar\":[\"C64\",[],[17,25]],"
			     "\"__metadata__\":{\"x.y.z\":\"a.b.c\"}}";

struct row {
	const char *path;
	enum sft_type type;
	uint64_t number; /* links of a folder, length of a file; 0: as when it is read */
	const char *note;
};

static const struct row rows[] = {
	{ "", SFT_TYPE_FOLDER, 4, "" },
	{ "a", SFT_TYPE_FOLDER, 3, "" },
	{ "a/b", SFT_TYPE_FOLDER, 2, "" },
	{ ".view", SFT_TYPE_FOLDER, 2 + 10, "" },
	{ ".view/tensors", SFT_TYPE_FOLDER, 4, "" },
	{ ".view/npy", SFT_TYPE_FOLDER, 4, "" },
	{ ".view/npy/a/b", SFT_TYPE_FOLDER, 2, "" },
	{ ".view/safetensors", SFT_TYPE_FOLDER, 4, "" },
	{ ".view/flat", SFT_TYPE_FOLDER, 2, "" },
	{ ".view/offload", SFT_TYPE_FOLDER, 2, "" },
	{ ".view/model", SFT_TYPE_FOLDER, 2, "" },
	{ "__metadata__.json", SFT_TYPE_FILE, 0, "" },
	{ "a/b/c.bin", SFT_TYPE_FILE, 12, "BF16 [2, 3]" },
	{ "a/b/c.json", SFT_TYPE_FILE, 0, "BF16 [2, 3]" },
	{ ".view/npy/a/b/c.npy", SFT_TYPE_FILE, 128 + 12, "BF16 [2, 3]" },
	{ "a/d.bin", SFT_TYPE_FILE, 0, "F64 [0]" },
	{ ".view/npy/a/d.npy", SFT_TYPE_FILE, 128, "F64 [0]" },
	{ "e.bin", SFT_TYPE_FILE, 5, "F4 [2, 5]" },
	{ ".view/npy/e.npy", SFT_TYPE_FILE, 128 + 5, "F4 [2, 5]" },
	{ "scalar.bin", SFT_TYPE_FILE, 8, "C64 []" },
	{ ".view/npy/scalar.npy", SFT_TYPE_FILE, 128 + 8, "C64 []" },
	{ ".view/f32/a/b/c.bin", SFT_TYPE_FILE, 24, "BF16 [2, 3]" },
	{ ".view/f32/a/b/c.npy", SFT_TYPE_FILE, 128 + 24, "BF16 [2, 3]" },
	{ ".view/f32/e.bin", SFT_TYPE_FILE, 40, "F4 [2, 5]" },
	{ ".view/flat/a.b.c.bin", SFT_TYPE_FILE, 12, "BF16 [2, 3]" },
	{ ".view/flat/a.b.c.json", SFT_TYPE_FILE, 0, "BF16 [2, 3]" },
	{ ".view/flat/e.npy", SFT_TYPE_FILE, 128 + 5, "F4 [2, 5]" },
	{ ".view/offload/a.d.dat", SFT_TYPE_FILE, 1, "F64 [0]" },
	{ ".view/offload/scalar.dat", SFT_TYPE_FILE, 8, "C64 []" },
	{ ".view/offload/index.json", SFT_TYPE_FILE, 0, "" },
	{ ".view/safetensors/e.safetensors", SFT_TYPE_FILE, 4096 + 5, "F4 [2, 5]" },
	{ ".view/safetensors/a.safetensors", SFT_TYPE_FILE, 4096 + 12, "" },
	{ ".view/safetensors/a/b.safetensors", SFT_TYPE_FILE, 4096 + 12, "" },
	{ ".view/model/model.safetensors", SFT_TYPE_FILE, 8 + sizeof(header) - 1 + 25,
	  "" },
	{ "x/y/z.bin", SFT_TYPE_LINK, 15, "BF16 [2, 3]" },
	{ ".view/flat/x.y.z.npy", SFT_TYPE_LINK, 9, "BF16 [2, 3]" },
	{ ".view/safetensors/x/y/z.safetensors", SFT_TYPE_LINK, 23, "BF16 [2, 3]" },
};

static void check_row(const struct sft_model *model, const struct row *row)
{
	const struct sft_attr attr = attr_of(model, row->path);
	char note[64], cut[8];
	size_t len;
	char *text;

	CHECK_UINT(row->path, attr.type, row->type);
	CHECK_UINT(row->path, attr.link_count,
		   row->type == SFT_TYPE_FOLDER ? row->number : 1);
	sft_ref_note(model, find_ref(model, row->path), note, sizeof(note));
	CHECK_TEXT(row->path, note, row->note);
	sft_ref_note(model, find_ref(model, row->path), cut, sizeof(cut));
	note[sizeof(cut) - 1] = '\0';
	CHECK_TEXT(row->path, cut, note);
	if (row->type != SFT_TYPE_FILE) {
		CHECK_UINT(row->path, attr.len,
			   row->type == SFT_TYPE_LINK ? row->number : 0);
		CHECK_UINT(row->path, row->type != SFT_TYPE_LINK || attr.mode == 0777,
			   true);
		return;
	}
	text = read_whole(model, row->path, &len);
	CHECK_UINT(row->path, attr.len, len);
	if (row->number > 0)
		CHECK_UINT(row->path, len, row->number);
	free(text);
}

static void test_rows(void **state)
{
	struct sft_model *model;

	write_model(*state, "m", header, 25);
	model = open_model(*state, "m", NULL);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_row(model, &rows[i]);
	sft_close(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_modes),
		IN_FOLDER(test_times),
		IN_FOLDER(test_owners),
		IN_FOLDER(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
