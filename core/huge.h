/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/huge.h - large pages for large memory
 *
 * A million tensors take tens of megabytes, and to touch these for the first time, by
 * pages of 4 KiB, was three tenths of the time that such a header took to read. Small
 * memory stays as it is: nothing is rounded up there.
 */
#ifndef SFT_CORE_HUGE_H
#define SFT_CORE_HUGE_H

#include <stddef.h>
#include <stdint.h>

#define SFT_HUGE_PAGE (UINT64_C(2) << 20) /* of most machines; others lose nothing */

/**
 * sft_huge() - ask for large pages where memory is worth them
 * @memory: @len bytes that were allocated and are not yet touched, or only at their start
 *
 * Advice: where the system has none, or is told not to, the memory has ordinary pages.
 */
void sft_huge(void *memory, size_t len);

#endif /* SFT_CORE_HUGE_H */
