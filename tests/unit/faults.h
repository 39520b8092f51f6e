/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/faults.h - allocations that fail on demand
 *
 * The linker sends all calls of the allocating functions, core's among them, here
 * (--wrap, see meson.build). Libraries are not part of the link; cJSON takes
 * fault_malloc().
 */
#ifndef SFT_TESTS_UNIT_FAULTS_H
#define SFT_TESTS_UNIT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* Lets the @nth allocation from now on fail, by any thread; it counts from 1. */
void fault_set(long nth);

/* Lets none fail any more. Return: whether one did. */
bool fault_clear(void);

void *fault_malloc(size_t len);

#endif /* SFT_TESTS_UNIT_FAULTS_H */
