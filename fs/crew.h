/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/crew.h - the threads that write a plan's files below a folder
 *
 * Each takes the next file of the plan, and makes the folders and links on the way there.
 * One that finds none left helps with the large files that others still write.
 *
 * A file that cannot be made is told, and the others are made all the same. What concerns
 * them all, a full disk or a source that changed, ends the run.
 */
#ifndef FS_CREW_H
#define FS_CREW_H

#include "fs/copy.h"
#include "fs/plan.h"
#include "fs/progress.h"
#include "fs/target.h"
#include "fs/team.h"

#define FS_CREW_MAX 8u

/* What has become of the plan. */
struct fs_tally {
	atomic_ullong files, links; /* written */
	atomic_ullong kept;         /* files and links that were there */
	atomic_ullong failed;       /* files, links and folders */
	atomic_ullong absent;       /* files that a view cannot show */
	atomic_ullong there;        /* bytes that needed no writing */
};

struct fs_crew {
	const struct sft_model *model;
	bool force; /* write what is there, too */
	struct fs_progress *progress;
	struct fs_tally tally;
	struct fs_copying copying;
	struct fs_target target;
	pthread_mutex_t lock; /* of the cursor, of the target, and of all that follows */
	pthread_cond_t changed;
	struct fs_cursor cursor;
	unsigned busy;       /* threads that have a file of their own */
	struct fs_team team; /* a worker each, the last ones perhaps without a thread */
	atomic_uint hired;   /* workers that have one */
	unsigned count;
	struct fs_worker {
		struct fs_crew *crew;
		uint8_t *buffer;
		struct fs_copy *copy; /* that others may help with; or NULL */
		unsigned helpers;     /* that do */
	} workers[FS_CREW_MAX];
};

/**
 * fs_crew_start() - begin to write
 * @crew:     the caller's; must not move until fs_crew_end()
 * @plan:     what; outlives the crew
 * @dir:      where; outlives the crew
 * @progress: stands aside for messages
 *
 * Return: 0, or the exit status after a message.
 */
int fs_crew_start(struct fs_crew *crew, const struct fs_plan *plan, const char *dir,
		  bool force, struct fs_progress *progress);

/*
 * Has the threads come to an end soon, without another message. What is half written of
 * large files stays for a later run.
 */
void fs_crew_stop(struct fs_crew *crew);

/* Waits for the threads, closes all; the tally stays. */
void fs_crew_end(struct fs_crew *crew);

/* Tells of something that cannot be made, and counts it; of what ends the run, once. */
void fs_crew_tell(struct fs_crew *crew, const struct sft_error *err);

/* Has a worker copy, and others help that find nothing else to do. */
void fs_crew_copy(struct fs_worker *worker, struct fs_copy *copy);

#endif /* FS_CREW_H */
