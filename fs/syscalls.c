// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* CLONE_THREAD and others */
#include "fs/syscalls.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * The classes of fs/syscalls.h, by name. A call that an architecture does not have has a
 * number that libseccomp passes over, and those that multiplex others (socketcall) are
 * taken apart by it.
 */

/* clang-format off */
#define C(name) SCMP_SYS(name)

static const int allowed[] = {
	/* Requests, replies, messages. */
	C(read), C(write), C(writev), C(poll), C(ppoll), C(ppoll_time64), C(close),
	/* The source. Any of the later ones may be the C library's fstat(). */
	C(pread64), C(fstat), C(fstat64), C(newfstatat), C(fstatat64), C(statx),
	/* Memory; mmap() and mprotect() have rules of their own. */
	C(brk), C(munmap), C(mremap), C(madvise),
	/* Threads; clone() has a rule of its own. */
	C(futex), C(futex_time64), C(set_robust_list), C(rseq), C(sched_getaffinity),
	C(gettid), C(getpid), C(exit), C(exit_group),
	/* Signals; restart_syscall() is how the kernel goes on after a stop. */
	C(rt_sigaction), C(rt_sigprocmask), C(rt_sigreturn), C(sigreturn),
	C(sigaltstack), C(restart_syscall),
	C(clock_gettime), C(clock_gettime64), C(gettimeofday), C(time), C(getrandom),
};

static const int by_name[] = {
	C(open), C(openat), C(openat2), C(creat),
	C(access), C(faccessat), C(faccessat2), C(stat), C(stat64), C(lstat), C(lstat64),
	C(readlink), C(readlinkat), C(statfs), C(statfs64), C(getcwd),
};

static const int deadly[] = {
	/* Other programs and processes. clone3() is none: see below. */
	C(execve), C(execveat), C(fork), C(vfork), C(ptrace), C(kcmp),
	C(process_vm_readv), C(process_vm_writev), C(process_madvise),
	C(pidfd_open), C(pidfd_getfd), C(pidfd_send_signal),
	C(kill), C(tkill), C(rt_sigqueueinfo), C(rt_tgsigqueueinfo),
	/* The network, and descriptors from others. */
	C(socket), C(socketpair), C(connect), C(bind), C(listen), C(accept), C(accept4),
	C(sendto), C(sendmsg), C(sendmmsg), C(recvfrom), C(recvmsg), C(recvmmsg),
	/* Mounts, roots and namespaces. */
	C(mount), C(umount), C(umount2), C(pivot_root), C(chroot), C(setns), C(unshare),
	C(open_tree), C(move_mount), C(fsopen), C(fsconfig), C(fsmount), C(fspick),
	C(mount_setattr), C(open_by_handle_at), C(name_to_handle_at),
	/* Rights. */
	C(capset), C(setuid), C(setgid), C(setreuid), C(setregid), C(setresuid),
	C(setresgid), C(setgroups), C(setfsuid), C(setfsgid), C(setuid32), C(setgid32),
	C(setreuid32), C(setregid32), C(setresuid32), C(setresgid32), C(setgroups32),
	C(setfsuid32), C(setfsgid32), C(keyctl), C(add_key), C(request_key),
	/* What of the kernel is most often broken into. */
	C(bpf), C(perf_event_open), C(userfaultfd), C(modify_ldt), C(init_module),
	C(finit_module), C(delete_module), C(kexec_load), C(kexec_file_load), C(reboot),
	/* Changes to files, by name or by the descriptor of the source. */
	C(chmod), C(fchmod), C(fchmodat), C(chown), C(fchown), C(lchown), C(fchownat),
	C(chown32), C(fchown32), C(lchown32), C(utime), C(utimes), C(futimesat),
	C(utimensat), C(utimensat_time64), C(link), C(linkat), C(symlink), C(symlinkat),
	C(unlink), C(unlinkat), C(rename), C(renameat), C(renameat2), C(mkdir),
	C(mkdirat), C(rmdir), C(mknod), C(mknodat), C(truncate), C(truncate64),
	C(ftruncate), C(ftruncate64), C(fallocate), C(setxattr), C(lsetxattr),
	C(fsetxattr), C(removexattr), C(lremovexattr), C(fremovexattr),
};

#undef C
/* clang-format on */

/* Where architectures differ in what the conditions look at. */
#ifdef __NR_mmap2 /* 32 bits: what is called mmap() hides its arguments in memory */
#define MMAP SCMP_SYS(mmap2)
#else
#define MMAP SCMP_SYS(mmap)
#endif
#ifdef __s390x__ /* its only one hides them, too, and no filter can look there */
#define MMAP_EXEC 0
#define CLONE_FLAGS 1
#else
#define MMAP_EXEC PROT_EXEC
#define CLONE_FLAGS 0
#endif

#define CLONE_NAMESPACES                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |   \
	 CLONE_NEWPID | CLONE_NEWNET)

/* Calls that depend on an argument: its index, and what its bits below a mask are. */
static const struct {
	uint32_t action;
	int call;
	struct scmp_arg_cmp when;
} conditional[] = {
	/* No memory becomes code: nothing is loaded any more. */
	{ SCMP_ACT_ALLOW, MMAP, { 2, SCMP_CMP_MASKED_EQ, MMAP_EXEC, 0 } },
	{ SCMP_ACT_ALLOW, SCMP_SYS(mprotect), { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
	/*
	 * Threads, but neither processes nor namespaces. clone3() has its flags in
	 * memory: it gets ENOSYS, and the C library takes clone().
	 */
	{ SCMP_ACT_ALLOW,
	  SCMP_SYS(clone),
	  { CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_NAMESPACES,
	    CLONE_THREAD } },
	{ SCMP_ACT_KILL_PROCESS,
	  SCMP_SYS(clone),
	  { CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0 } },
	{ SCMP_ACT_ALLOW, SCMP_SYS(prctl), { 0, SCMP_CMP_EQ, PR_SET_NAME, 0 } },
};

static int add_class(scmp_filter_ctx filter, uint32_t action, const int *calls,
		     size_t count)
{
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++)
		result = seccomp_rule_add(filter, action, calls[i], 0);
	return result;
}

static int add_conditional(scmp_filter_ctx filter)
{
	int result = 0;

	for (size_t i = 0; i < COUNT(conditional) && result == 0; i++)
		result = seccomp_rule_add_array(filter, conditional[i].action,
						conditional[i].call, 1,
						&conditional[i].when);
	return result;
}

/* Signals to threads of this process, which is how one is ended, and abort(). */
static int add_signals(scmp_filter_ctx filter)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				      SCMP_A0(SCMP_CMP_EQ, self, 0));

	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(tgkill),
					  1, SCMP_A0(SCMP_CMP_NE, self, 0));
	return result;
}

static int fill(scmp_filter_ctx filter)
{
	int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
					  SCMP_ACT_KILL_PROCESS);
	if (result == 0)
		result = add_class(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
	if (result == 0)
		result = add_class(filter, SCMP_ACT_ERRNO(EACCES), by_name,
				   COUNT(by_name));
	if (result == 0)
		result = add_class(filter, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly));
	if (result == 0)
		result = add_conditional(filter);
	if (result == 0)
		result = add_signals(filter);
	return result;
}

int fs_syscalls_limit(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int result;

	if (filter == NULL)
		return ENOMEM;
	result = fill(filter);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return -result;
}
