// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_table.c - a set of names: duplicates, growth, names with NUL
 *
 * The names belong to the caller, so each test keeps an array of its own. That the hash
 * is keyed shows in two tables not having the same secret.
 */
#include "core/table.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

static struct sft_bytes name_at(const void *ctx, uint32_t idx)
{
	const struct sft_bytes *names = ctx;

	return names[idx];
}

static const struct sft_bytes few[] = {
	BYTES("a"),    BYTES("b"), BYTES(""),   BYTES("a\0"),
	BYTES("a\0b"), BYTES("A"), BYTES("\0"),
};

static void test_duplicates(void **state)
{
	struct sft_table table;
	uint32_t found;

	(void)state;
	assert_int_equal(sft_table_init(&table, name_at, few, NULL), SFT_OK);
	for (uint32_t i = 0; i < ARRAY_COUNT(few); i++)
		assert_false(sft_table_find(&table, few[i], &found));
	for (uint32_t i = 0; i < ARRAY_COUNT(few); i++) {
		found = UINT32_MAX;
		assert_int_equal(sft_table_put(&table, few[i], i, &found, NULL), SFT_OK);
		assert_int_equal(found, i);
	}
	/* Again, from other memory and under other numbers: the first ones stay. */
	for (uint32_t i = 0; i < ARRAY_COUNT(few); i++) {
		uint8_t copy[8];

		memcpy(copy, few[i].data, few[i].len);
		assert_int_equal(sft_table_put(&table, bytes_at(copy, few[i].len),
					       i + 100, &found, NULL),
				 SFT_OK);
		assert_int_equal(found, i);
		found = UINT32_MAX;
		assert_true(sft_table_find(&table, few[i], &found));
		assert_int_equal(found, i);
	}
	assert_int_equal(table.count, ARRAY_COUNT(few));
	found = 4711;
	assert_false(sft_table_find(&table, BYTES("a\0\0"), &found));
	assert_false(sft_table_find(&table, BYTES("c"), &found));
	assert_int_equal(found, 4711);
	sft_table_done(&table);
}

#define MANY 20000u

struct many {
	char texts[MANY][8];
	struct sft_bytes names[MANY];
};

/* The names stay findable over every growth, and stay one each. */
static void test_growth(void **state)
{
	struct many *many = malloc(sizeof(*many));
	const struct sft_bytes *names = many->names;
	struct sft_table table;

	(void)state;
	assert_non_null(many);
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(many->texts[i], sizeof(many->texts[i]), "%u", i);
		many->names[i] = sft_bytes_of(many->texts[i]);
	}
	assert_int_equal(sft_table_init(&table, name_at, names, NULL), SFT_OK);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t found = UINT32_MAX;

		assert_false(sft_table_find(&table, names[i], &found));
		assert_int_equal(sft_table_put(&table, names[i], i, &found, NULL),
				 SFT_OK);
		assert_int_equal(found, i);
		assert_true(table.count < table.slot_count); /* or finding never ends */
		/* At a size where the table has just grown, all of them are asked for. */
		if ((i & (i - 1)) != 0 && i != MANY - 1)
			continue;
		for (uint32_t j = 0; j <= i; j++) {
			assert_true(sft_table_find(&table, names[j], &found));
			assert_int_equal(found, j);
		}
	}
	assert_int_equal(table.count, MANY);
	sft_table_done(&table);
	free(many);
}

/* A table whose every entry sits in one run: what stands for another name is passed by.
 */
static void test_equal_hashes(void **state)
{
	struct sft_table table;
	uint32_t found;

	(void)state;
	assert_int_equal(sft_table_init(&table, name_at, few, NULL), SFT_OK);
	assert_int_equal(sft_table_put(&table, few[0], 0, &found, NULL), SFT_OK);
	for (size_t i = 0; i < table.slot_count; i++)
		if (table.slots[i].idx1 != 0) /* the slot now claims to be "b" */
			table.slots[i].idx1 = 2;
	assert_false(sft_table_find(&table, few[0], &found));
	assert_int_equal(sft_table_put(&table, few[0], 0, &found, NULL), SFT_OK);
	assert_int_equal(found, 0);
	assert_int_equal(table.count, 2);
	sft_table_done(&table);
}

static void test_keyed(void **state)
{
	struct sft_table a, b;

	(void)state;
	assert_int_equal(sft_table_init(&a, name_at, few, NULL), SFT_OK);
	assert_int_equal(sft_table_init(&b, name_at, few, NULL), SFT_OK);
	assert_memory_not_equal(&a.hash, &b.hash, sizeof(a.hash));
	sft_table_done(&a);
	sft_table_done(&b);
	assert_null(a.slots);
	sft_table_done(&a); /* twice is fine */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_equal_hashes),
		cmocka_unit_test(test_keyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
