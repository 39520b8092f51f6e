// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_cast_edges.c - conversions of any length, anywhere in memory
 *
 * Random elements in every number up to COUNT_MAX lie against pages that cannot be
 * touched, and so does the place for the floats. Every kernel must make of them what the
 * portable one makes, whose values test_cast.c checks, and write nothing else.
 */
#include "core/cast.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/dtype.h"
#include "tests/unit/support.h"

#define COUNT_MAX 200u
#define SPAN 4096u /* holds COUNT_MAX elements of any type; a multiple of the page */

/* Memory of SPAN bytes or more, with a page on either side that cannot be touched. */
static uint8_t *new_fenced(size_t *ret_len)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t len = page > SPAN ? page : SPAN;
	uint8_t *all =
		mmap(NULL, len + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(all != MAP_FAILED);
	assert_int_equal(mprotect(all + page, len, PROT_READ | PROT_WRITE), 0);
	*ret_len = len;
	return all + page;
}

static void free_fenced(uint8_t *fenced, size_t len)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	assert_int_equal(munmap(fenced - page, len + 2 * page), 0);
}

/* A new pseudo-random number; every value of @state but 0 comes once. */
static uint64_t random_64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

struct fence {
	uint8_t *src, *dst, *want;
	size_t len; /* of each of the three */
};

/* Elements become what the portable kernel makes of them, and nothing else changes. */
static void check_place(const struct fence *fence, uint8_t dtype, enum sft_simd level,
			size_t src_off, size_t dst_off, size_t count)
{
	const uint8_t *src = fence->src + src_off;
	char row[64];

	snprintf(row, sizeof(row), "%s, %s, %zu elements", sft_dtype(dtype)->name,
		 sft_simd_name(level), count);
	memset(fence->want, 0x5a, fence->len);
	sft_cast_find(dtype, SFT_SIMD_PORTABLE)(src, fence->want + dst_off, count);
	memset(fence->dst, 0x5a, fence->len);
	sft_cast_find(dtype, level)(src, fence->dst + dst_off, count);
	CHECK_BYTES(row, bytes_at(fence->dst, fence->len),
		    bytes_at(fence->want, fence->len));
}

/* Against both fences, and at one place between them. */
static void check_places(const struct fence *fence, uint8_t dtype, enum sft_simd level,
			 size_t count)
{
	const size_t src_len = (count * sft_dtype(dtype)->bits + 7) / 8;
	const size_t src_offs[] = { 0, 8 + count % 67, fence->len - src_len };
	const size_t dst_offs[] = { 0, 8 + count % 71, fence->len - 4 * count };

	if (sft_cast_find(dtype, level) == NULL)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(src_offs); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(dst_offs); j++)
			check_place(fence, dtype, level, src_offs[i], dst_offs[j], count);
	}
}

static void test_edges(void **state)
{
	uint64_t random = 88172645463325252;
	struct fence fence;

	(void)state;
	fence.src = new_fenced(&fence.len);
	fence.dst = new_fenced(&fence.len);
	fence.want = malloc(fence.len);
	assert_non_null(fence.want);
	for (uint8_t dtype = 0; dtype < SFT_DTYPE_COUNT; dtype++) {
		for (size_t count = 0; sft_cast_has(dtype) && count <= COUNT_MAX;
		     count++) {
			for (size_t i = 0; i < fence.len; i++)
				fence.src[i] = (uint8_t)(random_64(&random) >> 32);
			for (unsigned i = 0; i < SFT_SIMD_COUNT; i++)
				check_places(&fence, dtype, (enum sft_simd)i, count);
		}
	}
	free_fenced(fence.src, fence.len);
	free_fenced(fence.dst, fence.len);
	free(fence.want);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
