// SPDX-License-Identifier: Apache-2.0
#include "fs/slices.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ROW_BITS 16u
#define NONE UINT32_MAX

_Static_assert(1u << ROW_BITS == FS_SLICES_MAX, "rows are numbered by so many bits");

/* Where a row stands; all but the open ones are in a list. */
enum state {
	STATE_FREE, /* zero, as calloc() leaves it */
	STATE_IDLE, /* known to the kernel; nobody has it open */
	STATE_OPEN,
	STATE_GONE, /* its number is dead, its name not yet given back */
};

struct row {
	uint64_t serial;
	uint64_t lookups;
	struct fs_slice_name name;
	uint32_t opens;
	uint32_t older, newer; /* in its list; NONE at the ends */
	uint8_t state;
	bool was_opened;
};

/* Rows from the oldest to the newest. */
struct list {
	uint32_t oldest, newest;
	uint32_t count;
};

struct fs_slices {
	pthread_mutex_t lock; /* of all that follows */
	struct row *rows;     /* in memory that is zero until touched */
	uint32_t used;        /* rows that were ever in use: the others are free */
	uint64_t serial;      /* of the last row made; 47 bits are enough for ever */
	struct list vacant, idle, gone;
};

struct fs_slices *fs_slices_new(void)
{
	struct fs_slices *slices = calloc(1, sizeof(*slices));

	if (slices == NULL)
		return NULL;
	slices->rows = calloc(FS_SLICES_MAX, sizeof(*slices->rows));
	if (slices->rows == NULL) {
		free(slices);
		return NULL;
	}
	slices->vacant = slices->idle = slices->gone = (struct list){ NONE, NONE, 0 };
	pthread_mutex_init(&slices->lock, NULL);
	return slices;
}

void fs_slices_free(struct fs_slices *slices)
{
	if (slices == NULL)
		return;
	free(slices->rows);
	pthread_mutex_destroy(&slices->lock);
	free(slices);
}

/* ---- lists ---- */

static struct list *list_of(struct fs_slices *slices, enum state state)
{
	switch (state) {
	case STATE_FREE:
		return &slices->vacant;
	case STATE_IDLE:
		return &slices->idle;
	case STATE_GONE:
		return &slices->gone;
	case STATE_OPEN:
		break;
	}
	return NULL;
}

static void append(struct fs_slices *slices, uint32_t idx, enum state state)
{
	struct list *list = list_of(slices, state);
	struct row *row = &slices->rows[idx];

	row->state = (uint8_t)state;
	if (list == NULL)
		return;
	row->older = list->newest;
	row->newer = NONE;
	if (list->newest != NONE)
		slices->rows[list->newest].newer = idx;
	else
		list->oldest = idx;
	list->newest = idx;
	list->count++;
}

static void take_out(struct fs_slices *slices, uint32_t idx)
{
	const struct row *row = &slices->rows[idx];
	struct list *list = list_of(slices, (enum state)row->state);

	if (list == NULL)
		return;
	if (row->older != NONE)
		slices->rows[row->older].newer = row->newer;
	else
		list->oldest = row->newer;
	if (row->newer != NONE)
		slices->rows[row->newer].older = row->older;
	else
		list->newest = row->older;
	list->count--;
}

static void move(struct fs_slices *slices, uint32_t idx, enum state state)
{
	take_out(slices, idx);
	append(slices, idx, state);
}

/* ---- rows ---- */

/* Return: a row in no list, or NONE. */
static uint32_t take_row(struct fs_slices *slices)
{
	uint32_t idx = slices->vacant.oldest;

	if (idx == NONE && slices->used < FS_SLICES_MAX)
		return slices->used++;
	if (idx == NONE && slices->gone.count > 0) /* its name is given back by no one */
		idx = slices->gone.oldest;
	if (idx == NONE)
		idx = slices->idle.oldest;
	if (idx == NONE)
		return NONE;
	take_out(slices, idx);
	return idx;
}

static fuse_ino_t ino_of(const struct fs_slices *slices, uint32_t idx)
{
	return FS_SLICE_BIT | slices->rows[idx].serial << ROW_BITS | idx;
}

/* The row of a number that is alive, or NULL. */
static struct row *find_row(struct fs_slices *slices, fuse_ino_t ino)
{
	const uint32_t idx = (uint32_t)(ino & (FS_SLICES_MAX - 1));
	struct row *row = &slices->rows[idx];

	return ino == ino_of(slices, idx) &&
			       (row->state == STATE_IDLE || row->state == STATE_OPEN)
		       ? row
		       : NULL;
}

fuse_ino_t fs_slices_add(struct fs_slices *slices, const struct fs_slice_name *name)
{
	fuse_ino_t ino = 0;
	uint32_t idx;

	pthread_mutex_lock(&slices->lock);
	idx = take_row(slices);
	if (idx != NONE) {
		struct row *row = &slices->rows[idx];

		row->serial = ++slices->serial;
		row->lookups = 1;
		row->opens = 0;
		row->was_opened = false;
		row->name.folder = name->folder;
		strcpy(row->name.text, name->text);
		append(slices, idx, STATE_IDLE);
		ino = ino_of(slices, idx);
	}
	if (slices->idle.count > FS_SLICES_IDLE_MAX)
		move(slices, slices->idle.oldest, STATE_GONE);
	pthread_mutex_unlock(&slices->lock);
	return ino;
}

bool fs_slices_find(struct fs_slices *slices, fuse_ino_t ino,
		    struct fs_slice_name *ret_name)
{
	const struct row *row;

	pthread_mutex_lock(&slices->lock);
	row = find_row(slices, ino);
	if (row != NULL)
		*ret_name = row->name;
	pthread_mutex_unlock(&slices->lock);
	return row != NULL;
}

void fs_slices_forget(struct fs_slices *slices, fuse_ino_t ino, uint64_t lookups)
{
	struct row *row;

	pthread_mutex_lock(&slices->lock);
	row = find_row(slices, ino);
	if (row != NULL) {
		row->lookups -= lookups < row->lookups ? lookups : row->lookups;
		if (row->lookups == 0 && row->state == STATE_IDLE)
			move(slices, (uint32_t)(row - slices->rows), STATE_FREE);
	}
	pthread_mutex_unlock(&slices->lock);
}

bool fs_slices_open(struct fs_slices *slices, fuse_ino_t ino)
{
	struct row *row;

	pthread_mutex_lock(&slices->lock);
	row = find_row(slices, ino);
	if (row != NULL) {
		row->opens++;
		row->was_opened = true;
		if (row->state == STATE_IDLE)
			move(slices, (uint32_t)(row - slices->rows), STATE_OPEN);
	}
	pthread_mutex_unlock(&slices->lock);
	return row != NULL;
}

void fs_slices_close(struct fs_slices *slices, fuse_ino_t ino)
{
	struct row *row;

	pthread_mutex_lock(&slices->lock);
	row = find_row(slices, ino);
	if (row != NULL && --row->opens == 0) {
		move(slices, (uint32_t)(row - slices->rows), STATE_IDLE);
		if (row->lookups == 0) /* forgotten in the meantime */
			move(slices, (uint32_t)(row - slices->rows), STATE_FREE);
		else if (slices->idle.count > FS_SLICES_IDLE_MAX)
			move(slices, slices->idle.oldest, STATE_GONE);
	}
	pthread_mutex_unlock(&slices->lock);
}

/* ---- for the thread that notifies ---- */

bool fs_slices_any_gone(struct fs_slices *slices)
{
	bool any;

	pthread_mutex_lock(&slices->lock);
	any = slices->gone.count > 0;
	pthread_mutex_unlock(&slices->lock);
	return any;
}

bool fs_slices_next_gone(struct fs_slices *slices, struct fs_slice_name *ret_name)
{
	uint32_t idx;

	pthread_mutex_lock(&slices->lock);
	idx = slices->gone.oldest;
	if (idx != NONE) {
		*ret_name = slices->rows[idx].name;
		move(slices, idx, STATE_FREE);
	}
	pthread_mutex_unlock(&slices->lock);
	return idx != NONE;
}

fuse_ino_t fs_slices_next_open(struct fs_slices *slices, size_t *at)
{
	fuse_ino_t ino = 0;

	pthread_mutex_lock(&slices->lock);
	for (; ino == 0 && *at < slices->used; (*at)++) {
		const struct row *row = &slices->rows[*at];

		if (row->was_opened &&
		    (row->state == STATE_IDLE || row->state == STATE_OPEN))
			ino = ino_of(slices, (uint32_t)*at);
	}
	pthread_mutex_unlock(&slices->lock);
	return ino;
}
