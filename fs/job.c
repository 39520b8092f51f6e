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
	/* What the kernel copied, nobody has looked at. */
	if (is_good && sft_home_check(crew->model, sft_file_home(file), &err) != SFT_OK) {
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
	struct fs_part part;
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

static bool is_of_span(const struct sft_span *span, const struct stat *info)
{
	struct stat source;

	return fstat(span->fd, &source) == 0 && source.st_dev == info->st_dev &&
	       source.st_ino == info->st_ino;
}

/* Whether bytes of a file come from the very file that it would replace. */
static bool is_source(const struct sft_file *file, const struct stat *there)
{
	const uint64_t len = sft_file_len(file);
	struct sft_span span;
	uint64_t off = 0;

	/* What is made between ranges is looked over: there are not many sources. */
	while (there->st_ino != 0 && off < len) {
		const bool is_range = sft_file_span(file, off, &span);

		if (is_range && is_of_span(&span, there))
			return true;
		off += is_range ? span.len : FS_COPY_BUFFER_LEN;
	}
	return there->st_ino != 0 && len > 0 && sft_file_span(file, len - 1, &span) &&
	       is_of_span(&span, there);
}

/* Fails for what stands where a file will be, or else opens the file. */
static enum sft_status open_file(struct fs_crew *crew, const struct fs_job *job,
				 const struct stat *there, struct sft_file **ret_file,
				 struct sft_error *err)
{
	struct sft_file *file = NULL;
	const enum sft_status status =
		fs_place_open(crew->model, &job->place, &file, err);

	if (status != SFT_OK)
		return status;
	if (is_source(file, there)) {
		sft_file_close(file);
		errno = EEXIST;
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE,
				"this file is the source, or a part of it; extract to "
				"another folder");
	}
	*ret_file = file;
	return SFT_OK;
}

void fs_job_do(struct fs_worker *worker, struct fs_job *job)
{
	struct fs_crew *crew = worker->crew;
	struct sft_file *file = NULL;
	struct sft_error err;
	struct stat info;

	if (fs_place_attr(crew->model, &job->place, &job->attr, &err) != SFT_OK) {
		tell(crew, job, &err);
		return;
	}
	switch (fs_part_look(job->folder, job->name, &job->attr, &info)) {
	case FS_THERE_SAME:
		if (crew->force)
			break;
		atomic_fetch_add(&crew->tally.kept, 1);
		atomic_fetch_add(&crew->tally.there, job->attr.len);
		return;
	case FS_THERE_FOLDER:
		errno = EISDIR;
		sft_fail(&err, SFT_E_IO, SFT_POS_NONE,
			 "a folder stands where a file must be");
		tell(crew, job, &err);
		return;
	case FS_THERE_NOT:
		break;
	}
	if (open_file(crew, job, &info, &file, &err) != SFT_OK) {
		tell(crew, job, &err);
		return;
	}
	write_file(worker, job, file);
	sft_file_close(file);
}
