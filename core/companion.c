// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* asprintf(), O_PATH */
#include "core/companion.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/array.h"
#include "core/beneath.h"
#include "core/cleanup.h"
#include "core/examine.h"

/* Descriptors left for the mount itself, which needs some and cannot do without. */
#define FDS_RESERVED 64u

/* Names that are read at all, be it only to count them: a folder may have no end. */
#define NAMES_READ_MAX ((size_t)SFT_COMPANION_NAMES_MAX * 11)

/*
 * In what follows a status other than SFT_OK and SFT_E_NO_MEMORY means that a file is
 * left out, and its error's detail says why.
 */
struct walk {
	struct sft_companions *companions;
	size_t files_room, left_out_room;
	struct sft_beneath beneath;
	const char *folder; /* as the caller named it */
	const struct sft_names *own;
	struct sft_names folders; /* found so far; those in front are NULL: done */
	size_t names_read;
	rlim_t fds_max;
};

static enum sft_status leave_out(struct walk *walk, const char *path, const char *reason)
{
	struct sft_companions *all = walk->companions;
	struct sft_left_out entry = { NULL, NULL };

	if (all->left_out_count == SFT_LEFT_OUT_MAX) {
		all->left_out_more++;
		return SFT_OK;
	}
	entry.path = strdup(path);
	entry.why = strdup(reason);
	if (entry.path == NULL || entry.why == NULL ||
	    !sft_array_reserve(&all->left_out, sizeof(entry), all->left_out_count + 1,
			       &walk->left_out_room)) {
		free(entry.path);
		free(entry.why);
		return SFT_E_NO_MEMORY;
	}
	all->left_out[all->left_out_count++] = entry;
	return SFT_OK;
}

/* ---- one entry ---- */

static enum sft_status add_folder(struct walk *walk, const char *path,
				  struct sft_error *why)
{
	unsigned depth = 1;

	for (const char *at = path; *at != '\0'; at++)
		depth += *at == '/';
	if (depth > SFT_COMPANION_DEPTH_MAX)
		return sft_fail(why, SFT_E_LIMIT, SFT_POS_NONE,
				"more than %u folders deep", SFT_COMPANION_DEPTH_MAX);
	return sft_names_add(&walk->folders, path, strlen(path)) ? SFT_OK
								 : SFT_E_NO_MEMORY;
}

/* The path of a file in a folder, "" being the current one. */
static char *join(const char *folder, const char *name)
{
	char *path;

	if (folder[0] == '\0')
		return strdup(name);
	return asprintf(&path, "%s/%s", folder, name) >= 0 ? path : NULL;
}

static enum sft_status add_file(struct walk *walk, const char *path, bool is_link,
				struct sft_error *why)
{
	struct sft_companions *all = walk->companions;
	auto_close_fd int fd = -1;
	struct sft_companion *added;
	enum sft_status status;

	if (all->count == SFT_COMPANIONS_MAX)
		return sft_fail(why, SFT_E_LIMIT, SFT_POS_NONE, "more than %u files",
				SFT_COMPANIONS_MAX);
	if (!sft_array_reserve(&all->files, sizeof(*all->files), all->count + 1,
			       &walk->files_room))
		return SFT_E_NO_MEMORY;
	status = sft_beneath_reach(&walk->beneath, path, is_link ? 0 : O_NOFOLLOW, &fd,
				   why);
	if (status != SFT_OK)
		return status;
	if ((rlim_t)fd + FDS_RESERVED >= walk->fds_max)
		return sft_fail(why, SFT_E_LIMIT, SFT_POS_NONE, "too many open files");
	added = &all->files[all->count];
	sft_backing_init(&added->file);
	status = sft_backing_take(&added->file, &fd, why);
	if (status != SFT_OK)
		return status;
	added->file.mode &= sft_beneath_lets(&walk->beneath, added->file.fd,
					     added->file.uid, added->file.gid) |
			    ~(mode_t)0444;
	all->count++; /* sft_companions_done() takes care of it from here on */
	added->path = strdup(path);
	added->file.path = join(walk->folder, path);
	return added->path != NULL && added->file.path != NULL ? SFT_OK : SFT_E_NO_MEMORY;
}

static enum sft_status take_entry(struct walk *walk, const char *path,
				  struct sft_error *why)
{
	const bool is_top = strchr(path, '/') == NULL;
	mode_t type = 0;
	enum sft_status status = sft_examine_kind(&walk->beneath, path, &type, why);

	if (status != SFT_OK)
		return status;
	/* A folder of such a name, too: the file that a view makes may have it. */
	if (is_top && sft_examine_is_weights(path))
		return sft_fail(why, SFT_E_NAME, SFT_POS_NONE,
				"other weights, or an index of them");
	if (S_ISDIR(type))
		return add_folder(walk, path, why);
	return add_file(walk, path, S_ISLNK(type), why);
}

static enum sft_status take_name(struct walk *walk, const char *folder, const char *name)
{
	auto_free char *path = join(strcmp(folder, ".") == 0 ? "" : folder, name);
	struct sft_error why;
	enum sft_status status;

	if (path == NULL)
		return SFT_E_NO_MEMORY;
	if (sft_names_hold(walk->own, path))
		return SFT_OK;
	status = sft_examine_name(name, &why);
	if (status == SFT_OK)
		status = take_entry(walk, path, &why);
	if (status == SFT_OK || status == SFT_E_NO_MEMORY)
		return status;
	return leave_out(walk, path, why.detail);
}

/* ---- one folder ---- */

static enum sft_status read_names(struct walk *walk, DIR *dir, struct sft_names *names,
				  struct sft_error *why)
{
	const struct dirent *entry;
	bool is_full = false;

	while ((errno = 0, entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		is_full = walk->names_read >= SFT_COMPANION_NAMES_MAX;
		if (walk->names_read == NAMES_READ_MAX)
			break;
		walk->names_read++;
		if (is_full)
			walk->companions->left_out_more++;
		else if (!sft_names_add(names, name, strlen(name)))
			return SFT_E_NO_MEMORY;
	}
	if (is_full)
		return sft_fail(why, SFT_E_LIMIT, SFT_POS_NONE,
				"more than %u names in all; the rest was not looked at",
				SFT_COMPANION_NAMES_MAX);
	if (errno != 0)
		return sft_fail(why, SFT_E_IO, SFT_POS_NONE, "cannot list: %s",
				strerror(errno));
	return SFT_OK;
}

static enum sft_status list(struct walk *walk, const char *path, struct sft_names *names,
			    struct sft_error *why)
{
	auto_close_fd int fd = -1;
	DIR *dir;
	enum sft_status status = sft_beneath_reach(&walk->beneath, path,
						   O_DIRECTORY | O_NOFOLLOW, &fd, why);

	if (status != SFT_OK)
		return status;
	dir = fdopendir(fd);
	if (dir == NULL)
		return errno == ENOMEM ? SFT_E_NO_MEMORY
				       : sft_fail(why, SFT_E_IO, SFT_POS_NONE,
						  "cannot list: %s", strerror(errno));
	steal_fd(&fd);
	status = read_names(walk, dir, names, why);
	closedir(dir);
	sft_names_sort(names);
	return status;
}

static enum sft_status take_folder(struct walk *walk, const char *path)
{
	struct sft_names names = { 0 };
	struct sft_error why;
	enum sft_status status = list(walk, path, &names, &why);

	if (status != SFT_OK && status != SFT_E_NO_MEMORY)
		status = leave_out(walk, path, why.detail);
	for (size_t i = 0; i < names.count && status == SFT_OK; i++) {
		/* A folder that changes while it is read may tell a name twice. */
		if (i > 0 && strcmp(names.items[i - 1], names.items[i]) == 0)
			continue;
		status = take_name(walk, path, names.items[i]);
	}
	sft_names_done(&names);
	return status;
}

/* ---- all of them ---- */

static enum sft_status take_all(struct walk *walk)
{
	struct sft_error why;
	enum sft_status status = sft_beneath_open(&walk->beneath, walk->folder, &why);

	if (status == SFT_E_NO_MEMORY)
		return status;
	if (status != SFT_OK)
		return leave_out(walk, ".", why.detail);
	status = take_folder(walk, ".");
	for (size_t i = 0; i < walk->folders.count && status == SFT_OK; i++) {
		auto_free char *path = steal_ptr(&walk->folders.items[i]);

		status = take_folder(walk, path);
	}
	sft_beneath_close(&walk->beneath);
	return status;
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct sft_companion *)a)->path,
		      ((const struct sft_companion *)b)->path);
}

static int compare_left_out(const void *a, const void *b)
{
	return strcmp(((const struct sft_left_out *)a)->path,
		      ((const struct sft_left_out *)b)->path);
}

enum sft_status sft_companions_open(struct sft_companions *companions, const char *folder,
				    const struct sft_names *own, struct sft_error *err)
{
	struct walk walk = { .companions = companions, .folder = folder, .own = own };
	struct rlimit limit;
	enum sft_status status;

	*companions = (struct sft_companions){ 0 };
	walk.fds_max = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
	status = take_all(&walk);
	sft_names_done(&walk.folders);
	if (status != SFT_OK) {
		sft_companions_done(companions);
		return sft_fail_memory(err);
	}
	if (companions->count > 1)
		qsort(companions->files, companions->count, sizeof(*companions->files),
		      compare_files);
	if (companions->left_out_count > 1)
		qsort(companions->left_out, companions->left_out_count,
		      sizeof(*companions->left_out), compare_left_out);
	return SFT_OK;
}

void sft_companions_done(struct sft_companions *companions)
{
	for (size_t i = 0; i < companions->count; i++) {
		free(companions->files[i].path);
		sft_backing_close(&companions->files[i].file);
	}
	for (size_t i = 0; i < companions->left_out_count; i++) {
		free(companions->left_out[i].path);
		free(companions->left_out[i].why);
	}
	free(companions->files);
	free(companions->left_out);
	*companions = (struct sft_companions){ 0 };
}
