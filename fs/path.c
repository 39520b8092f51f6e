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

/* Goes one name further. Return: false where there is no such name. */
static bool step(const struct sft_model *model, struct fs_path *path, const char *name,
		 size_t len)
{
	if (path->type != SFT_TYPE_FOLDER)
		return false;
	if (sft_lookup(model, path->ref, name, len, &path->ref)) {
		path->type = sft_ref_type(model, path->ref);
		return true;
	}
	path->is_slice = sft_slice_lookup(model, path->ref, name, len, &path->slice);
	path->type = SFT_TYPE_FILE;
	if (path->is_slice)
		path->ref = path->slice.ref;
	return path->is_slice;
}

int fs_path_find(const struct sft_model *model, const char *text,
		 struct fs_path *ret_path)
{
	auto_free char *way = malloc(strlen(text) + 2); /* ends in a slash, or is empty */
	size_t len = 0;

	ret_path->type = SFT_TYPE_FOLDER;
	ret_path->ref = SFT_REF_ROOT;
	ret_path->is_slice = false;
	ret_path->name_off = 0;
	if (way == NULL)
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	way[0] = '\0';
	for (const char *part = text; *part != '\0';) {
		const size_t part_len = strcspn(part, "/");

		if (part_len > 0 && !(part_len == 1 && part[0] == '.')) {
			if (!step(model, ret_path, part, part_len) ||
			    (part[part_len] == '/' && ret_path->type != SFT_TYPE_FOLDER))
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

enum sft_status fs_path_attr(const struct sft_model *model, const struct fs_path *path,
			     struct sft_attr *ret_attr, struct sft_error *err)
{
	return path->is_slice ? sft_slice_attr(model, &path->slice, ret_attr, err)
			      : sft_attr(model, path->ref, ret_attr, err);
}

void fs_path_note(const struct sft_model *model, const struct fs_path *path, char *out,
		  size_t cap)
{
	if (path->is_slice)
		sft_slice_note(model, &path->slice, out, cap);
	else
		sft_ref_note(model, path->ref, out, cap);
}

enum sft_status fs_path_open(const struct sft_model *model, const struct fs_path *path,
			     struct sft_file **ret_file, struct sft_error *err)
{
	if (path->is_slice)
		return sft_slice_open(model, &path->slice, ret_file, err);
	return sft_file_open(model,
			     path->type == SFT_TYPE_LINK
				     ? sft_link_follow(model, path->ref)
				     : path->ref,
			     ret_file, err);
}
