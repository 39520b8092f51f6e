/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/lookup.h - the requests about names and attributes
 */
#ifndef FS_LOOKUP_H
#define FS_LOOKUP_H

#include <fuse_lowlevel.h>

void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void fs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_op_readlink(fuse_req_t req, fuse_ino_t ino);
void fs_op_access(fuse_req_t req, fuse_ino_t ino, int mask);

#endif /* FS_LOOKUP_H */
