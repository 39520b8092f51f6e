/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/walk.h - everything below a folder of the tree, one entry after another
 *
 *	struct fs_walk walk;
 *	struct sft_entry entry;
 *
 *	fs_walk_init(&walk, model, folder, "model/layers");
 *	while (fs_walk_next(&walk, &entry))
 *		... walk.path and entry.name make the way from the root ...
 *
 * A folder comes before what is in it. Costs the memory of one path.
 */
#ifndef FS_WALK_H
#define FS_WALK_H

#include "core/sft.h"

/* Deeper than any folder of a tree: 32 levels, the root, `.view` and its views. */
#define FS_WALK_DEPTH_MAX 40

/* Bytes of the longest way to a folder: a view's root, and 2,048 below it; and its slash.
 */
#define FS_WALK_PATH_MAX 2400u

struct fs_walk {
	const struct sft_model *model;
	char path[FS_WALK_PATH_MAX]; /* of the entry's folder: "" or with a slash at the
					end */
	size_t path_len;
	size_t depth; /* folders on the way from the first to the entry's, that one too */
	struct {
		struct sft_ref folder;
		uint64_t pos;
		size_t path_len;
	} stack[FS_WALK_DEPTH_MAX];
	bool enters; /* the last entry was a folder, this one: go on in there */
	struct sft_ref into;
	char name[256];
};

/**
 * fs_walk_init() - stand before the first entry
 * @folder: a valid ref of a folder
 * @path:   of the folder, from the root, as fs_path_find() writes it
 */
void fs_walk_init(struct fs_walk *walk, const struct sft_model *model,
		  struct sft_ref folder, const char *path);

/* Return: false behind the last entry. */
bool fs_walk_next(struct fs_walk *walk, struct sft_entry *ret_entry);

/* Passes over all that is in the folder which the last entry was. */
void fs_walk_skip(struct fs_walk *walk);

#endif /* FS_WALK_H */
