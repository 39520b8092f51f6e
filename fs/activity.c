// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* MAP_ANONYMOUS, CLOCK_MONOTONIC_COARSE */
#include "fs/activity.h"

#include <limits.h>
#include <sys/mman.h>
#include <time.h>

/* Read without a system call, and good to a few milliseconds. */
static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

struct fs_activity *fs_activity_new(void)
{
	struct fs_activity *activity =
		mmap(NULL, sizeof(*activity), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return activity != MAP_FAILED ? activity : NULL; /* of zeros */
}

void fs_activity_free(struct fs_activity *activity)
{
	if (activity != NULL)
		munmap(activity, sizeof(*activity));
}

void fs_activity_note(struct fs_activity *activity)
{
	const uint64_t time = now();

	/* Many threads come here: most of them need not write. */
	if (atomic_load_explicit(&activity->last, memory_order_relaxed) != time)
		atomic_store_explicit(&activity->last, time, memory_order_relaxed);
}

void fs_idle_begin(struct fs_idle *idle)
{
	idle->since = now();
}

int fs_idle_left(const struct fs_idle *idle)
{
	const uint64_t limit = (uint64_t)idle->seconds * 1000;
	const uint64_t last = atomic_load(&idle->activity->last);
	const uint64_t begin = last > idle->since ? last : idle->since;
	const uint64_t time = now();
	const uint64_t passed = time > begin ? time - begin : 0;
	uint64_t left = limit;

	if (limit == 0)
		return -1;
	if (passed < limit)
		left = limit - passed;
	else if (atomic_load(&idle->activity->open_files) == 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}
