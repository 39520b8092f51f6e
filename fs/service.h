/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/service.h - what a service manager is told about a mount
 *
 * The protocol is systemd's, see sd_notify(3): one datagram to the socket that
 * $NOTIFY_SOCKET names. Where there is no such variable nothing happens.
 */
#ifndef FS_SERVICE_H
#define FS_SERVICE_H

#include <sys/types.h>

/**
 * fs_service_ready() - the mount answers
 * @path:     where
 * @main_pid: of the process that stays, where that is not this one; else 0
 *
 * Call in the process that the manager started: messages of others may count for nothing.
 */
void fs_service_ready(const char *path, pid_t main_pid);

/* The mount is about to end. */
void fs_service_stopping(void);

#endif /* FS_SERVICE_H */
