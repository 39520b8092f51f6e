// SPDX-License-Identifier: Apache-2.0
#include "fs/lookup.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/reply.h"

/* Replies: fuse_reply_entry, or ENOENT (cached), ENAMETOOLONG, ENOTDIR, ENOMEM. */
void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_context *context = fs_context_of(req);
	struct fuse_entry_param entry = { .entry_timeout = FS_TIMEOUT_SECONDS };
	struct sft_ref ref, child;
	int error = 0;

	if (!fs_take_ref(req, parent, &ref))
		return;
	/* An NFS server looks up "." and ".." to find the way from a handle. */
	if (strcmp(name, ".") == 0)
		error = fs_entry_of(context, ref, &entry);
	else if (!sft_ref_is_folder(ref))
		error = ENOTDIR;
	else if (strcmp(name, "..") == 0)
		error = fs_entry_of(context, sft_parent(context->model, ref), &entry);
	else if (strlen(name) > FS_NAME_LEN_MAX)
		error = ENAMETOOLONG;
	else if (sft_lookup(context->model, ref, name, strlen(name), &child))
		error = fs_entry_of(context, child, &entry);
	/* else inode 0: the kernel remembers that there is nothing */
	if (error != 0)
		fuse_reply_err(req, error);
	else
		fuse_reply_entry(req, &entry);
}

/* Nothing is counted: inode numbers are arithmetic. Replies: none. */
void fs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	(void)ino;
	(void)nlookup;
	fuse_reply_none(req);
}

void fs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	(void)count;
	(void)forgets;
	fuse_reply_none(req);
}

/* Replies: fuse_reply_attr, or ESTALE, ENOMEM. */
void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct sft_ref ref;
	struct stat info;
	int error;

	(void)fi;
	if (!fs_take_ref(req, ino, &ref))
		return;
	error = fs_stat_of(fs_context_of(req), ref, &info);
	if (error != 0)
		fuse_reply_err(req, error);
	else
		fuse_reply_attr(req, &info, FS_TIMEOUT_SECONDS);
}

/* Replies: fuse_reply_readlink, or EINVAL, ESTALE. */
void fs_op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	const struct sft_model *model = fs_context_of(req)->model;
	char target[SFT_LINK_LEN_MAX + 1];
	struct sft_ref ref;

	if (!fs_take_ref(req, ino, &ref))
		return;
	if (sft_ref_type(model, ref) != SFT_TYPE_LINK) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	target[sft_link_target(model, ref, target)] = '\0';
	fuse_reply_readlink(req, target);
}

/* With default_permissions the kernel decides by the modes. Replies: 0 or EROFS. */
void fs_op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	(void)ino;
	fuse_reply_err(req, mask & W_OK ? EROFS : 0);
}
