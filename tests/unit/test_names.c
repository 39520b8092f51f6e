// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_names.c - a growing list of file names, sorted in byte order
 */
#include "core/names.h"

#include <stdio.h>

#include "tests/unit/support.h"

static void test_sort(void **state)
{
	static const char *const in[] = { "b",   "a",    "",    "B", "\xff", "a\xc3\xa9",
					  "a-2", "a-10", "a.b", "a", "a0" };
	static const char *const want[] = { "",    "B",  "a",         "a", "a-10", "a-2",
					    "a.b", "a0", "a\xc3\xa9", "b", "\xff" };
	struct sft_names names = { 0 };

	(void)state;
	sft_names_sort(&names); /* nothing is fine */
	for (size_t i = 0; i < ARRAY_COUNT(in); i++) {
		assert_true(sft_names_add(&names, in[i], strlen(in[i])));
		assert_int_equal(names.count, i + 1);
		assert_string_equal(names.items[i], in[i]);
		assert_ptr_not_equal(names.items[i], in[i]); /* it is a copy */
	}
	sft_names_sort(&names);
	assert_int_equal(names.count, ARRAY_COUNT(want));
	for (size_t i = 0; i < ARRAY_COUNT(want); i++)
		CHECK_TEXT(want[i], names.items[i], want[i]);
	sft_names_done(&names);
	assert_null(names.items);
	assert_int_equal(names.count, 0);
	sft_names_done(&names);
}

/* As much as is asked for, and no terminator needed. */
static void test_len(void **state)
{
	static const char text[] = { 'a', 'b', 'c' };
	struct sft_names names = { 0 };

	(void)state;
	for (size_t len = 0; len <= sizeof(text); len++)
		assert_true(sft_names_add(&names, text, len));
	CHECK_TEXT("0", names.items[0], "");
	CHECK_TEXT("1", names.items[1], "a");
	CHECK_TEXT("2", names.items[2], "ab");
	CHECK_TEXT("3", names.items[3], "abc");
	sft_names_done(&names);
}

static void test_many(void **state)
{
	struct sft_names names = { 0 };
	char text[16];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%03u", 999 - i);
		assert_true(sft_names_add(&names, text, 3));
	}
	sft_names_sort(&names);
	assert_int_equal(names.count, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%03u", i);
		CHECK_TEXT(text, names.items[i], text);
	}
	sft_names_done(&names);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_len),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
