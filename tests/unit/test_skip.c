// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_skip.c - values that nobody reads are checked all the same
 *
 * sft_scan_skip() walks fields of others in a tensor's description. The reference reader
 * parses them in full, so here too: grammar, surrogates, numbers, and 127 open containers
 * but not 128, however they are made up.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/scan.h"
#include "tests/unit/support.h"

static enum sft_status skip_value(struct sft_bytes text, unsigned depth, size_t *ret_off,
				  struct sft_error *err)
{
	struct sft_scan scan = {
		.text = malloc(text.len > 0 ? text.len : 1),
		.len = text.len,
		.status = SFT_E_INDEX,
		.err = err,
	};
	enum sft_status status;

	assert_non_null(scan.text);
	memcpy(scan.text, text.data, text.len);
	status = sft_scan_skip(&scan, depth);
	*ret_off = scan.off;
	free(scan.text);
	return status;
}

static const struct {
	struct sft_bytes text;
	size_t off;         /* behind the value, or of the error */
	const char *detail; /* NULL: a value */
} rows[] = {
	{ BYTES("1,"), 1, NULL },
	{ BYTES(" \"a\" "), 4, NULL },
	{ BYTES("null}"), 4, NULL },
	{ BYTES("[]]"), 2, NULL },
	{ BYTES("{}}"), 2, NULL },
	{ BYTES("[[],{},[{}]] "), 12, NULL },
	{ BYTES("{\"a\":{\"a\":[1,2.5e3,-7]},\"a\":true}"), 33, NULL },
	{ BYTES("[ 1 , { \"a\" : [ ] , \"\" : { } } , \"x\" ]"), 38, NULL },
	{ BYTES("[[[1]],[[2]]]!"), 13, NULL },
	{ BYTES(""), 0, "the JSON text ends where a value should be" },
	{ BYTES("["), 1, "the JSON text ends where a value should be" },
	{ BYTES("[1"), 2, "the JSON text ends where ',' or ']' should be" },
	{ BYTES("[1 2]"), 3, "expected ',' or ']', found '2'" },
	{ BYTES("[1,]"), 3, "expected a value, found ']'" },
	{ BYTES("[,1]"), 1, "expected a value, found ','" },
	{ BYTES("[1}"), 2, "expected ',' or ']', found '}'" },
	{ BYTES("{\"a\":1]"), 6, "expected ',' or '}', found ']'" },
	{ BYTES("{\"a\":1,}"), 7, "expected '\"', found '}'" },
	{ BYTES("{\"a\"}"), 4, "expected ':', found '}'" },
	{ BYTES("{\"a\":}"), 5, "expected a value, found '}'" },
	{ BYTES("{1:2}"), 1, "expected '\"', found '1'" },
	{ BYTES("{\"a\":\"\\ud800\"}"), 6, "lone surrogate \\ud800" },
	{ BYTES("[{\"\\udc00\":1}]"), 3, "lone surrogate \\udc00" },
	{ BYTES("[1,10e308]"), 3, "number out of range" },
	{ BYTES("[01]"), 1, "number with a leading zero" },
	{ BYTES("[truE]"), 1, "expected 'true'" },
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *row = (const char *)rows[i].text.data;
		struct sft_error err = { 0 };
		size_t off;
		const enum sft_status status = skip_value(rows[i].text, 2, &off, &err);

		if (rows[i].detail == NULL) {
			CHECK_UINT(row, status, SFT_OK);
			CHECK_UINT(row, off, rows[i].off);
		} else {
			CHECK_TEXT(row, err.detail, rows[i].detail);
			CHECK_UINT(row, status, SFT_E_INDEX);
			CHECK_UINT(row, err.pos, rows[i].off);
		}
	}
}

enum nest { ARRAYS, OBJECTS, MIXED };

/* @count containers around a 1; its length, and where the last of them begins. */
static size_t nest_text(char *text, enum nest nest, unsigned count, size_t *ret_last)
{
	char closes[200];
	size_t used = 0;

	for (unsigned i = 0; i < count; i++) {
		const bool object = nest == OBJECTS || (nest == MIXED && i % 2 == 1);

		*ret_last = used;
		closes[count - 1 - i] = object ? '}' : ']';
		used += (size_t)sprintf(text + used, "%s", object ? "{\"a\":" : "[");
	}
	text[used++] = '1';
	memcpy(text + used, closes, count);
	return used + count;
}

/* The limit is the same in any container, and counts those around the value. */
static void test_depth(void **state)
{
	static const unsigned around[] = { 0, 1, 2, 126, 127 };

	(void)state;
	for (unsigned i = 0; i < 3 * ARRAY_COUNT(around); i++) {
		const unsigned outer = around[i / 3];

		for (unsigned total = 126; total <= 129; total++) {
			struct sft_error err = { 0 };
			char text[1024], row[64];
			size_t off, len, last;
			enum sft_status status;

			if (total <= outer)
				continue;
			snprintf(row, sizeof(row), "kind %u, %u of %u", i % 3, outer,
				 total);
			len = nest_text(text, (enum nest)(i % 3), total - outer, &last);
			status = skip_value(bytes_at(text, len), outer, &off, &err);
			CHECK_UINT(row, status, total <= 127 ? SFT_OK : SFT_E_INDEX);
			if (status == SFT_OK)
				CHECK_UINT(row, off, len);
			else
				CHECK_TEXT(row, err.detail,
					   "containers nest deeper than 127");
			if (total == 128) /* the 128th is the last one */
				CHECK_UINT(row, err.pos, last);
		}
	}
}

/* Closing gives depth back: any number of neighbours at the limit. */
static void test_wide(void **state)
{
	struct sft_error err = { 0 };
	char text[2048] = "[";
	size_t used = 1, off, last;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		used += nest_text(text + used, MIXED, 126, &last);
		text[used++] = i < 3 ? ',' : ']';
	}
	assert_int_equal(skip_value(bytes_at(text, used), 0, &off, &err), SFT_OK);
	assert_int_equal(off, used);
}

/* Without a container of its own, a value may stand at the limit itself. */
static void test_scalar_at_limit(void **state)
{
	struct sft_error err = { 0 };
	size_t off;

	(void)state;
	assert_int_equal(skip_value(BYTES("1"), SFT_SCAN_DEPTH_MAX, &off, &err), SFT_OK);
	assert_int_equal(skip_value(BYTES("[]"), SFT_SCAN_DEPTH_MAX, &off, &err),
			 SFT_E_INDEX);
	assert_int_equal(skip_value(BYTES("[]"), SFT_SCAN_DEPTH_MAX - 1, &off, &err),
			 SFT_OK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_scalar_at_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
