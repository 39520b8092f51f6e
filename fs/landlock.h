/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/landlock.h - the kernel's rules for what a process may reach from inside
 */
#ifndef FS_LANDLOCK_H
#define FS_LANDLOCK_H

/**
 * fs_landlock_deny() - forbid all that Landlock knows to forbid
 *
 * From then on, for this thread and all that it starts: no file can be opened, made or
 * removed by its name; no TCP port bound or connected (ABI 4, Linux 6.7); no abstract
 * socket connected and no signal sent to any other process (ABI 6, Linux 6.12). What is
 * open stays open. Wants no_new_privs.
 *
 * Return: 0 or an errno: ENOSYS or EOPNOTSUPP where the kernel has no Landlock.
 */
int fs_landlock_deny(void);

#endif /* FS_LANDLOCK_H */
