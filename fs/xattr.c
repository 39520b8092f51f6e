// SPDX-License-Identifier: Apache-2.0
#include "fs/xattr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/reply.h"

#define PREFIX "user.safetensors."
#define NAMES_LEN_MAX (SFT_FACT_COUNT * 32u)
#define VALUE_LEN_MAX 65536u /* of the kernel */
#define DIGEST_LEN 32u       /* XXH128, in hexadecimal */

static const struct sft_slice *slice_of(const struct fs_place *place)
{
	return place->is_slice ? &place->slice : NULL;
}

/* Replies with a value or with names, in the way that getxattr(2) describes. */
static void reply(fuse_req_t req, const char *text, size_t len, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, len);
	else if (len > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, text, len);
}

/*
 * Takes the place, or replies: ENOSYS, after which the kernel asks no more; ESTALE, as
 * every file of a source that changed.
 */
static bool take_place(fuse_req_t req, fuse_ino_t ino, struct fs_place *ret_place)
{
	const struct fs_context *context = fs_context_of(req);

	if (!context->options->xattr) {
		fuse_reply_err(req, ENOSYS);
		return false;
	}
	if (!fs_take_place(req, ino, ret_place))
		return false;
	if (!sft_ref_changed(context->model, ret_place->ref))
		return true;
	fuse_reply_err(req, ESTALE);
	return false;
}

/* ---- values ---- */

static bool has_left(void *req)
{
	return fuse_req_interrupted(req);
}

static void answer_digest(const struct fs_request *request)
{
	struct fs_context *context = fs_context_of(request->req);
	const struct sft_waiter waiter = { .has_left = has_left, .arg = request->req };
	char digest[SFT_DIGEST_TEXT_LEN];
	struct fs_place place;
	struct sft_error err;

	if (!fs_take_place(request->req, request->ino, &place))
		return;
	if (sft_ref_digest(context->model, place.ref, slice_of(&place), &waiter, digest,
			   &err) != SFT_OK)
		fuse_reply_err(request->req, fs_errno_of(context, &err));
	else
		reply(request->req, digest, strlen(digest), request->size);
}

/* Of the digest only the length is known before all is read. */
static void reply_digest(fuse_req_t req, fuse_ino_t ino, const struct fs_place *place,
			 size_t size)
{
	const struct fs_context *context = fs_context_of(req);
	const struct fs_request request = {
		.answer = answer_digest, .req = req, .ino = ino, .size = size
	};

	if (size < DIGEST_LEN)
		reply(req, NULL, DIGEST_LEN, size);
	else
		fs_lanes_answer(context->lanes, FS_LANE_READ,
				sft_ref_device(context->model, place->ref), &request);
}

static void reply_fact(fuse_req_t req, const struct fs_place *place, enum sft_fact fact,
		       size_t size)
{
	const size_t cap = size < VALUE_LEN_MAX ? size : VALUE_LEN_MAX;
	auto_free char *text = malloc(cap + 1);
	size_t len;

	if (text == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	len = sft_ref_fact(fs_context_of(req)->model, place->ref, slice_of(place), fact,
			   text, cap);
	if (len > 0)
		reply(req, text, len, size);
	else
		fuse_reply_err(req, ENODATA);
}

/* Whether there are facts at all. */
static bool is_tensor(const struct sft_model *model, const struct fs_place *place)
{
	return sft_ref_fact(model, place->ref, slice_of(place), SFT_FACT_DTYPE, NULL, 0) >
	       0;
}

/* Replies: the value, or ENODATA, ERANGE, ENOSYS, ESTALE, EIO, EINTR, ENOMEM. */
void fs_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fs_place place;

	if (!take_place(req, ino, &place))
		return;
	if (!is_tensor(fs_context_of(req)->model, &place) ||
	    strncmp(name, PREFIX, strlen(PREFIX)) != 0) {
		fuse_reply_err(req, ENODATA);
		return;
	}
	name += strlen(PREFIX);
	if (strcmp(name, sft_digest_name(SFT_DIGEST_XXH128)) == 0) {
		reply_digest(req, ino, &place, size);
		return;
	}
	for (unsigned i = 0; i < SFT_FACT_COUNT; i++) {
		const enum sft_fact fact = (enum sft_fact)i;

		if (strcmp(name, sft_fact_name(fact)) == 0) {
			reply_fact(req, &place, fact, size);
			return;
		}
	}
	fuse_reply_err(req, ENODATA);
}

/* Replies: the names, or ERANGE, ENOSYS, ESTALE. */
void fs_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	const struct sft_model *model = fs_context_of(req)->model;
	char names[NAMES_LEN_MAX];
	struct fs_place place;
	char *end = names;

	if (!take_place(req, ino, &place))
		return;
	/* The kernel lets nobody have a link's. */
	for (unsigned i = 0; i < SFT_FACT_COUNT && place.type == SFT_TYPE_FILE; i++) {
		const enum sft_fact fact = (enum sft_fact)i;

		if (sft_ref_fact(model, place.ref, slice_of(&place), fact, NULL, 0) > 0)
			end = stpcpy(stpcpy(end, PREFIX), sft_fact_name(fact)) + 1;
	}
	reply(req, names, (size_t)(end - names), size);
}
