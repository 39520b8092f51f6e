// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_shard.c - opening one file: what is no model, what it says about that,
 * and when an open file counts as changed
 *
 * A change is one of size or modification time of the descriptor that is held, so
 * renaming and deleting are none.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "core/shard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/changes.h"
#include "tests/unit/support.h"

#define HEADER "{\"a\":[\"U8\",[8],[0,8]]}"

static enum sft_status open_shard(const char *folder, const char *name,
				  struct sft_shard *shard, enum sft_io io,
				  struct sft_error *err)
{
	*shard = (struct sft_shard){ .name = strdup(name),
				     .file.path = path_in(folder, name) };
	*err = (struct sft_error){ .detail = "", .pos = SFT_POS_NONE };
	return sft_shard_open(shard, 5, io, err);
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
		CHECK_UINT(bad[i].name, sft_shard_open(&shard, 0, SFT_IO_AUTO, NULL),
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

/* Nothing here may wait: a FIFO without a writer would, if it were simply opened. */
static void test_not_regular(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *fifo = path_in(*state, "fifo");
	char *link = path_in(*state, "link");
	char *loop = path_in(*state, "loop");
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket",
		 (const char *)*state);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink("nowhere", link), 0);
	assert_int_equal(symlink("loop", loop), 0);
	check_io(*state, "socket", ENXIO, "not a regular file");
	check_io(*state, "fifo", EINVAL, "not a regular file but a FIFO");
	check_io(*state, ".", EINVAL, "not a regular file but a folder");
	check_io("/dev", "null", EINVAL, "not a regular file but a device");
	check_io(*state, "nothing", ENOENT, "cannot open: No such file or directory");
	check_io(*state, "link", ENOENT, "cannot open: No such file or directory");
	check_io(*state, "loop", ELOOP, "cannot open: Too many levels of symbolic links");
	close(fd);
	free(fifo);
	free(link);
	free(loop);
}

/*
 * A file of 2^60 bytes, which is no disk's but of memory, and sparse: no process has the
 * addresses to map it. Left to itself, core reads it then.
 */
static void test_no_map(void **state)
{
	static const char header[] = "{\"a\":[\"U8\",[1152921504606846976],"
				     "[0,1152921504606846976]]}";
	const uint64_t len = 8 + strlen(header) + (UINT64_C(1) << 60);
	const uint8_t field[8] = { sizeof(header) - 1 };
	const int fd = memfd_create("sft", MFD_CLOEXEC);
	struct sft_shard shard;
	struct sft_error err;
	char path[64], want[128];

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(pwrite(fd, field, 8, 0), 8);
	assert_int_equal(pwrite(fd, header, strlen(header), 8), strlen(header));
	snprintf(path, sizeof(path), "self/fd/%d", fd);
	assert_int_equal(open_shard("/proc", path, &shard, SFT_IO_AUTO, &err), SFT_OK);
	assert_int_equal(shard.file.len, len);
	assert_null(shard.file.map);
	sft_shard_close(&shard);
	assert_int_equal(open_shard("/proc", path, &shard, SFT_IO_MAP, &err),
			 SFT_E_NO_MEMORY);
	snprintf(
		want, sizeof(want),
		"cannot map %ju bytes: Cannot allocate memory; io=pread needs no mapping",
		(uintmax_t)len);
	assert_string_equal(err.detail, want);
	sft_shard_close(&shard);
	close(fd);
}

/* ---- changes ---- */

static void test_changes(void **state)
{
	for (size_t i = 0; i < CHANGE_COUNT; i++) {
		const char *what = changes[i].what;
		char detail[128] = "";
		struct sft_shard shard;
		struct sft_error err;
		struct stat info;

		write_model(*state, what, HEADER, 8);
		assert_int_equal(open_shard(*state, what, &shard, SFT_IO_AUTO, &err),
				 SFT_OK);
		CHECK_UINT(what, sft_backing_check(&shard.file, &err), SFT_OK);
		changes[i].apply(shard.file.path);
		assert_int_equal(fstat(shard.file.fd, &info), 0);
		if (changes[i].counts)
			snprintf(detail, sizeof(detail),
				 "the file changed after it was opened: 38 bytes then, "
				 "%jd now",
				 (intmax_t)info.st_size);
		CHECK_UINT(what, sft_backing_check(&shard.file, &err),
			   changes[i].counts ? SFT_E_CHANGED : SFT_OK);
		CHECK_TEXT(what, err.detail, detail);
		sft_shard_close(&shard);
	}
}

/* A descriptor that is gone cannot be asked; that is an error, and not a change. */
static void test_no_descriptor(void **state)
{
	const struct sft_shard shard = { .file.fd = -1 };
	struct sft_error err;

	(void)state;
	assert_int_equal(sft_backing_check(&shard.file, &err), SFT_E_IO);
	assert_int_equal(err.sys_errno, EBADF);
	assert_string_equal(err.detail, "cannot ask for its state: Bad file descriptor");
}

static void test_read_all(void **state)
{
	struct sft_error err;
	uint8_t bytes[8] = { 0 };
	char *path = path_in(*state, "m");
	struct sft_backing file = { .fd = -1 };
	int fd;

	write_file(*state, "m", "0123456789", 10);
	assert_int_equal(sft_backing_open(&file, path, &err), SFT_OK);
	assert_int_equal(file.len, 10);
	fd = file.fd;
	assert_int_equal(sft_read_all(fd, bytes, 8, 2, &err), SFT_OK);
	assert_memory_equal(bytes, "23456789", 8);
	assert_int_equal(sft_read_all(fd, bytes, 0, 99, &err), SFT_OK);
	assert_int_equal(sft_read_all(fd, bytes, 8, 3, &err), SFT_E_IO);
	assert_int_equal(err.sys_errno, 0);
	assert_int_equal(err.pos, 10);
	assert_string_equal(err.detail, "the file ends here, 1 bytes too early");
	sft_backing_close(&file);
	assert_int_equal(sft_read_all(-1, bytes, 8, 3, &err), SFT_E_IO);
	assert_int_equal(err.sys_errno, EBADF);
	assert_int_equal(err.pos, 3);
	assert_string_equal(err.detail, "cannot read: Bad file descriptor");
	free(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_open),        IN_FOLDER(test_bad),
		IN_FOLDER(test_not_regular), cmocka_unit_test(test_no_map),
		IN_FOLDER(test_changes),     cmocka_unit_test(test_no_descriptor),
		IN_FOLDER(test_read_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
