// SPDX-License-Identifier: Apache-2.0
/*
 * tests/bench/caster.c - convert elements to float32 in memory, and say how long it took
 *
 *	bench-caster DTYPE|memcpy LEVEL COUNT
 *
 * LEVEL is that of core/cast.h; "best" is what a read takes. The work is done a
 * megabyte of output at a time, as reads are, from source memory that is as long as a
 * tensor. memcpy writes as much output. Prints nanoseconds, or "none" where this
 * machine or this type has no such level.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cast.h"
#include "core/dtype.h"

#define BLOCK_COUNT (UINT64_C(1) << 18) /* elements; a MiB of output */

static uint8_t dtype_of(const char *name)
{
	uint8_t idx;

	if (!sft_dtype_find((struct sft_bytes){ (const uint8_t *)name, strlen(name) },
			    &idx))
		errx(2, "no such dtype: %s", name);
	return idx;
}

static sft_cast_fn level_of(uint8_t dtype, const char *name)
{
	sft_cast_fn best = NULL;

	for (unsigned i = 0; i < SFT_SIMD_COUNT; i++) {
		sft_cast_fn cast = sft_cast_find(dtype, (enum sft_simd)i);

		if (strcmp(sft_simd_name((enum sft_simd)i), name) == 0)
			return cast;
		best = cast != NULL ? cast : best;
	}
	if (strcmp(name, "best") != 0)
		errx(2, "no such level: %s", name);
	return best;
}

static void run(sft_cast_fn cast, size_t bits, const uint8_t *src, uint8_t *dst,
		uint64_t count)
{
	for (uint64_t done = 0; done < count; done += BLOCK_COUNT) {
		const uint64_t left = count - done;
		const size_t some = (size_t)(left < BLOCK_COUNT ? left : BLOCK_COUNT);

		if (cast != NULL)
			cast(src + done * bits / 8, dst, some);
		else
			memcpy(dst, src + done * 4, some * 4);
	}
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	sft_cast_fn cast = NULL;
	uint64_t count;
	size_t bits = 32;
	uint8_t *src, *dst;

	if (argc != 4)
		errx(2, "usage: %s DTYPE|memcpy LEVEL COUNT", argv[0]);
	count = strtoull(argv[3], NULL, 10);
	if (strcmp(argv[1], "memcpy") != 0) {
		const uint8_t dtype = dtype_of(argv[1]);

		bits = sft_dtype(dtype)->bits;
		cast = level_of(dtype, argv[2]);
		if (cast == NULL) {
			puts("none");
			return 0;
		}
	}
	src = malloc((size_t)(count * bits / 8));
	dst = malloc(BLOCK_COUNT * 4);
	if (src == NULL || dst == NULL)
		errx(1, "memory");
	memset(src, 0x3c, (size_t)(count * bits / 8)); /* a number in every type */
	run(cast, bits, src, dst, count);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	run(cast, bits, src, dst, count);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%" PRId64 "\n", (int64_t)(end.tv_sec - begin.tv_sec) * 1000000000 +
					end.tv_nsec - begin.tv_nsec);
	free(src);
	free(dst);
	return 0;
}
