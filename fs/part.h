/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/part.h - a file that is being written, until it is complete
 *
 * It has another name in the folder where it will stand, and gets its own when all its
 * bytes and its time are there. That other name is made of what the file will be, so that
 * a later run finds it; bytes are only ever written behind those that are there, so that
 * the run can go on behind them. While it is open it is locked: of two runs one writes.
 *
 * Nothing is flushed to the disk, as cp and rsync do not: that would make a tree of many
 * small files slower many times over. After the power failed a file of the last seconds
 * may hold less than its length says on some file systems; --force writes all anew.
 */
#ifndef FS_PART_H
#define FS_PART_H

#include "fs/target.h"

struct fs_part {
	const struct fs_folder *folder;
	const char *name; /* that it will have */
	uint64_t id;      /* sft_file_id() of what it will hold */
	char part_name[FS_PART_NAME_LEN + 1];
	struct timespec mtime; /* that it will have */
	int fd;
	uint64_t begin; /* bytes that an earlier run has written */
};

enum fs_there {
	FS_THERE_NOTHING,
	FS_THERE_SAME,   /* a file of the right length and time */
	FS_THERE_OTHER,  /* something that gives way */
	FS_THERE_FOLDER, /* which does not */
};

/**
 * fs_part_look() - see what stands where a file will
 * @attr: length and time that it must have
 *
 * Times are compared as finely as the file system keeps them.
 */
enum fs_there fs_part_look(const struct fs_folder *folder, const char *name,
			   const struct sft_attr *attr);

/**
 * fs_part_open() - begin a file, or go on with what an earlier run began
 * @part:   the caller's, to be given to fs_part_finish() or fs_part_drop(); has its @id
 * @folder: outlives the part
 * @name:   outlives the part
 * @attr:   what it will be
 * @fresh:  begin anew in any case
 *
 * Return: SFT_OK or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status fs_part_open(struct fs_part *part,
					    const struct fs_folder *folder,
					    const char *name, const struct sft_attr *attr,
					    bool fresh, struct sft_error *err);

/* All bytes are written: gives the file its time and its name, and closes it. On failure
   nothing is left of it. */
SFT_MUST_CHECK enum sft_status fs_part_finish(struct fs_part *part,
					      struct sft_error *err);

/* Closes a file that did not become complete. @keep: leave it for a later run. */
void fs_part_drop(struct fs_part *part, bool keep);

#endif /* FS_PART_H */
