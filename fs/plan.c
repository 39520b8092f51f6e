// SPDX-License-Identifier: Apache-2.0
#include "fs/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"

struct fs_plan_item {
	char *text; /* from the root, as fs_path_find() writes it */
	enum sft_type type;
	struct sft_ref ref;
	struct sft_slice *slice; /* NULL: it is none; large, and rare */
};

/* As text, but that a slash comes before all else: what is in a folder follows it. */
static int compare(const void *a, const void *b)
{
	const unsigned char *left =
		(const unsigned char *)((const struct fs_plan_item *)a)->text;
	const unsigned char *right =
		(const unsigned char *)((const struct fs_plan_item *)b)->text;

	while (*left == *right && *left != '\0') {
		left++;
		right++;
	}
	return (*left == '/' ? 1 : *left) - (*right == '/' ? 1 : *right);
}

/* Whether a walk of a folder meets an item. */
static bool is_met(const struct fs_plan_item *folder, const struct fs_plan_item *item)
{
	const size_t len = strlen(folder->text);

	if (item->slice != NULL)
		return false;
	if (len == 0) /* the root lists all but `.view` */
		return item->ref.view == 0 && item->ref.kind != SFT_KIND_VIEWS;
	return strncmp(folder->text, item->text, len) == 0 && item->text[len] == '/';
}

static void free_item(struct fs_plan_item *item)
{
	free(item->text);
	free(item->slice);
}

/* Drops what comes a second time. */
static void thin_out(struct fs_plan *plan)
{
	struct fs_plan_item *items = plan->items;
	const struct fs_plan_item *root = NULL;
	const struct fs_plan_item *folder = NULL; /* the last that stays */
	size_t kept = 0;

	qsort(items, plan->count, sizeof(*items), compare);
	for (size_t i = 0; i < plan->count; i++) {
		const bool is_again =
			kept > 0 && strcmp(items[kept - 1].text, items[i].text) == 0;

		if (is_again || (root != NULL && is_met(root, &items[i])) ||
		    (folder != NULL && is_met(folder, &items[i]))) {
			free_item(&items[i]);
			continue;
		}
		items[kept] = items[i];
		if (items[kept].type == SFT_TYPE_FOLDER)
			folder = &items[kept];
		if (items[kept].text[0] == '\0')
			root = &items[kept];
		kept++;
	}
	plan->count = kept;
}

static int add_item(struct fs_plan *plan, const char *text)
{
	struct fs_plan_item *item = &plan->items[plan->count];
	struct fs_path path;
	const int exit_status = fs_path_find(plan->model, text, &path);

	if (exit_status != 0)
		return exit_status;
	*item = (struct fs_plan_item){ .text = path.text,
				       .type = path.place.type,
				       .ref = path.place.ref };
	plan->count++;
	if (!path.place.is_slice)
		return 0;
	item->slice = malloc(sizeof(*item->slice));
	if (item->slice == NULL)
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	*item->slice = path.place.slice;
	return 0;
}

int fs_plan_init(struct fs_plan *plan, const struct sft_model *model, char **paths,
		 int count)
{
	int exit_status = 0;

	*plan = (struct fs_plan){ .model = model };
	plan->items = calloc((size_t)count + 1, sizeof(*plan->items));
	if (plan->items == NULL)
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	for (int i = 0; exit_status == 0 && i < count; i++)
		exit_status = add_item(plan, paths[i]);
	if (count == 0)
		exit_status = add_item(plan, "");
	if (exit_status == 0)
		thin_out(plan);
	return exit_status;
}

void fs_plan_done(struct fs_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		free_item(&plan->items[i]);
	free(plan->items);
	*plan = (struct fs_plan){ 0 };
}

/* ---- one after another ---- */

void fs_cursor_init(struct fs_cursor *cursor, const struct fs_plan *plan)
{
	cursor->plan = plan;
	cursor->next = 0;
	cursor->is_walking = false;
}

static void go_to(struct fs_cursor *cursor, const struct fs_plan_item *item)
{
	const char *slash = strrchr(item->text, '/');
	const size_t way_len = slash != NULL ? (size_t)(slash - item->text) + 1 : 0;

	cursor->place.type = item->type;
	cursor->place.ref = item->ref;
	cursor->place.is_slice = item->slice != NULL;
	if (item->slice != NULL)
		cursor->place.slice = *item->slice;
	assert(way_len < sizeof(cursor->item_way)); /* it is a way that fs/walk.h knows */
	memcpy(cursor->item_way, item->text, way_len);
	cursor->item_way[way_len] = '\0';
	cursor->way = cursor->item_way;
	cursor->name = item->text + way_len;
	cursor->is_walking = item->type == SFT_TYPE_FOLDER;
	if (cursor->is_walking)
		fs_walk_init(&cursor->walk, cursor->plan->model, item->ref, item->text);
}

bool fs_cursor_next(struct fs_cursor *cursor)
{
	if (cursor->is_walking && fs_walk_next(&cursor->walk, &cursor->entry)) {
		cursor->place.type = cursor->entry.type;
		cursor->place.ref = cursor->entry.ref;
		cursor->place.is_slice = false;
		cursor->way = cursor->walk.path;
		cursor->name = cursor->entry.name;
		return true;
	}
	if (cursor->next == cursor->plan->count)
		return false;
	go_to(cursor, &cursor->plan->items[cursor->next++]);
	return true;
}

void fs_cursor_skip(struct fs_cursor *cursor)
{
	if (cursor->name == cursor->entry.name)
		fs_walk_skip(&cursor->walk);
	else
		cursor->is_walking = false;
}
