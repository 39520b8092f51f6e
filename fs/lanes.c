// SPDX-License-Identifier: Apache-2.0
#include "fs/lanes.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

struct waiting {
	struct waiting *next;
	struct fs_request request;
};

struct lane {
	unsigned room;       /* for threads that are answering */
	atomic_uint busy;    /* of these */
	atomic_uint waiting; /* requests in the list, which is locked */
	struct waiting *first, **last;
};

/* Where there is room nothing is locked: that is every read of a source that answers. */
struct fs_lanes {
	/* Of lists, and of adding devices; never held during an answer. */
	pthread_mutex_t lock;
	struct {
		dev_t device; /* never changes below @device_count */
		struct lane open, read;
	} devices[FS_LANE_DEVICES];
	atomic_size_t device_count;
};

static void init_lane(struct lane *lane, unsigned room)
{
	lane->room = room;
	lane->last = &lane->first;
}

struct fs_lanes *fs_lanes_new(void)
{
	struct fs_lanes *lanes = calloc(1, sizeof(*lanes));

	if (lanes == NULL)
		return NULL;
	pthread_mutex_init(&lanes->lock, NULL);
	for (size_t i = 0; i < FS_LANE_DEVICES; i++) {
		init_lane(&lanes->devices[i].open, FS_LANE_OPENS);
		init_lane(&lanes->devices[i].read, FS_LANE_READS);
	}
	return lanes;
}

void fs_lanes_free(struct fs_lanes *lanes)
{
	if (lanes == NULL)
		return;
	pthread_mutex_destroy(&lanes->lock);
	free(lanes);
}

/* Return: false if the device has not been met; *ret_idx: where it would be. */
static bool find_device(struct fs_lanes *lanes, dev_t device, size_t *ret_idx)
{
	const size_t count =
		atomic_load_explicit(&lanes->device_count, memory_order_acquire);

	for (size_t i = 0; i < count; i++) {
		if (lanes->devices[i].device == device) {
			*ret_idx = i;
			return true;
		}
	}
	*ret_idx = count;
	return false;
}

/* A device gets its lanes when it is first met. */
static size_t add_device(struct fs_lanes *lanes, dev_t device)
{
	size_t i;

	pthread_mutex_lock(&lanes->lock);
	if (!find_device(lanes, device, &i)) {
		if (i == FS_LANE_DEVICES) {
			i--;
		} else {
			lanes->devices[i].device = device;
			atomic_store_explicit(&lanes->device_count, i + 1,
					      memory_order_release);
		}
	}
	pthread_mutex_unlock(&lanes->lock);
	return i;
}

static struct lane *find_lane(struct fs_lanes *lanes, enum fs_lane kind, dev_t device)
{
	size_t i;

	if (!find_device(lanes, device, &i))
		i = add_device(lanes, device);
	return kind == FS_LANE_OPEN ? &lanes->devices[i].open : &lanes->devices[i].read;
}

static bool enter(struct lane *lane)
{
	unsigned busy = atomic_load(&lane->busy);

	while (busy < lane->room)
		if (atomic_compare_exchange_weak(&lane->busy, &busy, busy + 1))
			return true;
	return false;
}

static void leave(struct lane *lane)
{
	atomic_fetch_sub(&lane->busy, 1);
}

/* Has a request wait for one of those in the lane. Return: false: memory is short. */
static bool wait_in(struct fs_lanes *lanes, struct lane *lane,
		    const struct fs_request *request)
{
	struct waiting *waiting = malloc(sizeof(*waiting));

	if (waiting == NULL)
		return false;
	*waiting = (struct waiting){ .request = *request };
	pthread_mutex_lock(&lanes->lock);
	*lane->last = waiting;
	lane->last = &waiting->next;
	atomic_fetch_add(&lane->waiting, 1);
	pthread_mutex_unlock(&lanes->lock);
	return true;
}

/* Takes the request that waits longest; NULL: there is none any more. */
static struct waiting *take_next(struct fs_lanes *lanes, struct lane *lane)
{
	struct waiting *next;

	pthread_mutex_lock(&lanes->lock);
	next = lane->first;
	if (next != NULL) {
		lane->first = next->next;
		atomic_fetch_sub(&lane->waiting, 1);
	}
	if (lane->first == NULL)
		lane->last = &lane->first;
	pthread_mutex_unlock(&lanes->lock);
	return next;
}

/*
 * Answers what waits, as long as there is room. Nobody is left behind: who adds one
 * finds room here, or those who take it come here after they have left, and see it.
 */
static void serve_waiting(struct fs_lanes *lanes, struct lane *lane)
{
	while (atomic_load(&lane->waiting) > 0 && enter(lane)) {
		struct waiting *next = take_next(lanes, lane);

		if (next != NULL)
			next->request.answer(&next->request);
		free(next);
		leave(lane);
	}
}

void fs_lanes_answer(struct fs_lanes *lanes, enum fs_lane kind, dev_t device,
		     const struct fs_request *request)
{
	struct lane *lane = find_lane(lanes, kind, device);

	/* Who comes later waits behind those who wait. */
	if (atomic_load(&lane->waiting) == 0 && enter(lane)) {
		request->answer(request);
		leave(lane);
	} else if (!wait_in(lanes, lane, request)) {
		fuse_reply_err(request->req, ENOMEM);
	}
	serve_waiting(lanes, lane);
}
