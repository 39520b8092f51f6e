// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* CLONE_THREAD and others */
#include "fs/syscalls.h"

#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fs/numbers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * The classes of fs/syscalls.h, by name: fs/meson.build sees to it that each has a
 * number, a negative one where the architecture has no such call.
 */

/* clang-format off */
static const int allowed[] = {
	/* Requests, replies, messages. */
	NR(read), NR(write), NR(writev), NR(poll), NR(ppoll), NR(ppoll_time64),
	NR(close),
	/* The source. Any of the later ones may be the C library's fstat(). */
	NR(pread64), NR(fstat), NR(fstat64), NR(newfstatat), NR(fstatat64), NR(statx),
	/* Memory; mmap() and mprotect() have rules of their own. */
	NR(brk), NR(munmap), NR(mremap), NR(madvise),
	/* Threads; clone() has a rule of its own. */
	NR(futex), NR(futex_time64), NR(set_robust_list), NR(rseq),
	NR(sched_getaffinity), NR(gettid), NR(getpid), NR(exit), NR(exit_group),
	/* Signals; restart_syscall() is how the kernel goes on after a stop. */
	NR(rt_sigaction), NR(rt_sigprocmask), NR(rt_sigreturn), NR(sigreturn),
	NR(sigaltstack), NR(restart_syscall), NR(clock_gettime), NR(clock_gettime64),
	NR(gettimeofday), NR(time), NR(getrandom),
};

static const int by_name[] = {
	NR(open), NR(openat), NR(openat2), NR(creat), NR(access), NR(faccessat),
	NR(faccessat2), NR(stat), NR(stat64), NR(lstat), NR(lstat64), NR(readlink),
	NR(readlinkat), NR(statfs), NR(statfs64), NR(getcwd),
};

static const int deadly[] = {
	/* Other programs and processes. clone3() is none: see below. */
	NR(execve), NR(execveat), NR(fork), NR(vfork), NR(ptrace), NR(kcmp),
	NR(process_vm_readv), NR(process_vm_writev), NR(process_madvise), NR(pidfd_open),
	NR(pidfd_getfd), NR(pidfd_send_signal), NR(kill), NR(tkill), NR(rt_sigqueueinfo),
	NR(rt_tgsigqueueinfo),
	/* The network, and descriptors from others; one call for all of it on some. */
	NR(socket), NR(socketpair), NR(connect), NR(bind), NR(listen), NR(accept),
	NR(accept4), NR(sendto), NR(sendmsg), NR(sendmmsg), NR(recvfrom), NR(recvmsg),
	NR(recvmmsg), NR(socketcall),
	/* Mounts, roots and namespaces. */
	NR(mount), NR(umount), NR(umount2), NR(pivot_root), NR(chroot), NR(setns),
	NR(unshare), NR(open_tree), NR(move_mount), NR(fsopen), NR(fsconfig),
	NR(fsmount), NR(fspick), NR(mount_setattr), NR(open_by_handle_at),
	NR(name_to_handle_at),
	/* Rights. */
	NR(capset), NR(setuid), NR(setgid), NR(setreuid), NR(setregid), NR(setresuid),
	NR(setresgid), NR(setgroups), NR(setfsuid), NR(setfsgid), NR(setuid32),
	NR(setgid32), NR(setreuid32), NR(setregid32), NR(setresuid32), NR(setresgid32),
	NR(setgroups32), NR(setfsuid32), NR(setfsgid32), NR(keyctl), NR(add_key),
	NR(request_key),
	/* What of the kernel is most often broken into. */
	NR(bpf), NR(perf_event_open), NR(userfaultfd), NR(modify_ldt), NR(init_module),
	NR(finit_module), NR(delete_module), NR(kexec_load), NR(kexec_file_load),
	NR(reboot),
	/* Changes to files, by name or by the descriptor of the source. */
	NR(chmod), NR(fchmod), NR(fchmodat), NR(chown), NR(fchown), NR(lchown),
	NR(fchownat), NR(chown32), NR(fchown32), NR(lchown32), NR(utime), NR(utimes),
	NR(futimesat), NR(utimensat), NR(utimensat_time64), NR(link), NR(linkat),
	NR(symlink), NR(symlinkat), NR(unlink), NR(unlinkat), NR(rename), NR(renameat),
	NR(renameat2), NR(mkdir), NR(mkdirat), NR(rmdir), NR(mknod), NR(mknodat),
	NR(truncate), NR(truncate64), NR(ftruncate), NR(ftruncate64), NR(fallocate),
	NR(setxattr), NR(lsetxattr), NR(fsetxattr), NR(removexattr), NR(lremovexattr),
	NR(fremovexattr),
};

/* clang-format on */

static const struct {
	uint32_t verdict;
	const int *calls;
	size_t count;
} classes[] = {
	{ SECCOMP_RET_ALLOW, allowed, COUNT(allowed) },
	{ SECCOMP_RET_ERRNO | EACCES, by_name, COUNT(by_name) },
	{ SECCOMP_RET_KILL_PROCESS, deadly, COUNT(deadly) },
};

#define CONDITIONAL 7 /* rules */

_Static_assert(COUNT(allowed) + COUNT(by_name) + COUNT(deadly) + CONDITIONAL <=
		       FS_SYSCALLS_RULES_MAX,
	       "all rules have their place");

#define CLONE_NAMESPACES                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |   \
	 CLONE_NEWPID | CLONE_NEWNET)

/* Calls that depend on an argument: its index, and what its bits below a mask are. */
static size_t add_conditional(uint32_t architecture, pid_t self,
			      struct fs_bpf_rule *rules)
{
	const bool is_s390x = architecture == AUDIT_ARCH_S390X;
	/* On 32 bits what is called mmap() hides its arguments in memory. */
	const int mmap_number = NR(mmap2) >= 0 ? NR(mmap2) : NR(mmap);
	/* As on s390x, where it is the only one, and no filter can look there. */
	const uint64_t mmap_exec = is_s390x ? 0 : PROT_EXEC;
	const unsigned clone_flags = is_s390x ? 1 : 0;
	const uint32_t allow = SECCOMP_RET_ALLOW, kill = SECCOMP_RET_KILL_PROCESS;
	const struct fs_bpf_rule conditional[CONDITIONAL] = {
		/* No memory becomes code: nothing is loaded any more. */
		{ mmap_number, allow, 2, mmap_exec, 0 },
		{ NR(mprotect), allow, 2, PROT_EXEC, 0 },
		/*
		 * Threads, but neither processes nor namespaces. clone3() has its flags
		 * in memory: it gets ENOSYS, and the C library takes clone().
		 */
		{ NR(clone), allow, clone_flags, CLONE_THREAD | CLONE_NAMESPACES,
		  CLONE_THREAD },
		{ NR(clone), kill, clone_flags, CLONE_THREAD, 0 },
		{ NR(prctl), allow, 0, UINT64_MAX, PR_SET_NAME },
		/* Signals to our threads, which is how one is ended, and abort(). */
		{ NR(tgkill), allow, 0, UINT64_MAX, (uint64_t)self },
		{ NR(tgkill), kill, 0, 0, 0 },
	};

	memcpy(rules, conditional, sizeof(conditional));
	return CONDITIONAL;
}

size_t fs_syscalls_rules(uint32_t architecture, pid_t self,
			 struct fs_bpf_rule ret_rules[FS_SYSCALLS_RULES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < COUNT(classes); i++)
		for (size_t j = 0; j < classes[i].count; j++)
			ret_rules[count++] = (struct fs_bpf_rule){
				.number = classes[i].calls[j],
				.verdict = classes[i].verdict,
			};
	return count + add_conditional(architecture, self, ret_rules + count);
}

int fs_syscalls_limit(void)
{
	struct fs_bpf_rule rules[FS_SYSCALLS_RULES_MAX];
	const uint32_t architecture = fs_bpf_native();
	const struct fs_bpf_policy policy = {
		.architecture = architecture,
		.otherwise = SECCOMP_RET_ERRNO | ENOSYS,
		.rules = rules,
		.count = fs_syscalls_rules(architecture, getpid(), rules),
	};
	struct fs_bpf program;
	const int error = fs_bpf_build(&policy, &program);

	return error != 0 ? error : fs_bpf_load(&program);
}
