/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/filters.h - what a filter of system calls says, run here and not in the
 * kernel
 *
 * So filters of other machines can be asked, too: their byte order says in which half of
 * an argument's eight bytes the kernel would have put what.
 */
#ifndef SFT_TESTS_UNIT_FILTERS_H
#define SFT_TESTS_UNIT_FILTERS_H

#include "fs/bpf.h"

/**
 * run_filter() - the verdict of a program on a call
 * @call:      as on a machine of this test's byte order
 * @ret_steps: set to the number of instructions that it took; may be NULL
 *
 * Fails the test where the kernel would refuse the program.
 */
uint32_t run_filter(const struct fs_bpf *program, const struct seccomp_data *call,
		    unsigned *ret_steps);

/**
 * check_filter() - build a policy's program, and see that it says what the policy says
 * @row:    of the test's table
 * @values: of arguments; tried with each argument and 0 for the others
 *
 * With the numbers from 0 to well behind the last rule's, and those around the edges of
 * what a number may be.
 */
void check_filter(const char *row, const struct fs_bpf_policy *policy,
		  const uint64_t *values, size_t count);

#endif /* SFT_TESTS_UNIT_FILTERS_H */
