// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/filters.h"

#include <linux/audit.h>
#include <stdbool.h>

#include "tests/unit/support.h"

#define ARGUMENTS 6
#define STEPS_MAX 24 /* of any call: ten to look it up, the rest for its rules */

/* What the instruction that loads gets. */
static uint32_t load(const struct seccomp_data *call, bool is_big_endian, uint32_t offset)
{
	const size_t args = offsetof(struct seccomp_data, args);
	uint64_t whole;

	if (offset == offsetof(struct seccomp_data, nr))
		return (uint32_t)call->nr;
	if (offset == offsetof(struct seccomp_data, arch))
		return call->arch;
	CHECK_RANGE(offset, args, sizeof(*call) - 4);
	assert_int_equal(offset % 4, 0);
	whole = call->args[(offset - args) / 8];
	return (uint32_t)((offset % 8 == 0) == is_big_endian ? whole >> 32 : whole);
}

uint32_t run_filter(const struct fs_bpf *program, const struct seccomp_data *call,
		    unsigned *ret_steps)
{
	/* As the program was made for, which asks for its own architecture first. */
	const bool is_big_endian = !(program->code[1].k & __AUDIT_ARCH_LE);
	unsigned steps = 0;
	uint32_t word = 0;

	for (size_t at = 0; at < program->len; at++) {
		const struct sock_filter *one = &program->code[at];

		steps++;
		switch (one->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			word = load(call, is_big_endian, one->k);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			word &= one->k;
			break;
		case BPF_JMP | BPF_JA:
			at += one->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += word == one->k ? one->jt : one->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += word >= one->k ? one->jt : one->jf;
			break;
		case BPF_RET | BPF_K:
			if (ret_steps != NULL)
				*ret_steps = steps;
			return one->k;
		default:
			fail_msg("instruction %#x", one->code);
		}
	}
	fail_msg("the end of the program is no return");
	return 0;
}

/* The policy's own answer: its rules one after the other. */
static uint32_t ask(const struct fs_bpf_policy *policy, const struct seccomp_data *call)
{
	if (call->arch != policy->architecture)
		return SECCOMP_RET_KILL_PROCESS;
	if (call->arch == AUDIT_ARCH_X86_64 && call->nr >= 0x40000000) /* x32 */
		return SECCOMP_RET_KILL_PROCESS;
	for (size_t i = 0; i < policy->count; i++) {
		const struct fs_bpf_rule *rule = &policy->rules[i];

		if (call->nr >= 0 && rule->number == call->nr &&
		    (call->args[rule->argument] & rule->mask) == rule->value)
			return rule->verdict;
	}
	return policy->otherwise;
}

static void check_call(const char *row, const struct fs_bpf_policy *policy,
		       const struct fs_bpf *program, const struct seccomp_data *call)
{
	unsigned steps;
	const uint32_t got = run_filter(program, call, &steps);
	const uint32_t want = ask(policy, call);

	if (got != want) {
		print_error("call %d, architecture %#x, arguments", call->nr, call->arch);
		for (size_t i = 0; i < ARGUMENTS; i++)
			print_error(" %#llx", (unsigned long long)call->args[i]);
		print_error("\n");
	}
	CHECK_UINT(row, got, want);
	CHECK_RANGE(steps, 1, STEPS_MAX);
}

static void check_number(const char *row, const struct fs_bpf_policy *policy,
			 const struct fs_bpf *program, uint32_t number,
			 struct sft_bytes values)
{
	for (size_t i = 0; i < ARGUMENTS; i++) {
		for (size_t j = 0; j < values.len / 8; j++) {
			struct seccomp_data call = {
				.nr = (int)number,
				.arch = policy->architecture,
			};

			memcpy(&call.args[i], values.data + 8 * j, 8);
			check_call(row, policy, program, &call);
			call.arch ^= __AUDIT_ARCH_64BIT;
			check_call(row, policy, program, &call);
		}
	}
}

void check_filter(const char *row, const struct fs_bpf_policy *policy,
		  const uint64_t *values, size_t count)
{
	static const uint32_t edges[] = { 0x40000000, 0x7fffffff, 0x80000000,
					  0xffffffff };
	const struct sft_bytes all = bytes_at(values, count * sizeof(*values));
	struct fs_bpf program;
	uint32_t last = 0;

	CHECK_UINT(row, (uint64_t)fs_bpf_build(policy, &program), 0);
	CHECK_RANGE(program.len, 1, FS_BPF_LEN_MAX);
	for (size_t i = 0; i < policy->count; i++)
		if (policy->rules[i].number > (int)last)
			last = (uint32_t)policy->rules[i].number;
	for (uint32_t number = 0; number <= last + 100; number++)
		check_number(row, policy, &program, number, all);
	for (size_t i = 0; i < ARRAY_COUNT(edges); i++)
		for (uint32_t number = 0; number <= 40; number++)
			check_number(row, policy, &program, edges[i] - 20 + number, all);
}
