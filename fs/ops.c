// SPDX-License-Identifier: Apache-2.0
#include "fs/ops.h"

#include <sys/statvfs.h>

#include "fs/folder.h"
#include "fs/fuse_abi.h"
#include "fs/lookup.h"
#include "fs/reading.h"
#include "fs/refuse.h"
#include "fs/reply.h"
#include "fs/xattr.h"

/* What not every kernel and libfuse offer. */
static void take_newer(struct fs_context *context, struct fuse_conn_info *conn)
{
	/* Its reader may be shown a change in flight, which io=pread promises not to do.
	 */
	context->passes_through = context->options->model.io != SFT_IO_PREAD &&
				  conn->capable & FUSE_CAP_PASSTHROUGH;
	context->reads_direct =
		context->options->direct && conn->capable & FUSE_CAP_DIRECT_IO_ALLOW_MMAP;
	if (context->passes_through)
		conn->want |= FUSE_CAP_PASSTHROUGH;
	if (context->reads_direct)
		conn->want |= FUSE_CAP_DIRECT_IO_ALLOW_MMAP;
}

/* The first request of all: see fs_work(). */
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
	conn->max_background = FS_BACKGROUND_MAX;
	take_newer(context, conn);
}

/* Replies: fuse_reply_statfs. */
static void fs_op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct fs_context *context = fs_context_of(req);
	const struct sft_totals totals = sft_model_totals(context->model);
	const struct statvfs info = {
		.f_bsize = FS_BLOCK_LEN,
		.f_frsize = FS_STAT_BLOCK_LEN,
		.f_blocks = totals.len / FS_STAT_BLOCK_LEN +
			    (totals.len % FS_STAT_BLOCK_LEN > 0),
		.f_files = sft_model_file_count(context->model),
		.f_namemax = FS_NAME_LEN_MAX,
	};

	(void)ino;
	fs_activity_note(context->activity);
	fuse_reply_statfs(req, &info);
}

/* In the order of a file's life. */
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
	.getxattr = fs_op_getxattr,
	.listxattr = fs_op_listxattr,
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
