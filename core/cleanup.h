/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/cleanup.h - temporaries that free themselves
 *
 * `auto_free char *text = ...;` is freed at the end of its scope; steal_ptr(&text) hands
 * it over instead. A function uses these or `goto out`, never both.
 */
#ifndef SFT_CORE_CLEANUP_H
#define SFT_CORE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void sft_cleanup_free(void *slot)
{
	free(*(void **)slot);
}

static inline void sft_cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void *sft_steal(void *slot)
{
	void *ptr = *(void **)slot;

	*(void **)slot = NULL;
	return ptr;
}

#define auto_free __attribute__((cleanup(sft_cleanup_free)))
#define auto_close_fd __attribute__((cleanup(sft_cleanup_fd)))
#define steal_ptr(slot) ((__typeof__(*(slot)))sft_steal(slot))

static inline int steal_fd(int *fd)
{
	const int taken = *fd;

	*fd = -1;
	return taken;
}

#endif /* SFT_CORE_CLEANUP_H */
