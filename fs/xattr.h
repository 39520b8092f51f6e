/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/xattr.h - what there is to say of a tensor's file, as extended attributes
 *
 * user.safetensors.dtype, .shape, .file and .offset; and .xxh128, which takes as long as
 * reading the tensor and is not listed for that. With -o xattr only: `ls -l` and others
 * ask for attributes of each file, and every question is a request.
 */
#ifndef FS_XATTR_H
#define FS_XATTR_H

#include <fuse_lowlevel.h>

void fs_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void fs_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);

#endif /* FS_XATTR_H */
