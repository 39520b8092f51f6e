/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/folder.h - the requests that list folders
 */
#ifndef FS_FOLDER_H
#define FS_FOLDER_H

#include <fuse_lowlevel.h>

void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		   struct fuse_file_info *fi);
void fs_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi);

#endif /* FS_FOLDER_H */
