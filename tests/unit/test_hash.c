// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_hash.c - hashes that nobody can foresee
 */
#include "core/hash.h"
#include "tests/unit/support.h"

static void test_equal_and_not(void **state)
{
	struct sft_hash hash;
	char copy[] = "layers.0";

	(void)state;
	assert_int_equal(sft_hash_init(&hash, NULL), SFT_OK);
	assert_true(sft_hash_of(&hash, BYTES("layers.0")) ==
		    sft_hash_of(&hash, sft_bytes_of(copy)));
	assert_true(sft_hash_of(&hash, BYTES("layers.0")) !=
		    sft_hash_of(&hash, BYTES("layers.1")));
	assert_true(sft_hash_of(&hash, BYTES("a")) != sft_hash_of(&hash, BYTES("a\0")));
	assert_true(sft_hash_of(&hash, BYTES("")) ==
		    sft_hash_of(&hash, (struct sft_bytes){ NULL, 0 }));
}

static void test_secret(void **state)
{
	struct sft_hash a, b;

	(void)state;
	assert_int_equal(sft_hash_init(&a, NULL), SFT_OK);
	assert_int_equal(sft_hash_init(&b, NULL), SFT_OK);
	assert_true(sft_hash_of(&a, BYTES("x")) != sft_hash_of(&b, BYTES("x")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_and_not),
		cmocka_unit_test(test_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
