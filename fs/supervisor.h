/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/supervisor.h - the processes of a mount
 *
 * The supervisor owns the mount. It waits for signals, for lines of the worker and for
 * the worker's end, and does nothing else. SIGTERM, SIGINT and SIGHUP detach the mount
 * and let the worker finish what is open; a second one ends it at once. If the worker
 * dies, the mount is taken away, so that nobody meets a dead one.
 */
#ifndef FS_SUPERVISOR_H
#define FS_SUPERVISOR_H

#include "fs/mountpoint.h"
#include "fs/ops.h"

/**
 * fs_supervise() - serve a mounted session until it is unmounted
 * @context:    of the session
 * @session:    mounted
 * @mountpoint: where; removed at the end if it was made for this mount
 *
 * Forks; call it with a single thread. Returns in the worker only: the command and the
 * supervisor end in here, with their exit status, and leave the session to the worker.
 *
 * Return: the exit status of the worker.
 */
int fs_supervise(struct fs_context *context, struct fuse_session *session,
		 struct fs_mountpoint *mountpoint);

#endif /* FS_SUPERVISOR_H */
