/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/syscalls.h - which system calls the serving process has, and what the others get it
 */
#ifndef FS_SYSCALLS_H
#define FS_SYSCALLS_H

/**
 * fs_syscalls_limit() - leave this process no system call but those that serving takes
 *
 * The others fall in three classes:
 *
 *	looking at files by name    EACCES: the C library tries, and does without
 *	what only an attacker does  the process is killed with SIGSYS
 *	all that is left            ENOSYS, as on an older kernel: libraries try newer
 *				    calls than we know, and know how to do without
 *
 * A call of another architecture is among what kills. Holds for all threads. Wants
 * no_new_privs.
 *
 * Return: 0 or an errno.
 */
int fs_syscalls_limit(void);

#endif /* FS_SYSCALLS_H */
