// SPDX-License-Identifier: Apache-2.0
#include "fs/lookup.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/reply.h"

/* Fills the entry of a name; that of a slice is counted. Return: 0 or an errno. */
static int entry_of_name(struct fs_context *context, struct sft_ref folder,
			 const char *name, struct fuse_entry_param *entry)
{
	struct fs_slice_name slice;
	struct fs_place place;
	int error;

	if (!fs_place_find(context->model, folder, name, strlen(name), &place))
		return 0; /* inode 0: the kernel remembers that there is nothing */
	error = fs_entry_of(context, &place, entry);
	if (error != 0 || !place.is_slice)
		return error;
	slice.folder = folder;
	strcpy(slice.text, name);
	entry->ino = fs_slices_add(context->slices, &slice);
	if (fs_slices_any_gone(context->slices))
		fs_notifier_wake(context->notifier);
	return entry->ino != 0 ? 0 : ENFILE;
}

/* Replies: fuse_reply_entry, or ENOENT (cached), ENAMETOOLONG, ENOTDIR, ENFILE, ENOMEM.
 */
void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_context *context = fs_context_of(req);
	struct fuse_entry_param entry = { .entry_timeout = FS_TIMEOUT_SECONDS };
	struct sft_ref ref;
	int error = 0;

	if (!fs_take_ref(req, parent, ENOTDIR, &ref))
		return;
	/* An NFS server looks up "." and ".." to find the way from a handle. */
	if (strcmp(name, ".") == 0)
		error = fs_entry_of_ref(context, ref, &entry);
	else if (!sft_ref_is_folder(ref))
		error = ENOTDIR;
	else if (strcmp(name, "..") == 0)
		error = fs_entry_of_ref(context, sft_parent(context->model, ref), &entry);
	else if (strlen(name) > FS_NAME_LEN_MAX)
		error = ENAMETOOLONG;
	else
		error = entry_of_name(context, ref, name, &entry);
	if (error != 0)
		fuse_reply_err(req, error);
	else if (fuse_reply_entry(req, &entry) != 0 && fs_slices_has(entry.ino))
		fs_slices_forget(context->slices, entry.ino, 1); /* the caller is gone */
}

/* Only slices are counted: other inode numbers are arithmetic. Replies: none. */
void fs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	if (fs_slices_has(ino))
		fs_slices_forget(fs_context_of(req)->slices, ino, nlookup);
	fuse_reply_none(req);
}

void fs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		if (fs_slices_has(forgets[i].ino))
			fs_slices_forget(fs_context_of(req)->slices, forgets[i].ino,
					 forgets[i].nlookup);
	fuse_reply_none(req);
}

/* Replies: fuse_reply_attr, or ESTALE, ENOMEM. */
void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_place place;
	struct stat info;
	int error;

	(void)fi;
	if (!fs_take_place(req, ino, &place))
		return;
	error = fs_stat_of(fs_context_of(req), &place, &info);
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

	if (!fs_take_ref(req, ino, EINVAL, &ref))
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
	fuse_reply_err(req, (mask & W_OK) != 0 ? EROFS : 0);
}
