// SPDX-License-Identifier: Apache-2.0
#include "fs/job.h"

#include <errno.h>
#include <sys/stat.h>

#include "fs/part.h"

#define KEPT_LEN_MIN (UINT64_C(64) << 20) /* of half a file that is worth keeping */

static void tell(struct fs_crew *crew, const struct fs_job *job, struct sft_error *err)
{
	fs_folder_blame(job->folder, job->name, err);
	fs_crew_tell(crew, err);
}

/* Copies all bytes to a part. Return: false if it is not complete; told, if it has to be.
 */
static bool copy_file(struct fs_worker *worker, const struct fs_job *job,
		      const struct sft_file *file, const struct fs_part *part)
{
	struct fs_crew *crew = worker->crew;
	struct fs_copy copy;
	struct sft_error err;
	bool is_good;

	fs_copy_init(&copy, &crew->copying, file, part->fd, part->begin);
	atomic_fetch_add(&crew->tally.there, part->begin);
	fs_crew_copy(worker, &copy);
	is_good = fs_copy_is_done(&copy);
	if (copy.status != SFT_OK)
		tell(crew, job, &copy.err);
	/* What the kernel has copied, nobody has looked at. */
	if (is_good && copy.has_ranges &&
	    sft_home_check(crew->model, sft_file_home(file), &err) != SFT_OK) {
		tell(crew, job, &err);
		is_good = false;
	}
	fs_copy_free(&copy);
	return is_good;
}

static void write_file(struct fs_worker *worker, const struct fs_job *job,
		       const struct sft_file *file)
{
	struct fs_crew *crew = worker->crew;
	struct fs_part part = { .id = sft_file_id(file) };
	struct sft_error err;

	if (fs_part_open(&part, job->folder, job->name, &job->attr, crew->force, &err) !=
	    SFT_OK) {
		tell(crew, job, &err);
		return;
	}
	if (!copy_file(worker, job, file, &part)) {
		struct stat info;

		fs_part_drop(&part, atomic_load(&crew->target.keeps_parts) &&
					    fstat(part.fd, &info) == 0 &&
					    (uint64_t)info.st_size >= KEPT_LEN_MIN);
		return;
	}
	if (fs_part_finish(&part, &err) == SFT_OK)
		atomic_fetch_add(&crew->tally.files, 1);
	else
		tell(crew, job, &err);
}

/* Fails for what stands where a file will be and must stay. */
static enum sft_status check_place(const struct fs_job *job, enum fs_there there,
				   struct sft_error *err)
{
	switch (there) {
	case FS_THERE_FOLDER:
		errno = EISDIR;
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
				"a folder stands where a file must be");
	case FS_THERE_SAME:
	case FS_THERE_OTHER:
		return fs_folder_spare(job->folder, job->name, err);
	case FS_THERE_NOTHING:
		break;
	}
	return SFT_OK;
}

void fs_job_do(struct fs_worker *worker, struct fs_job *job)
{
	struct fs_crew *crew = worker->crew;
	struct sft_file *file = NULL;
	struct sft_error err;
	enum fs_there there;

	if (fs_place_attr(crew->model, &job->place, &job->attr, &err) != SFT_OK) {
		tell(crew, job, &err);
		return;
	}
	there = fs_part_look(job->folder, job->name, &job->attr);
	if (there == FS_THERE_SAME && !crew->force) {
		atomic_fetch_add(&crew->tally.kept, 1);
		atomic_fetch_add(&crew->tally.there, job->attr.len);
		return;
	}
	if (check_place(job, there, &err) != SFT_OK ||
	    fs_place_open(crew->model, &job->place, &file, &err) != SFT_OK) {
		tell(crew, job, &err);
		return;
	}
	write_file(worker, job, file);
	sft_file_close(file);
}
