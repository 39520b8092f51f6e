/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/syscalls.h - which system calls the serving process has, and what the others get it
 */
#ifndef FS_SYSCALLS_H
#define FS_SYSCALLS_H

#include <sys/types.h>

#include "fs/bpf.h"

#define FS_SYSCALLS_RULES_MAX 256

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
 * A call of another architecture is among what kills. Holds for all threads, or for none
 * after a failure. Wants no_new_privs.
 *
 * Return: 0 or an errno; EOPNOTSUPP on an architecture whose calls we do not know.
 */
int fs_syscalls_limit(void);

/**
 * fs_syscalls_rules() - say what fs_syscalls_limit() says to the kernel
 * @architecture: AUDIT_ARCH_*; the numbers are those of this machine all the same
 * @self:         the process that may signal itself
 * @ret_rules:    set; calls that none of them fits get ENOSYS
 *
 * Return: number of entries set in @ret_rules.
 */
size_t fs_syscalls_rules(uint32_t architecture, pid_t self,
			 struct fs_bpf_rule ret_rules[FS_SYSCALLS_RULES_MAX]);

#endif /* FS_SYSCALLS_H */
