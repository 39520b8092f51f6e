/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/signals.h - the signals that ask the program to end
 */
#ifndef FS_SIGNALS_H
#define FS_SIGNALS_H

/**
 * fs_signals_watch() - have SIGTERM, SIGINT and SIGHUP wait in a descriptor
 * @also: another signal to watch for, or 0
 *
 * Blocks them in this thread, and in those that it starts afterwards. One that the caller
 * wants to do nothing, as nohup(1) does, goes on doing nothing.
 *
 * Return: a signalfd, the caller's to close; -1 with an errno.
 */
int fs_signals_watch(int also);

/* From now on they end the process again, this thread's being the one that takes them. */
void fs_signals_unblock(void);

#endif /* FS_SIGNALS_H */
