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
	size_t len = 0;

	fs_place_of(&ret_path->place, model, SFT_REF_ROOT);
	ret_path->name_off = 0;
	if (way == NULL)
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	way[0] = '\0';
	for (const char *part = text; *part != '\0';) {
		const size_t part_len = strcspn(part, "/");

		if (part_len > 0 && !(part_len == 1 && part[0] == '.')) {
			if (ret_path->place.type != SFT_TYPE_FOLDER ||
			    !fs_place_find(model, ret_path->place.ref, part, part_len,
					   &ret_path->place))
				return fail(text, way);
			if (part[part_len] == '/' &&
			    ret_path->place.type != SFT_TYPE_FOLDER)
				return fail(text, way);
			ret_path->name_off = len;
			memcpy(way + len, part, part_len);
			len += part_len;
			way[len++] = '/';
			way[len] = '\0';
		}
		part += part_len + (part[part_len] == '/');
	}
	if (len > 0)
		way[len - 1] = '\0';
	ret_path->text = steal_ptr(&way);
	return 0;
}

enum sft_status fs_path_open(const struct sft_model *model, const struct fs_path *path,
			     struct sft_file **ret_file, struct sft_error *err)
{
	struct fs_place target;

	if (path->place.type != SFT_TYPE_LINK)
		return fs_place_open(model, &path->place, ret_file, err);
	fs_place_of(&target, model, sft_link_follow(model, path->place.ref));
	return fs_place_open(model, &target, ret_file, err);
}
