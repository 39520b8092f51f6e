/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/worker.h - the process that answers the kernel
 */
#ifndef FS_WORKER_H
#define FS_WORKER_H

#include <sys/types.h>

#include "fs/ops.h"

/* However many wait for devices, some are left for what needs none, stat() for example.
 */
#define FS_THREADS_MAX (FS_LANE_THREADS + 2u)

/**
 * fs_work() - serve a session until it is unmounted
 * @context:    its ready_fd is told and closed once the mount can be used
 * @session:    mounted
 * @supervisor: this process ends with that one
 *
 * Signals that end the mount are ignored here: they may be sent to the whole group, and
 * the supervisor acts on them.
 *
 * Return: the exit status.
 */
int fs_work(struct fs_context *context, struct fuse_session *session, pid_t supervisor);

#endif /* FS_WORKER_H */
