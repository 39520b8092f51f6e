/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/filtering.h - which tensors of a model are shown, and under which names
 *
 * Part of the public interface: core/sft.h includes it. A filter is filled before models
 * are opened with it, by one thread, and then shared.
 */
#ifndef SFT_CORE_FILTERING_H
#define SFT_CORE_FILTERING_H

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sft_filter;

/* Return: an empty filter, which lets all pass; NULL where memory is short. */
struct sft_filter *sft_filter_new(void);

/* NULL is fine. */
void sft_filter_free(struct sft_filter *filter);

/**
 * sft_filter_include() / sft_filter_exclude() / sft_filter_rename() - add a rule
 * @pattern:    of names as they are in the file; '*' matches dots and slashes, too
 * @expression: s/REGEX/REPLACEMENT/FLAGS as in sed -E, any delimiter, flags g and i
 * @err:        says where the text is wrong
 *
 * Shown is what matches any pattern of inclusion, if there is one, and none of exclusion.
 * Renames are applied to that in the order in which they were added. A name with NUL or
 * longer than 4,096 bytes matches nothing. Aliases are names like others, and go with
 * their tensor.
 *
 * Return: SFT_OK, SFT_E_USAGE or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status
sft_filter_include(struct sft_filter *filter, const char *pattern, struct sft_error *err);
SFT_MUST_CHECK enum sft_status
sft_filter_exclude(struct sft_filter *filter, const char *pattern, struct sft_error *err);
SFT_MUST_CHECK enum sft_status sft_filter_rename(struct sft_filter *filter,
						 const char *expression,
						 struct sft_error *err);

#ifdef __cplusplus
}
#endif

#endif /* SFT_CORE_FILTERING_H */
