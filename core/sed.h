/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/sed.h - an expression as it is kept: what sed.c reads and rename.c applies
 */
#ifndef SFT_CORE_SED_H
#define SFT_CORE_SED_H

#include <locale.h>
#include <regex.h>

#include "core/rename.h"

#define SFT_SED_GROUPS_MAX 10u /* the whole match and \1 to \9 */

/* A piece of the replacement: a byte, or SFT_SED_GROUP + n for what the n-th group
 * matched. */
#define SFT_SED_GROUP 0x100u

struct sft_rename {
	locale_t locale;
	regex_t regex;
	bool compiled; /* regex is */
	bool global;
	size_t match_count; /* matches to ask for: more than one takes longer */
	size_t piece_count;
	uint16_t *pieces;
};

#endif /* SFT_CORE_SED_H */
