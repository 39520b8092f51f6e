/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/target.h - the folder that an extraction writes to, and the folders below it
 *
 * DIR is the person's and may be reached through links. Below it nothing is: a folder is
 * opened by one name in a folder that is open already, and never if that name is a link.
 * So whatever stands there, and whoever moves things about meanwhile, nothing that was
 * not in DIR is written to.
 *
 * A folder stays open while somebody has a file in it to write. When the last one is
 * through, what a killed run left half written in there goes, and the folder gets the
 * time that the tree shows.
 */
#ifndef FS_TARGET_H
#define FS_TARGET_H

#include <stdatomic.h>

#include "core/sft.h"

/*
 * Files that are not complete have such names, as long as these and hexadecimal digits
 * behind. No file of a tree has: in its names a percent sign stands before capital digits
 * or a tilde, or ends a part; other files of the source that begin with a dot stay out.
 */
#define FS_PART_PREFIX ".%part."
#define FS_PART_NAME_LEN (sizeof(FS_PART_PREFIX) - 1 + 16)

struct fs_folder {
	const struct fs_target *target;
	struct fs_folder *parent; /* counted; NULL: this is DIR */
	atomic_uint users;
	int fd;
	bool is_new;        /* this run has made it: there is nothing else in it */
	struct sft_ref ref; /* what it is in the tree */
	struct timespec mtime;
	size_t path_len;
	char path[]; /* from DIR: "", or with a slash at the end */
};

struct fs_target {
	const struct sft_model *model;
	const char *dir;          /* as the person wrote it */
	struct fs_folder *folder; /* where the last thing went; counted */
	atomic_bool keeps_parts;  /* set: what is half written now is for another run */
};

/**
 * fs_target_open() - open DIR, and make it and the folders that lead to it
 * @model: its tree is what DIR will hold
 * @dir:   lives as long as the target
 * @err:   names it
 *
 * The target must not move in memory, and outlives its folders.
 *
 * Return: SFT_OK, SFT_E_IO or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status fs_target_open(struct fs_target *target,
					      const struct sft_model *model,
					      const char *dir, struct sft_error *err);

/* Gives back what the target itself has open. */
void fs_target_close(struct fs_target *target);

/**
 * fs_target_enter() - open a folder below DIR, and make what is not there of it
 * @path:       of a folder of the tree: "", or with a slash at the end
 * @ret_folder: the caller's, to be given back with fs_folder_put()
 * @err:        names the folder that cannot be made or entered
 *
 * Folders have the tree's modes, less the umask; their owner may do everything. One that
 * is there stays as it is. Cheap where little differs from the last path. One thread at
 * a time.
 *
 * Return: SFT_OK, SFT_E_IO, SFT_E_NAME or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status fs_target_enter(struct fs_target *target, const char *path,
					       struct fs_folder **ret_folder,
					       struct sft_error *err);

/* Another user of it; or one less. Safe from any thread. */
struct fs_folder *fs_folder_get(struct fs_folder *folder);
void fs_folder_put(struct fs_folder *folder);

/**
 * fs_folder_spare() - fail for a name that leads to a file of the source
 *
 * Nothing takes the place of such a file, nor of a link to it.
 *
 * Return: SFT_OK or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status fs_folder_spare(const struct fs_folder *folder,
					       const char *name, struct sft_error *err);

/**
 * fs_folder_link() - make a symbolic link, unless it is there
 * @name:     in the folder; a file of that name goes
 * @ref:      of a link of the tree
 * @ret_made: false: it was there
 *
 * Return: SFT_OK or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status fs_folder_link(const struct fs_folder *folder,
					      const char *name, struct sft_ref ref,
					      bool *ret_made, struct sft_error *err);

/* Fails for an errno of writing below DIR; says what a full disk is. */
enum sft_status fs_target_fail(struct sft_error *err, const char *what);

/* Says of an error that it is about a name in a folder, unless it says so already. */
void fs_folder_blame(const struct fs_folder *folder, const char *name,
		     struct sft_error *err);

#endif /* FS_TARGET_H */
