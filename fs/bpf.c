// SPDX-License-Identifier: Apache-2.0
#include "fs/bpf.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A program without jumps has a leaf for each of these, and a comparison between two. */
#define SPANS_MAX (FS_BPF_LEN_MAX / 2)

/* The calls of x32 are those of x86-64 with this bit. -1, which a tracer puts, is none.
 */
#define X32_FIRST UINT32_C(0x40000000)
#define X32_LAST UINT32_C(0x7fffffff)

/* Big-endian ARM has the names of little-endian ARM, and is none that we know. */
#if defined(__aarch64__) && defined(__AARCH64EL__)
#define NATIVE AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__) && defined(__ARM_EABI__)
#define NATIVE AUDIT_ARCH_ARM
#elif defined(__loongarch_lp64) && defined(AUDIT_ARCH_LOONGARCH64)
#define NATIVE AUDIT_ARCH_LOONGARCH64
#elif defined(__x86_64__) && defined(__LP64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define NATIVE AUDIT_ARCH_I386
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define NATIVE AUDIT_ARCH_S390X
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define NATIVE AUDIT_ARCH_PPC64LE
#elif defined(__powerpc64__)
#define NATIVE AUDIT_ARCH_PPC64
#elif defined(__mips64) && defined(__LP64__) && defined(__MIPSEL__)
#define NATIVE AUDIT_ARCH_MIPSEL64
#elif defined(__mips__) && !defined(__mips64) && defined(__MIPSEL__)
#define NATIVE AUDIT_ARCH_MIPSEL
#else
#define NATIVE 0
#endif

uint32_t fs_bpf_native(void)
{
	return NATIVE;
}

/* ---- numbers to spans ---- */

/* Numbers from here to the next span that come to the same. */
struct span {
	uint32_t first;
	uint32_t verdict;
	const struct fs_bpf_rule *rule; /* the first of several, or NULL: the verdict */
};

struct spans {
	size_t count;
	bool is_full;
	struct span at[SPANS_MAX];
};

static bool is_plain(const struct fs_bpf_rule *rule)
{
	return rule->mask == 0;
}

/* Numbers from @span.first on come to this, and no longer to what was said before. */
static void append(struct spans *spans, struct span span)
{
	const struct span *last;

	if (spans->count > 0 && spans->at[spans->count - 1].first == span.first)
		spans->count--;
	last = spans->count > 0 ? &spans->at[spans->count - 1] : NULL;
	if (last != NULL && last->rule == NULL && span.rule == NULL &&
	    last->verdict == span.verdict)
		return;
	if (spans->count < SPANS_MAX)
		spans->at[spans->count++] = span;
	else
		spans->is_full = true;
}

/* The first rule of the smallest number from @from on, or NULL. */
static const struct fs_bpf_rule *find_next(const struct fs_bpf_policy *policy,
					   uint32_t from)
{
	const struct fs_bpf_rule *best = NULL;

	for (size_t i = 0; i < policy->count; i++) {
		const struct fs_bpf_rule *rule = &policy->rules[i];

		if (rule->number >= 0 && (uint32_t)rule->number >= from &&
		    (best == NULL || rule->number < best->number))
			best = rule;
	}
	return best;
}

static void fill_spans(struct spans *spans, const struct fs_bpf_policy *policy)
{
	const struct fs_bpf_rule *rule;
	struct span rest = { 0, policy->otherwise, NULL };

	append(spans, rest);
	while ((rule = find_next(policy, rest.first)) != NULL) {
		const uint32_t number = (uint32_t)rule->number;

		append(spans, (struct span){ number, rule->verdict,
					     is_plain(rule) ? NULL : rule });
		rest.first = number + 1;
		append(spans, rest);
	}
	if (policy->architecture == AUDIT_ARCH_X86_64) {
		append(spans, (struct span){ X32_FIRST, SECCOMP_RET_KILL_PROCESS, NULL });
		rest.first = X32_LAST + 1;
		append(spans, rest);
	}
}

/* ---- spans to a program ---- */

/* Written from its end, since jumps lead forward: where to is there when they are put. */
struct builder {
	const struct fs_bpf_policy *policy;
	struct sock_filter *code;
	size_t at; /* the program so far is what is from here on */
	bool is_full;
};

/* In front of what is there. */
static void put(struct builder *builder, uint16_t code, uint8_t over_if,
		uint8_t over_else, uint32_t operand)
{
	if (builder->at > 0)
		builder->code[--builder->at] =
			(struct sock_filter){ code, over_if, over_else, operand };
	else
		builder->is_full = true;
}

static void put_load(struct builder *builder, size_t offset)
{
	put(builder, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void put_return(struct builder *builder, uint32_t verdict)
{
	put(builder, BPF_RET | BPF_K, 0, 0, verdict);
}

/* Go on with what is there if half an argument fits, else at @behind. */
static void put_half(struct builder *builder, size_t offset, uint32_t mask,
		     uint32_t value, size_t behind)
{
	if (mask == 0)
		return;
	put(builder, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(behind - builder->at),
	    value);
	if (mask != UINT32_MAX)
		put(builder, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
	put_load(builder, offset);
}

/* The verdict if the rule fits, else go on with what is there. */
static void put_rule(struct builder *builder, const struct fs_bpf_rule *rule)
{
	const bool is_big_endian = !(builder->policy->architecture & __AUDIT_ARCH_LE);
	const size_t offset =
		offsetof(struct seccomp_data, args) + (size_t)8 * rule->argument;
	const size_t behind = builder->at;

	assert((rule->value & ~rule->mask) == 0);
	put_return(builder, rule->verdict);
	put_half(builder, offset + (is_big_endian ? 4 : 0), (uint32_t)rule->mask,
		 (uint32_t)rule->value, behind);
	put_half(builder, offset + (is_big_endian ? 0 : 4), (uint32_t)(rule->mask >> 32),
		 (uint32_t)(rule->value >> 32), behind);
}

/* All rules of a call, from its first one on. */
static void put_rules(struct builder *builder, const struct fs_bpf_rule *first)
{
	const struct fs_bpf_rule *rule = builder->policy->rules + builder->policy->count;
	const size_t behind = builder->at;

	put_return(builder, builder->policy->otherwise);
	while (rule-- > first) {
		if (rule->number != first->number)
			continue;
		if (is_plain(rule))
			builder->at = behind; /* nothing gets past it */
		put_rule(builder, rule);
	}
}

/* Go @over what is there if the number is at least this. */
static void put_at_least(struct builder *builder, uint32_t number, size_t over)
{
	if (over <= UINT8_MAX) {
		put(builder, BPF_JMP | BPF_JGE | BPF_K, (uint8_t)over, 0, number);
		return;
	}
	put(builder, BPF_JMP | BPF_JA, 0, 0, (uint32_t)over);
	put(builder, BPF_JMP | BPF_JGE | BPF_K, 0, 1, number);
}

/* As deep as the spans can be halved: ten times at most. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void put_search(struct builder *builder, const struct span *spans, size_t count)
{
	const size_t half = count / 2;
	size_t upper;

	if (half == 0) {
		if (spans->rule != NULL)
			put_rules(builder, spans->rule);
		else
			put_return(builder, spans->verdict);
		return;
	}
	put_search(builder, spans + half, count - half);
	upper = builder->at;
	put_search(builder, spans, half);
	put_at_least(builder, spans[half].first, upper - builder->at);
}

int fs_bpf_build(const struct fs_bpf_policy *policy, struct fs_bpf *program)
{
	struct builder builder = { policy, program->code, FS_BPF_LEN_MAX, false };
	struct spans spans = { 0 };

	if (policy->architecture == 0)
		return EOPNOTSUPP;
	fill_spans(&spans, policy);
	put_search(&builder, spans.at, spans.count);
	put_load(&builder, offsetof(struct seccomp_data, nr));
	put_return(&builder, SECCOMP_RET_KILL_PROCESS);
	put(&builder, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, policy->architecture);
	put_load(&builder, offsetof(struct seccomp_data, arch));
	if (spans.is_full || builder.is_full)
		return E2BIG;
	program->len = FS_BPF_LEN_MAX - builder.at;
	memmove(program->code, program->code + builder.at,
		program->len * sizeof(*program->code));
	return 0;
}

int fs_bpf_load(const struct fs_bpf *program)
{
	const struct sock_fprog all = {
		.len = (unsigned short)program->len,
		.filter = (struct sock_filter *)program->code, /* only read */
	};
	const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				    SECCOMP_FILTER_FLAG_TSYNC, &all);

	if (result > 0) /* a thread */
		return ESRCH;
	return result == 0 ? 0 : errno;
}
