/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/reading.h - the requests that open and read files
 */
#ifndef FS_READING_H
#define FS_READING_H

#include <fuse_lowlevel.h>

void fs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		struct fuse_file_info *fi);
void fs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

#endif /* FS_READING_H */
