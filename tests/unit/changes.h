/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/changes.h - what can happen to an open file, and whether it is a change
 */
#ifndef SFT_TESTS_UNIT_CHANGES_H
#define SFT_TESTS_UNIT_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#define CHANGE_COUNT 8u

struct change {
	const char *what;
	void (*apply)(const char *path);
	bool counts; /* what is open has changed from then on */
};

extern const struct change changes[CHANGE_COUNT];

#endif /* SFT_TESTS_UNIT_CHANGES_H */
