/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/plan.h - which parts of the tree are extracted, each of them once
 *
 *	struct fs_cursor cursor;
 *
 *	fs_cursor_init(&cursor, &plan);
 *	while (fs_cursor_next(&cursor))
 *		... cursor.way and cursor.name, cursor.place ...
 *
 * A folder comes before what is in it. What was named twice, or lies in a folder that was
 * named as well, comes once.
 */
#ifndef FS_PLAN_H
#define FS_PLAN_H

#include "fs/path.h"
#include "fs/walk.h"

struct fs_plan {
	const struct sft_model *model;
	struct fs_plan_item *items;
	size_t count;
};

/**
 * fs_plan_init() - find what was named
 * @plan:  to be freed with fs_plan_done(), after a failure as well
 * @paths: @count of them, as fs_path_find() takes them; none: the whole tree
 *
 * Return: 0, or the exit status after a message: all of them have to be there.
 */
int fs_plan_init(struct fs_plan *plan, const struct sft_model *model, char **paths,
		 int count);

void fs_plan_done(struct fs_plan *plan);

struct fs_cursor {
	const struct fs_plan *plan;
	struct fs_place place; /* what is here */
	const char *way;  /* to the folder that it is in: "", or a slash at the end */
	const char *name; /* in there; "" of the root */
	size_t next;      /* item of the plan after this one */
	bool is_walking;  /* in the folder that this item is */
	struct fs_walk walk;
	struct sft_entry entry;          /* of the walk */
	char item_way[FS_WALK_PATH_MAX]; /* of an item */
};

/* Stands before the first entry. A plan may have many cursors. */
void fs_cursor_init(struct fs_cursor *cursor, const struct fs_plan *plan);

/* Return: false behind the last entry. */
bool fs_cursor_next(struct fs_cursor *cursor);

/* Passes over all that is in the folder which is here. */
void fs_cursor_skip(struct fs_cursor *cursor);

#endif /* FS_PLAN_H */
