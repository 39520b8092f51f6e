// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* copy_file_range() */
#include "fs/copy.h"

#include <errno.h>
#include <unistd.h>

#include "fs/target.h"

#define RANGE_LEN (UINT64_C(64) << 20)    /* that the kernel copies at a time */
#define RANGE_LEN_MIN (UINT64_C(1) << 20) /* shorter ones are read with what is about */
#define BLOCK_LEN 4096u                   /* of every file system that shares blocks */
#define WRITE_LEN (UINT64_C(256) << 10)   /* at a time; is in the processor's cache yet */

struct piece {
	uint64_t off, len;
	bool is_range;
	struct sft_span span; /* if it is one */
};

void fs_copy_init(struct fs_copy *copy, struct fs_copying *run,
		  const struct sft_file *file, int fd, uint64_t begin)
{
	*copy = (struct fs_copy){
		.run = run,
		.file = file,
		.fd = fd,
		.len = sft_file_len(file),
		.next = begin,
		.done = begin,
	};
	pthread_mutex_init(&copy->lock, NULL);
	pthread_cond_init(&copy->moved, NULL);
}

void fs_copy_free(struct fs_copy *copy)
{
	pthread_cond_destroy(&copy->moved);
	pthread_mutex_destroy(&copy->lock);
}

bool fs_copy_is_done(const struct fs_copy *copy)
{
	return copy->status == SFT_OK && copy->done == copy->len;
}

/* Under the lock. */
static bool has_more(const struct fs_copy *copy)
{
	return copy->status == SFT_OK && copy->next < copy->len &&
	       !atomic_load(&copy->run->over);
}

bool fs_copy_has_more(struct fs_copy *copy)
{
	bool answer;

	pthread_mutex_lock(&copy->lock);
	answer = has_more(copy);
	pthread_mutex_unlock(&copy->lock);
	return answer;
}

/* Whether the kernel is to copy what begins at a place of the file. */
static bool is_range(const struct fs_copy *copy, uint64_t off, struct sft_span *span)
{
	return off % BLOCK_LEN == 0 && !atomic_load(&copy->run->no_ranges) &&
	       sft_file_span(copy->file, off, span) && span->off % BLOCK_LEN == 0 &&
	       span->len >= RANGE_LEN_MIN;
}

/* Pieces end at multiples of their usual length, wherever the first begins. */
static bool take(struct fs_copy *copy, struct piece *piece)
{
	uint64_t usual, most;
	bool taken;

	pthread_mutex_lock(&copy->lock);
	taken = has_more(copy);
	if (taken) {
		piece->off = copy->next;
		piece->is_range = is_range(copy, copy->next, &piece->span);
		usual = piece->is_range ? RANGE_LEN : FS_COPY_BUFFER_LEN;
		most = piece->is_range ? piece->span.len : copy->len - copy->next;
		piece->len = usual - copy->next % usual;
		if (piece->len > most)
			piece->len = most;
		copy->next += piece->len;
		copy->has_ranges = copy->has_ranges || piece->is_range;
	}
	pthread_mutex_unlock(&copy->lock);
	return taken;
}

/* Waits until all before a piece is written. Return: false if it never will be. */
static bool wait_for_turn(struct fs_copy *copy, const struct piece *piece)
{
	bool good;

	pthread_mutex_lock(&copy->lock);
	while (copy->status == SFT_OK && copy->done != piece->off)
		pthread_cond_wait(&copy->moved, &copy->lock);
	good = copy->status == SFT_OK;
	pthread_mutex_unlock(&copy->lock);
	return good;
}

/* The first failure is the one that is told. */
static void end_turn(struct fs_copy *copy, const struct piece *piece,
		     enum sft_status status, const struct sft_error *err)
{
	pthread_mutex_lock(&copy->lock);
	if (status == SFT_OK) {
		copy->done += piece->len;
	} else if (copy->status == SFT_OK) {
		copy->status = status;
		copy->err = *err;
	}
	pthread_cond_broadcast(&copy->moved);
	pthread_mutex_unlock(&copy->lock);
}

static enum sft_status read_piece(const struct fs_copy *copy, const struct piece *piece,
				  uint8_t *buffer, struct sft_error *err)
{
	size_t len;

	return sft_file_read(copy->file, piece->off, buffer, (size_t)piece->len, &len,
			     err);
}

static enum sft_status write_piece(const struct fs_copy *copy, const struct piece *piece,
				   const uint8_t *buffer, struct sft_error *err)
{
	uint64_t done = 0;

	while (done < piece->len) {
		const uint64_t left = piece->len - done;
		const ssize_t written =
			pwrite(copy->fd, buffer + done,
			       (size_t)(left < WRITE_LEN ? left : WRITE_LEN),
			       (off_t)(piece->off + done));

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return fs_target_fail(err, "cannot write");
		done += (uint64_t)written;
		atomic_fetch_add(&copy->run->written, (uint64_t)written);
	}
	return SFT_OK;
}

/*
 * Has the kernel copy. Whatever it does not do, and for whatever reason, is left to
 * reading and writing, which finds out what is wrong, if anything is.
 */
static enum sft_status copy_range(const struct fs_copy *copy, const struct piece *piece,
				  uint8_t *buffer, struct sft_error *err)
{
	loff_t from = (loff_t)piece->span.off;
	loff_t to = (loff_t)piece->off;
	const loff_t end = (loff_t)(piece->off + piece->len);
	enum sft_status status = SFT_OK;

	while (to < end) {
		const ssize_t copied = copy_file_range(piece->span.fd, &from, copy->fd,
						       &to, (size_t)(end - to), 0);

		if (copied <= 0)
			break;
		atomic_fetch_add(&copy->run->written, (uint64_t)copied);
	}
	if (to < end)
		atomic_store(&copy->run->no_ranges, true);
	while (status == SFT_OK && to < end) {
		const uint64_t left = (uint64_t)(end - to);
		const struct piece part = { .off = (uint64_t)to,
					    .len = left < FS_COPY_BUFFER_LEN
							   ? left
							   : FS_COPY_BUFFER_LEN };

		status = read_piece(copy, &part, buffer, err);
		if (status == SFT_OK)
			status = write_piece(copy, &part, buffer, err);
		to += (loff_t)part.len;
	}
	return status;
}

void fs_copy_work(struct fs_copy *copy, uint8_t *buffer)
{
	struct piece piece;
	struct sft_error err;

	while (take(copy, &piece)) {
		enum sft_status status = SFT_OK;

		if (!piece.is_range)
			status = read_piece(copy, &piece, buffer, &err);
		if (!wait_for_turn(copy, &piece))
			return;
		if (status == SFT_OK && piece.is_range)
			status = copy_range(copy, &piece, buffer, &err);
		else if (status == SFT_OK)
			status = write_piece(copy, &piece, buffer, &err);
		end_turn(copy, &piece, status, &err);
	}
}
