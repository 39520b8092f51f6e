// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* O_DIRECT */
#include "fs/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/fuse_abi.h"
#include "fs/reply.h"

#define IOV_MAX_COUNT 256u    /* pieces of one reply; more of them are copied */
#define REQUESTS_UNDER_WAY 4u /* of one who reads on */

/* An open file, which the kernel names by the address. */
struct handle {
	struct sft_file *file;
	atomic_uint_fast64_t next; /* behind the last request that was begun */
};

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

static struct sft_file *file_of(const struct fuse_file_info *fi)
{
	return handle_of(fi)->file;
}

static struct handle *new_handle(struct sft_file *file)
{
	struct handle *handle = calloc(1, sizeof(*handle));

	if (handle == NULL)
		sft_file_close(file);
	else
		handle->file = file;
	return handle;
}

static void free_handle(struct handle *handle)
{
	sft_file_close(handle->file);
	free(handle);
}

static void close_handle(struct fs_context *context, fuse_ino_t ino,
			 struct handle *handle)
{
	free_handle(handle);
	if (fs_slices_has(ino)) {
		fs_slices_close(context->slices, ino);
		if (fs_slices_any_gone(context->slices))
			fs_notifier_wake(context->notifier);
	}
	fs_activity_note(context->activity);
	atomic_fetch_sub(&context->activity->open_files, 1);
}

/* Notes that an inode has pages from now on. Return: false for a slice given back. */
static bool note_open(struct fs_context *context, fuse_ino_t ino, struct sft_ref ref)
{
	if (fs_slices_has(ino))
		return fs_slices_open(context->slices, ino);
	fs_opened_add(context->opened, ref);
	return true;
}

/*
 * How the kernel reads a file. For an inode it is the same at every open, as it has to.
 * But who opens a passed one with O_DIRECT reads from us, as that is bound to no
 * alignment.
 */
static void choose_way(const struct fs_context *context, struct fuse_file_info *fi)
{
	const int32_t backing_id = fs_passthrough_find(context->passthrough, file_of(fi));

	if (backing_id > 0) {
		fs_fuse_pass_through(fi, backing_id);
		fi->direct_io = (fi->flags & O_DIRECT) != 0;
	} else if (context->reads_direct || sft_file_is_slow(file_of(fi))) {
		fi->direct_io = 1; /* nothing of a slow one is read in advance */
	} else {
		fi->keep_cache = 1;
	}
}

static void answer_open(const struct fs_request *request)
{
	struct fs_context *context = fs_context_of(request->req);
	struct fuse_file_info fi = request->fi;
	struct handle *handle;
	struct sft_file *file;
	struct sft_error err;
	struct fs_place place;

	if (!fs_take_place(request->req, request->ino, &place))
		return;
	if (fs_place_open(context->model, &place, &file, &err) != SFT_OK) {
		fuse_reply_err(request->req, fs_errno_of(context, &err));
		return;
	}
	handle = new_handle(file);
	if (handle == NULL) {
		fuse_reply_err(request->req, ENOMEM);
		return;
	}
	if (!note_open(context, request->ino, place.ref)) {
		free_handle(handle);
		fuse_reply_err(request->req, ESTALE);
		return;
	}
	fi.fh = (uintptr_t)handle;
	choose_way(context, &fi);
	atomic_fetch_add(&context->activity->open_files, 1);
	/* No release will come where the caller is gone. */
	if (fuse_reply_open(request->req, &fi) != 0)
		close_handle(context, request->ino, handle);
}

/* Replies: fuse_reply_open, or EROFS, EISDIR, ELOOP, ESTALE, EIO, ENOMEM. */
void fs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct fs_request request = {
		.answer = answer_open, .req = req, .ino = ino, .fi = *fi
	};
	struct fs_context *context = fs_context_of(req);
	struct fs_place place;

	if (!fs_take_place(req, ino, &place))
		return;
	if (place.type != SFT_TYPE_FILE) {
		fuse_reply_err(req, place.type == SFT_TYPE_FOLDER ? EISDIR : ELOOP);
		return;
	}
	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC)) {
		fuse_reply_err(req, EROFS);
		return;
	}
	fs_lanes_answer(context->lanes, FS_LANE_OPEN,
			sft_ref_device(context->model, place.ref), &request);
}

/*
 * Whether a request is one of those by which a file is read from front to back. The
 * kernel has several of them under way, which come to us in any order.
 */
static bool reads_on(struct handle *handle, uint64_t off, size_t size)
{
	const uint64_t end = off + size; /* cannot wrap: an off_t is signed */
	const uint64_t next = atomic_exchange(&handle->next, end);
	const uint64_t jump = off > next ? off - next : next - off;

	return jump / REQUESTS_UNDER_WAY < size;
}

/*
 * Has the kernel read just these bytes of the source, all at once, unless it has them.
 * Left to the faults of a mapping it reads around each of them, which is more than was
 * asked for, but not all of that at once. Who reads on is better off with what is read
 * around.
 */
static void fetch(const struct iovec *iov, size_t count)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < count; i++) {
		const uintptr_t begin = (uintptr_t)iov[i].iov_base;
		const uintptr_t in_page = begin % page;

		/* Advice: if it is not taken, as for memory of our own, nothing is lost.
		 */
		madvise((void *)(begin - in_page), iov[i].iov_len + in_page,
			MADV_WILLNEED);
	}
}

/*
 * Replies from memory: mappings of the source, and what the model keeps. Return: false if
 * nothing was sent.
 */
static bool reply_mapped(fuse_req_t req, struct handle *handle, size_t size, uint64_t off)
{
	struct fs_context *context = fs_context_of(req);
	struct iovec iov[IOV_MAX_COUNT];
	struct sft_home home;
	struct sft_error err;
	size_t count;

	if (!sft_file_map(handle->file, off, size, iov, IOV_MAX_COUNT, &count, &home))
		return false;
	if (sft_home_check(context->model, home, &err) != SFT_OK) {
		fuse_reply_err(req, fs_errno_of(context, &err));
		return true;
	}
	if (!reads_on(handle, off, size))
		fetch(iov, count);
	/* The kernel copies. Where a page is gone the reader gets EIO from it. */
	if (count == 1) /* without the allocation that libfuse makes for more */
		fuse_reply_buf(req, iov[0].iov_base, iov[0].iov_len);
	else
		fuse_reply_iov(req, iov, (int)count);
	/*
	 * A change while the kernel copied is known at once, not at the next read. Not by
	 * asking the file: its release can overtake us on another thread.
	 */
	if (sft_home_check(context->model, home, &err) == SFT_E_CHANGED)
		fs_errno_of(context, &err);
	return true;
}

static bool has_left(void *req)
{
	return fuse_req_interrupted(req);
}

/*
 * Who reads a slow file gets what there is, and may leave while a line is made. But a
 * page, for which a mapping asks, has to be whole, or the kernel takes its end for that
 * of the file. It names an owner of locks for who reads, and none for a page.
 */
static enum sft_status read_bytes(const struct fs_request *request, void *buf,
				  size_t *ret_len, struct sft_error *err)
{
	const struct sft_file *file = file_of(&request->fi);
	const struct sft_waiter waiter = { .has_left = has_left, .arg = request->req };

	if (request->fi.lock_owner != 0)
		return sft_file_read_some(file, (uint64_t)request->off, buf,
					  request->size, ret_len, &waiter, err);
	return sft_file_read(file, (uint64_t)request->off, buf, request->size, ret_len,
			     err);
}

static void answer_read(const struct fs_request *request)
{
	struct fs_context *context = fs_context_of(request->req);
	auto_free void *buf = NULL;
	struct sft_error err;
	size_t len;

	if (reply_mapped(request->req, handle_of(&request->fi), request->size,
			 (uint64_t)request->off))
		return;
	buf = malloc(request->size > 0 ? request->size : 1);
	if (buf == NULL)
		fuse_reply_err(request->req, ENOMEM);
	else if (read_bytes(request, buf, &len, &err) != SFT_OK)
		fuse_reply_err(request->req, fs_errno_of(context, &err));
	else
		fuse_reply_buf(request->req, buf, len);
}

/*
 * Replies: the bytes, or ESTALE, EIO, ENOMEM, EINTR; less than there should be only of a
 * slow file, for which read() may return less.
 */
void fs_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		struct fuse_file_info *fi)
{
	const struct fs_request request = { .answer = answer_read,
					    .req = req,
					    .ino = ino,
					    .size = size,
					    .off = off,
					    .fi = *fi };

	fs_lanes_answer(fs_context_of(req)->lanes, FS_LANE_READ,
			sft_file_device(file_of(fi)), &request);
}

/* Replies: 0. */
void fs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	close_handle(fs_context_of(req), ino, handle_of(fi));
	fuse_reply_err(req, 0);
}
