// SPDX-License-Identifier: Apache-2.0
#include "fs/walk.h"

#include <assert.h>
#include <string.h>

/* Appends a name and a slash to the path. */
static void append(struct fs_walk *walk, const char *name)
{
	const size_t len = strlen(name);

	if (len == 0)
		return;
	/* The tree's own limit, see core/name.h, and the names of a view. */
	assert(walk->path_len + len + 2 <= sizeof(walk->path));
	memcpy(walk->path + walk->path_len, name, len);
	walk->path_len += len;
	walk->path[walk->path_len++] = '/';
	walk->path[walk->path_len] = '\0';
}

static void enter(struct fs_walk *walk, struct sft_ref folder)
{
	assert(walk->depth < FS_WALK_DEPTH_MAX);
	walk->stack[walk->depth].folder = folder;
	walk->stack[walk->depth].pos = 0;
	walk->stack[walk->depth].path_len = walk->path_len;
	walk->depth++;
}

void fs_walk_init(struct fs_walk *walk, const struct sft_model *model,
		  struct sft_ref folder, const char *path)
{
	walk->model = model;
	walk->path[0] = '\0';
	walk->path_len = 0;
	walk->depth = 0;
	walk->enters = false;
	append(walk, path);
	enter(walk, folder);
}

bool fs_walk_next(struct fs_walk *walk, struct sft_entry *ret_entry)
{
	if (walk->enters) {
		append(walk, walk->name);
		enter(walk, walk->into);
	}
	walk->enters = false;
	for (; walk->depth > 0; walk->depth--) {
		const size_t top = walk->depth - 1;

		walk->path_len = walk->stack[top].path_len;
		walk->path[walk->path_len] = '\0';
		if (!sft_list(walk->model, walk->stack[top].folder, walk->stack[top].pos,
			      ret_entry))
			continue;
		walk->stack[top].pos = ret_entry->next;
		walk->enters = ret_entry->type == SFT_TYPE_FOLDER;
		walk->into = ret_entry->ref;
		strcpy(walk->name, ret_entry->name);
		return true;
	}
	return false;
}

void fs_walk_skip(struct fs_walk *walk)
{
	walk->enters = false;
}
