// SPDX-License-Identifier: Apache-2.0
#include "fs/reply.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "fs/inode.h"
#include "fs/log.h"

struct fs_context *fs_context_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* Whoever can read can make reads fail again and again: one message a second will do. */
static void log_failure(struct fs_context *context, const struct sft_error *err)
{
	const long now = (long)time(NULL);

	if (atomic_exchange(&context->last_failure, now) != now)
		fs_log_error(err);
}

int fs_errno_of(struct fs_context *context, const struct sft_error *err)
{
	if (err->status == SFT_E_CHANGED) {
		fs_notifier_changed(context->notifier);
		return ESTALE;
	}
	if (err->status == SFT_E_NO_MEMORY)
		return ENOMEM;
	if (err->status == SFT_E_IO && err->sys_errno == EINTR)
		return EINTR; /* nobody waits */
	log_failure(context, err);
	return EIO;
}

mode_t fs_type_of(enum sft_type type)
{
	switch (type) {
	case SFT_TYPE_FOLDER:
		return S_IFDIR;
	case SFT_TYPE_LINK:
		return S_IFLNK;
	case SFT_TYPE_FILE:
		break;
	}
	return S_IFREG;
}

static mode_t mode_of(const struct fs_options *options, const struct sft_attr *attr)
{
	const mode_t type = fs_type_of(attr->type);
	const mode_t most = attr->type == SFT_TYPE_FOLDER ? 0555 : 0444;

	if (options->has_umask && attr->type != SFT_TYPE_LINK)
		return type | (most & ~options->umask);
	return type | attr->mode;
}

/* A slice's own number is not that of its row, which is another one at each lookup. */
static uint64_t number_of(const struct fs_place *place)
{
	return place->is_slice ? FS_SLICE_BIT | place->slice.id
			       : fs_ino_encode(place->ref);
}

int fs_stat_of(struct fs_context *context, const struct fs_place *place,
	       struct stat *ret_stat)
{
	const struct fs_options *options = context->options;
	struct sft_attr attr;
	struct sft_error err;

	if (fs_place_attr(context->model, place, &attr, &err) != SFT_OK)
		return fs_errno_of(context, &err);
	*ret_stat = (struct stat){
		.st_ino = number_of(place),
		.st_mode = mode_of(options, &attr),
		.st_nlink = attr.link_count,
		.st_uid = options->has_uid ? options->uid : attr.uid,
		.st_gid = options->has_gid ? options->gid : attr.gid,
		.st_size = (off_t)attr.len, /* at most SFT_FILE_LEN_MAX */
		.st_blksize =
			attr.type == SFT_TYPE_FOLDER ? FS_FOLDER_BLOCK_LEN : FS_BLOCK_LEN,
		.st_blocks = (blkcnt_t)(attr.len / FS_STAT_BLOCK_LEN +
					(attr.len % FS_STAT_BLOCK_LEN > 0)),
		.st_atim = attr.mtime,
		.st_mtim = attr.mtime,
		.st_ctim = attr.mtime,
	};
	return 0;
}

int fs_entry_of(struct fs_context *context, const struct fs_place *place,
		struct fuse_entry_param *ret_entry)
{
	*ret_entry = (struct fuse_entry_param){
		.ino = place->is_slice ? 0 : fs_ino_encode(place->ref),
		.attr_timeout = FS_TIMEOUT_SECONDS,
		.entry_timeout = FS_TIMEOUT_SECONDS,
	};
	return fs_stat_of(context, place, &ret_entry->attr);
}

int fs_entry_of_ref(struct fs_context *context, struct sft_ref ref,
		    struct fuse_entry_param *ret_entry)
{
	struct fs_place place;

	fs_place_of(&place, context->model, ref);
	return fs_entry_of(context, &place, ret_entry);
}

bool fs_take_place(fuse_req_t req, fuse_ino_t ino, struct fs_place *ret_place)
{
	const struct fs_context *context = fs_context_of(req);
	struct fs_slice_name name;
	struct sft_ref ref;

	fs_activity_note(context->activity);
	if (!fs_slices_has(ino) && fs_ino_decode(context->model, ino, &ref)) {
		fs_place_of(ret_place, context->model, ref);
		return true;
	}
	if (fs_slices_has(ino) && fs_slices_find(context->slices, ino, &name) &&
	    fs_place_find(context->model, name.folder, name.text, strlen(name.text),
			  ret_place))
		return true;
	/* A slice that was given back, or a handle from another model, over NFS. */
	fuse_reply_err(req, ESTALE);
	return false;
}

bool fs_take_ref(fuse_req_t req, fuse_ino_t ino, int error, struct sft_ref *ret_ref)
{
	fs_activity_note(fs_context_of(req)->activity);
	if (fs_slices_has(ino)) {
		fuse_reply_err(req, error);
		return false;
	}
	if (fs_ino_decode(fs_context_of(req)->model, ino, ret_ref))
		return true;
	fuse_reply_err(req, ESTALE); /* a handle from another model, over NFS */
	return false;
}
