// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* asprintf() */
#include "fs/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/cleanup.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define OWNER_BITS 0700u /* whoever extracts can go on later, and delete it */

/* ---- what goes wrong ---- */

enum sft_status fs_target_fail(struct sft_error *err, const char *what)
{
	const char *more = "";

	if (errno == ENOSPC)
		more = "; the disk is full: files that are finished stay, and the same "
		       "command goes on from there";
	else if (errno == EDQUOT)
		more = "; the quota is used up: files that are finished stay, and the "
		       "same command goes on from there";
	else if (errno == EFBIG)
		more = "; the file is larger than the file system or a limit allows";
	return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "%s: %s%s", what, strerror(errno),
			more);
}

void fs_folder_blame(const struct fs_folder *folder, const char *name,
		     struct sft_error *err)
{
	const char *dir = folder->target->dir;
	const size_t len = strlen(dir);
	const bool has_slash = len > 0 && dir[len - 1] == '/';
	char *path;

	if (asprintf(&path, "%s%s%s%s", dir, has_slash ? "" : "/", folder->path, name) <
	    0)
		return;
	sft_error_file(err, path);
	free(path);
}

/* ---- folders that are open ---- */

static struct fs_folder *new_folder(const struct fs_target *target,
				    struct fs_folder *parent, const char *name,
				    size_t name_len)
{
	const size_t above = parent != NULL ? parent->path_len : 0;
	const size_t path_len = parent != NULL ? above + name_len + 1 : 0;
	struct fs_folder *folder = malloc(sizeof(*folder) + path_len + 1);

	if (folder == NULL)
		return NULL;
	*folder = (struct fs_folder){
		.target = target,
		.parent = parent != NULL ? fs_folder_get(parent) : NULL,
		.users = 1,
		.fd = -1,
		.ref = SFT_REF_ROOT,
		.path_len = path_len,
	};
	if (parent != NULL) {
		memcpy(folder->path, parent->path, above);
		memcpy(folder->path + above, name, name_len);
		folder->path[path_len - 1] = '/';
	}
	folder->path[path_len] = '\0';
	return folder;
}

struct fs_folder *fs_folder_get(struct fs_folder *folder)
{
	atomic_fetch_add(&folder->users, 1);
	return folder;
}

static bool is_part(const char *name)
{
	static const size_t prefix_len = sizeof(FS_PART_PREFIX) - 1;

	return strlen(name) == FS_PART_NAME_LEN &&
	       memcmp(name, FS_PART_PREFIX, prefix_len) == 0 &&
	       strspn(name + prefix_len, "0123456789abcdef") == 16;
}

/* Removes a file that is not complete, but for one that a living run is writing. */
static void remove_part(int folder, const char *name)
{
	auto_close_fd int fd = openat(
		folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat info;

	if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(folder, name, 0);
}

/* Removes what killed runs left in a folder. */
static void tidy(int folder)
{
	int fd = openat(folder, ".", FOLDER_FLAGS);
	const struct dirent *entry;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (is_part(entry->d_name))
			remove_part(folder, entry->d_name);
	closedir(dir);
}

void fs_folder_put(struct fs_folder *folder)
{
	while (folder != NULL && atomic_fetch_sub(&folder->users, 1) == 1) {
		struct fs_folder *parent = folder->parent;

		if (folder->fd >= 0 && !folder->is_new &&
		    !atomic_load(&folder->target->keeps_parts))
			tidy(folder->fd);
		/* One that belongs to somebody else keeps its time. */
		if (folder->fd >= 0 && parent != NULL)
			futimens(folder->fd,
				 (struct timespec[]){ { .tv_nsec = UTIME_OMIT },
						      folder->mtime });
		if (folder->fd >= 0)
			close(folder->fd);
		free(folder);
		folder = parent;
	}
}

/* ---- the way to a folder ---- */

/* Return: 0, or -1 with an errno that says what stands in the way. */
static int make_and_open(struct fs_folder *folder, int parent, const char *name,
			 mode_t mode)
{
	struct stat info;

	folder->is_new = mkdirat(parent, name, mode) == 0;
	if (!folder->is_new && errno != EEXIST)
		return -1;
	folder->fd = openat(parent, name, FOLDER_FLAGS | O_NOFOLLOW);
	if (folder->fd >= 0)
		return 0;
	/* Some systems say of a link that it is no folder. */
	if (errno == ENOTDIR && fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(info.st_mode))
		errno = ELOOP;
	return -1;
}

static enum sft_status fail_folder(struct sft_error *err)
{
	if (errno == ELOOP)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
				"a symbolic link stands where a folder must be; none is "
				"followed");
	if (errno == ENOTDIR)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
				"a file stands where a folder must be");
	return fs_target_fail(err, "cannot make the folder");
}

/* Opens a folder in another; @name has @len bytes. */
static enum sft_status step(struct fs_target *target, const char *name, size_t len,
			    struct sft_error *err)
{
	struct fs_folder *folder = new_folder(target, target->folder, name, len);
	struct sft_attr attr;
	char text[256] = "";

	if (folder == NULL)
		return sft_fail_memory(err);
	if (len >= sizeof(text) ||
	    !sft_lookup(target->model, target->folder->ref, name, len, &folder->ref)) {
		fs_folder_put(folder);
		return sft_fail(err, SFT_E_NAME, SFT_POS_NONE, "no such folder");
	}
	memcpy(text, name, len);
	if (sft_attr(target->model, folder->ref, &attr, err) != SFT_OK) {
		fs_folder_put(folder);
		return err->status;
	}
	folder->mtime = attr.mtime;
	if (make_and_open(folder, target->folder->fd, text, attr.mode | OWNER_BITS) !=
	    0) {
		fail_folder(err);
		fs_folder_put(folder);
		fs_folder_blame(target->folder, text, err);
		return err->status;
	}
	fs_folder_put(target->folder); /* it is the parent, and stays */
	target->folder = folder;
	return SFT_OK;
}

static bool is_below(const struct fs_folder *folder, const char *path)
{
	return strncmp(path, folder->path, folder->path_len) == 0;
}

enum sft_status fs_target_enter(struct fs_target *target, const char *path,
				struct fs_folder **ret_folder, struct sft_error *err)
{
	enum sft_status status = SFT_OK;

	while (!is_below(target->folder, path)) {
		struct fs_folder *parent = fs_folder_get(target->folder->parent);

		fs_folder_put(target->folder);
		target->folder = parent;
	}
	path += target->folder->path_len;
	while (status == SFT_OK && *path != '\0') {
		const size_t len = strcspn(path, "/");

		status = step(target, path, len, err);
		path += len + (path[len] == '/');
	}
	if (status == SFT_OK)
		*ret_folder = fs_folder_get(target->folder);
	return status;
}

/* ---- DIR ---- */

/* Makes a folder and those that lead to it, as mkdir -p does. */
static bool make_way(const char *path)
{
	auto_free char *way = strdup(path);

	if (way == NULL) {
		errno = ENOMEM;
		return false;
	}
	for (char *slash = way + 1; *way != '\0' && (slash = strchr(slash, '/')) != NULL;
	     slash++) {
		*slash = '\0';
		if (mkdir(way, 0777) != 0 && errno != EEXIST)
			return false;
		*slash = '/';
	}
	return mkdir(way, 0777) == 0 || errno == EEXIST;
}

enum sft_status fs_target_open(struct fs_target *target, const struct sft_model *model,
			       const char *dir, struct sft_error *err)
{
	struct fs_folder *folder = new_folder(target, NULL, "", 0);

	*target = (struct fs_target){ .model = model, .dir = dir, .folder = folder };
	if (folder == NULL)
		return sft_fail_memory(err);
	folder->fd = open(dir, FOLDER_FLAGS);
	if (folder->fd < 0 && errno == ENOENT && make_way(dir))
		folder->fd = open(dir, FOLDER_FLAGS);
	if (folder->fd < 0) {
		fs_target_fail(err, "cannot make the folder");
		sft_error_file(err, dir);
		fs_target_close(target);
		return SFT_E_IO;
	}
	return SFT_OK;
}

void fs_target_close(struct fs_target *target)
{
	fs_folder_put(target->folder);
	target->folder = NULL;
}

/* ---- links ---- */

enum sft_status fs_folder_spare(const struct fs_folder *folder, const char *name,
				struct sft_error *err)
{
	struct stat info;

	if (fstatat(folder->fd, name, &info, 0) != 0 ||
	    !sft_model_holds(folder->target->model, info.st_dev, info.st_ino))
		return SFT_OK;
	errno = EEXIST;
	return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
			"a file of the source stands here, and stays; extract to another "
			"folder");
}

static bool is_link_to(int folder, const char *name, const char *target, size_t len)
{
	char there[SFT_LINK_LEN_MAX + 1];

	return readlinkat(folder, name, there, sizeof(there)) == (ssize_t)len &&
	       memcmp(there, target, len) == 0;
}

static enum sft_status fail_link(const struct fs_folder *folder, const char *name,
				 struct sft_error *err)
{
	if (errno == EISDIR)
		sft_fail(err, SFT_E_IO, SFT_POS_NONE,
			 "a folder stands where a link must be");
	else
		fs_target_fail(err, "cannot make the link");
	fs_folder_blame(folder, name, err);
	return SFT_E_IO;
}

enum sft_status fs_folder_link(const struct fs_folder *folder, const char *name,
			       struct sft_ref ref, bool *ret_made, struct sft_error *err)
{
	const struct sft_model *model = folder->target->model;
	char target[SFT_LINK_LEN_MAX + 1];
	const size_t len = sft_link_target(model, ref, target);
	struct sft_attr attr;
	bool made;

	target[len] = '\0';
	if (is_link_to(folder->fd, name, target, len)) {
		*ret_made = false;
		return SFT_OK;
	}
	/* A link is never half there, so it needs no other name first. */
	made = symlinkat(target, folder->fd, name) == 0;
	if (!made && errno == EEXIST) {
		if (fs_folder_spare(folder, name, err) != SFT_OK) {
			fs_folder_blame(folder, name, err);
			return SFT_E_IO;
		}
		made = unlinkat(folder->fd, name, 0) == 0 &&
		       symlinkat(target, folder->fd, name) == 0;
	}
	if (!made)
		return fail_link(folder, name, err);
	if (sft_attr(model, ref, &attr, NULL) == SFT_OK)
		utimensat(folder->fd, name,
			  (struct timespec[]){ { .tv_nsec = UTIME_OMIT }, attr.mtime },
			  AT_SYMLINK_NOFOLLOW);
	*ret_made = true;
	return SFT_OK;
}
