/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/path.h - paths of the tree, as a person writes them
 */
#ifndef FS_PATH_H
#define FS_PATH_H

#include "core/sft.h"

struct fs_path {
	enum sft_type type;
	struct sft_ref ref; /* of a slice: the file of the whole tensor */
	bool is_slice;
	struct sft_slice slice; /* if it is one */
	char *text;             /* from the root, one slash between names; malloc()ed */
	size_t name_off;        /* of the last name in @text */
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

/* sft_attr() of what is there. */
SFT_MUST_CHECK enum sft_status fs_path_attr(const struct sft_model *model,
					    const struct fs_path *path,
					    struct sft_attr *ret_attr,
					    struct sft_error *err);

/* sft_ref_note() of what is there. */
void fs_path_note(const struct sft_model *model, const struct fs_path *path, char *out,
		  size_t cap);

/* sft_file_open() of the file that is there, or that a link there leads to. */
SFT_MUST_CHECK enum sft_status fs_path_open(const struct sft_model *model,
					    const struct fs_path *path,
					    struct sft_file **ret_file,
					    struct sft_error *err);

#endif /* FS_PATH_H */
