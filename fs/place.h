/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/place.h - what a name leads to: a ref, or a slice
 */
#ifndef FS_PLACE_H
#define FS_PLACE_H

#include "core/sft.h"

struct fs_place {
	enum sft_type type;
	struct sft_ref ref; /* of a slice: the file of the whole tensor */
	bool is_slice;
	struct sft_slice slice; /* if it is one; 2.7 KB */
};

/* The place of a valid ref. */
void fs_place_of(struct fs_place *place, const struct sft_model *model,
		 struct sft_ref ref);

/**
 * fs_place_find() - look a name up, of a slice too
 * @folder:    a valid ref of a folder
 * @name:      @len bytes
 * @ret_place: undefined where there is none
 *
 * Return: false if the folder has no such name.
 */
bool fs_place_find(const struct sft_model *model, struct sft_ref folder, const char *name,
		   size_t len, struct fs_place *ret_place);

/* sft_attr() of what is there. */
SFT_MUST_CHECK enum sft_status fs_place_attr(const struct sft_model *model,
					     const struct fs_place *place,
					     struct sft_attr *ret_attr,
					     struct sft_error *err);

/* sft_ref_note() of what is there. */
void fs_place_note(const struct sft_model *model, const struct fs_place *place, char *out,
		   size_t cap);

/* sft_file_open() of the file that is there. */
SFT_MUST_CHECK enum sft_status fs_place_open(const struct sft_model *model,
					     const struct fs_place *place,
					     struct sft_file **ret_file,
					     struct sft_error *err);

#endif /* FS_PLACE_H */
