// SPDX-License-Identifier: Apache-2.0
#include "fs/rules.h"

#include "fs/log.h"

static enum sft_status add(struct sft_filter *filter, enum fs_rule rule, const char *text,
			   struct sft_error *err)
{
	switch (rule) {
	case FS_RULE_INCLUDE:
		return sft_filter_include(filter, text, err);
	case FS_RULE_EXCLUDE:
		return sft_filter_exclude(filter, text, err);
	case FS_RULE_RENAME:
		break;
	}
	return sft_filter_rename(filter, text, err);
}

int fs_rule_add(struct sft_filter **filter, enum fs_rule rule, const char *text)
{
	struct sft_error err;

	if (*filter == NULL)
		*filter = sft_filter_new();
	if (*filter == NULL)
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	if (add(*filter, rule, text, &err) == SFT_OK)
		return 0;
	fs_log_error(&err);
	return 2;
}
