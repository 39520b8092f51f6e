// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_sniff.c - foreign files are told by name
 *
 * Each row is the start of a file, as those programs write it, and a piece of what is
 * said about it. What only resembles one of them has to stay unknown.
 */
#include "core/sniff.h"

#include <stdlib.h>

#include "tests/unit/support.h"

static const struct {
	const char *what; /* NULL: unknown */
	struct sft_bytes head;
	const char *name;
} rows[] = {
	{ "the file is empty", BYTES(""), "m.safetensors" },
	{ "the file is empty", BYTES(""), "m.incomplete" },
	{ "an unfinished download", BYTES("\x10"), "0123.incomplete" },
	{ "an unfinished download", BYTES("GGUF"), "m.gguf.part" },
	{ "an unfinished download", BYTES("xxxx"), "m.safetensors.crdownload" },
	{ NULL, BYTES("xxxx"), ".incomplete" },
	{ NULL, BYTES("xxxx"), "m.incomplete.safetensors" },
	{ "a Git LFS pointer",
	  BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:0123\n"), "m" },
	{ NULL, BYTES("version https://git-lfs.github.com/"), "m" },
	{ "a PyTorch checkpoint (zip)",
	  BYTES("PK\003\004\0\0\010\010\0\0\0\0\0\0\0\0\0\0\0\0\0\0archive/data.pkl"),
	  "m" },
	{ "a NumPy .npz archive", BYTES("PK\003\004\055\0\0\0x.npy"), "m" },
	{ "a zip archive", BYTES("PK\003\004\024\0\0\0a.txt"), "m" },
	{ NULL, BYTES("PK\005\006\0\0\0\0"), "m" },
	{ NULL, BYTES("PK\003"), "m" },
	{ "a pickle, perhaps an old PyTorch checkpoint", BYTES("\x80\x02}q\0."), "m" },
	{ "this is a pickle;", BYTES("\x80\x03}q\0."), "m" },
	{ "this is a pickle;", BYTES("\x80\x04\x95"), "m" },
	{ "this is a pickle;", BYTES("\x80\x05"), "m" },
	{ NULL, BYTES("\x80\x06"), "m" },
	{ NULL, BYTES("\x80"), "m" },
	{ "a GGUF model", BYTES("GGUF\003\0\0\0"), "m" },
	{ NULL, BYTES("GGU"), "m" },
	{ "an HDF5 file", BYTES("\x89HDF\r\n\x1a\n\0\0"), "m" },
	{ NULL, BYTES("\x89PNG\r\n\x1a\n"), "m" },
	{ "a NumPy array", BYTES("\x93NUMPY\x01\0v\0{'descr'"), "m" },
	{ "compressed with gzip", BYTES("\x1f\x8b\x08\0"), "m" },
	{ "compressed with zstd", BYTES("\x28\xb5\x2f\xfd\x04"), "m" },
	{ "compressed with xz",
	  BYTES("\xfd"
		"7zXZ\0"),
	  "m" },
	{ "compressed with bzip2", BYTES("BZh91AY"), "m" },
	{ "an HTML page", BYTES("<!DOCTYPE html><html>"), "m" },
	{ "an HTML page", BYTES("<!doctype HTML>"), "m" },
	{ "an HTML page", BYTES("\xef\xbb\xbf \r\n\t<HTML lang=en>"), "m" },
	{ "an XML document", BYTES("<?xml version=\"1.0\"?><Error>"), "m" },
	{ "JSON text", BYTES(" {\"metadata\": {}}"), "m" },
	{ NULL, BYTES("<htm"), "m" },
	{ NULL, BYTES("hello <html>"), "m" },
	{ NULL, BYTES("\xef\xbb\xbf"), "m" },
	{ NULL, BYTES("  \n"), "m" },
	{ NULL, BYTES("[1]"), "m" },
	{ "begins with zeros", BYTES("\0\0\0\0\0\0\0\0"), "m" },
	{ "begins with zeros", BYTES("\0"), "m" },
	{ NULL, BYTES("\0\0\0\0\0\0\0\1"), "m" },
	{ NULL, BYTES("\x10\0\0\0\0\0\0\0{\"a\":"), "m" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct sft_bytes head = rows[i].head;
		const char *row = (const char *)head.data;
		uint8_t *copy = malloc(head.len > 0 ? head.len : 1);
		const char *got;

		assert_non_null(copy);
		memcpy(copy, head.data, head.len);
		got = sft_sniff(copy, head.len, rows[i].name);
		if (rows[i].what == NULL || got == NULL)
			CHECK_TEXT(row, got, rows[i].what);
		else
			CHECK_HOLDS(row, got, rows[i].what);
		free(copy);
	}
}

/* All of it, once: what it is, and what to do. */
static void test_sentence(void **state)
{
	(void)state;
	assert_string_equal(sft_sniff((const uint8_t *)"GGUF", 4, "m"),
			    "this is a GGUF model, which needs its own tools");
	assert_string_equal(sft_sniff((const uint8_t *)"\x93NUMPY", 6, "m"),
			    "this is a NumPy array (.npy); convert it to safetensors "
			    "first");
}

/* A full first block of each kind of byte is read to its end, and no further. */
static void test_full_block(void **state)
{
	uint8_t *head = malloc(SFT_SNIFF_LEN);

	(void)state;
	assert_non_null(head);
	for (unsigned byte = 0; byte < 256; byte++) {
		memset(head, (int)byte, SFT_SNIFF_LEN);
		if (byte == 0)
			CHECK_HOLDS("zeros", sft_sniff(head, SFT_SNIFF_LEN, "m"),
				    "begins with zeros");
		else if (byte == '{')
			CHECK_HOLDS("braces", sft_sniff(head, SFT_SNIFF_LEN, "m"),
				    "JSON text");
		else
			assert_null(sft_sniff(head, SFT_SNIFF_LEN, "m"));
	}
	memset(head, 'x', SFT_SNIFF_LEN);
	memcpy(head, "PK\003\004", 4);
	memcpy(head + SFT_SNIFF_LEN - 8, "data.pkl", 8);
	CHECK_HOLDS("at the very end", sft_sniff(head, SFT_SNIFF_LEN, "m"), "PyTorch");
	free(head);
}

/*
 * The length field of a header may begin like a pickle (640 bytes: 80 02), like gzip or
 * with a brace. Behind it stands what shows that the file is none of these.
 */
static void test_length_field(void **state)
{
	static const struct sft_bytes heads[] = {
		BYTES("\x80\x02\0\0\0\0\0\0{\"a\":"),
		BYTES("\x80\x04\1\0\0\0\0\0{\"a\":"),
		BYTES("\x1f\x8b\0\0\0\0\0\0{\"a\":"),
		BYTES("{\0\0\0\0\0\0\0{\"a\":"),
		BYTES("BZh\0\0\0\0\0{\"a\":"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(heads); i++)
		CHECK_TEXT((const char *)heads[i].data,
			   sft_sniff(heads[i].data, heads[i].len, "m.safetensors"), NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_sentence),
		cmocka_unit_test(test_full_block),
		cmocka_unit_test(test_length_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
