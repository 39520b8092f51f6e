// SPDX-License-Identifier: Apache-2.0
#include "fs/lanes.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct waiting {
	struct waiting *next;
	struct fs_job job;
};

struct lane {
	unsigned busy;                 /* threads that are answering */
	unsigned room;                 /* for them */
	struct waiting *first, **last; /* only where there is no room */
};

struct fs_lanes {
	pthread_mutex_t lock; /* of all that follows; never held during an answer */
	struct {
		dev_t device;
		struct lane open, read;
	} devices[FS_LANE_DEVICES];
	size_t device_count;
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

/* A device gets its lanes when it is first met. */
static struct lane *find_lane(struct fs_lanes *lanes, enum fs_lane kind, dev_t device)
{
	size_t i = 0;

	while (i < lanes->device_count && lanes->devices[i].device != device)
		i++;
	if (i == lanes->device_count) {
		if (i == FS_LANE_DEVICES)
			i--;
		else
			lanes->devices[lanes->device_count++].device = device;
	}
	return kind == FS_LANE_OPEN ? &lanes->devices[i].open : &lanes->devices[i].read;
}

static bool enter(struct lane *lane)
{
	if (lane->busy == lane->room)
		return false;
	lane->busy++;
	return true;
}

/* Has a job wait for one of those in the lane. Return: false where memory is short. */
static bool wait_in(struct lane *lane, const struct fs_job *job)
{
	struct waiting *waiting = malloc(sizeof(*waiting));

	if (waiting == NULL)
		return false;
	*waiting = (struct waiting){ .job = *job };
	*lane->last = waiting;
	lane->last = &waiting->next;
	return true;
}

/* Takes the job that waits longest, or leaves the lane and returns NULL. */
static struct waiting *take_next(struct fs_lanes *lanes, struct lane *lane)
{
	struct waiting *next;

	pthread_mutex_lock(&lanes->lock);
	next = lane->first;
	if (next == NULL)
		lane->busy--;
	else
		lane->first = next->next;
	if (lane->first == NULL)
		lane->last = &lane->first;
	pthread_mutex_unlock(&lanes->lock);
	return next;
}

void fs_lanes_answer(struct fs_lanes *lanes, enum fs_lane kind, dev_t device,
		     const struct fs_job *job)
{
	struct waiting *next;
	struct lane *lane;
	bool entered, waits;

	pthread_mutex_lock(&lanes->lock);
	lane = find_lane(lanes, kind, device);
	entered = enter(lane);
	waits = !entered && wait_in(lane, job);
	pthread_mutex_unlock(&lanes->lock);
	if (!entered) {
		if (!waits)
			fuse_reply_err(job->req, ENOMEM);
		return;
	}
	job->answer(job);
	while ((next = take_next(lanes, lane)) != NULL) {
		next->job.answer(&next->job);
		free(next);
	}
}
