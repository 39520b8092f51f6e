// SPDX-License-Identifier: Apache-2.0
#include "fs/crew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/job.h"
#include "fs/log.h"

#define HELP_LEN_MIN (UINT64_C(16) << 20) /* of a file that is worth help */

/* ---- what goes wrong ---- */

/* Whether it would go wrong with the next file as well. */
static bool is_general(const struct sft_error *err)
{
	switch (err->sys_errno) {
	case ENOSPC:
	case EDQUOT:
	case EROFS:
	case EMFILE:
	case ENFILE:
		return true;
	default:
		return err->status == SFT_E_CHANGED || err->status == SFT_E_NO_MEMORY;
	}
}

void fs_crew_tell(struct fs_crew *crew, const struct sft_error *err)
{
	if (is_general(err) ? atomic_exchange(&crew->copying.over, true)
			    : atomic_load(&crew->copying.over))
		return;
	atomic_fetch_add(&crew->tally.failed, 1);
	fs_progress_pause(crew->progress);
	fs_log_error(err);
	fs_progress_resume(crew->progress);
}

/* ---- the next file ---- */

static void make_folder(struct fs_crew *crew)
{
	struct fs_cursor *cursor = &crew->cursor;
	char path[FS_WALK_PATH_MAX + 256];
	struct fs_folder *folder;
	struct sft_error err;

	strcpy(stpcpy(path, cursor->way), cursor->name);
	if (path[0] != '\0')
		strcat(path, "/");
	if (fs_target_enter(&crew->target, path, &folder, &err) != SFT_OK) {
		fs_crew_tell(crew, &err);
		fs_cursor_skip(cursor);
		return;
	}
	fs_folder_put(folder);
	atomic_fetch_add(&crew->tally.absent,
			 sft_folder_absents(crew->model, cursor->place.ref));
}

static void make_link(struct fs_crew *crew, struct fs_folder *folder)
{
	struct sft_error err;
	bool made;

	if (fs_folder_link(folder, crew->cursor.name, crew->cursor.place.ref, &made,
			   &err) != SFT_OK)
		fs_crew_tell(crew, &err);
	else
		atomic_fetch_add(made ? &crew->tally.links : &crew->tally.kept, 1);
}

/* Sees to what is at the cursor. Return: true if it is a file: the caller's job. */
static bool visit(struct fs_crew *crew, struct fs_job *job)
{
	const struct fs_cursor *cursor = &crew->cursor;
	struct sft_error err;

	if (cursor->place.type == SFT_TYPE_FOLDER) {
		make_folder(crew);
		return false;
	}
	if (fs_target_enter(&crew->target, cursor->way, &job->folder, &err) != SFT_OK) {
		fs_crew_tell(crew, &err);
		return false;
	}
	if (cursor->place.type == SFT_TYPE_LINK) {
		make_link(crew, job->folder);
		fs_folder_put(job->folder);
		return false;
	}
	job->place = cursor->place;
	strcpy(job->name, cursor->name);
	return true;
}

/* Return: false if nothing is left. */
static bool take(struct fs_crew *crew, struct fs_job *job)
{
	bool taken = false;

	pthread_mutex_lock(&crew->lock);
	while (!taken && !atomic_load(&crew->copying.over) &&
	       fs_cursor_next(&crew->cursor))
		taken = visit(crew, job);
	if (taken)
		crew->busy++;
	pthread_mutex_unlock(&crew->lock);
	return taken;
}

static void give_back(struct fs_crew *crew, struct fs_job *job)
{
	fs_folder_put(job->folder);
	pthread_mutex_lock(&crew->lock);
	crew->busy--;
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->lock);
}

/* ---- help ---- */

void fs_crew_copy(struct fs_worker *worker, struct fs_copy *copy)
{
	struct fs_crew *crew = worker->crew;

	if (copy->len - copy->next < HELP_LEN_MIN) {
		fs_copy_work(copy, worker->buffer);
		return;
	}
	pthread_mutex_lock(&crew->lock);
	worker->copy = copy;
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->lock);

	fs_copy_work(copy, worker->buffer);

	pthread_mutex_lock(&crew->lock);
	worker->copy = NULL;
	while (worker->helpers > 0)
		pthread_cond_wait(&crew->changed, &crew->lock);
	pthread_mutex_unlock(&crew->lock);
}

/* A large file with bytes that nobody has taken; NULL: there will be none any more. */
static struct fs_worker *find_help(struct fs_crew *crew)
{
	for (;;) {
		for (unsigned i = 0; i < crew->count; i++) {
			struct fs_worker *other = &crew->workers[i];

			if (other->copy != NULL && fs_copy_has_more(other->copy))
				return other;
		}
		if (crew->busy == 0)
			return NULL;
		pthread_cond_wait(&crew->changed, &crew->lock);
	}
}

static void help(struct fs_worker *worker)
{
	struct fs_crew *crew = worker->crew;
	struct fs_worker *other;

	pthread_mutex_lock(&crew->lock);
	while ((other = find_help(crew)) != NULL) {
		struct fs_copy *copy = other->copy;

		other->helpers++;
		pthread_mutex_unlock(&crew->lock);
		fs_copy_work(copy, worker->buffer);
		pthread_mutex_lock(&crew->lock);
		other->helpers--;
		pthread_cond_broadcast(&crew->changed);
	}
	pthread_mutex_unlock(&crew->lock);
}

/* ---- the threads ---- */

static void work(void *arg)
{
	struct fs_crew *crew = arg;
	struct fs_worker *worker = &crew->workers[atomic_fetch_add(&crew->hired, 1)];
	struct fs_job job;

	while (take(crew, &job)) {
		fs_job_do(worker, &job);
		give_back(crew, &job);
	}
	help(worker);
}

/* As many as can be. */
static void make_workers(struct fs_crew *crew)
{
	const unsigned size = fs_team_size();

	while (crew->count < size && crew->count < FS_CREW_MAX) {
		struct fs_worker *worker = &crew->workers[crew->count];

		worker->crew = crew;
		worker->buffer = malloc(FS_COPY_BUFFER_LEN);
		if (worker->buffer == NULL)
			break;
		crew->count++;
	}
}

int fs_crew_start(struct fs_crew *crew, const struct fs_plan *plan, const char *dir,
		  bool force, struct fs_progress *progress)
{
	struct sft_error err;
	int exit_status;

	memset(crew, 0, sizeof(*crew));
	crew->model = plan->model;
	crew->force = force;
	crew->progress = progress;
	if (fs_target_open(&crew->target, plan->model, dir, &err) != SFT_OK) {
		fs_log_error(&err);
		return 1;
	}
	fs_cursor_init(&crew->cursor, plan);
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->changed, NULL);
	make_workers(crew);
	exit_status = fs_team_start(&crew->team, crew->count, work, crew);
	if (exit_status != 0)
		fs_crew_end(crew);
	return exit_status;
}

void fs_crew_stop(struct fs_crew *crew)
{
	atomic_store(&crew->target.keeps_parts, true);
	atomic_store(&crew->copying.over, true);
}

void fs_crew_end(struct fs_crew *crew)
{
	fs_team_end(&crew->team);
	for (unsigned i = 0; i < crew->count; i++)
		free(crew->workers[i].buffer);
	fs_target_close(&crew->target);
	pthread_cond_destroy(&crew->changed);
	pthread_mutex_destroy(&crew->lock);
}
