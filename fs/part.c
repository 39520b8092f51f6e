// SPDX-License-Identifier: Apache-2.0
#include "fs/part.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"

#define OWNER_BITS 0600u
#define TRIES_MAX 4u
#define PART_FLAGS (O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* ---- what is there ---- */

/* Whether a time is another, as some file system keeps it: FAT has even seconds only. */
static bool is_time(const struct timespec *there, const struct timespec *want)
{
	if (there->tv_nsec == 0 && there->tv_sec == want->tv_sec - (want->tv_sec & 1))
		return true;
	if (there->tv_sec != want->tv_sec)
		return false;
	for (long unit = 1; unit <= 1000000000; unit *= 10)
		if (there->tv_nsec == want->tv_nsec - want->tv_nsec % unit)
			return true;
	return false;
}

enum fs_there fs_part_look(const struct fs_folder *folder, const char *name,
			   const struct sft_attr *attr)
{
	struct stat info;

	if (fstatat(folder->fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
		return FS_THERE_NOTHING;
	if (S_ISDIR(info.st_mode))
		return FS_THERE_FOLDER;
	return S_ISREG(info.st_mode) && (uint64_t)info.st_size == attr->len &&
			       is_time(&info.st_mtim, &attr->mtime)
		       ? FS_THERE_SAME
		       : FS_THERE_OTHER;
}

/* ---- the file under its other name ---- */

/*
 * FNV-1a: two names of one folder with one hash would wait for each other, no more.
 * clang's analyzer takes a number for its first byte, and for nothing behind that.
 */
static uint64_t hash(uint64_t hash, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static void name_part(struct fs_part *part, const struct sft_attr *attr)
{
	const int64_t numbers[] = { (int64_t)attr->len, attr->mtime.tv_sec,
				    attr->mtime.tv_nsec, (int64_t)part->id };
	uint64_t code = UINT64_C(0xcbf29ce484222325);

	code = hash(code, part->name, strlen(part->name));
	code = hash(code, numbers, sizeof(numbers));
	snprintf(part->part_name, sizeof(part->part_name), "%s%016" PRIx64,
		 FS_PART_PREFIX, code);
}

/* Whether an open file is what has this name. */
static bool is_named(int folder, const char *name, int fd)
{
	struct stat info, named;

	return fstat(fd, &info) == 0 &&
	       fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       named.st_dev == info.st_dev && named.st_ino == info.st_ino;
}

/* Whether an open file can be one of an earlier run, and is nowhere else. */
static bool is_ours(int fd)
{
	struct stat info;

	return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1 &&
	       info.st_uid == geteuid();
}

/* Removes what stands where a part must: it is none, whatever it is. */
static bool clear_way(int folder, const char *name)
{
	return unlinkat(folder, name, 0) == 0 || errno == ENOENT ||
	       (errno == EISDIR && unlinkat(folder, name, AT_REMOVEDIR) == 0);
}

static void wait_a_moment(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

/*
 * Makes and locks, or opens and locks. Return: the descriptor, or -1 with an errno;
 * EWOULDBLOCK: somebody else writes it.
 */
static int open_locked(int folder, const char *name, mode_t mode)
{
	for (unsigned i = 0; i < TRIES_MAX; i++) {
		auto_close_fd int fd =
			openat(folder, name, PART_FLAGS | O_CREAT | O_EXCL, mode);
		const bool is_new = fd >= 0;

		if (!is_new && errno != EEXIST)
			return -1;
		if (!is_new)
			fd = openat(folder, name, PART_FLAGS);
		/* A lock that the file system does not have is none that another holds.
		 */
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
			wait_a_moment(); /* it may be about to go: see fs/target.c */
		else if (fd >= 0 && (is_new || is_ours(fd)) && is_named(folder, name, fd))
			return steal_fd(&fd);
		else if (!is_new && !clear_way(folder, name))
			return -1;
	}
	errno = EWOULDBLOCK;
	return -1;
}

enum sft_status fs_part_open(struct fs_part *part, const struct fs_folder *folder,
			     const char *name, const struct sft_attr *attr, bool fresh,
			     struct sft_error *err)
{
	struct stat info;

	part->folder = folder;
	part->name = name;
	part->mtime = attr->mtime;
	name_part(part, attr);
	part->fd = open_locked(folder->fd, part->part_name,
			       (attr->mode & 0777) | OWNER_BITS);
	if (part->fd < 0 && errno == EWOULDBLOCK)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
				"another extraction is writing this file");
	if (part->fd < 0)
		return fs_target_fail(err, "cannot make the file");
	if (fstat(part->fd, &info) != 0 ||
	    /* Not of one that is empty: ext4 flushes what was cut to nothing. */
	    ((fresh || (uint64_t)info.st_size > attr->len) && info.st_size > 0 &&
	     ftruncate(part->fd, info.st_size = 0) != 0)) {
		fs_target_fail(err, "cannot begin the file");
		fs_part_drop(part, false);
		return SFT_E_IO;
	}
	part->begin = (uint64_t)info.st_size;
	return SFT_OK;
}

/* Has a file system that writes when a file is closed do so, and say how it went. */
static bool flush(int fd)
{
	const int other = dup(fd);

	return other >= 0 && close(other) == 0;
}

enum sft_status fs_part_finish(struct fs_part *part, struct sft_error *err)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, part->mtime };
	const int folder = part->folder->fd;

	if (!flush(part->fd))
		fs_target_fail(err, "cannot write");
	else if (futimens(part->fd, times) != 0)
		fs_target_fail(err, "cannot set the time");
	else if (renameat(folder, part->part_name, folder, part->name) != 0)
		fs_target_fail(err, "cannot give the file its name");
	else {
		close(part->fd);
		return SFT_OK;
	}
	fs_part_drop(part, false);
	return SFT_E_IO;
}

void fs_part_drop(struct fs_part *part, bool keep)
{
	if (!keep)
		unlinkat(part->folder->fd, part->part_name, 0);
	close(part->fd);
}
