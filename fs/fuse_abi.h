/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/fuse_abi.h - what libfuse has from 3.17 on, wherever this is built
 *
 * The flags are zero where libfuse does not know them, so that no kernel is seen to offer
 * what they stand for. Whether something can be done is asked of the flags, in init, and
 * never of a version.
 */
#ifndef FS_FUSE_ABI_H
#define FS_FUSE_ABI_H

#include <fuse_lowlevel.h>

/* Files that are read without a cache can be mapped all the same (Linux 6.6). */
#ifndef FUSE_CAP_DIRECT_IO_ALLOW_MMAP
#define FUSE_CAP_DIRECT_IO_ALLOW_MMAP 0u
#endif

/* The kernel reads a file from another one, without asking us (Linux 6.9). */
#ifndef FUSE_CAP_PASSTHROUGH
#define FUSE_CAP_PASSTHROUGH 0u
#endif

/* Answers an open with a file of fs/passthrough.h. */
static inline void fs_fuse_pass_through(struct fuse_file_info *fi, int32_t backing_id)
{
#ifdef FS_FUSE_HAS_BACKING
	fi->backing_id = backing_id;
#else
	(void)fi;
	(void)backing_id;
#endif
}

#endif /* FS_FUSE_ABI_H */
