// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_file.c - reading files: every edge, and nothing of a source that
 * changed
 *
 * What a file holds is known here without core: the bytes of the model file, and for .npy
 * the known length of the header before them. Each way to fetch bytes gives the same.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "core/model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/changes.h"
#include "tests/unit/support.h"

#define NPY_HEADER 128u

static const struct sft_options ios[] = {
	{ .io = SFT_IO_AUTO },
	{ .io = SFT_IO_MAP },
	{ .io = SFT_IO_PREAD },
};

static const char header[] = "{\"a\":[\"U8\",[3],[0,3]],\"b\":[\"U8\",[70],[3,73]],"
			     "\"none\":[\"U8\",[0],[73,73]],\"s\":[\"U8\",[],[73,74]]}";

/* Files, and where the tensor's bytes stand in them and in the data. */
static const struct {
	const char *path;
	size_t begin; /* in the file; SIZE_MAX: it has none */
	size_t data_off, data_len;
} files[] = {
	{ "a.bin", 0, 0, 3 },
	{ "b.bin", 0, 3, 70 },
	{ "none.bin", 0, 73, 0 },
	{ "s.bin", 0, 73, 1 },
	{ ".view/npy/a.npy", NPY_HEADER, 0, 3 },
	{ ".view/npy/b.npy", NPY_HEADER, 3, 70 },
	{ ".view/npy/none.npy", NPY_HEADER, 73, 0 },
	{ "b.json", SIZE_MAX, 0, 0 },
	{ "__metadata__.json", SIZE_MAX, 0, 0 },
};

/* ---- reads at edges ---- */

/*
 * Reads into memory of just the right length, so that a byte too many is caught, and maps
 * the same range. Returns whether it could be mapped.
 */
static bool check_read(const struct sft_file *file, const char *path,
		       struct sft_bytes whole, uint64_t off, size_t len)
{
	const size_t left = off < whole.len ? whole.len - (size_t)off : 0;
	const size_t want = len < left ? len : left;
	uint8_t *buf = malloc(want);
	struct iovec parts[4];
	struct sft_home home;
	size_t got, count;
	bool mapped;

	assert_int_equal(sft_file_read(file, off, buf, len, &got, NULL), SFT_OK);
	CHECK_BYTES(path, ((struct sft_bytes){ buf, got }),
		    ((struct sft_bytes){ want > 0 ? whole.data + off : NULL, want }));
	mapped = sft_file_map(file, off, len, parts, ARRAY_COUNT(parts), &count, &home);
	got = 0;
	for (size_t i = 0; mapped && i < count; got += parts[i++].iov_len) {
		CHECK_UINT(path, parts[i].iov_len > 0, true);
		CHECK_UINT(path, got + parts[i].iov_len <= want, true);
		assert_memory_equal(parts[i].iov_base, buf + got, parts[i].iov_len);
	}
	if (mapped)
		CHECK_UINT(path, got, want);
	free(buf);
	return mapped;
}

/* Whether a range has to be in memory, and whether it may be, by what it touches. */
static void check_mapped(bool mapped, enum sft_io io, const char *path, size_t begin,
			 uint64_t off, size_t len, size_t whole)
{
	const bool nothing = len == 0 || off >= whole;
	const bool document = strcmp(path, "__metadata__.json") == 0;
	const bool data = begin != SIZE_MAX && off >= begin;

	if (nothing || document || (data && io == SFT_IO_MAP))
		CHECK_UINT(path, mapped, true);
	else if (!data || io == SFT_IO_PREAD)
		CHECK_UINT(path, mapped, false);
}

static void check_edges(const struct sft_model *model, enum sft_io io, size_t idx)
{
	const char *path = files[idx].path;
	struct sft_file *file = open_file(model, path);
	size_t len;
	char *text = read_whole(model, path, &len);
	const struct sft_bytes whole = { (const uint8_t *)text, len };
	const uint64_t edges[] = {
		0,       1,   2,       NPY_HEADER - 1, NPY_HEADER, NPY_HEADER + 1,
		len - 1, len, len + 1, UINT64_MAX - 1, UINT64_MAX
	};

	CHECK_UINT(path, sft_file_len(file), len);
	if (files[idx].begin != SIZE_MAX)
		CHECK_UINT(path, len, files[idx].begin + files[idx].data_len);
	for (size_t i = 0; i < files[idx].data_len && files[idx].begin != SIZE_MAX; i++)
		CHECK_UINT(path, whole.data[files[idx].begin + i],
			   data_byte(files[idx].data_off + i));
	for (size_t i = 0; i < ARRAY_COUNT(edges); i++)
		for (size_t j = 0; j < ARRAY_COUNT(edges); j++)
			check_mapped(
				check_read(file, path, whole, edges[i], (size_t)edges[j]),
				io, path, files[idx].begin, edges[i], (size_t)edges[j],
				len);
	free(text);
	sft_file_close(file);
}

static void test_edges(void **state)
{
	write_model(*state, "m", header, 74);
	for (size_t i = 0; i < ARRAY_COUNT(ios); i++) {
		struct sft_model *model = open_model(*state, "m", &ios[i]);

		for (size_t j = 0; j < ARRAY_COUNT(files); j++)
			check_edges(model, ios[i].io, j);
		sft_close(model);
	}
}

/* Room for a part is needed only if there is one. */
static void test_map_room(void **state)
{
	struct sft_model *model;
	struct sft_file *file;
	struct iovec part = { NULL, 77 };
	struct sft_home home;
	size_t count = 99;

	write_model(*state, "m", header, 74);
	model = open_model(*state, "m", &ios[1]);
	file = open_file(model, "b.bin");
	assert_false(sft_file_map(file, 0, 1, &part, 0, &count, &home));
	assert_int_equal(count, 99);
	assert_true(sft_file_map(file, 70, 1, &part, 0, &count, &home));
	assert_int_equal(count, 0);
	assert_int_equal(part.iov_len, 77);
	assert_true(sft_file_map(file, 0, 70, &part, 1, &count, &home));
	assert_int_equal(count, 1);
	sft_file_close(file);
	/* What was lent is the model's. */
	for (size_t i = 0; i < 70; i++)
		assert_int_equal(((uint8_t *)part.iov_base)[i], data_byte(3 + i));
	sft_close(model);
	sft_file_close(NULL);
}

/* ---- changes ---- */

/* A set of two files, each with one tensor of 5 bytes: a in the first, b in the second.
 */
static struct sft_model *open_pair(const char *folder, const char *what,
				   const struct sft_options *options, char **ret_first)
{
	char first[128], second[128];

	snprintf(first, sizeof(first), "%s/m-00001-of-00002.safetensors", what);
	snprintf(second, sizeof(second), "%s/m-00002-of-00002.safetensors", what);
	write_model(folder, first, "{\"a\":[\"U8\",[5],[0,5]]}", 5);
	write_model(folder, second, "{\"b\":[\"U8\",[5],[0,5]]}", 5);
	*ret_first = path_in(folder, first);
	return open_model(folder, what, options);
}

#define PAIR_FILES 5u

static const char *const pair_files[PAIR_FILES] = {
	"a.bin", "a.json", "b.bin", ".view/npy/b.npy", "__metadata__.json",
};

/* Every file of the model, open or not, gives this status. */
static void check_all(const struct sft_model *model,
		      struct sft_file *const open[PAIR_FILES], const char *what,
		      enum sft_status want)
{
	CHECK_UINT(what, sft_model_changes(model) > 0, want == SFT_E_CHANGED);
	for (size_t i = 0; i < PAIR_FILES; i++) {
		struct sft_error err = { .detail = "" };
		struct sft_file *file = NULL;
		uint8_t byte;
		size_t got = 99;

		CHECK_UINT(what, sft_file_read(open[i], 0, &byte, 1, &got, &err), want);
		CHECK_UINT(what, err.status, want);
		CHECK_UINT(what, got, want == SFT_OK ? 1 : 99);
		CHECK_UINT(what, sft_home_check(model, sft_file_home(open[i]), NULL),
			   want);
		CHECK_UINT(
			what,
			sft_file_open(model, find_ref(model, pair_files[i]), &file, NULL),
			want);
		CHECK_UINT(what, file != NULL, want == SFT_OK);
		sft_file_close(file);
	}
}

/* The first read after a change says what happened, whatever it reads of the file. */
static void check_first_read(struct sft_file *file, const struct change *change,
			     const char *path)
{
	struct sft_error err = { .detail = "" };
	char want[128];
	struct stat info;
	uint8_t bytes[8];
	size_t got;

	assert_int_equal(stat(path, &info), 0);
	snprintf(want, sizeof(want),
		 "the file changed after it was opened: 35 bytes then, %jd now",
		 (intmax_t)info.st_size);
	CHECK_UINT(change->what, sft_file_read(file, 0, bytes, 5, &got, &err),
		   SFT_E_CHANGED);
	CHECK_TEXT(change->what, err.detail, want);
	CHECK_TEXT(change->what, err.file, path);
}

static void check_change(const char *folder, const struct change *change,
			 const struct sft_options *options)
{
	char *first;
	struct sft_model *model = open_pair(folder, change->what, options, &first);
	struct sft_file *open[PAIR_FILES];
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
				     model->shards[0].file.mtime };

	for (size_t i = 0; i < PAIR_FILES; i++)
		open[i] = open_file(model, pair_files[i]);
	check_all(model, open, change->what, SFT_OK);
	change->apply(first);
	if (!change->counts) {
		check_all(model, open, change->what, SFT_OK);
	} else {
		/* Nobody asked yet: the file beside it is still what it was. */
		assert_int_equal(sft_model_changes(model), 0);
		assert_int_equal(sft_home_check(model, sft_file_home(open[2]), NULL),
				 SFT_OK);
		check_first_read(open[0], change, first);
		check_all(model, open, change->what, SFT_E_CHANGED);
		/* It stays so, even if someone puts back all that can be seen. */
		assert_int_equal(truncate(first, 35), 0);
		assert_int_equal(utimensat(AT_FDCWD, first, times, 0), 0);
		assert_int_equal(sft_backing_check(&model->shards[0].file, NULL), SFT_OK);
		check_all(model, open, change->what, SFT_E_CHANGED);
	}
	for (size_t i = 0; i < PAIR_FILES; i++)
		sft_file_close(open[i]);
	sft_close(model);
	free(first);
}

static void test_changes(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(ios); i++) {
		const char name[] = { (char)('0' + i), '\0' };
		char *folder = path_in(*state, name);

		for (size_t j = 0; j < CHANGE_COUNT; j++)
			check_change(folder, &changes[j], &ios[i]);
		free(folder);
	}
}

/* Makes a file longer, and puts its time back: only its length tells. */
static void change_length(const char *path, const struct timespec *mtime)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, *mtime };

	assert_int_equal(truncate(path, 36), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Each of these may be the first to ask: a check, or opening a file. */
static void test_who_notices(void **state)
{
	static const char *const paths[] = { "", "a.bin", "a.json", ".view/npy/a.npy",
					     "__metadata__.json" };

	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		const char what[] = { (char)('0' + i), '\0' };
		struct sft_error err = { .detail = "" };
		char *first;
		struct sft_model *model = open_pair(*state, what, NULL, &first);
		struct sft_file *a = open_file(model, "a.bin");
		struct sft_file *b = open_file(model, "b.bin");
		const struct sft_home home = sft_file_home(a);
		enum sft_status status;

		sft_file_close(a); /* its home outlives it */
		change_length(first, &model->shards[0].file.mtime);
		assert_int_equal(sft_home_check(model, sft_file_home(b), &err), SFT_OK);
		status = i == 0 ? sft_home_check(model, home, &err)
				: sft_file_open(model, find_ref(model, paths[i]), &a,
						&err);
		CHECK_UINT(paths[i], status, SFT_E_CHANGED);
		CHECK_TEXT(paths[i], err.file, first);
		status = sft_home_check(model, sft_file_home(b), &err);
		CHECK_UINT(paths[i], status, SFT_E_CHANGED);
		CHECK_TEXT(paths[i], err.detail,
			   "the source changed after it was opened");
		sft_file_close(b);
		sft_close(model);
		free(first);
	}
}

/* A file of a tensor lives in one shard, one about the model in all of them. */
static void test_homes(void **state)
{
	static const struct sft_home homes[PAIR_FILES] = {
		{ 0, 1 }, { 0, 1 }, { 1, 1 }, { 1, 1 }, { 0, 2 },
	};
	char *first;
	struct sft_model *model = open_pair(*state, "p", NULL, &first);

	for (size_t i = 0; i < PAIR_FILES; i++) {
		struct sft_file *file = open_file(model, pair_files[i]);

		CHECK_UINT(pair_files[i], sft_file_home(file).first, homes[i].first);
		CHECK_UINT(pair_files[i], sft_file_home(file).count, homes[i].count);
		sft_file_close(file);
	}
	sft_close(model);
	free(first);
}

/* The files that a model was opened from, and no others. */
static void test_holds(void **state)
{
	static const struct {
		const char *path;
		bool is_held;
	} rows[] = {
		{ "h/m-00001-of-00002.safetensors", true },
		{ "h/m-00002-of-00002.safetensors", true },
		{ "h/config.json", true },
		{ "h/.hidden", false },
		{ "h", false },
	};
	char *first;
	struct sft_model *model = open_pair(*state, "h", NULL, &first);

	sft_close(model);
	write_file(*state, "h/config.json", "{}", 2);
	write_file(*state, "h/.hidden", "{}", 2);
	model = open_model(*state, "h", NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *path = path_in(*state, rows[i].path);
		struct stat info;

		assert_int_equal(stat(path, &info), 0);
		CHECK_UINT(rows[i].path, sft_model_holds(model, info.st_dev, info.st_ino),
			   rows[i].is_held);
		assert_false(sft_model_holds(model, info.st_dev + 1, info.st_ino));
		free(path);
	}
	sft_close(model);
	free(first);
}

/* Puts a file that lies in memory, and so on a device of its own, in a file's place. */
static int move_to_memory(const char *path)
{
	const int from = open(path, O_RDONLY | O_CLOEXEC);
	const int fd = memfd_create("sft", MFD_CLOEXEC);
	char link[64];

	assert_true(sendfile(fd, from, NULL, 4096) > 0);
	close(from);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(link, path), 0);
	return fd;
}

/* Who reads a file waits for the devices of its shards. */
static void test_devices(void **state)
{
	static const bool in_memory[PAIR_FILES] = { false, false, true, true, false };
	char *first;
	struct stat disk, memory;
	struct sft_model *model = open_pair(*state, "p", NULL, &first);
	char *second = path_in(*state, "p/m-00002-of-00002.safetensors");
	int fd;

	assert_int_equal(stat(first, &disk), 0);
	for (size_t i = 0; i < PAIR_FILES; i++)
		CHECK_UINT(pair_files[i],
			   sft_ref_device(model, find_ref(model, pair_files[i])),
			   disk.st_dev);
	sft_close(model);
	fd = move_to_memory(second);
	assert_int_equal(stat(second, &memory), 0);
	assert_int_not_equal(disk.st_dev, memory.st_dev);
	model = open_model(*state, "p", NULL);
	for (size_t i = 0; i < PAIR_FILES; i++) {
		struct sft_file *file = open_file(model, pair_files[i]);
		const bool whole = sft_file_home(file).count > 1;

		CHECK_UINT(pair_files[i], sft_file_device(file),
			   whole          ? 0
			   : in_memory[i] ? memory.st_dev
					  : disk.st_dev);
		sft_file_close(file);
	}
	sft_close(model);
	close(fd);
	free(second);
	free(first);
}

/* ---- files of several shards ---- */

/* Behind the header: 5 bytes of the first file and 5 of the second. */
#define MERGED ".view/model/model.safetensors"
#define DATA 4096u

static const struct {
	const char *what;
	uint64_t off;
	size_t len;
	size_t parts;
	struct sft_home home;
} touched[] = {
	{ "the header", 0, 8, 1, { 0, 2 } },
	{ "all of the header", 0, DATA, 1, { 0, 2 } },
	{ "the first", DATA, 5, 1, { 0, 1 } },
	{ "a byte of the first", DATA + 4, 1, 1, { 0, 1 } },
	{ "the second", DATA + 5, 5, 1, { 1, 1 } },
	{ "more than there is of the second", DATA + 9, 99, 1, { 1, 1 } },
	{ "both", DATA + 4, 2, 2, { 0, 2 } },
	{ "everything", 0, SIZE_MAX, 3, { 0, 2 } },
	{ "nothing", DATA, 0, 0, { 0, 2 } },
	{ "past the end", DATA + 10, 1, 0, { 0, 2 } },
};

/* A read of a file about the whole model asks the files that its bytes come from. */
static void test_touched(void **state)
{
	char *first;
	struct sft_model *model = open_pair(*state, "p", &ios[1], &first);
	struct sft_file *file = open_file(model, MERGED);

	CHECK_UINT("length", sft_file_len(file), DATA + 10);
	CHECK_UINT("home", sft_file_home(file).first, 0);
	CHECK_UINT("home", sft_file_home(file).count, 2);
	for (size_t i = 0; i < ARRAY_COUNT(touched); i++) {
		struct iovec parts[4];
		struct sft_home home;
		size_t count;

		CHECK_UINT(touched[i].what,
			   sft_file_map(file, touched[i].off, touched[i].len, parts,
					ARRAY_COUNT(parts), &count, &home),
			   true);
		CHECK_UINT(touched[i].what, count, touched[i].parts);
		CHECK_UINT(touched[i].what, home.first, touched[i].home.first);
		CHECK_UINT(touched[i].what, home.count, touched[i].home.count);
	}
	sft_file_close(file);
	sft_close(model);
	free(first);
}

/* What lies in a file that changed is not read; what lies beside it is, until that. */
static void test_change_beside(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(ios); i++) {
		const char what[] = { (char)('0' + i), '\0' };
		char *first;
		struct sft_model *model = open_pair(*state, what, &ios[i], &first);
		struct sft_file *file = open_file(model, MERGED);
		uint8_t bytes[8];
		size_t got;

		change_length(first, &model->shards[0].file.mtime);
		CHECK_UINT("beside", sft_file_read(file, DATA + 5, bytes, 5, &got, NULL),
			   SFT_OK);
		CHECK_UINT("beside", bytes[4], data_byte(4));
		assert_int_equal(sft_model_changes(model), 0);
		CHECK_UINT("in it", sft_file_read(file, DATA + 4, bytes, 2, &got, NULL),
			   SFT_E_CHANGED);
		assert_int_equal(sft_model_changes(model), 1);
		CHECK_UINT("beside", sft_file_read(file, DATA + 5, bytes, 5, &got, NULL),
			   SFT_E_CHANGED);
		CHECK_UINT("header", sft_file_read(file, 0, bytes, 5, &got, NULL),
			   SFT_E_CHANGED);
		assert_true(sft_ref_changed(model, find_ref(model, MERGED)));
		assert_true(sft_ref_changed(model, find_ref(model, "b.bin")));
		assert_int_equal(sft_model_changes(model), 1);
		sft_file_close(file);
		sft_close(model);
		free(first);
	}
}

/* Which bytes are lent: of the source where it is mapped, of text if the model keeps it.
 */
static const struct {
	const char *path;
	uint64_t off;
	size_t len;
	bool mapped, unmapped; /* whether they are, with io=map and io=pread */
} lent[] = {
	{ MERGED, 0, 8, true, true },
	{ MERGED, DATA - 1, 1, true, true },
	{ MERGED, DATA - 1, 2, true, false },
	{ MERGED, DATA, 1, true, false },
	{ ".view/offload/index.json", 0, 8, true, true },
	{ "__metadata__.json", 0, 8, true, true },
	{ ".view/safetensors/a.safetensors", 0, 8, false, false },
	{ ".view/safetensors/a.safetensors", DATA - 1, 2, false, false },
	{ ".view/safetensors/a.safetensors", DATA, 5, true, false },
	{ ".view/npy/a.npy", 0, 8, false, false },
	{ ".view/npy/a.npy", NPY_HEADER, 5, true, false },
	{ ".view/flat/a.json", 0, 8, false, false },
	{ ".view/flat/a.bin", 0, 5, true, false },
	{ ".view/offload/a.dat", 0, 5, true, false },
	{ ".view/f32/a.bin", 0, 4, false, false },
	{ ".view/f32/a.npy", 0, 4, false, false },
};

static void test_lent(void **state)
{
	for (size_t i = 1; i < ARRAY_COUNT(ios); i++) {
		const char what[] = { (char)('0' + i), '\0' };
		char *first;
		struct sft_model *model = open_pair(*state, what, &ios[i], &first);

		for (size_t j = 0; j < ARRAY_COUNT(lent); j++) {
			struct sft_file *file = open_file(model, lent[j].path);
			char *text;
			size_t len;
			bool mapped;

			text = read_whole(model, lent[j].path, &len);
			mapped = check_read(file, lent[j].path, bytes_at(text, len),
					    lent[j].off, lent[j].len);
			CHECK_UINT(lent[j].path, mapped,
				   ios[i].io == SFT_IO_MAP ? lent[j].mapped
							   : lent[j].unmapped);
			free(text);
			sft_file_close(file);
		}
		sft_close(model);
		free(first);
	}
}

#define MANY 200u /* tensors of the first file, of which every other one counts */

/* More pieces than a read looks at in one step. */
static void test_many_pieces(void **state)
{
	char *headers[2] = { malloc(MANY * 32), malloc(MANY * 32) };
	size_t used[2] = { 0 };
	struct iovec parts[MANY / 2 + 2];
	struct sft_home home;
	struct sft_model *model;
	struct sft_file *file;
	char *text;
	size_t len, count;

	for (unsigned i = 0; i < MANY; i++) {
		used[0] += (size_t)sprintf(headers[0] + used[0],
					   "%c\"%u\":[\"U8\",[],[%u,%u]]",
					   i == 0 ? '{' : ',', i, i, i + 1);
		if (i % 2 == 1) /* the last file has it */
			used[1] += (size_t)sprintf(
				headers[1] + used[1], "%c\"%u\":[\"U8\",[],[%u,%u]]",
				i == 1 ? '{' : ',', i, i / 2, i / 2 + 1);
	}
	for (unsigned i = 0; i < 2; i++)
		strcpy(headers[i] + used[i], "}");
	write_model(*state, "m-00001-of-00002.safetensors", headers[0], MANY);
	write_model(*state, "m-00002-of-00002.safetensors", headers[1], MANY / 2);
	model = open_model(*state, ".", &ios[1]);
	file = open_file(model, MERGED);
	text = read_whole(model, MERGED, &len);
	for (unsigned i = 0; i < MANY; i++)
		CHECK_UINT("byte", (uint8_t)text[len - MANY + i],
			   data_byte(i < MANY / 2 ? 2 * i : i - MANY / 2));
	assert_false(sft_file_map(file, 0, len, parts, MANY / 2 + 1, &count, &home));
	assert_true(sft_file_map(file, 0, len, parts, MANY / 2 + 2, &count, &home));
	CHECK_UINT("parts", count, MANY / 2 + 2);
	CHECK_UINT("home", home.count, 2);
	for (size_t i = 0, off = 0; i < count; off += parts[i++].iov_len)
		assert_memory_equal(parts[i].iov_base, text + off, parts[i].iov_len);
	for (uint64_t off = 0; off <= len; off += 37)
		check_read(file, "from here", bytes_at(text, len), off, len);
	free(text);
	free(headers[0]);
	free(headers[1]);
	sft_file_close(file);
	sft_close(model);
}

/* A descriptor that cannot be read is no change, and is none for ever. */
static void test_io_error(void **state)
{
	char *first;
	struct sft_model *model = open_pair(*state, "p", &ios[2], &first);
	struct sft_file *bin = open_file(model, "a.bin");
	struct sft_file *json = open_file(model, "a.json");
	const int fd = model->shards[0].file.fd;
	const int saved = dup(fd);
	struct sft_error err;
	uint8_t bytes[8];
	size_t got = 99;

	assert_true(saved >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(sft_file_read(bin, 1, bytes, 8, &got, &err), SFT_E_IO);
	assert_int_equal(err.sys_errno, EBADF);
	assert_string_equal(err.detail, "cannot read: Bad file descriptor");
	assert_string_equal(err.file, first);
	assert_int_equal(err.pos, model->shards[0].data_off + 1);
	assert_int_equal(sft_file_read(json, 0, bytes, 8, &got, &err), SFT_E_IO);
	assert_string_equal(err.detail, "cannot ask for its state: Bad file descriptor");
	assert_string_equal(err.file, first);
	assert_int_equal(got, 99);
	assert_int_equal(sft_model_changes(model), 0);
	assert_int_equal(dup2(saved, fd), fd);
	assert_int_equal(sft_file_read(bin, 1, bytes, 8, &got, &err), SFT_OK);
	assert_int_equal(got, 4);
	close(saved);
	sft_file_close(bin);
	sft_file_close(json);
	sft_close(model);
	free(first);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_edges),         IN_FOLDER(test_map_room),
		IN_FOLDER(test_changes),       IN_FOLDER(test_who_notices),
		IN_FOLDER(test_homes),         IN_FOLDER(test_touched),
		IN_FOLDER(test_change_beside), IN_FOLDER(test_lent),
		IN_FOLDER(test_many_pieces),   IN_FOLDER(test_io_error),
		IN_FOLDER(test_holds),         IN_FOLDER(test_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
