/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/mount.h - from a command line to a served mount
 *
 *	command ----fork----> supervisor ----fork----> worker
 *	waits until the	      owns the mount: signals,	answers the kernel,
 *	mount answers	      messages, unmounting	many threads
 *
 * Everything that can be refused is refused before the first fork, with the person still
 * there to read it. In the foreground (-f) the command is the supervisor.
 */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include "fs/options.h"

/* Mounts, and serves until it is unmounted. Return: the exit status, after messages. */
int fs_mount(const struct fs_options *options);

/*
 * Refuses what -o holds and neither we nor libfuse know: for modes without a mount, which
 * have no other use for the rest. Return: 0, or the exit status after a message.
 */
int fs_mount_check_options(const struct fs_options *options);

#endif /* FS_MOUNT_H */
