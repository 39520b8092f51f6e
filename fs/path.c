// SPDX-License-Identifier: Apache-2.0
#include "fs/path.h"

#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/log.h"

static int fail(const char *text, const char *nearest)
{
	char shown[512];

	sft_escape(shown, sizeof(shown), text, strlen(text));
	return fs_log_fail(SFT_E_NAME, "%s: no such path; the way ends in %s", shown,
			   nearest[0] != '\0' ? nearest : "the root");
}

int fs_path_find(const struct sft_model *model, const char *text,
		 struct fs_path *ret_path)
{
	auto_free char *way = malloc(strlen(text) + 2); /* ends in a slash, or is empty */
	struct sft_ref ref = SFT_REF_ROOT;
	size_t len = 0;
	size_t name_off = 0;

	if (way == NULL)
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	way[0] = '\0';
	for (const char *part = text; *part != '\0';) {
		const size_t part_len = strcspn(part, "/");
		struct sft_ref child;

		if (part_len > 0 && !(part_len == 1 && part[0] == '.')) {
			if (!sft_ref_is_folder(ref) ||
			    !sft_lookup(model, ref, part, part_len, &child) ||
			    (part[part_len] == '/' && !sft_ref_is_folder(child)))
				return fail(text, way);
			name_off = len;
			memcpy(way + len, part, part_len);
			len += part_len;
			way[len++] = '/';
			way[len] = '\0';
			ref = child;
		}
		part += part_len + (part[part_len] == '/');
	}
	if (len > 0)
		way[len - 1] = '\0';
	*ret_path = (struct fs_path){ ref, steal_ptr(&way), name_off };
	return 0;
}
