// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* madvise() */
#include "core/huge.h"

#include <sys/mman.h>
#include <unistd.h>

#define WORTH_IT (2 * SFT_HUGE_PAGE)

void sft_huge(void *memory, size_t len)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t begin = ((uintptr_t)memory + page - 1) / page * page;
	const uintptr_t end = ((uintptr_t)memory + len) / page * page;

	if (len >= WORTH_IT)
		madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}
