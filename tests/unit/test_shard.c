// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_shard.c - opening one file of a model: what is none, and what it says
 * about that. What an open file is without its header is in test_backing.c.
 */
#include "core/shard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/unit/support.h"

#define HEADER "{\"a\":[\"U8\",[8],[0,8]]}"

static enum sft_status open_shard(const char *folder, const char *name,
				  struct sft_shard *shard, enum sft_io io,
				  struct sft_error *err)
{
	*shard = (struct sft_shard){ .name = strdup(name),
				     .file.path = path_in(folder, name) };
	*err = (struct sft_error){ .detail = "", .pos = SFT_POS_NONE };
	return sft_shard_open(shard, 5, io, (struct sft_spare){ 0 }, err);
}

static void test_open(void **state)
{
	static const enum sft_io ios[] = { SFT_IO_AUTO, SFT_IO_MAP, SFT_IO_PREAD };
	const char *folder = *state;

	write_model(folder, "m", HEADER, 8);
	for (size_t i = 0; i < ARRAY_COUNT(ios); i++) {
		struct sft_shard shard;
		struct sft_error err;
		struct stat info;

		assert_int_equal(open_shard(folder, "m", &shard, ios[i], &err), SFT_OK);
		assert_int_equal(fstat(shard.file.fd, &info), 0);
		assert_int_equal(shard.file.len, 8 + strlen(HEADER) + 8);
		assert_int_equal(shard.data_off, 8 + strlen(HEADER));
		assert_int_equal(shard.file.mode, info.st_mode & 07777);
		assert_int_equal(shard.file.uid, info.st_uid);
		assert_int_equal(shard.file.gid, info.st_gid);
		assert_memory_equal(&shard.file.mtime, &info.st_mtim,
				    sizeof(shard.file.mtime));
		assert_int_equal(shard.header.tensor_count, 1);
		assert_int_equal(shard.header.tensors[0].shard, 5);
		assert_int_equal(fcntl(shard.file.fd, F_GETFD), FD_CLOEXEC);
		if (ios[i] == SFT_IO_PREAD)
			assert_null(shard.file.map);
		else
			for (unsigned j = 0; j < 8; j++)
				assert_int_equal(shard.file.map[shard.data_off + j],
						 data_byte(j));
		sft_shard_close(&shard);
		assert_int_equal(shard.file.fd, -1);
		sft_shard_close(&shard);
	}
}

#define HINT_LFS                                                                         \
	": this is a Git LFS pointer; fetch the file it stands for with 'git lfs pull'"
#define HINT_EMPTY ": the file is empty; perhaps its download failed or has not begun"
#define HINT_CUT ": the file was cut short, or is still being downloaded"

static const struct {
	const char *name;
	struct sft_bytes bytes;
	enum sft_status status;
	uint64_t pos;
	const char *detail;
} bad[] = {
	{ "empty", BYTES(""), SFT_E_HEADER_TOO_SMALL, 0,
	  "only 0 bytes, no room for the 8 of a header length" HINT_EMPTY },
	{ "short", BYTES("\1\0\0\0\0\0\0"), SFT_E_HEADER_TOO_SMALL, 0,
	  "only 7 bytes, no room for the 8 of a header length" },
	{ "pointer", BYTES("version https://git-lfs.github.com/spec/v1\noid ...\n"),
	  SFT_E_HEADER_TOO_LARGE, 0,
	  "header of 2336927755350992246 bytes, the limit is 100000000" HINT_LFS },
	{ "cut", BYTES("\x20\0\0\0\0\0\0\0{\"a\""), SFT_E_INVALID_HEADER_LENGTH, 0,
	  "header of 32 bytes in a file of 12" HINT_CUT },
	{ "latin", BYTES("\3\0\0\0\0\0\0\0{}\xe9"), SFT_E_INVALID_HEADER, 10,
	  "the header is not UTF-8" },
	{ "n0", BYTES("\0\0\0\0\0\0\0\0{}"), SFT_E_INVALID_HEADER_DESERIALIZATION, 8,
	  "the JSON text ends where '{' should be" },
	{ "zeros", BYTES("\0\0\0\0\0\0\0\0\0\0"), SFT_E_INVALID_HEADER_DESERIALIZATION, 8,
	  "the JSON text ends where '{' should be: the file begins with zeros; perhaps "
	  "its download has not finished" },
	{ "long", BYTES("\2\0\0\0\0\0\0\0{}x"), SFT_E_METADATA_INCOMPLETE_BUFFER, 10,
	  "the header describes 0 bytes of data, the file has 1: something was appended "
	  "to it" },
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct sft_shard shard;
		struct sft_error err;
		enum sft_status status;

		write_file(*state, bad[i].name, bad[i].bytes.data, bad[i].bytes.len);
		status = open_shard(*state, bad[i].name, &shard, SFT_IO_AUTO, &err);
		CHECK_TEXT(bad[i].name, err.detail, bad[i].detail);
		CHECK_UINT(bad[i].name, status, bad[i].status);
		CHECK_UINT(bad[i].name, err.pos, bad[i].pos);
		CHECK_TEXT(bad[i].name, err.file, shard.file.path);
		sft_shard_close(&shard);
		/* Nobody has to listen. */
		shard = (struct sft_shard){ .file.path = path_in(*state, bad[i].name) };
		CHECK_UINT(bad[i].name,
			   sft_shard_open(&shard, 0, SFT_IO_AUTO, (struct sft_spare){ 0 },
					  NULL),
			   bad[i].status);
		sft_shard_close(&shard);
	}
}

static void check_io(const char *folder, const char *name, int sys_errno,
		     const char *detail)
{
	struct sft_shard shard;
	struct sft_error err;

	CHECK_UINT(name, open_shard(folder, name, &shard, SFT_IO_AUTO, &err), SFT_E_IO);
	CHECK_TEXT(name, err.detail, detail);
	CHECK_UINT(name, (uint64_t)err.sys_errno, (uint64_t)sys_errno);
	CHECK_TEXT(name, err.file, shard.file.path);
	sft_shard_close(&shard);
}

static void test_no_file(void **state)
{
	check_io(*state, ".", EINVAL, "not a regular file but a folder");
	check_io(*state, "nothing", ENOENT, "cannot open: No such file or directory");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_open),
		IN_FOLDER(test_bad),
		IN_FOLDER(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
