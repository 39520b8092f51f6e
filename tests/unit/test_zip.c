// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_zip.c - archives byte by byte, and those too large to be written
 *
 * Archives with real data are opened by real readers in the client tests; here is what
 * they do not tell: where records stand, and what becomes of offsets past 32 bits, of
 * which the measuring layouts need no memory.
 */
#include "core/zip.h"

#include <stdlib.h>

#include "tests/unit/support.h"

#define GIB (UINT64_C(1) << 30)

static const struct sft_zip_style plain = { .version = 20, .date = 0x0021 };
static const struct sft_zip_style streamed = {
	.has_descriptors = true,
	.always_zip64 = true,
	.flags = 0x0800,
};

static uint64_t get(const uint8_t *at, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static void add(struct sft_zip *zip, const char *name, const char *payload, size_t align)
{
	sft_zip_member(zip, sft_bytes_of(name), strlen(payload), 0x12345678, align);
	sft_layout_literal(zip->layout, payload, strlen(payload));
	sft_zip_member_end(zip);
}

/* All of a layout is text here: ranges need a model. */
static void describe(struct sft_layout *layout, const struct sft_zip_style *style)
{
	struct sft_zip zip;

	sft_zip_begin(&zip, style, layout);
	add(&zip, "a", "one", SFT_ZIP_ALIGN);
	add(&zip, "\xc3\xa9", "", SFT_ZIP_ALIGN);
	add(&zip, "page", "three", 4096);
	sft_zip_end(&zip);
	assert_int_equal(layout->status, SFT_OK);
}

/* Walks from the end record to the directory and from there to each member. */
static void check_archive(const struct sft_zip_style *style)
{
	static const char *const payloads[] = { "one", "", "three" };
	static const uint64_t aligns[] = { 64, 64, 4096 };
	struct sft_layout layout, measured;
	const uint8_t *text, *end, *entry;

	sft_layout_init(&layout, false);
	sft_layout_init(&measured, true);
	describe(&layout, style);
	describe(&measured, style);
	CHECK_UINT("measured", measured.len, layout.len);
	text = layout.text;
	end = text + layout.len - 22;
	CHECK_UINT("end", get(end, 4), 0x06054b50);
	CHECK_UINT("count", get(end + 10, 2), 3);
	if (style->always_zip64) {
		CHECK_UINT("locator", get(end - 20, 4), 0x07064b50);
		CHECK_UINT("end 64", get(text + get(end - 12, 8), 4), 0x06064b50);
		CHECK_UINT("count 64", get(text + get(end - 12, 8) + 32, 8), 3);
	}
	entry = text + get(end + 16, 4);
	for (size_t i = 0; i < ARRAY_COUNT(payloads); i++) {
		const uint64_t len = strlen(payloads[i]);
		const uint8_t *local = text + get(entry + 42, 4);
		const uint64_t begin = (uint64_t)(local - text) + 30 +
				       get(local + 26, 2) + get(local + 28, 2);
		const bool described = style->has_descriptors && len > 0;

		CHECK_UINT("entry", get(entry, 4), 0x02014b50);
		CHECK_UINT("local", get(local, 4), 0x04034b50);
		CHECK_UINT("flags", get(entry + 8, 2), get(local + 6, 2));
		CHECK_UINT("UTF-8", get(entry + 8, 2) >> 11 & 1,
			   i == 1 || style->flags != 0);
		CHECK_UINT("descriptor", get(entry + 8, 2) >> 3 & 1, described);
		CHECK_UINT("crc", get(entry + 16, 4), 0x12345678);
		CHECK_UINT("length", get(entry + 24, 4), len);
		CHECK_UINT("local length", get(local + 22, 4), described ? 0 : len);
		CHECK_UINT("aligned", begin % aligns[i], 0);
		if (len > 0)
			assert_memory_equal(text + begin, payloads[i], len);
		if (described)
			CHECK_UINT("behind", get(text + begin + len, 4), 0x08074b50);
		entry += 46 + get(entry + 28, 2) + get(entry + 30, 2);
	}
	sft_layout_done(&layout);
	sft_layout_done(&measured);
}

static void test_small(void **state)
{
	(void)state;
	check_archive(&plain);
	check_archive(&streamed);
}

/* A member of 5 GiB and one behind it: lengths, and where they do not fit any more. */
static void test_large(void **state)
{
	const uint64_t local = 30 + 1 + 20; /* with two lengths of 64 bits */
	const uint64_t first = 5 * GIB + 64 + (local > 60 ? 64 : 0);
	struct sft_layout layout;
	struct sft_zip zip;

	(void)state;
	sft_layout_init(&layout, true);
	sft_zip_begin(&zip, &plain, &layout);
	sft_zip_member(&zip, BYTES("a"), 5 * GIB, 1, SFT_ZIP_ALIGN);
	CHECK_UINT("begins", layout.len, 64);
	sft_layout_range(&layout, 0, 0, 5 * GIB);
	sft_zip_member_end(&zip);
	CHECK_UINT("no descriptor", layout.len, first);
	CHECK_UINT("entry with lengths", zip.central.len, 46 + 1 + 20);
	sft_zip_member(&zip, BYTES("b"), 1, 1, SFT_ZIP_ALIGN);
	CHECK_UINT("aligned", layout.len % SFT_ZIP_ALIGN, 0);
	CHECK_UINT("entry with an offset", zip.central.len, 46 + 1 + 20 + 46 + 1 + 12);
	sft_layout_literal(&layout, "x", 1);
	sft_zip_member_end(&zip);
	sft_zip_end(&zip);
	CHECK_UINT("end records", layout.len % SFT_ZIP_ALIGN,
		   (1 + 46 + 1 + 20 + 46 + 1 + 12 + 56 + 20 + 22) % SFT_ZIP_ALIGN);
	assert_int_equal(layout.status, SFT_OK);
	sft_layout_done(&layout);
}

/* More members than 16 bits count. */
static void test_many(void **state)
{
	static const uint64_t counts[] = { 65534, 65535 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		struct sft_layout layout;
		struct sft_zip zip;
		uint64_t before;

		sft_layout_init(&layout, true);
		sft_zip_begin(&zip, &plain, &layout);
		for (uint64_t j = 0; j < counts[i]; j++)
			add(&zip, "x", "", SFT_ZIP_ALIGN);
		before = layout.len + zip.central.len;
		sft_zip_end(&zip);
		CHECK_UINT("end", layout.len - before, i == 0 ? 22 : 56 + 20 + 22);
		sft_layout_done(&layout);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
