/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/glob.h - patterns that choose tensors by name
 *
 * The patterns of fnmatch(3), where '*' and '?' match dots and slashes like anything
 * else, and a character is one of UTF-8 whatever the locale of the process. fnmatch()
 * itself would not do: in a locale of UTF-8, glibc tries again in bytes where characters
 * do not match, so that "??" matches one letter with an accent.
 */
#ifndef SFT_CORE_GLOB_H
#define SFT_CORE_GLOB_H

#include <stdbool.h>

#include "core/bytes.h"
#include "core/sft.h"

/* Bytes of the longest name that patterns and renames (core/rename.h) apply to. */
#define SFT_PATTERN_NAME_MAX 4096u

/**
 * sft_glob_check() - check a pattern before it is used
 * @pattern: NUL-terminated; '*', '?', [...] with ranges and classes, '\' before any
 *           character that stands for itself
 * @err:     quotes the pattern and tells the character, counted from 1
 *
 * Refuses what fnmatch(3) takes for something else or lets match nothing: a '[' or a
 * class without its end, an unknown class, a range that runs backwards, a backslash with
 * nothing behind it, and what is not UTF-8.
 *
 * Return: SFT_OK or SFT_E_USAGE.
 */
SFT_MUST_CHECK enum sft_status sft_glob_check(const char *pattern, struct sft_error *err);

/**
 * sft_glob_match() - whether a pattern matches all of a name
 * @pattern: passed sft_glob_check()
 * @name:    UTF-8; with a NUL, or longer than SFT_PATTERN_NAME_MAX, it matches nothing
 *
 * Where the system has no locale C.UTF-8, a class holds nothing past ASCII. Safe from any
 * thread, whatever its locale.
 *
 * Return: true if it matches.
 */
bool sft_glob_match(const char *pattern, struct sft_bytes name);

#endif /* SFT_CORE_GLOB_H */
