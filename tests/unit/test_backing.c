// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_backing.c - an open file of the source: what can be one, how it is
 * mapped, and when it counts as changed
 *
 * A change is one of size or modification time of the descriptor that is held, so
 * renaming and deleting are none.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "core/backing.h"

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

#define TEXT "0123456789"

static enum sft_status open_backing(const char *folder, const char *name,
				    struct sft_backing *file, struct sft_error *err)
{
	enum sft_status status;

	sft_backing_init(file);
	*err = (struct sft_error){ .detail = "", .pos = SFT_POS_NONE };
	file->path = path_in(folder, name);
	status = sft_backing_open(file, file->path, err);
	assert_non_null(file->path); /* it stays what it is */
	return status;
}

/* ---- opening ---- */

static void check_state(const struct sft_backing *file)
{
	struct stat info;

	assert_int_equal(fstat(file->fd, &info), 0);
	assert_int_equal(file->len, info.st_size);
	assert_int_equal(file->mode, info.st_mode & 07777);
	assert_int_equal(file->uid, info.st_uid);
	assert_int_equal(file->gid, info.st_gid);
	assert_memory_equal(&file->mtime, &info.st_mtim, sizeof(file->mtime));
	assert_null(file->map);
}

static void check_closed(struct sft_backing *file)
{
	for (unsigned i = 0; i < 2; i++) { /* twice does no harm */
		sft_backing_close(file);
		assert_int_equal(file->fd, -1);
		assert_null(file->path);
		assert_null(file->map);
	}
}

static void test_open(void **state)
{
	struct sft_backing file;
	struct sft_error err;
	char *link = path_in(*state, "link");
	char *path = path_in(*state, "m");

	write_file(*state, "m", TEXT, 10);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(symlink("m", link), 0);
	assert_int_equal(open_backing(*state, "link", &file, &err), SFT_OK);
	check_state(&file);
	assert_int_equal(file.len, 10);
	assert_int_equal(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
	check_closed(&file);
	free(link);
	free(path);
}

/* A descriptor is taken over where it is of use, and stays the caller's where not. */
static void test_take(void **state)
{
	struct sft_backing file;
	struct sft_error err = { .detail = "" };
	char *path = path_in(*state, "m");
	int fd, was;

	write_file(*state, "m", TEXT, 10);
	fd = was = open(path, O_RDONLY | O_CLOEXEC);
	sft_backing_init(&file);
	assert_int_equal(sft_backing_take(&file, &fd, &err), SFT_OK);
	assert_int_equal(fd, -1);
	assert_int_equal(file.fd, was);
	check_state(&file);
	check_closed(&file);
	fd = was = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(sft_backing_take(&file, &fd, &err), SFT_E_IO);
	assert_string_equal(err.detail, "not a regular file but a folder");
	assert_int_equal(fd, was);
	assert_int_equal(file.fd, -1);
	assert_int_equal(close(fd), 0);
	fd = -1;
	assert_int_equal(sft_backing_take(&file, &fd, &err), SFT_E_IO);
	assert_int_equal(err.sys_errno, EBADF);
	free(path);
}

static void check_io(const char *folder, const char *name, int sys_errno,
		     const char *detail)
{
	struct sft_backing file;
	struct sft_error err;

	CHECK_UINT(name, open_backing(folder, name, &file, &err), SFT_E_IO);
	CHECK_TEXT(name, err.detail, detail);
	CHECK_UINT(name, (uint64_t)err.sys_errno, (uint64_t)sys_errno);
	CHECK_UINT(name, file.fd == -1, true);
	sft_backing_close(&file);
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

/* ---- mapping ---- */

static void test_map(void **state)
{
	static const enum sft_io ios[] = { SFT_IO_AUTO, SFT_IO_MAP, SFT_IO_PREAD };

	write_file(*state, "m", TEXT, 10);
	for (size_t i = 0; i < ARRAY_COUNT(ios); i++) {
		struct sft_backing file;
		struct sft_error err;

		assert_int_equal(open_backing(*state, "m", &file, &err), SFT_OK);
		assert_int_equal(sft_backing_map(&file, ios[i], &err), SFT_OK);
		if (ios[i] == SFT_IO_PREAD)
			assert_null(file.map);
		else
			assert_memory_equal(file.map, TEXT, 10);
		check_closed(&file);
	}
}

/* There are no mappings of nothing, and none is needed, whoever insists. */
static void test_empty(void **state)
{
	static const enum sft_io ios[] = { SFT_IO_AUTO, SFT_IO_MAP, SFT_IO_PREAD };

	write_file(*state, "m", "", 0);
	for (size_t i = 0; i < ARRAY_COUNT(ios); i++) {
		struct sft_backing file;
		struct sft_error err;

		assert_int_equal(open_backing(*state, "m", &file, &err), SFT_OK);
		CHECK_UINT("map", sft_backing_map(&file, ios[i], &err), SFT_OK);
		assert_null(file.map);
		check_closed(&file);
	}
}

/*
 * A file of 2^60 bytes, which is no disk's but of memory, and sparse: no process has the
 * addresses to map it. Left to itself, core reads it then.
 */
static void test_no_map(void **state)
{
	const uint64_t len = UINT64_C(1) << 60;
	int fd = memfd_create("sft", MFD_CLOEXEC);
	struct sft_backing file;
	struct sft_error err;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	sft_backing_init(&file);
	assert_int_equal(sft_backing_take(&file, &fd, &err), SFT_OK);
	assert_int_equal(file.len, len);
	assert_int_equal(sft_backing_map(&file, SFT_IO_AUTO, &err), SFT_OK);
	assert_null(file.map);
	assert_int_equal(sft_backing_map(&file, SFT_IO_MAP, &err), SFT_E_NO_MEMORY);
	assert_string_equal(err.detail,
			    "cannot map 1152921504606846976 bytes: Cannot allocate "
			    "memory; io=pread needs no mapping");
	check_closed(&file);
}

/* ---- changes ---- */

static void test_changes(void **state)
{
	for (size_t i = 0; i < CHANGE_COUNT; i++) {
		const char *what = changes[i].what;
		char detail[128] = "";
		struct sft_backing file;
		struct sft_error err;
		struct stat info;

		write_file(*state, what, TEXT, 10);
		assert_int_equal(open_backing(*state, what, &file, &err), SFT_OK);
		CHECK_UINT(what, sft_backing_check(&file, &err), SFT_OK);
		changes[i].apply(file.path);
		assert_int_equal(fstat(file.fd, &info), 0);
		if (changes[i].counts)
			snprintf(detail, sizeof(detail),
				 "the file changed after it was opened: 10 bytes then, "
				 "%jd now",
				 (intmax_t)info.st_size);
		CHECK_UINT(what, sft_backing_check(&file, &err),
			   changes[i].counts ? SFT_E_CHANGED : SFT_OK);
		CHECK_TEXT(what, err.detail, detail);
		sft_backing_close(&file);
	}
}

/* A descriptor that is gone cannot be asked; that is an error, and not a change. */
static void test_no_descriptor(void **state)
{
	struct sft_backing file;
	struct sft_error err;

	(void)state;
	sft_backing_init(&file);
	assert_int_equal(sft_backing_check(&file, &err), SFT_E_IO);
	assert_int_equal(err.sys_errno, EBADF);
	assert_string_equal(err.detail, "cannot ask for its state: Bad file descriptor");
}

/* ---- reading ---- */

static void test_read_all(void **state)
{
	struct sft_backing file;
	struct sft_error err;
	uint8_t bytes[8] = { 0 };

	write_file(*state, "m", TEXT, 10);
	assert_int_equal(open_backing(*state, "m", &file, &err), SFT_OK);
	assert_int_equal(sft_read_all(file.fd, bytes, 8, 2, &err), SFT_OK);
	assert_memory_equal(bytes, "23456789", 8);
	assert_int_equal(sft_read_all(file.fd, bytes, 0, 99, &err), SFT_OK);
	assert_int_equal(sft_read_all(file.fd, bytes, 8, 3, &err), SFT_E_IO);
	assert_int_equal(err.sys_errno, 0);
	assert_int_equal(err.pos, 10);
	assert_string_equal(err.detail, "the file ends here, 1 bytes too early");
	sft_backing_close(&file);
	assert_int_equal(sft_read_all(-1, bytes, 8, 3, &err), SFT_E_IO);
	assert_int_equal(err.sys_errno, EBADF);
	assert_int_equal(err.pos, 3);
	assert_string_equal(err.detail, "cannot read: Bad file descriptor");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_open),        IN_FOLDER(test_take),
		IN_FOLDER(test_not_regular), IN_FOLDER(test_map),
		IN_FOLDER(test_empty),       cmocka_unit_test(test_no_map),
		IN_FOLDER(test_changes),     cmocka_unit_test(test_no_descriptor),
		IN_FOLDER(test_read_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
