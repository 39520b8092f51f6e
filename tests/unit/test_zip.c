// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_zip.c - archives byte for byte, and where 32 bits end
 *
 * The first archive is one that PyTorch wrote. The others are read back by a reader of
 * this file, which knows where the format has which field.
 */
#include "core/zip.h"

#include <stdlib.h>

#include "tests/unit/support.h"

static const struct sft_zip_style torch = {
	.flags = 0x0800,
	.has_descriptors = true,
	.has_zip64_end = true,
};

static const struct sft_zip_style plain = {
	.made_by = 0x0314,
	.version = 20,
	.version_zip64 = 45,
	.date = 0x0021,
	.attributes = 0100644u << 16,
};

/* Copies bytes of an archive, whose members' data reads as zeros. */
static void read_at(const struct sft_layout *layout, uint64_t off, uint8_t *out,
		    size_t len)
{
	struct sft_extent extent;

	assert_true(off <= layout->len && len <= layout->len - off);
	for (; len > 0; off += extent.len, out += extent.len, len -= extent.len) {
		assert_int_equal(sft_layout_map(layout, off, len, &extent, 1), 1);
		if (extent.kind == SFT_SEGMENT_LITERAL)
			memcpy(out, extent.memory, extent.len);
		else
			memset(out, 0, extent.len);
	}
}

static uint64_t number_at(const struct sft_layout *layout, uint64_t off, unsigned width)
{
	uint8_t bytes[8];
	uint64_t value = 0;

	read_at(layout, off, bytes, width);
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

/* ---- against the original ---- */

static void add_text(struct sft_zip *zip, const char *name, const char *text)
{
	sft_zip_begin(zip, BYTES("m/"), sft_bytes_of(name), strlen(text));
	sft_layout_literal(zip->layout, text, strlen(text));
	sft_zip_end_member(zip);
}

/* What torch._C.PyTorchFileWriter of torch 2.13 writes, without checksums. */
static const char original[] =
	"PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3\0\37\0m/aFB\33"
	"\0ZZZZZZZZZZZZZZZZZZZZZZZZZZZxyz"
	"PK\7\10\0\0\0\0\3\0\0\0\3\0\0\0"
	"PK\3\4\0\0\0\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3\0\14\0m/bFB\10\0"
	"ZZZZZZZZ"
	"PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\11\0\31\0m/versio"
	"nFB\25\0ZZZZZZZZZZZZZZZZZZZZZ3\12"
	"PK\7\10\0\0\0\0\2\0\0\0\2\0\0\0"
	"PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\13\0\5\0m/byteord"
	"erFB\1\0Zlittle"
	"PK\7\10\0\0\0\0\6\0\0\0\6\0\0\0"
	"PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\30\0004\0m/.data/"
	"serialization_idFB0\0ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ1"
	"554804634138975683700000011093822414574"
	"PK\7\10\0\0\0\0(\0\0\0(\0\0\0"
	"PK\1\2\0\0\0\0\10\10\0\0\0\0\0\0\0\0\0\0\3\0\0\0\3\0\0\0\3\0\0\0\0\0\0"
	"\0\0\0\0\0\0\0\0\0\0\0m/a"
	"PK\1\2\0\0\0\0\0\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3\0\0\0\0\0\0"
	"\0\0\0\0\0\0\0S\0\0\0m/b"
	"PK\1\2\0\0\0\0\10\10\0\0\0\0\0\0\0\0\0\0\2\0\0\0\2\0\0\0\11\0\0\0\0\0"
	"\0\0\0\0\0\0\0\0\200\0\0\0m/version"
	"PK\1\2\0\0\0\0\10\10\0\0\0\0\0\0\0\0\0\0\6\0\0\0\6\0\0\0\13\0\0\0\0\0"
	"\0\0\0\0\0\0\0\0\322\0\0\0m/byteorder"
	"PK\1\2\0\0\0\0\10\10\0\0\0\0\0\0\0\0\0\0(\0\0\0(\0\0\0\30\0\0\0\0\0\0"
	"\0\0\0\0\0\0\0\26\1\0\0m/.data/serialization_id"
	"PK\6\6,\0\0\0\0\0\0\0\36\3-\0\0\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\5\0\0\0"
	"\0\0\0\0\30\1\0\0\0\0\0\0\270\1\0\0\0\0\0\0"
	"PK\6\7\0\0\0\0\320\2\0\0\0\0\0\0\1\0\0\0"
	"PK\5\6\0\0\0\0\5\0\5\0\30\1\0\0\270\1\0\0\0\0";

static void describe_original(struct sft_layout *layout)
{
	struct sft_zip zip;

	sft_zip_init(&zip, layout, &torch);
	add_text(&zip, "a", "xyz");
	add_text(&zip, "b", "");
	add_text(&zip, "version", "3\n");
	add_text(&zip, "byteorder", "little");
	add_text(&zip, ".data/serialization_id",
		 "1554804634138975683700000011093822414574");
	sft_zip_end(&zip);
}

static void test_original(void **state)
{
	struct sft_layout layout;
	uint8_t got[sizeof(original)];

	(void)state;
	sft_layout_init(&layout, false);
	describe_original(&layout);
	CHECK_UINT("status", layout.status, SFT_OK);
	CHECK_UINT("length", layout.len, sizeof(original) - 1);
	read_at(&layout, 0, got, sizeof(original) - 1);
	CHECK_BYTES("all of it", bytes_at(got, sizeof(original) - 1), BYTES(original));
	sft_layout_done(&layout);

	sft_layout_init(&layout, true);
	describe_original(&layout);
	CHECK_UINT("measured", layout.len, sizeof(original) - 1);
	sft_layout_done(&layout);
}

/* ---- large ones ---- */

#define FULL UINT64_C(0xffffffff)

/* Members of lengths on either side of 32 bits, at places on either side. */
static const uint64_t lens[] = { 7, 0, FULL - 1, 5, FULL, 0, FULL + 1, 9 };

static void describe_large(struct sft_layout *layout, const struct sft_zip_style *style)
{
	struct sft_zip zip;

	sft_zip_init(&zip, layout, style);
	for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
		sft_zip_begin(&zip, BYTES("folder/"), BYTES("name"), lens[i]);
		sft_layout_range(layout, 0, 0, lens[i]);
		sft_zip_end_member(&zip);
	}
	sft_zip_end(&zip);
}

/* Checks a zip64 record: the values that did not fit, in their order. */
static void check_zip64(const struct sft_layout *layout, uint64_t off,
			const uint64_t *want, unsigned count)
{
	if (count == 0)
		return;
	CHECK_UINT("zip64", number_at(layout, off, 2), 1);
	CHECK_UINT("zip64", number_at(layout, off + 2, 2), count * 8);
	for (unsigned i = 0; i < count; i++)
		CHECK_UINT("zip64", number_at(layout, off + 4 + 8 * i, 8), want[i]);
}

/* Checks what stands before the data; returns where the next member begins. */
static uint64_t check_member(const struct sft_layout *layout,
			     const struct sft_zip_style *style, uint64_t off,
			     uint64_t len)
{
	const bool is_torch = style->has_descriptors;
	const uint64_t field = is_torch ? 0 : len < FULL ? len : FULL;
	const uint64_t data_off = off + 30 + number_at(layout, off + 26, 2) +
				  number_at(layout, off + 28, 2);
	uint64_t values[3];
	unsigned count = 0;

	if (len >= FULL) {
		values[count++] = len;
		values[count++] = is_torch ? 0 : len;
	}
	if (is_torch && off >= FULL)
		values[count++] = off;
	CHECK_UINT("signature", number_at(layout, off, 4), 0x04034b50);
	CHECK_UINT("version", number_at(layout, off + 4, 2),
		   is_torch    ? 0
		   : count > 0 ? 45
			       : 20);
	CHECK_UINT("flags", number_at(layout, off + 6, 2),
		   is_torch ? 0x0800u | (len > 0 ? 8u : 0u) : 0);
	CHECK_UINT("method", number_at(layout, off + 8, 2), 0);
	CHECK_UINT("CRC", number_at(layout, off + 14, 4), 0);
	CHECK_UINT("length", number_at(layout, off + 18, 4), field);
	CHECK_UINT("length", number_at(layout, off + 22, 4), field);
	check_zip64(layout, off + 30 + strlen("folder/name"), values, count);
	CHECK_UINT("alignment", data_off % 64, 0);
	if (!is_torch || len == 0)
		return data_off + len;
	off = data_off + len;
	CHECK_UINT("descriptor", number_at(layout, off, 4), 0x08074b50);
	CHECK_UINT("descriptor", number_at(layout, off + 8, count > 0 ? 8 : 4), len);
	return off + (count > 0 ? 24 : 16);
}

/* Checks an entry of the directory; returns where the next one begins. */
static uint64_t check_entry(const struct sft_layout *layout, uint64_t entry, uint64_t off,
			    uint64_t len)
{
	uint64_t values[3];
	unsigned count = 0;

	if (len >= FULL) {
		values[count++] = len;
		values[count++] = len;
	}
	if (off >= FULL)
		values[count++] = off;
	CHECK_UINT("entry", number_at(layout, entry, 4), 0x02014b50);
	CHECK_UINT("length", number_at(layout, entry + 20, 4), len < FULL ? len : FULL);
	CHECK_UINT("length", number_at(layout, entry + 24, 4), len < FULL ? len : FULL);
	CHECK_UINT("place", number_at(layout, entry + 42, 4), off < FULL ? off : FULL);
	CHECK_UINT("extra", number_at(layout, entry + 30, 2),
		   count > 0 ? 4 + count * 8 : 0);
	check_zip64(layout, entry + 46 + strlen("folder/name"), values, count);
	return entry + 46 + strlen("folder/name") + number_at(layout, entry + 30, 2);
}

static void check_large(const struct sft_zip_style *style)
{
	struct sft_layout layout, measured;
	uint64_t off = 0;
	uint64_t directory, entry;

	sft_layout_init(&layout, false);
	describe_large(&layout, style);
	CHECK_UINT("status", layout.status, SFT_OK);
	for (size_t i = 0; i < ARRAY_COUNT(lens); i++)
		off = check_member(&layout, style, off, lens[i]);
	directory = entry = off;
	off = 0;
	for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
		entry = check_entry(&layout, entry, off, lens[i]);
		off = check_member(&layout, style, off, lens[i]);
	}
	CHECK_UINT("end", number_at(&layout, entry, 4), 0x06064b50);
	CHECK_UINT("members", number_at(&layout, entry + 24, 8), ARRAY_COUNT(lens));
	CHECK_UINT("directory", number_at(&layout, entry + 40, 8), entry - directory);
	CHECK_UINT("directory", number_at(&layout, entry + 48, 8), directory);
	CHECK_UINT("locator", number_at(&layout, entry + 56 + 8, 8), entry);
	CHECK_UINT("end", number_at(&layout, entry + 76, 4), 0x06054b50);
	CHECK_UINT("directory", number_at(&layout, entry + 76 + 16, 4), FULL);
	CHECK_UINT("length", entry + 98, layout.len);

	sft_layout_init(&measured, true);
	describe_large(&measured, style);
	CHECK_UINT("measured", measured.len, layout.len);
	sft_layout_done(&measured);
	sft_layout_done(&layout);
}

static void test_large(void **state)
{
	(void)state;
	check_large(&torch);
	check_large(&plain);
}

/* ---- names and counts ---- */

static void test_names(void **state)
{
	struct sft_layout layout;
	struct sft_zip zip;
	uint8_t name[16];

	(void)state;
	sft_layout_init(&layout, false);
	sft_zip_init(&zip, &layout, &plain);
	sft_zip_begin(&zip, BYTES("a/"), BYTES("b"), 0);
	sft_zip_end_member(&zip);
	sft_zip_begin(&zip, BYTES(""), BYTES("\xc3\xa4"), 0);
	sft_zip_end_member(&zip);
	sft_zip_end(&zip);
	read_at(&layout, 30, name, 3);
	CHECK_BYTES("both parts", bytes_at(name, 3), BYTES("a/b"));
	CHECK_UINT("ASCII", number_at(&layout, 6, 2), 0);
	CHECK_UINT("UTF-8", number_at(&layout, 64 + 6, 2), 0x0800);
	sft_layout_done(&layout);
}

/* Without zip64 as long as 16 bits can count the members. */
static void test_counts(void **state)
{
	(void)state;
	for (unsigned count = 65533; count <= 65537; count++) {
		const bool is_large = count >= 65535;
		struct sft_layout layout;
		struct sft_zip zip;

		sft_layout_init(&layout, false);
		sft_zip_init(&zip, &layout, &plain);
		for (unsigned i = 0; i < count; i++) {
			sft_zip_begin(&zip, BYTES(""), BYTES("n"), 0);
			sft_zip_end_member(&zip);
		}
		sft_zip_end(&zip);
		CHECK_UINT("length", layout.len,
			   count * (64 + 47u) + (is_large ? 98 : 22));
		CHECK_UINT("members", number_at(&layout, layout.len - 22 + 10, 2),
			   is_large ? 65535 : count);
		if (is_large)
			CHECK_UINT("members", number_at(&layout, layout.len - 98 + 32, 8),
				   count);
		sft_layout_done(&layout);
	}
}

/* What goes wrong on the way is not lost. */
static void test_limit(void **state)
{
	struct sft_layout layout;
	struct sft_zip zip;

	(void)state;
	sft_layout_init(&layout, true);
	sft_zip_init(&zip, &layout, &plain);
	for (unsigned i = 0; i < 3; i++) {
		sft_zip_begin(&zip, BYTES(""), BYTES("n"), SFT_FILE_LEN_MAX / 2);
		sft_layout_range(&layout, 0, 0, SFT_FILE_LEN_MAX / 2);
		sft_zip_end_member(&zip);
	}
	sft_zip_end(&zip);
	CHECK_UINT("status", layout.status, SFT_E_LIMIT);
	sft_layout_done(&layout);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_original), cmocka_unit_test(test_large),
		cmocka_unit_test(test_names),    cmocka_unit_test(test_counts),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
