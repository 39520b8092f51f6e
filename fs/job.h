/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/job.h - one file of the tree, extracted
 */
#ifndef FS_JOB_H
#define FS_JOB_H

#include "fs/crew.h"

struct fs_job {
	struct fs_folder *folder; /* where it will stand; counted */
	char name[256];           /* in there */
	struct fs_place place;    /* what it is in the tree */
	struct sft_attr attr;     /* set by fs_job_do() */
};

/**
 * fs_job_do() - write a file, unless it is there
 *
 * Counts it in the crew's tally, and tells what goes wrong.
 */
void fs_job_do(struct fs_worker *worker, struct fs_job *job);

#endif /* FS_JOB_H */
