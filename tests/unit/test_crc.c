// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_crc.c - four bytes lead from any checksum to any other
 *
 * Held against a checksum that is computed bit by bit from the definition.
 */
#include "core/crc.h"

#include <stdlib.h>

#include "tests/unit/support.h"

#define ROOM 8192u

static uint32_t slow_crc(const uint8_t *bytes, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ UINT32_C(0xedb88320) : crc >> 1;
	}
	return ~crc;
}

/* The definition above is the one that everybody means. */
static void test_definition(void **state)
{
	(void)state;
	assert_int_equal(slow_crc((const uint8_t *)"123456789", 9), 0xcbf43926);
}

static void test_patch(void **state)
{
	static const size_t lens[] = { 0, 1, 2, 63, 1000 };
	static const size_t zeros[] = { 0, 1, 3, 4, 5, 64, 4095 };
	static const uint32_t targets[] = { 0, 1, 0x4e505a21, 0x80000000, UINT32_MAX };
	uint8_t bytes[ROOM];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lens); i++)
		for (size_t j = 0; j < ARRAY_COUNT(zeros); j++)
			for (size_t k = 0; k < ARRAY_COUNT(targets); k++) {
				const size_t len = lens[i];

				memset(bytes, 0, sizeof(bytes));
				for (size_t at = 0; at < len; at++)
					bytes[at] = (uint8_t)(at * 167 + i + k);
				sft_crc_patch(slow_crc(bytes, len), targets[k], zeros[j],
					      bytes + len);
				CHECK_UINT("crc",
					   slow_crc(bytes,
						    len + SFT_CRC_PATCH_LEN + zeros[j]),
					   targets[k]);
			}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_definition),
		cmocka_unit_test(test_patch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
