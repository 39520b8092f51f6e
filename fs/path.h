/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/path.h - paths of the tree, as a person writes them
 */
#ifndef FS_PATH_H
#define FS_PATH_H

#include "core/sft.h"

struct fs_path {
	struct sft_ref ref;
	char *text;      /* from the root, one slash between names; malloc()ed */
	size_t name_off; /* of the last name in @text */
};

/**
 * fs_path_find() - find what a path of the tree leads to
 * @text:     from the root; slashes at its ends, double ones, and "." are as good as none
 * @ret_path: its text is the caller's to free
 *
 * Return: 0, or the exit status after a message that names the nearest folder.
 */
int fs_path_find(const struct sft_model *model, const char *text,
		 struct fs_path *ret_path);

#endif /* FS_PATH_H */
