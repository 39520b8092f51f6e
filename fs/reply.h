/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/reply.h - what the handlers of the kernel's requests have in common
 *
 * A handler goes four steps: the ref from the inode number, its checks, one call of core,
 * one reply. All of this is safe from any thread.
 */
#ifndef FS_REPLY_H
#define FS_REPLY_H

#include "fs/ops.h"
#include "fs/place.h"

/* A model never changes while it is mounted, or else nothing can be read any more. */
#define FS_TIMEOUT_SECONDS 86400.0
#define FS_NAME_LEN_MAX 255u
#define FS_BLOCK_LEN (1u << 20) /* what stat() recommends to read at a time */
/*
 * The same for folders, which the C library takes for the size of its buffer, and the
 * kernel gets as much memory at each request: with a megabyte that is most of a listing.
 */
#define FS_FOLDER_BLOCK_LEN 4096u
#define FS_STAT_BLOCK_LEN 512u

struct fs_context *fs_context_of(fuse_req_t req);

/* The errno that a reader sees; a change that was met has its consequences here, too. */
int fs_errno_of(struct fs_context *context, const struct sft_error *err);

/* The file type bits of a mode. */
mode_t fs_type_of(enum sft_type type);

/* Fills a stat. Return: 0 or an errno. */
int fs_stat_of(struct fs_context *context, const struct fs_place *place,
	       struct stat *ret_stat);

/* Fills an entry, but for the number of a slice. Return: 0 or an errno. */
int fs_entry_of(struct fs_context *context, const struct fs_place *place,
		struct fuse_entry_param *ret_entry);

/* The same of a ref. */
int fs_entry_of_ref(struct fs_context *context, struct sft_ref ref,
		    struct fuse_entry_param *ret_entry);

/*
 * Notes that there is a request, and decodes its inode number, or replies ESTALE and
 * returns false.
 */
bool fs_take_place(fuse_req_t req, fuse_ino_t ino, struct fs_place *ret_place);

/* The same where only a ref will do: a slice is none, and gets @error. */
bool fs_take_ref(fuse_req_t req, fuse_ino_t ino, int error, struct sft_ref *ret_ref);

#endif /* FS_REPLY_H */
