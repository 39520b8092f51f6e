// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_bpf.c - the program of a filter says what its rules say
 *
 * The rules are made up, and ask for all that a rule can ask for; the real ones are in
 * test_syscalls.c.
 */
#include "fs/bpf.h"

#include <errno.h>
#include <linux/audit.h>

#include "tests/unit/filters.h"
#include "tests/unit/support.h"

#define ALLOW SECCOMP_RET_ALLOW
#define KILL SECCOMP_RET_KILL_PROCESS
#define ERROR(number) (SECCOMP_RET_ERRNO | (number))

#define HIGH(value) ((uint64_t)(value) << 32)

/* Each byte order, each width, and the one with another one's calls in it. */
static const struct {
	const char *name;
	uint32_t number;
} architectures[] = {
	{ "x86-64", AUDIT_ARCH_X86_64 },   { "i386", AUDIT_ARCH_I386 },
	{ "aarch64", AUDIT_ARCH_AARCH64 }, { "s390x", AUDIT_ARCH_S390X },
	{ "ppc", AUDIT_ARCH_PPC },
};

/* Words that are equal in one half, in the other, in both, in all but a bit. */
static const uint64_t values[] = {
	0,
	1,
	2,
	5,
	6,
	7,
	0xfffffffe,
	UINT32_MAX,
	HIGH(1),
	HIGH(1) | 5,
	HIGH(5),
	HIGH(5) | 1,
	HIGH(5) | 5,
	HIGH(0x80000000),
	HIGH(0x80000000) | 5,
	UINT64_MAX - 1,
	UINT64_MAX,
};

static const struct fs_bpf_rule mixed[] = {
	{ 3, ALLOW, 0, 0, 0 },
	{ -1, ALLOW, 0, 0, 0 }, /* the machine has no such call */
	{ 4, ALLOW, 0, 0, 0 },
	{ 1, ERROR(EACCES), 0, 0, 0 },
	{ 5, KILL, 0, 0, 0 },
	{ 400, ALLOW, 0, 0, 0 },
	/* Whole arguments, bits of the lower half, of the upper one, of both. */
	{ 7, ALLOW, 0, UINT64_MAX, 5 },
	{ 8, ALLOW, 1, 4, 0 },
	{ 9, ALLOW, 2, 6, 4 },
	{ 10, ALLOW, 3, HIGH(1), HIGH(1) },
	{ 11, ALLOW, 4, HIGH(4) | 1, HIGH(4) | 1 },
	{ 12, ALLOW, 5, UINT64_MAX, HIGH(5) | 5 },
	{ 13, ALLOW, 0, UINT32_MAX, 5 },
	{ 14, ALLOW, 0, HIGH(UINT32_MAX), HIGH(5) },
	/* Several rules of one call: one after the other, whatever is between them. */
	{ 20, ALLOW, 0, 3, 1 },
	{ 21, ALLOW, 0, 3, 1 },
	{ 20, KILL, 0, 1, 0 },
	{ 20, ERROR(EPERM), 1, UINT64_MAX, 7 },
	{ 21, KILL, 0, 0, 0 },
	{ 21, ALLOW, 0, 0, 0 }, /* nothing gets here */
	/* A plain one of many. */
	{ 3, KILL, 0, 0, 0 },
	{ 0, ALLOW, 0, 7, 7 },
};

static void check_everywhere(const struct fs_bpf_rule *rules, size_t count)
{
	for (size_t i = 0; i < ARRAY_COUNT(architectures); i++) {
		const struct fs_bpf_policy policy = {
			architectures[i].number,
			ERROR(ENOSYS),
			rules,
			count,
		};

		check_filter(architectures[i].name, &policy, values, ARRAY_COUNT(values));
	}
}

static void test_rules(void **state)
{
	(void)state;
	check_everywhere(mixed, ARRAY_COUNT(mixed));
	for (size_t i = 0; i < ARRAY_COUNT(mixed); i++)
		check_everywhere(mixed + i, 1);
	check_everywhere(NULL, 0);
}

/* Every other number: as many leaves as there can be, and jumps past what a jump reaches.
 */
static void fill_many(struct fs_bpf_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rules[i] = (struct fs_bpf_rule){
			.number = 2 * (int)((i * 7) % count),
			.verdict = i % 3 == 0 ? KILL : ALLOW,
		};
}

static void test_far_jumps(void **state)
{
	struct fs_bpf_rule rules[250];

	(void)state;
	fill_many(rules, ARRAY_COUNT(rules));
	check_everywhere(rules, ARRAY_COUNT(rules));
	for (size_t i = 0; i < ARRAY_COUNT(rules) / 2; i++) { /* and longer leaves */
		rules[2 * i].mask = 1;
		rules[2 * i].value = 1;
	}
	check_everywhere(rules, 130);
}

static void test_neighbours_share(void **state)
{
	struct fs_bpf_rule rules[500];
	const struct fs_bpf_policy policy = {
		AUDIT_ARCH_AARCH64,
		ERROR(ENOSYS),
		rules,
		ARRAY_COUNT(rules),
	};
	struct fs_bpf program;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rules); i++)
		rules[i] = (struct fs_bpf_rule){ .number = (int)i, .verdict = ALLOW };
	assert_int_equal(fs_bpf_build(&policy, &program), 0);
	/* Two loads, the architecture's two, one comparison, two verdicts. */
	assert_int_equal(program.len, 7);
}

/* How many of the rules fit; with any more it is refused. */
static size_t find_limit(struct fs_bpf_rule *rules, size_t count)
{
	struct fs_bpf_policy policy = { AUDIT_ARCH_S390X, ERROR(ENOSYS), rules, 0 };
	struct fs_bpf program;
	size_t limit = 0;

	for (; policy.count <= count; policy.count++) {
		const int error = fs_bpf_build(&policy, &program);

		if (error == 0) {
			assert_int_equal(limit, policy.count); /* fewer fitted, too */
			CHECK_RANGE(program.len, 1, FS_BPF_LEN_MAX);
			limit++;
		} else {
			assert_int_equal(error, E2BIG);
		}
	}
	return limit - 1;
}

static void test_refused(void **state)
{
	const struct fs_bpf_policy nowhere = { 0, ALLOW, NULL, 0 };
	struct fs_bpf_rule rules[600];
	struct fs_bpf program;

	(void)state;
	assert_int_equal(fs_bpf_build(&nowhere, &program), EOPNOTSUPP);
	fill_many(rules, ARRAY_COUNT(rules));
	CHECK_RANGE(find_limit(rules, ARRAY_COUNT(rules)), 250, 260);
	for (size_t i = 0; i < ARRAY_COUNT(rules); i++)
		rules[i].mask = rules[i].value = UINT64_MAX;
	CHECK_RANGE(find_limit(rules, ARRAY_COUNT(rules)), 100, 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_far_jumps),
		cmocka_unit_test(test_neighbours_share),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
