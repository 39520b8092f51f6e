/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/rules.h - which tensors are shown, and under which names, as a person says it
 */
#ifndef FS_RULES_H
#define FS_RULES_H

#include "core/sft.h"

enum fs_rule {
	FS_RULE_INCLUDE,
	FS_RULE_EXCLUDE,
	FS_RULE_RENAME,
};

/**
 * fs_rule_add() - add a rule to a filter
 * @filter: made with the first rule, where it points to NULL
 * @text:   a pattern or an expression, see sft_filter_include()
 *
 * Return: 0, or the exit status after a message.
 */
int fs_rule_add(struct sft_filter **filter, enum fs_rule rule, const char *text);

#endif /* FS_RULES_H */
