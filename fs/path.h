/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/path.h - paths of the tree, as a person writes them
 */
#ifndef FS_PATH_H
#define FS_PATH_H

#include "fs/place.h"

struct fs_path {
	struct fs_place place;
	char *text;      /* from the root, one slash between names; malloc()ed */
	size_t name_off; /* of the last name in @text */
};

/**
 * fs_path_find() - find what a path of the tree leads to
 * @text:     from the root; slashes at its ends, double ones, and "." are as good as none
 * @ret_path: its text is the caller's to free; on failure its content is undefined
 *
 * Return: 0, or the exit status after a message that names the nearest folder.
 */
int fs_path_find(const struct sft_model *model, const char *text,
		 struct fs_path *ret_path);

/* sft_file_open() of the file that is there, or that a link there leads to. */
SFT_MUST_CHECK enum sft_status fs_path_open(const struct sft_model *model,
					    const struct fs_path *path,
					    struct sft_file **ret_file,
					    struct sft_error *err);

#endif /* FS_PATH_H */
