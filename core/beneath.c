// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* asprintf(), O_PATH, statx() */
#include "core/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/cleanup.h"

/* ---- in one go ---- */

static int open_at_once(int base, const char *path, int flags)
{
	/* A rename anywhere in the system can disturb ".." in a link: EAGAIN. */
	static const unsigned tries_max = 100;
	const struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS |
			   ((flags & O_NOFOLLOW) != 0 ? RESOLVE_NO_SYMLINKS : 0),
	};
	int fd = -1;

	for (unsigned i = 0; i < tries_max; i++) {
		fd = (int)syscall(SYS_openat2, base, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

/* ---- by steps ---- */

/* The device that a file is on, without asking the server of a mount that it may be. */
static bool find_dev(int fd, dev_t *ret_dev)
{
	struct statx info;
	struct stat old;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &info) == 0) {
		*ret_dev = makedev(info.stx_dev_major, info.stx_dev_minor);
		return true;
	}
	/* What filters openat2() away may know as little of statx(). */
	if (fstat(fd, &old) != 0)
		return false;
	*ret_dev = old.st_dev;
	return true;
}

/* Opens one component of a path, which @len bytes of @name are. */
static int open_step(const struct sft_beneath *beneath, int folder, const char *name,
		     size_t len, int flags)
{
	auto_close_fd int fd = -1;
	char step[NAME_MAX + 1];
	dev_t dev;

	if (len > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(step, name, len);
	step[len] = '\0';
	fd = openat(folder, step, flags);
	if (fd < 0 || !find_dev(fd, &dev))
		return -1;
	if (dev != beneath->dev) {
		errno = EXDEV;
		return -1;
	}
	return steal_fd(&fd);
}

static int open_by_steps(const struct sft_beneath *beneath, const char *path, int flags)
{
	int folder = -1;

	for (;;) {
		const size_t len = strcspn(path, "/");
		const bool is_last = path[len] == '\0';
		const int next =
			open_step(beneath, folder >= 0 ? folder : beneath->fd, path, len,
				  is_last ? flags : O_PATH | O_NOFOLLOW | O_CLOEXEC);

		if (folder >= 0)
			close(folder);
		if (is_last || next < 0)
			return next;
		folder = next;
		path += len + 1;
	}
}

/* ---- both ---- */

static enum sft_status fail_reach(bool by_link, struct sft_error *err)
{
	if (errno == EXDEV)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "%s",
				by_link ? "a symbolic link that leads out of the folder "
					  "or to another mount"
					: "a mount point");
	if (errno == ELOOP)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "%s",
				by_link ? "a symbolic link that leads back to itself"
					: "a symbolic link");
	if (errno == ENOENT && by_link)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
				"a symbolic link to a file that does not exist");
	return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "cannot open: %s", strerror(errno));
}

enum sft_status sft_beneath_reach(const struct sft_beneath *beneath, const char *path,
				  int flags, int *ret_fd, struct sft_error *err)
{
	/* O_PATH is refused beside other flags; a raw call has to ask for large files. */
	const int all = flags | O_CLOEXEC |
			((flags & O_PATH) != 0 ? 0 : O_NONBLOCK | O_NOCTTY | O_LARGEFILE);
	const bool by_link = (flags & O_NOFOLLOW) == 0;
	char full[PATH_MAX];
	int fd;

	if (by_link && beneath->by_steps) {
		errno = EOPNOTSUPP;
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
				"a symbolic link, which is not safe to follow without "
				"openat2()");
	}
	if (snprintf(full, sizeof(full), "%s%s", beneath->prefix, path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return fail_reach(by_link, err);
	}
	fd = beneath->by_steps ? open_by_steps(beneath, full, all)
			       : open_at_once(beneath->fd, full, all);
	if (fd < 0)
		return fail_reach(by_link, err);
	*ret_fd = fd;
	return SFT_OK;
}

/* The path of what a descriptor stands for now; false where it cannot be told. */
static bool find_path(int fd, char out[PATH_MAX])
{
	char link[32];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, out, PATH_MAX - 1);
	if (len <= 0 || len >= PATH_MAX - 1)
		return false;
	out[len] = '\0';
	return true;
}

/* The bits of a file's mode that one folder leaves. */
static mode_t lets_through(const struct stat *folder, uid_t uid, gid_t gid)
{
	/* Among the others of a file may be some of the folder's group. */
	const bool others = (folder->st_mode & 0011) == 0011;
	const bool group = folder->st_gid == gid ? folder->st_mode & 0010 : others;
	const bool owner = folder->st_uid == uid ? folder->st_mode & 0100 : others;

	return (owner ? 0400 : 0) | (group ? 0040 : 0) | (others ? 0004 : 0);
}

mode_t sft_beneath_lets(const struct sft_beneath *beneath, int fd, uid_t uid, gid_t gid)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	char base[PATH_MAX], path[PATH_MAX];
	mode_t lets = 0444;
	size_t len;

	if (!find_path(beneath->fd, base) || !find_path(fd, path))
		return 0;
	len = strcmp(base, "/") == 0 ? 0 : strlen(base);
	if (strncmp(path, base, len) != 0 || path[len] != '/')
		return 0;
	for (char *slash = strchr(path + len + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		auto_close_fd int folder = -1;
		struct stat info;

		*slash = '\0';
		folder = beneath->by_steps
				 ? open_by_steps(beneath, path + len + 1, flags)
				 : open_at_once(beneath->fd, path + len + 1, flags);
		*slash = '/';
		if (folder < 0 || fstat(folder, &info) != 0)
			return 0;
		lets &= lets_through(&info, uid, gid);
	}
	return lets;
}

/* ---- the base ---- */

/* Length of the innermost .../models--* that has @real beneath its snapshots; or 0. */
static size_t find_cache(const char *real)
{
	static const char model[] = "/models--";
	static const char snapshots[] = "/snapshots/";
	size_t len = 0;

	for (const char *at = strstr(real, model); at != NULL; at = strstr(at, model)) {
		at = strchr(at + 1, '/');
		if (at == NULL)
			break;
		if (strncmp(at, snapshots, strlen(snapshots)) == 0)
			len = (size_t)(at - real);
	}
	return len;
}

static bool is_same(int a, int b)
{
	struct stat info_a, info_b;

	return fstat(a, &info_a) == 0 && fstat(b, &info_b) == 0 &&
	       info_a.st_dev == info_b.st_dev && info_a.st_ino == info_b.st_ino;
}

/* Moves the base up to the cache's folder of this model, if the folder is in one. */
static enum sft_status widen(struct sft_beneath *beneath, const char *folder,
			     struct sft_error *err)
{
	auto_free char *real = realpath(folder, NULL);
	auto_free char *prefix = NULL;
	auto_close_fd int base = -1;
	auto_close_fd int again = -1;
	char *made;
	size_t len;

	if (real == NULL)
		return errno == ENOMEM ? sft_fail_memory(err) : SFT_OK;
	len = find_cache(real);
	if (len == 0)
		return SFT_OK;
	if (asprintf(&made, "%s/", real + len + 1) < 0)
		return sft_fail_memory(err);
	prefix = made;
	real[len] = '\0';
	base = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return SFT_OK;
	/* The path may have changed meanwhile, or lead through a mount point. */
	again = open_at_once(base, prefix, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (again < 0 || !is_same(again, beneath->fd))
		return SFT_OK;
	close(beneath->fd);
	free(beneath->prefix);
	beneath->fd = steal_fd(&base);
	beneath->prefix = steal_ptr(&prefix);
	return SFT_OK;
}

static enum sft_status choose_base(struct sft_beneath *beneath, const char *folder,
				   struct sft_error *err)
{
	auto_close_fd int tried = -1;

	beneath->prefix = strdup("");
	if (beneath->prefix == NULL)
		return sft_fail_memory(err);
	beneath->fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (beneath->fd < 0)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "cannot open: %s",
				strerror(errno));
	tried = open_at_once(beneath->fd, ".", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (tried >= 0 || (errno != ENOSYS && errno != EPERM))
		return widen(beneath, folder, err);
	beneath->by_steps = true;
	if (!find_dev(beneath->fd, &beneath->dev))
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
				"cannot ask for its state: %s", strerror(errno));
	return SFT_OK;
}

enum sft_status sft_beneath_open(struct sft_beneath *beneath, const char *folder,
				 struct sft_error *err)
{
	enum sft_status status;

	*beneath = (struct sft_beneath){ .fd = -1 };
	status = choose_base(beneath, folder[0] != '\0' ? folder : ".", err);
	if (status != SFT_OK)
		sft_beneath_close(beneath);
	return status;
}

void sft_beneath_close(struct sft_beneath *beneath)
{
	if (beneath->fd >= 0)
		close(beneath->fd);
	free(beneath->prefix);
	*beneath = (struct sft_beneath){ .fd = -1 };
}
