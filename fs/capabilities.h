/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/capabilities.h - what is left of root's rights in a process
 */
#ifndef FS_CAPABILITIES_H
#define FS_CAPABILITIES_H

#include <stdint.h>

/* The bit of CAP_NAME in a set. */
#define FS_CAPABILITY(number) (UINT64_C(1) << (number))

/**
 * fs_capabilities_keep() - give up all capabilities but some
 * @keep: FS_CAPABILITY()s to keep, as far as they are there; 0 for none
 *
 * Of every set: permitted and effective ones that are not in @keep, all inheritable and
 * ambient ones, and those of the bounding set where the process may change it; one that
 * may not has none to lose. For a process with a single thread.
 *
 * Return: 0 or an errno.
 */
int fs_capabilities_keep(uint64_t keep);

#endif /* FS_CAPABILITIES_H */
