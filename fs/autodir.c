// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* O_PATH */
#include "fs/autodir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/log.h"

#define WAIT_STEPS 300
#define WAIT_NANOSECONDS 10000000 /* a step */

/* ---- its name ---- */

/* Whether there is more than this at the end; cuts it off then. */
static bool cut_suffix(char *name, const char *suffix)
{
	const size_t len = strlen(name);
	const size_t suffix_len = strlen(suffix);

	if (len <= suffix_len || strcmp(name + len - suffix_len, suffix) != 0)
		return false;
	name[len - suffix_len] = '\0';
	return true;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The last part of a path, malloc()ed; "" of the root; NULL where memory is short. */
static char *last_part(const char *path)
{
	auto_free char *copy = strdup(path);
	const char *slash;
	size_t len;

	if (copy == NULL)
		return NULL;
	for (len = strlen(copy); len > 0 && copy[len - 1] == '/'; len--)
		copy[len - 1] = '\0';
	slash = strrchr(copy, '/');
	return strdup(slash != NULL ? slash + 1 : copy);
}

/* Return: false with an errno; EINVAL for the root, which has no name. */
static bool name_after(const char *source, char out[NAME_MAX + 1])
{
	auto_free char *name = last_part(source);
	const char *suffix = ".mnt";
	struct stat info;

	if (name != NULL && is_dots(name)) {
		auto_free char *resolved = realpath(source, NULL);

		free(name);
		name = resolved != NULL ? last_part(resolved) : NULL;
	}
	if (name == NULL)
		return false;
	if (stat(source, &info) == 0 && !S_ISDIR(info.st_mode) &&
	    !cut_suffix(name, ".safetensors.index.json") &&
	    cut_suffix(name, ".safetensors") && !is_dots(name))
		suffix = "";
	if (name[0] == '\0')
		errno = EINVAL;
	else if (snprintf(out, NAME_MAX + 1, "%s%s", name, suffix) > NAME_MAX)
		errno = ENAMETOOLONG;
	else
		return true;
	return false;
}

/* ---- the folder ---- */

void fs_autodir_wait(const char *path)
{
	const struct timespec step = { .tv_nsec = WAIT_NANOSECONDS };
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < WAIT_STEPS; i++) {
		if (flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			break;
		nanosleep(&step, NULL);
	}
	if (fd >= 0)
		close(fd);
}

/* Return: a descriptor of the folder, locked; or -1 with an errno. */
static int make(const char *name)
{
	int fd;

	if (mkdir(name, 0777) != 0) {
		if (errno != EEXIST)
			return -1;
		fs_autodir_wait(name); /* an earlier mount may be about to remove it */
		if (mkdir(name, 0777) != 0)
			return -1;
	}
	fd = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB); /* where there are no locks: without */
	else
		rmdir(name);
	return fd;
}

int fs_autodir_prepare(const char *source, struct fs_mountpoint *mountpoint)
{
	char name[NAME_MAX + 1], shown[512];
	int exit_status, fd;

	if (!name_after(source, name))
		return fs_log_fail(SFT_E_MOUNT,
				   "no folder can be named after the source (%s): give a "
				   "MOUNTPOINT",
				   strerror(errno));
	fd = make(name);
	if (fd < 0 && errno != EEXIST)
		return fs_log_fail(SFT_E_MOUNT,
				   "%s: cannot be made here: %s; give a MOUNTPOINT "
				   "elsewhere",
				   sft_escape(shown, sizeof(shown), name, strlen(name)),
				   strerror(errno));
	exit_status = fs_mountpoint_check(name, FS_NONEMPTY_REFUSE, mountpoint);
	mountpoint->is_chosen = true;
	mountpoint->made_fd = fd;
	if (exit_status != 0)
		fs_autodir_remove(mountpoint);
	return exit_status;
}

void fs_autodir_announce(const struct fs_mountpoint *mountpoint)
{
	char shown[2048];

	if (isatty(STDOUT_FILENO))
		puts(sft_escape(shown, sizeof(shown), mountpoint->path,
				strlen(mountpoint->path)));
	else
		puts(mountpoint->path); /* for cd "$(...)" */
	fflush(stdout);
}

void fs_autodir_leave(struct fs_mountpoint *mountpoint)
{
	if (mountpoint->made_fd >= 0)
		close(mountpoint->made_fd);
	mountpoint->made_fd = -1;
}

void fs_autodir_remove(struct fs_mountpoint *mountpoint)
{
	const char *slash = strrchr(mountpoint->path, '/');
	struct stat made, found;
	int parent;

	if (mountpoint->made_fd < 0 || slash == NULL) {
		fs_autodir_leave(mountpoint);
		return;
	}
	/* Wherever it is now. As it is open, no other folder can have its number. */
	parent = openat(mountpoint->made_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0 && fstat(mountpoint->made_fd, &made) == 0 &&
	    fstatat(parent, slash + 1, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
	    made.st_dev == found.st_dev && made.st_ino == found.st_ino &&
	    unlinkat(parent, slash + 1, AT_REMOVEDIR) != 0) {
		char shown[512];

		sft_escape(shown, sizeof(shown), mountpoint->path,
			   strlen(mountpoint->path));
		fs_log("%s: was made for the mount, and cannot be removed: %s", shown,
		       strerror(errno));
	}
	if (parent >= 0)
		close(parent);
	fs_autodir_leave(mountpoint);
}
