/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/figure.h - numbers for people
 */
#ifndef FS_FIGURE_H
#define FS_FIGURE_H

#include <stdint.h>

/* Room for the longest, with its NUL; no figure but an exact one is wider than 8. */
#define FS_FIGURE_MAX 64

/* "134,849" */
const char *fs_figure_exact(char out[FS_FIGURE_MAX], uint64_t value);

/* "134,849", or from a million on "6.7 B": M, B for 10^9, T, and then P and E. */
const char *fs_figure_count(char out[FS_FIGURE_MAX], uint64_t value);

/* "512 B", "13.5 GB": of a thousand each. */
const char *fs_figure_bytes(char out[FS_FIGURE_MAX], uint64_t value);

/* "12.6 GiB", for what is at least one; else "" */
const char *fs_figure_gib(char out[FS_FIGURE_MAX], uint64_t value);

/* "97 %"; "<1 %" and ">99 %" for what is not nothing and not all */
const char *fs_figure_share(char out[FS_FIGURE_MAX], double part, double whole);

/* "1 tensor", "22 tensors"; @noun is in the singular. */
const char *fs_figure_noun(char out[FS_FIGURE_MAX], uint64_t value, const char *noun);

#endif /* FS_FIGURE_H */
