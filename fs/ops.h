/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/ops.h - the answers to the kernel's requests
 *
 * Handlers run on many threads at once; all they share is the immutable model and the
 * lock-free pieces of struct fs_context.
 */
#ifndef FS_OPS_H
#define FS_OPS_H

#include <fuse_lowlevel.h>
#include <stdatomic.h>

#include "core/sft.h"
#include "fs/activity.h"
#include "fs/lanes.h"
#include "fs/notify.h"
#include "fs/options.h"
#include "fs/passthrough.h"

#define FS_READ_AHEAD (1u << 20) /* bytes; the largest request the kernel makes */
/*
 * Requests of read-ahead that the kernel has under way at once. Its own 12 could all be
 * for a device that hangs; what is more than the lanes let through waits there.
 */
#define FS_BACKGROUND_MAX 1024u

struct fs_context {
	const struct sft_model *model;
	const struct fs_options *options;   /* owner and modes */
	struct fs_opened *opened;           /* inodes that may have pages in the cache */
	struct fs_slices *slices;           /* inodes that are no refs */
	struct fs_notifier *notifier;       /* of both */
	struct fs_lanes *lanes;             /* of requests that may wait for the source */
	struct fs_passthrough *passthrough; /* files that the kernel reads itself */
	struct fs_activity *activity;       /* for the supervisor */
	bool raised_read_ahead;   /* the mount's own limit was raised to FS_READ_AHEAD */
	atomic_long last_failure; /* second of the last message about one */
	int ready_fd;             /* told once the mount can be used */
	/* Set in init, before any other request. */
	bool needs_opendir;
	bool passes_through; /* the kernel and libfuse can */
	bool reads_direct;   /* they can, and it is wanted: no page is kept */
};

/* The table of operations; userdata is a struct fs_context. */
extern const struct fuse_lowlevel_ops fs_ops;

#endif /* FS_OPS_H */
