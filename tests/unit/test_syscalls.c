// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_syscalls.c - the rules of the sandbox, by their program and by the
 * kernel
 *
 * tests/mount/test_sandbox.py tries to get out of the real thing.
 */
#define _GNU_SOURCE /* CLONE_THREAD and others */
#include "fs/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/numbers.h"
#include "tests/unit/filters.h"
#include "tests/unit/support.h"

#define ALLOW SECCOMP_RET_ALLOW
#define KILL SECCOMP_RET_KILL_PROCESS
#define DENY (SECCOMP_RET_ERRNO | EACCES)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)

#define SELF 4711
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define HIGH(value) ((uint64_t)(value) << 32)

static const uint64_t values[] = {
	0,
	1,
	PROT_EXEC,
	PROT_READ | PROT_WRITE,
	PR_SET_NAME,
	SELF,
	HIGH(1) | SELF,
	HIGH(1) | PR_SET_NAME,
	THREAD,
	SIGCHLD,
	THREAD | CLONE_NEWNS,
	THREAD | CLONE_NEWUSER,
	CLONE_NEWNET,
	HIGH(PROT_EXEC),
	UINT32_MAX,
	UINT64_MAX,
};

static struct fs_bpf_policy native(uint32_t architecture, struct fs_bpf_rule *rules)
{
	return (struct fs_bpf_policy){
		.architecture = architecture,
		.otherwise = UNKNOWN,
		.rules = rules,
		.count = fs_syscalls_rules(architecture, SELF, rules),
	};
}

/* Our own machine, and our own numbers in another's byte order and places. */
static void test_program(void **state)
{
	static const uint32_t others[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,
					   AUDIT_ARCH_S390X, AUDIT_ARCH_PPC64 };
	struct fs_bpf_rule rules[FS_SYSCALLS_RULES_MAX];
	struct fs_bpf_policy policy = native(fs_bpf_native(), rules);

	(void)state;
	assert_int_not_equal(policy.architecture, 0);
	check_filter("native", &policy, values, ARRAY_COUNT(values));
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		policy = native(others[i], rules);
		check_filter("other", &policy, values, ARRAY_COUNT(values));
	}
}

/* A number in two classes would be in the first only. */
static void test_classes_are_apart(void **state)
{
	struct fs_bpf_rule rules[FS_SYSCALLS_RULES_MAX];
	const struct fs_bpf_policy policy = native(fs_bpf_native(), rules);

	(void)state;
	for (size_t i = 0; i < policy.count; i++)
		for (size_t j = i + 1; j < policy.count; j++)
			if (rules[i].number >= 0 && rules[i].mask == 0)
				assert_int_not_equal(rules[i].number, rules[j].number);
}

static const struct {
	const char *what;
	int number;
	uint32_t verdict;
	uint64_t arguments[3];
} calls[] = {
	{ "read", NR(read), ALLOW, { 0 } },
	{ "writev", NR(writev), ALLOW, { 0 } },
	{ "exit_group", NR(exit_group), ALLOW, { 0 } },
	{ "openat", NR(openat), DENY, { 0 } },
	{ "open", NR(open), DENY, { 0 } },
	{ "execve", NR(execve), KILL, { 0 } },
	{ "socket", NR(socket), KILL, { 0 } },
	{ "socketcall", NR(socketcall), KILL, { 1 } },
	{ "fchmod", NR(fchmod), KILL, { 0 } },
	{ "ioctl", SYS_ioctl, UNKNOWN, { 0 } },
	{ "fcntl", SYS_fcntl, UNKNOWN, { 0 } },
	{ "mprotect", NR(mprotect), ALLOW, { 0, 0, PROT_READ | PROT_WRITE } },
	{ "mprotect to code", NR(mprotect), UNKNOWN, { 0, 0, PROT_READ | PROT_EXEC } },
	{ "mmap2 of code", NR(mmap2), UNKNOWN, { 0, 0, PROT_READ | PROT_EXEC } },
	{ "a thread's name", NR(prctl), ALLOW, { PR_SET_NAME } },
	{ "dumpable", NR(prctl), UNKNOWN, { PR_SET_DUMPABLE } },
	{ "a name and more", NR(prctl), UNKNOWN, { HIGH(1) | PR_SET_NAME } },
	{ "ourselves", NR(tgkill), ALLOW, { SELF } },
	{ "another", NR(tgkill), KILL, { SELF + 1 } },
	{ "ourselves and more", NR(tgkill), KILL, { HIGH(1) | SELF } },
};

static void test_calls(void **state)
{
	struct fs_bpf_rule rules[FS_SYSCALLS_RULES_MAX];
	const struct fs_bpf_policy policy = native(fs_bpf_native(), rules);
	struct fs_bpf program;

	(void)state;
	assert_int_equal(fs_bpf_build(&policy, &program), 0);
	for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
		struct seccomp_data call = { .nr = calls[i].number,
					     .arch = policy.architecture };

		memcpy(call.args, calls[i].arguments, sizeof(calls[i].arguments));
		if (call.nr >= 0)
			CHECK_UINT(calls[i].what, run_filter(&program, &call, NULL),
				   calls[i].verdict);
	}
}

/* Threads, processes, namespaces, where each kind of machine has the flags. */
static void test_clone(void **state)
{
	static const struct {
		uint32_t architecture;
		size_t flags;
	} machines[] = { { AUDIT_ARCH_X86_64, 0 }, { AUDIT_ARCH_S390X, 1 } };
	static const struct {
		uint64_t flags;
		uint32_t verdict;
	} rows[] = {
		{ THREAD, ALLOW },
		{ SIGCHLD, KILL },
		{ SIGCHLD | CLONE_NEWUSER, KILL },
		{ THREAD | CLONE_NEWUSER, UNKNOWN },
		{ THREAD | CLONE_NEWNET, UNKNOWN },
		{ THREAD | CLONE_NEWNS, UNKNOWN },
	};
	struct fs_bpf_rule rules[FS_SYSCALLS_RULES_MAX];
	struct fs_bpf program;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(machines); i++) {
		const struct fs_bpf_policy policy =
			native(machines[i].architecture, rules);

		assert_int_equal(fs_bpf_build(&policy, &program), 0);
		for (size_t j = 0; j < ARRAY_COUNT(rows); j++) {
			struct seccomp_data call = { .nr = NR(clone),
						     .arch = policy.architecture };

			call.args[machines[i].flags] = rows[j].flags;
			assert_int_equal(run_filter(&program, &call, NULL),
					 rows[j].verdict);
		}
	}
}

/* ---- the kernel ---- */

/* Return: 0, or the number of the call that went wrong. */
static int try_calls(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (page == MAP_FAILED)
		return 1;
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 || errno != ENOSYS)
		return 2;
	if (open("/", O_RDONLY) >= 0 || errno != EACCES)
		return 3;
	if (fcntl(0, F_GETFD) >= 0 || errno != ENOSYS)
		return 4;
	if (prctl(PR_SET_NAME, "inside") != 0 || getpid() <= 0)
		return 5;
	return 0;
}

/* What a child inside comes to, as waitpid() has it. */
static int run_inside(int (*function)(void))
{
	const pid_t child = fork();
	int status;

	if (child == 0) {
		alarm(10); /* a filter that forbids even the end */
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
			_exit(100);
		status = fs_syscalls_limit();
		_exit(status != 0 ? 100 + status : function());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static int call_kill(void)
{
	return (int)syscall(SYS_kill, getpid(), 0) + 1;
}

static void test_kernel(void **state)
{
	const int status = run_inside(try_calls);

	(void)state;
	if (WIFEXITED(status) && WEXITSTATUS(status) >= 100)
		skip(); /* no seccomp here */
	assert_int_equal(status, 0);
	assert_int_equal(WTERMSIG(run_inside(call_kill)), SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program), cmocka_unit_test(test_classes_are_apart),
		cmocka_unit_test(test_calls),   cmocka_unit_test(test_clone),
		cmocka_unit_test(test_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
