/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/rename.h - expressions that give tensors other names, as `sed -E` does
 *
 *	s/REGEX/REPLACEMENT/FLAGS
 *
 * REGEX is a POSIX extended regular expression of regcomp(3) with the escapes that GNU
 * adds (\w \W \s \S \b \B \< \> \` \') and \a \f \n \r \t \v for control characters.
 * REPLACEMENT knows &, \0 to \9 and the same control characters; a backslash before
 * anything but a letter makes it stand for itself. FLAGS are `g`, all matches in place of
 * the first, and `i` or `I`, letters of either case. Any ASCII character other than the
 * backslash and the newline can take the place of the slash; within [...] it means
 * itself, elsewhere it does with a backslash before it.
 */
#ifndef SFT_CORE_RENAME_H
#define SFT_CORE_RENAME_H

#include <stdbool.h>
#include <stddef.h>

#include "core/bytes.h"
#include "core/glob.h"
#include "core/sft.h"

/* Bytes of the longest expression. regcomp() calls itself for each parenthesis. */
#define SFT_RENAME_EXPRESSION_MAX 4096u

struct sft_rename;

/**
 * sft_rename_new() - compile an expression
 * @expression: NUL-terminated; not needed afterwards
 * @ret_rename: the caller's, to be freed with sft_rename_free()
 * @err:        quotes the expression and tells the character, counted from 1; for what
 *              regcomp() refuses, the one where REGEX begins
 *
 * What sed has and we do not (\U, \xHH, the flags p, w, e, m and numbers, an empty REGEX)
 * is refused, and so is any other letter behind a backslash.
 *
 * Return: SFT_OK, SFT_E_USAGE or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_rename_new(const char *expression,
					      struct sft_rename **ret_rename,
					      struct sft_error *err);

/* NULL is fine. */
void sft_rename_free(struct sft_rename *rename);

/**
 * sft_rename_apply() - give a name its new form
 * @rename:      an expression
 * @name:        UTF-8; with a NUL, or longer than SFT_PATTERN_NAME_MAX, nothing matches
 * @out:         receives the new name, not NUL-terminated, where something matched; its
 *               content is undefined otherwise
 * @ret_len:     bytes of the new name, perhaps 0; set only where something matched
 * @ret_changed: whether something matched, even if the name stays the same
 * @err:         names the old name
 *
 * Safe from any thread, but regexec() lets one search at a time use a REGEX. Leaves the
 * locale of thread and process as it was.
 *
 * Return: SFT_OK, SFT_E_LIMIT (more than SFT_PATTERN_NAME_MAX bytes), SFT_E_NO_MEMORY or,
 * only where the system has no locale C.UTF-8, SFT_E_USAGE (not UTF-8).
 */
SFT_MUST_CHECK enum sft_status sft_rename_apply(const struct sft_rename *rename,
						struct sft_bytes name,
						char out[SFT_PATTERN_NAME_MAX],
						size_t *ret_len, bool *ret_changed,
						struct sft_error *err);

#endif /* SFT_CORE_RENAME_H */
