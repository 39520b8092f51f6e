/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/sandbox.h - what the serving process gives up before it reads its first request
 *
 * It reads hostile input, so it must be of no use to somebody who takes it over. Once it
 * is in, the source is open and mapped, the mount is a descriptor, messages go to a pipe,
 * and that is all it can reach.
 */
#ifndef FS_SANDBOX_H
#define FS_SANDBOX_H

#include "fs/options.h"

/**
 * fs_sandbox_enter() - give up all that serving does not take, for ever
 * @wanted:     FS_SANDBOX_ON goes on with a warning where the system lacks a part of it;
 *              FS_SANDBOX_REQUIRE does not
 * @session_fd: of the mount; of the other descriptors above standard error those are
 *              closed that a program inherits
 *
 * Call with a single thread, after everything was opened. See fs/syscalls.h for what is
 * left.
 *
 * Return: 0, or an exit status after a message: unmount, and end.
 */
int fs_sandbox_enter(enum fs_sandbox wanted, int session_fd);

/**
 * fs_sandbox_watch() - give up what only serving takes, in the process that watches it
 * @wanted:   nothing happens with FS_SANDBOX_OFF
 * @removes:  it is going to remove the folder that was mounted on
 *
 * What it keeps is what unmounting takes: CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH to find the
 * mount whatever folders it is in, and, for those who have neither, starting fusermount3;
 * and CAP_DAC_OVERRIDE to remove a folder from one of another user's.
 */
void fs_sandbox_watch(enum fs_sandbox wanted, bool removes);

#endif /* FS_SANDBOX_H */
