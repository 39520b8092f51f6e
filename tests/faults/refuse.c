// SPDX-License-Identifier: Apache-2.0
/*
 * tests/faults/refuse.c - a program on a kernel that refuses some system calls, as an
 * older one does or a container
 *
 *	refuse ERRNO NAME[,NAME...] PROGRAM ARGUMENT...
 *
 * An argument after a colon limits it to calls whose first argument that is: prctl:22.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fs/bpf.h"
#include "tests/sandbox/calls.h"

#define RULES_MAX 16

static const struct {
	const char *name;
	int number;
} errors[] = {
	{ "ENOSYS", ENOSYS },
	{ "EOPNOTSUPP", EOPNOTSUPP },
	{ "EPERM", EPERM },
};

static int number_of_error(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	return -1;
}

/* NAME or NAME:ARGUMENT. Return: as errors go, 0 or an exit status. */
static int read_rule(char *word, int error, struct fs_bpf_rule *ret_rule)
{
	const char *name = strsep(&word, ":");

	*ret_rule = (struct fs_bpf_rule){
		.number = number_of_call(name),
		.verdict = SECCOMP_RET_ERRNO | (uint32_t)error,
		.mask = word != NULL ? UINT64_MAX : 0,
		.value = word != NULL ? strtoull(word, NULL, 10) : 0,
	};
	if (ret_rule->number >= 0)
		return 0;
	fprintf(stderr, "refuse: no system call %s\n", name);
	return 2;
}

static int refuse(const struct fs_bpf_policy *policy)
{
	struct fs_bpf program;
	int error = fs_bpf_build(policy, &program);

	/* Who may do without no_new_privs must, or fusermount3 would not be root. */
	if (error == 0 && geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		error = errno;
	if (error == 0)
		error = fs_bpf_load(&program);
	if (error == 0)
		return 0;
	fprintf(stderr, "refuse: %s\n", strerror(error));
	return 2;
}

int main(int argc, char **argv)
{
	struct fs_bpf_rule rules[RULES_MAX];
	struct fs_bpf_policy policy = { fs_bpf_native(), SECCOMP_RET_ALLOW, rules, 0 };
	const int error = argc > 3 ? number_of_error(argv[1]) : -1;
	int status = error < 0 ? 2 : 0;

	for (char *words = argc > 3 ? argv[2] : NULL; words != NULL && status == 0;)
		status = policy.count < RULES_MAX ? read_rule(strsep(&words, ","), error,
							      &rules[policy.count++])
						  : 2;
	if (status == 0)
		status = refuse(&policy);
	if (status != 0)
		return status;
	execv(argv[3], argv + 3);
	perror(argv[3]);
	return 2;
}
