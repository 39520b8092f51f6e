// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_pickle.c - pickles byte for byte, as Python's own writer has them
 */
#include "core/pickle.h"

#include "tests/unit/support.h"

/* Checks what was appended so far, and forgets it. */
static void check_written(const char *row, struct sft_layout *layout,
			  struct sft_bytes want)
{
	CHECK_UINT(row, layout->status, SFT_OK);
	CHECK_BYTES(row, bytes_at(layout->text, layout->text_len), want);
	sft_layout_done(layout);
}

#define BOTH(row, value, text)                                                           \
	{                                                                                \
		row, value, BYTES(text)                                                  \
	}

/* Without its protocol and STOP, pickle.dumps(value, 2). */
static const struct {
	const char *row;
	uint64_t value;
	struct sft_bytes want;
} integers[] = {
	BOTH("0", 0, "K\0"),
	BOTH("255", 255, "K\xff"),
	BOTH("256", 256, "M\0\1"),
	BOTH("65535", 65535, "M\xff\xff"),
	BOTH("65536", 65536, "J\0\0\1\0"),
	BOTH("2^31-1", INT32_MAX, "J\xff\xff\xff\x7f"),
	BOTH("2^31", UINT64_C(1) << 31, "\x8a\5\0\0\0\x80\0"),
	BOTH("2^32", UINT64_C(1) << 32, "\x8a\5\0\0\0\0\1"),
	BOTH("2^39", UINT64_C(1) << 39, "\x8a\6\0\0\0\0\x80\0"),
	BOTH("2^63-1", INT64_MAX, "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"),
	BOTH("2^63", UINT64_C(1) << 63, "\x8a\x09\0\0\0\0\0\0\0\x80\0"),
	BOTH("2^64-1", UINT64_MAX, "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0"),
};

static void test_integers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(integers); i++) {
		struct sft_layout layout;
		struct sft_pickle pickle = { .layout = &layout };

		sft_layout_init(&layout, false);
		sft_pickle_uint(&pickle, integers[i].value);
		check_written(integers[i].row, &layout, integers[i].want);
	}
}

static void test_texts(void **state)
{
	struct sft_layout layout;
	struct sft_pickle pickle = { .layout = &layout };

	(void)state;
	sft_layout_init(&layout, false);
	sft_pickle_text(&pickle, BYTES(""));
	check_written("empty", &layout, BYTES("X\0\0\0\0"));
	sft_pickle_text(&pickle, BYTES("a\0\xc3\xa4"));
	check_written("any UTF-8", &layout, BYTES("X\4\0\0\0a\0\xc3\xa4"));
}

/* Each is written once, and then fetched from where its reader keeps it. */
static void test_slots(void **state)
{
	struct sft_layout layout;
	struct sft_pickle pickle;

	(void)state;
	sft_layout_init(&layout, false);
	sft_pickle_begin(&pickle, &layout);
	check_written("begin", &layout, BYTES("\x80\2"));
	sft_pickle_word(&pickle, 0, "cpu");
	check_written("new word", &layout, BYTES("X\3\0\0\0cpuq\0"));
	sft_pickle_global(&pickle, 63, "torch", "BoolStorage");
	check_written("new class", &layout, BYTES("ctorch\nBoolStorage\nq?"));
	sft_pickle_word(&pickle, 0, "cpu");
	check_written("word", &layout, BYTES("h\0"));
	sft_pickle_global(&pickle, 63, "torch", "BoolStorage");
	check_written("class", &layout, BYTES("h?"));
	sft_pickle_put(&pickle, 64);
	sft_pickle_get(&pickle, 0x12345678);
	check_written("by number", &layout, BYTES("r\x40\0\0\0j\x78\x56\x34\x12"));
	sft_pickle_begin(&pickle, &layout);
	sft_pickle_word(&pickle, 0, "cpu");
	check_written("another pickle", &layout, BYTES("\x80\2X\3\0\0\0cpuq\0"));
}

static void test_ops(void **state)
{
	static const enum sft_pickle_op ops[] = {
		SFT_PICKLE_MARK,      SFT_PICKLE_EMPTY_TUPLE, SFT_PICKLE_TUPLE,
		SFT_PICKLE_TUPLE_1,   SFT_PICKLE_TUPLE_2,     SFT_PICKLE_TUPLE_3,
		SFT_PICKLE_FALSE,     SFT_PICKLE_REDUCE,      SFT_PICKLE_PERSISTENT,
		SFT_PICKLE_SET_ITEMS, SFT_PICKLE_STOP,
	};
	struct sft_layout layout;
	struct sft_pickle pickle = { .layout = &layout };

	(void)state;
	sft_layout_init(&layout, false);
	for (size_t i = 0; i < ARRAY_COUNT(ops); i++)
		sft_pickle_op(&pickle, ops[i]);
	check_written("all", &layout, BYTES("()t\x85\x86\x87\x89RQu."));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_ops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
