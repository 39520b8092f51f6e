// SPDX-License-Identifier: Apache-2.0
#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/inode.h"
#include "fs/log.h"
#include "fs/refuse.h"

/* A model never changes while it is mounted, or else nothing can be read any more. */
#define TIMEOUT_SECONDS 86400.0
#define NAME_LEN_MAX 255u
#define BLOCK_LEN (1u << 20) /* what stat() recommends to read at a time */
#define STAT_BLOCK_LEN 512u
#define IOV_MAX_COUNT 256u /* pieces of one reply; more of them are copied */

static struct fs_context *context_of(fuse_req_t req)
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

/* The errno that a reader sees; a change that was met has its consequences here, too. */
static int errno_of(struct fs_context *context, const struct sft_error *err)
{
	if (err->status == SFT_E_CHANGED) {
		fs_opened_invalidate(context->opened);
		return ESTALE;
	}
	if (err->status == SFT_E_NO_MEMORY)
		return ENOMEM;
	log_failure(context, err);
	return EIO;
}

static mode_t type_of(enum sft_type type)
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
	const mode_t type = type_of(attr->type);
	const mode_t most = attr->type == SFT_TYPE_FOLDER ? 0555 : 0444;

	if (options->has_umask && attr->type != SFT_TYPE_LINK)
		return type | (most & ~options->umask);
	return type | attr->mode;
}

/* Fills a stat. Return: 0 or an errno. */
static int stat_of(struct fs_context *context, struct sft_ref ref, struct stat *ret_stat)
{
	const struct fs_options *options = context->options;
	struct sft_attr attr;
	struct sft_error err;

	if (sft_attr(context->model, ref, &attr, &err) != SFT_OK)
		return errno_of(context, &err);
	*ret_stat = (struct stat){
		.st_ino = fs_ino_encode(ref),
		.st_mode = mode_of(options, &attr),
		.st_nlink = attr.link_count,
		.st_uid = options->has_uid ? options->uid : attr.uid,
		.st_gid = options->has_gid ? options->gid : attr.gid,
		.st_size = (off_t)attr.len, /* at most SFT_FILE_LEN_MAX */
		.st_blksize = BLOCK_LEN,
		.st_blocks = (blkcnt_t)(attr.len / STAT_BLOCK_LEN +
					(attr.len % STAT_BLOCK_LEN > 0)),
		.st_atim = attr.mtime,
		.st_mtim = attr.mtime,
		.st_ctim = attr.mtime,
	};
	return 0;
}

/* Fills an entry. Return: 0 or an errno. */
static int entry_of(struct fs_context *context, struct sft_ref ref,
		    struct fuse_entry_param *ret_entry)
{
	*ret_entry = (struct fuse_entry_param){
		.ino = fs_ino_encode(ref),
		.attr_timeout = TIMEOUT_SECONDS,
		.entry_timeout = TIMEOUT_SECONDS,
	};
	return stat_of(context, ref, &ret_entry->attr);
}

/* Decodes an inode number, or replies. */
static bool take_ref(fuse_req_t req, fuse_ino_t ino, struct sft_ref *ret_ref)
{
	if (fs_ino_decode(context_of(req)->model, ino, ret_ref))
		return true;
	fuse_reply_err(req, ESTALE); /* a handle from another model, over NFS */
	return false;
}

/* ---- the session ---- */

static void fs_op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fs_context *context = userdata;

	context->needs_opendir = !(conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT);
	if (conn->capable & FUSE_CAP_EXPORT_SUPPORT)
		conn->want |= FUSE_CAP_EXPORT_SUPPORT;
	/* Replies are memory, not pipes. */
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				  FUSE_CAP_SPLICE_MOVE);
	/* More than the kernel offers; the smaller of this and the mount's own counts. */
	if (context->raised_read_ahead)
		conn->max_readahead = FS_READ_AHEAD;
	if (context->ready_fd >= 0 && write(context->ready_fd, "R", 1) != 1)
		fs_log("cannot report that the mount is ready");
}

/* ---- names ---- */

/* Replies: fuse_reply_entry, or ENOENT (cached), ENAMETOOLONG, ENOTDIR, ENOMEM. */
static void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_context *context = context_of(req);
	struct fuse_entry_param entry = { .entry_timeout = TIMEOUT_SECONDS };
	struct sft_ref ref, child;
	int error = 0;

	if (!take_ref(req, parent, &ref))
		return;
	/* An NFS server looks up "." and ".." to find the way from a handle. */
	if (strcmp(name, ".") == 0)
		error = entry_of(context, ref, &entry);
	else if (!sft_ref_is_folder(ref))
		error = ENOTDIR;
	else if (strcmp(name, "..") == 0)
		error = entry_of(context, sft_parent(context->model, ref), &entry);
	else if (strlen(name) > NAME_LEN_MAX)
		error = ENAMETOOLONG;
	else if (sft_lookup(context->model, ref, name, strlen(name), &child))
		error = entry_of(context, child, &entry);
	/* else inode 0: the kernel remembers that there is nothing */
	if (error != 0)
		fuse_reply_err(req, error);
	else
		fuse_reply_entry(req, &entry);
}

/* Nothing is counted: inode numbers are arithmetic. Replies: none. */
static void fs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	(void)ino;
	(void)nlookup;
	fuse_reply_none(req);
}

static void fs_op_forget_multi(fuse_req_t req, size_t count,
			       struct fuse_forget_data *forgets)
{
	(void)count;
	(void)forgets;
	fuse_reply_none(req);
}

/* Replies: fuse_reply_attr, or ESTALE, ENOMEM. */
static void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct sft_ref ref;
	struct stat info;
	int error;

	(void)fi;
	if (!take_ref(req, ino, &ref))
		return;
	error = stat_of(context_of(req), ref, &info);
	if (error != 0)
		fuse_reply_err(req, error);
	else
		fuse_reply_attr(req, &info, TIMEOUT_SECONDS);
}

/* Replies: fuse_reply_readlink, or EINVAL, ESTALE. */
static void fs_op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	const struct sft_model *model = context_of(req)->model;
	char target[SFT_LINK_LEN_MAX + 1];
	struct sft_ref ref;

	if (!take_ref(req, ino, &ref))
		return;
	if (sft_ref_type(model, ref) != SFT_TYPE_LINK) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	target[sft_link_target(model, ref, target)] = '\0';
	fuse_reply_readlink(req, target);
}

/* With default_permissions the kernel decides by the modes. Replies: 0 or EROFS. */
static void fs_op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	(void)ino;
	fuse_reply_err(req, mask & W_OK ? EROFS : 0);
}

/* ---- folders ---- */

/*
 * Listings need no state. ENOSYS says so: the kernel then opens folders by itself, caches
 * their listings, and sends neither opendir nor releasedir again, which halves the
 * requests of a walk through many small folders. Replies: ENOSYS, or fuse_reply_open to a
 * kernel before 5.1, which takes that for an error.
 */
static void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if (context_of(req)->needs_opendir) {
		fi->cache_readdir = 1;
		fi->keep_cache = 1;
		fuse_reply_open(req, fi);
	} else {
		fuse_reply_err(req, ENOSYS);
	}
}

/* "." and ".." are positions 0 and 1; sft_list() counts from there. */
#define DOT_COUNT 2u

static bool list_entry(const struct sft_model *model, struct sft_ref folder, uint64_t pos,
		       struct sft_entry *entry)
{
	if (pos >= DOT_COUNT) {
		if (!sft_list(model, folder, pos - DOT_COUNT, entry))
			return false;
		entry->next += DOT_COUNT;
		return true;
	}
	strcpy(entry->name, pos == 0 ? "." : "..");
	entry->ref = pos == 0 ? folder : sft_parent(model, folder);
	entry->type = SFT_TYPE_FOLDER;
	entry->next = pos + 1;
	return true;
}

/* Adds an entry to a listing. Return: bytes it takes, 0 after an error. */
static size_t add_entry(fuse_req_t req, char *buf, size_t room,
			const struct sft_entry *entry, bool plus, int *error)
{
	struct fuse_entry_param param = { 0 };
	const bool is_dot = entry->next <= DOT_COUNT;

	if (!plus || is_dot) {
		param.attr.st_ino = fs_ino_encode(entry->ref);
		param.attr.st_mode = type_of(entry->type);
		if (!plus)
			return fuse_add_direntry(req, buf, room, entry->name, &param.attr,
						 (off_t)entry->next);
		/* Inode 0: the dots are names, and no lookup is counted for them. */
	} else {
		*error = entry_of(context_of(req), entry->ref, &param);
		if (*error != 0)
			return 0;
	}
	return fuse_add_direntry_plus(req, buf, room, entry->name, &param,
				      (off_t)entry->next);
}

static void reply_listing(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			  bool plus)
{
	const struct sft_model *model = context_of(req)->model;
	auto_free char *buf = malloc(size);
	struct sft_entry entry;
	struct sft_ref folder;
	uint64_t pos = (uint64_t)off;
	size_t used = 0;
	int error = 0;

	if (!take_ref(req, ino, &folder))
		return;
	if (buf == NULL || !sft_ref_is_folder(folder)) {
		fuse_reply_err(req, buf == NULL ? ENOMEM : ENOTDIR);
		return;
	}
	while (list_entry(model, folder, pos, &entry)) {
		const size_t len =
			add_entry(req, buf + used, size - used, &entry, plus, &error);

		if (error != 0 || len > size - used)
			break; /* full: the kernel goes on from the last entry's position
				*/
		used += len;
		pos = entry.next;
	}
	if (error != 0 && used == 0)
		fuse_reply_err(req, error);
	else
		fuse_reply_buf(req, buf, used);
}

/* Replies: fuse_reply_buf, or ENOTDIR, ESTALE, ENOMEM. */
static void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			  struct fuse_file_info *fi)
{
	(void)fi;
	reply_listing(req, ino, size, off, false);
}

/* The same with attributes, so that `ls -l` asks once for many files. */
static void fs_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			      struct fuse_file_info *fi)
{
	(void)fi;
	reply_listing(req, ino, size, off, true);
}

/* ---- files ---- */

static struct sft_file *file_of(const struct fuse_file_info *fi)
{
	return (struct sft_file *)(uintptr_t)fi->fh;
}

static void close_file(struct fs_context *context, struct sft_file *file)
{
	sft_file_close(file);
	atomic_fetch_sub(&context->open_files, 1);
}

/* Replies: fuse_reply_open, or EROFS, EISDIR, ESTALE, EIO, ENOMEM. */
static void fs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_context *context = context_of(req);
	struct sft_file *file;
	struct sft_error err;
	struct sft_ref ref;

	if (!take_ref(req, ino, &ref))
		return;
	if (sft_ref_type(context->model, ref) != SFT_TYPE_FILE) {
		fuse_reply_err(req, sft_ref_is_folder(ref) ? EISDIR : ELOOP);
		return;
	}
	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC)) {
		fuse_reply_err(req, EROFS);
		return;
	}
	if (sft_file_open(context->model, ref, &file, &err) != SFT_OK) {
		fuse_reply_err(req, errno_of(context, &err));
		return;
	}
	fi->fh = (uintptr_t)file;
	fi->keep_cache = 1;
	fs_opened_add(context->opened, ref);
	atomic_fetch_add(&context->open_files, 1);
	/* No release will come where the caller is gone. */
	if (fuse_reply_open(req, fi) != 0)
		close_file(context, file);
}

/*
 * Replies from memory: mappings of the source, and what the model keeps. Return: false if
 * nothing was sent.
 */
static bool reply_mapped(fuse_req_t req, const struct sft_file *file, size_t size,
			 uint64_t off)
{
	struct fs_context *context = context_of(req);
	struct iovec iov[IOV_MAX_COUNT];
	struct sft_home home;
	struct sft_error err;
	size_t count;

	if (!sft_file_map(file, off, size, iov, IOV_MAX_COUNT, &count, &home))
		return false;
	if (sft_home_check(context->model, home, &err) != SFT_OK) {
		fuse_reply_err(req, errno_of(context, &err));
		return true;
	}
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
		errno_of(context, &err);
	return true;
}

/* Replies: the bytes, or ESTALE, EIO, ENOMEM; never less than there should be. */
static void fs_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	struct fs_context *context = context_of(req);
	const struct sft_file *file = file_of(fi);
	auto_free void *buf = NULL;
	struct sft_error err;
	size_t len;

	(void)ino;
	if (reply_mapped(req, file, size, (uint64_t)off))
		return;
	buf = malloc(size > 0 ? size : 1);
	if (buf == NULL)
		fuse_reply_err(req, ENOMEM);
	else if (sft_file_read(file, (uint64_t)off, buf, size, &len, &err) != SFT_OK)
		fuse_reply_err(req, errno_of(context, &err));
	else
		fuse_reply_buf(req, buf, len);
}

/* Replies: 0. */
static void fs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	close_file(context_of(req), file_of(fi));
	fuse_reply_err(req, 0);
}

/* Replies: fuse_reply_statfs. */
static void fs_op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct sft_totals totals = sft_model_totals(context_of(req)->model);
	const struct statvfs info = {
		.f_bsize = BLOCK_LEN,
		.f_frsize = STAT_BLOCK_LEN,
		.f_blocks =
			totals.len / STAT_BLOCK_LEN + (totals.len % STAT_BLOCK_LEN > 0),
		.f_files = totals.file_count,
		.f_namemax = NAME_LEN_MAX,
	};

	(void)ino;
	fuse_reply_statfs(req, &info);
}

/* In the order of a file's life. No xattrs: each line of `ls -l` would ask for them. */
const struct fuse_lowlevel_ops fs_ops = {
	.init = fs_op_init,
	.lookup = fs_op_lookup,
	.forget = fs_op_forget,
	.forget_multi = fs_op_forget_multi,
	.getattr = fs_op_getattr,
	.readlink = fs_op_readlink,
	.access = fs_op_access,
	.opendir = fs_op_opendir,
	.readdir = fs_op_readdir,
	.readdirplus = fs_op_readdirplus,
	.open = fs_op_open,
	.read = fs_op_read,
	.release = fs_op_release,
	.statfs = fs_op_statfs,
	.setattr = fs_op_setattr,
	.mknod = fs_op_mknod,
	.mkdir = fs_op_mkdir,
	.unlink = fs_op_remove,
	.rmdir = fs_op_remove,
	.symlink = fs_op_symlink,
	.rename = fs_op_rename,
	.link = fs_op_link,
	.create = fs_op_create,
	.write = fs_op_write,
	.fallocate = fs_op_fallocate,
	.setxattr = fs_op_setxattr,
	.removexattr = fs_op_removexattr,
};
