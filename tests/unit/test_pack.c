// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_pack.c - what sft_header_pack() keeps
 *
 * Names, shapes and metadata are written down before and after and have to be the same,
 * wherever the metadata stands and whatever stands twice. The text has to get shorter,
 * but where duplicates put the tensors out of their order in it.
 */
#include "core/header.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/headers.h"
#include "tests/unit/support.h"

#define A "\"a\":[\"U8\",[1],[0,1]]"
#define LONG_A "\"a\":[\"U8\",[" TEN TEN TEN TEN TEN "1],[0,1]]"
#define TEN "1,1,1,1,1,1,1,1,1,1,"
#define B "\"b.\\u0000c\":{\"data_offsets\":[1,7],\"shape\":[ 2 , 3 ],\"dtype\":\"I8\"}"
#define C                                                                                \
	"\"\":{\"x\":[[1],{}],\"dtype\":{\"F32\":null},\"shape\":[],\"data_offsets\":["  \
	"7,11]}"
#define META "\"__metadata__\":{\"k\\n\":\"first\",\"\":\"\",\"k\\n\":\"sec\\u006fnd\"}"

static const struct {
	const char *what;
	const char *text;
} rows[] = {
	{ "nothing", "{}" },
	{ "one tensor", "{" A "}" },
	{ "three tensors", "{" A "," B "," C "}" },
	{ "another order", " { " C " , " B " , " A " } " },
	{ "only metadata", "{" META "}" },
	{ "metadata first", "{" META "," A "," B "," C "}" },
	{ "metadata second", "{" A "," META "," B "," C "}" },
	{ "metadata before the last", "{" A "," B "," META "," C "}" },
	{ "metadata last", "{" A "," B "," C "," META "}" },
	{ "metadata empty", "{" A ",\"__metadata__\":{}," B "}" },
	{ "metadata null", "{\"__metadata__\":null," A "," B "}" },
	{ "a name twice in a row", "{" A "," A "," B "," C "}" },
	{ "a name twice, apart", "{" A "," B "," A "," C "}" },
	{ "a name twice, at the end", "{" A "," B "," C "," A "}" },
	{ "a name thrice", "{" A "," A "," B "," A "}" },
	{ "twice, the second longer than what is before",
	  "{" A "," B "," LONG_A "," C "}" },
	{ "twice, with metadata first", "{" META "," A "," B "," A "}" },
	{ "twice, with metadata between", "{" A "," META "," A "," B "}" },
	{ "twice, with metadata between others", "{" A "," B "," META "," A "}" },
	{ "twice, with metadata last", "{" A "," B "," A "," META "}" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sft_header header = header_of(sft_bytes_of(rows[i].text));
		char *before, *after;

		CHECK_UINT(rows[i].what, sft_header_parse(&header, 3, NULL), SFT_OK);
		before = header_dump(&header);
		sft_header_pack(&header);
		after = header_dump(&header);
		CHECK_TEXT(rows[i].what, after, before);
		CHECK_UINT(rows[i].what, header.text_len, strlen(rows[i].text));
		free(before);
		free(after);
		sft_header_done(&header);
	}
}

/* A header of 200 typical tensors; where a name comes last that stood first, if asked. */
static struct sft_header typical(bool twice, size_t *ret_needed)
{
	struct sft_header header;
	char *text = malloc(65536);
	size_t used = (size_t)sprintf(text, "{\"__metadata__\":{\"format\":\"pt\"}");

	*ret_needed = strlen("formatpt");
	for (unsigned i = 0; i < 200; i++) {
		char name[64];

		snprintf(name, sizeof(name), "model.layers.%u.weight",
			 twice && i == 199 ? 0 : i);
		used += (size_t)sprintf(text + used,
					",\"%s\":{\"dtype\":\"U8\",\"shape\":[10,100],"
					"\"data_offsets\":[%u,%u]}",
					name, i * 1000, (i + 1) * 1000);
		*ret_needed += strlen(name) + strlen("[10,100]");
	}
	text[used++] = '}';
	header = header_of(bytes_at(text, used));
	free(text);
	assert_int_equal(sft_header_parse(&header, 0, NULL), SFT_OK);
	return header;
}

/* Memory is given back: only what is asked for later is left. */
static void test_size(void **state)
{
	size_t kept, needed;
	struct sft_header header = typical(false, &needed);

	(void)state;
	assert_true(header.text_len > 2 * needed);
	sft_header_pack(&header);
	kept = malloc_usable_size(header.text);
	assert_true(kept >= needed && kept <= needed + 64);
	sft_header_done(&header);
}

/* Out of order nothing is moved: moving forward could overwrite what comes later. */
static void test_out_of_order(void **state)
{
	size_t needed;
	struct sft_header header = typical(true, &needed);
	char *before = header_dump(&header);
	char *after;

	(void)state;
	assert_int_equal(header.tensor_count, 199);
	sft_header_pack(&header);
	after = header_dump(&header);
	assert_string_equal(after, before);
	free(before);
	free(after);
	sft_header_done(&header);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_out_of_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
