// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* asprintf() */
#include "core/source.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/bytes.h"

static const char shard_suffix[] = ".safetensors";
static const char index_suffix[] = ".safetensors.index.json";

/* ---- what a folder holds ---- */

/* What a folder holds that matters here. */
struct listing {
	struct sft_names shards;  /* *.safetensors */
	struct sft_names indexes; /* *.safetensors.index.json */
	struct sft_names others;
};

static void listing_done(struct listing *listing)
{
	sft_names_done(&listing->shards);
	sft_names_done(&listing->indexes);
	sft_names_done(&listing->others);
}

static enum sft_status list_folder(DIR *dir, struct listing *listing,
				   struct sft_error *err)
{
	const struct dirent *entry;

	while ((errno = 0, entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		struct sft_names *names = &listing->others;

		if (name[0] == '.')
			continue;
		if (sft_bytes_end_in(sft_bytes_of(name), shard_suffix))
			names = &listing->shards;
		else if (sft_bytes_end_in(sft_bytes_of(name), index_suffix))
			names = &listing->indexes;
		if (names->count == SFT_FOLDER_NAMES_MAX && names != &listing->others)
			return sft_fail(err, SFT_E_LIMIT, SFT_POS_NONE,
					"more than %u model files in one folder",
					SFT_FOLDER_NAMES_MAX);
		if (names->count < SFT_FOLDER_NAMES_MAX &&
		    !sft_names_add(names, name, strlen(name)))
			return sft_fail_memory(err);
	}
	if (errno != 0)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "cannot list: %s",
				strerror(errno));
	sft_names_sort(&listing->shards);
	sft_names_sort(&listing->indexes);
	sft_names_sort(&listing->others);
	return SFT_OK;
}

/* Takes a name apart that follows the pattern X-00001-of-00003.safetensors. */
static bool parse_part(const char *name, size_t *ret_prefix_len, unsigned *ret_part,
		       unsigned *ret_total)
{
	static const char pattern[] = "-ddddd-of-ddddd.safetensors";
	const size_t len = strlen(name);
	const size_t prefix_len = len - (sizeof(pattern) - 1);
	unsigned numbers[2] = { 0, 0 };

	if (len <= sizeof(pattern) - 1)
		return false;
	for (size_t i = 0, digits = 0; pattern[i] != '\0'; i++) {
		const char byte = name[prefix_len + i];

		if (pattern[i] != 'd') {
			if (byte != pattern[i])
				return false;
			continue;
		}
		if (byte < '0' || byte > '9')
			return false;
		numbers[digits / 5] = numbers[digits / 5] * 10 + (unsigned)(byte - '0');
		digits++;
	}
	*ret_prefix_len = prefix_len;
	*ret_part = numbers[0];
	*ret_total = numbers[1];
	return true;
}

/* The name of another part of the set that @name belongs to. */
static void name_part(const char *name, size_t prefix_len, unsigned part,
		      char out[NAME_MAX + 1])
{
	char digits[16];

	snprintf(out, NAME_MAX + 1, "%s", name);
	snprintf(digits, sizeof(digits), "-%05u", part % 100000);
	memcpy(out + prefix_len, digits, 6);
}

/* The first part of a complete set. */
struct set {
	const char *first;
	size_t prefix_len;
	unsigned total;
};

static bool is_set(const struct sft_names *shards, const char *first, struct set *ret_set)
{
	struct set set = { .first = first };
	char name[NAME_MAX + 1];
	unsigned part;

	if (!parse_part(first, &set.prefix_len, &part, &set.total) || part != 1 ||
	    set.total == 0)
		return false;
	for (; part <= set.total; part++) {
		name_part(first, set.prefix_len, part, name);
		if (!sft_names_hold(shards, name))
			return false;
	}
	*ret_set = set;
	return true;
}

/* Finds the only complete set. Return: false if there is none, or more than one. */
static bool find_set(const struct sft_names *shards, struct set *ret_set)
{
	size_t sets = 0;

	for (size_t i = 0; i < shards->count && sets < 2; i++)
		sets += is_set(shards, shards->items[i], ret_set);
	return sets == 1;
}

static enum sft_status add_set(const struct set *set, struct sft_names *names,
			       struct sft_error *err)
{
	for (unsigned part = 1; part <= set->total; part++) {
		char name[NAME_MAX + 1];

		name_part(set->first, set->prefix_len, part, name);
		if (!sft_names_add(names, name, strlen(name)))
			return sft_fail_memory(err);
	}
	return SFT_OK;
}

/* Appends names to a line, as many as have room. */
static void append_names(char *line, size_t cap, const struct sft_names *names,
			 size_t *left)
{
	for (size_t i = 0; i < names->count; i++, (*left)--) {
		const size_t used = strlen(line);
		char name[160];

		sft_escape(name, sizeof(name), names->items[i], strlen(names->items[i]));
		if (used + strlen(name) + 32 > cap)
			return;
		sprintf(line + used, "%s%s", used > 0 ? ", " : "", name);
	}
}

static enum sft_status fail_ambiguous(const struct listing *listing,
				      struct sft_error *err)
{
	const size_t models = listing->shards.count + listing->indexes.count;
	size_t left = models > 0 ? models : listing->others.count;
	char line[640] = "";

	append_names(line, sizeof(line), &listing->indexes, &left);
	append_names(line, sizeof(line), &listing->shards, &left);
	if (models == 0)
		append_names(line, sizeof(line), &listing->others, &left);
	if (left > 0)
		sprintf(line + strlen(line), " and %zu more", left);
	if (models > 0)
		return sft_fail(err, SFT_E_INDEX, SFT_POS_NONE,
				"no single model in this folder; name one file of: %s",
				line);
	return sft_fail(err, SFT_E_INDEX, SFT_POS_NONE,
			"no *.safetensors file in this folder; it holds %s",
			line[0] != '\0' ? line : "nothing");
}

static enum sft_status choose(const struct listing *listing, struct sft_source *source,
			      struct sft_error *err)
{
	static const char single[] = "model.safetensors";
	static const char index[] = "model.safetensors.index.json";
	const char *index_name = NULL;
	const char *shard = NULL;
	struct set set;

	if (sft_names_hold(&listing->shards, single))
		shard = single;
	else if (sft_names_hold(&listing->indexes, index))
		index_name = index;
	else if (listing->indexes.count == 1)
		index_name = listing->indexes.items[0];
	else if (find_set(&listing->shards, &set))
		return add_set(&set, &source->names, err);
	else if (listing->shards.count == 1)
		shard = listing->shards.items[0];
	else
		return fail_ambiguous(listing, err);

	if (shard != NULL)
		return sft_names_add(&source->names, shard, strlen(shard))
			       ? SFT_OK
			       : sft_fail_memory(err);
	assert(index_name != NULL);
	source->index = sft_source_path(source, index_name);
	return source->index != NULL ? SFT_OK : sft_fail_memory(err);
}

static enum sft_status find_in_folder(const char *path, struct sft_source *source,
				      struct sft_error *err)
{
	struct listing listing = { 0 };
	enum sft_status status;
	DIR *dir = opendir(path);

	if (dir == NULL)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "cannot list: %s",
				strerror(errno));
	status = list_folder(dir, &listing, err);
	closedir(dir);
	if (status == SFT_OK)
		status = choose(&listing, source, err);
	listing_done(&listing);
	return status;
}

/* ---- the source ---- */

char *sft_source_path(const struct sft_source *source, const char *name)
{
	char *path;

	if (source->folder[0] == '\0') /* the current one: as the person wrote it */
		return strdup(name);
	return asprintf(&path, "%s/%s", source->folder, name) >= 0 ? path : NULL;
}

/* A file's folder belongs to it where there is a configuration beside it. */
static enum sft_status find_config(struct sft_source *source, struct sft_error *err)
{
	char *config = sft_source_path(source, "config.json");
	struct stat info;

	if (config == NULL)
		return sft_fail_memory(err);
	source->is_folder = lstat(config, &info) == 0;
	free(config);
	return SFT_OK;
}

static enum sft_status find(const char *path, struct sft_source *source,
			    struct sft_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	struct stat info;

	if (stat(path, &info) != 0) {
		struct stat link;

		if (errno == ENOENT && lstat(path, &link) == 0 && S_ISLNK(link.st_mode)) {
			errno = ENOENT;
			return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
					"a symbolic link to a file that does not exist");
		}
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "cannot open: %s",
				strerror(errno));
	}
	if (S_ISDIR(info.st_mode))
		source->folder = strdup(path);
	else
		source->folder =
			slash == NULL
				? strdup("")
				: strndup(path,
					  slash == path ? 1 : (size_t)(slash - path));
	if (source->folder == NULL)
		return sft_fail_memory(err);
	source->is_folder = true;
	if (S_ISDIR(info.st_mode))
		return find_in_folder(path, source, err);
	if (sft_bytes_end_in(sft_bytes_of(base), index_suffix)) {
		source->index = strdup(path);
		return source->index != NULL ? SFT_OK : sft_fail_memory(err);
	}
	if (!sft_names_add(&source->names, base, strlen(base)))
		return sft_fail_memory(err);
	return find_config(source, err);
}

enum sft_status sft_source_find(const char *path, struct sft_source *source,
				struct sft_error *err)
{
	enum sft_status status;

	*source = (struct sft_source){ 0 };
	status = find(path, source, err);
	if (status != SFT_OK)
		sft_error_file(err, path);
	return status;
}

void sft_source_done(struct sft_source *source)
{
	free(source->folder);
	free(source->index);
	sft_names_done(&source->names);
	*source = (struct sft_source){ 0 };
}
