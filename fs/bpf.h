/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/bpf.h - a filter of system calls, from rules to the program that the kernel runs
 *
 * The program looks the number of a call up by halves, so that none takes more than a
 * dozen steps or so, and then at the arguments where a rule depends on them. Nothing here
 * allocates: a filter either is whole or is not loaded.
 */
#ifndef FS_BPF_H
#define FS_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#define FS_BPF_LEN_MAX 1024 /* instructions */

/* What becomes of a call. Of the rules of one call the first that fits decides. */
struct fs_bpf_rule {
	int number;       /* of the call; negative: this machine has none, fits nothing */
	uint32_t verdict; /* SECCOMP_RET_*, with an errno where it takes one */
	unsigned argument; /* that the rule looks at, from 0 */
	uint64_t mask;  /* it fits where the bits of the argument that are set here ... */
	uint64_t value; /* ... are these. Both 0: always */
};

struct fs_bpf_policy {
	uint32_t architecture; /* AUDIT_ARCH_*; a call of any other kills */
	uint32_t otherwise;    /* the verdict on calls that no rule fits */
	const struct fs_bpf_rule *rules;
	size_t count;
};

struct fs_bpf {
	size_t len; /* instructions */
	struct sock_filter code[FS_BPF_LEN_MAX];
};

/**
 * fs_bpf_native() - what the kernel calls this machine
 *
 * Return: AUDIT_ARCH_*, or 0 for one whose calls we do not know.
 */
uint32_t fs_bpf_native(void);

/**
 * fs_bpf_build() - make the program of a policy
 * @program: caller's memory; not to be used after a failure
 *
 * On x86-64 the calls of x32, which share its architecture, are among what kills.
 *
 * Return: 0, EOPNOTSUPP for architecture 0, or E2BIG for more than fits in the program.
 */
int fs_bpf_build(const struct fs_bpf_policy *policy, struct fs_bpf *program);

/**
 * fs_bpf_load() - have the kernel run a program at each call of this process from now on
 *
 * Of all threads or of none. Wants no_new_privs, or CAP_SYS_ADMIN.
 *
 * Return: 0 or an errno; ESRCH for a thread that has a filter of its own.
 */
int fs_bpf_load(const struct fs_bpf *program);

#endif /* FS_BPF_H */
