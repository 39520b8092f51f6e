// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_npy.c - the npy view: headers byte for byte, and the data behind them
 *
 * The header that a row wants is put together here from the rules of the format: magic,
 * version 1.0, the length of what follows in 16 bits, the words, spaces up to the last
 * byte before a multiple of 64, a newline. The first test holds one against numpy itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

/* What the view shows of a file with one tensor, named "t"; free() it. */
static char *read_npy(const char *folder, const char *dtype, const char *shape,
		      size_t data_len, size_t *ret_len)
{
	char header[2048];
	struct sft_model *model;
	char *text;

	snprintf(header, sizeof(header), "{\"t\":[\"%s\",%s,[0,%zu]]}", dtype, shape,
		 data_len);
	write_model(folder, "m", header, data_len);
	model = open_model(folder, "m", NULL);
	text = read_whole(model, ".view/npy/t.npy", ret_len);
	sft_close(model);
	return text;
}

/* What np.save() of numpy 2.4 writes for the array. */
static void test_numpy(void **state)
{
	static const char want[] =
		"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, "
		"'shape': (2, 3), }                                                     "
		"     \n"
		"\x03\x0a\x11\x18\x1f\x26\x2d\x34\x3b\x42\x49\x50"
		"\x57\x5e\x65\x6c\x73\x7a\x81\x88\x8f\x96\x9d\xa4";
	size_t len;
	char *got = read_npy(*state, "F32", "[2,3]", 24, &len);

	assert_int_equal(len, sizeof(want) - 1);
	assert_memory_equal(got, want, len);
	free(got);
}

/* ---- rows ---- */

struct row {
	const char *dtype, *shape;
	size_t data_len;
	const char *descr, *dims; /* what the header says */
};

static const struct row rows[] = {
	/* Every type. */
	{ "BOOL", "[5]", 5, "|b1", "5," },
	{ "U8", "[5]", 5, "|u1", "5," },
	{ "I8", "[5]", 5, "|i1", "5," },
	{ "F8_E5M2", "[5]", 5, "|V1", "5," },
	{ "F8_E4M3", "[5]", 5, "|V1", "5," },
	{ "F8_E8M0", "[5]", 5, "|V1", "5," },
	{ "F8_E4M3FNUZ", "[5]", 5, "|V1", "5," },
	{ "F8_E5M2FNUZ", "[5]", 5, "|V1", "5," },
	{ "I16", "[5]", 10, "<i2", "5," },
	{ "U16", "[5]", 10, "<u2", "5," },
	{ "F16", "[5]", 10, "<f2", "5," },
	{ "BF16", "[5]", 10, "<V2", "5," },
	{ "I32", "[5]", 20, "<i4", "5," },
	{ "U32", "[5]", 20, "<u4", "5," },
	{ "F32", "[5]", 20, "<f4", "5," },
	{ "C64", "[5]", 40, "<c8", "5," },
	{ "F64", "[5]", 40, "<f8", "5," },
	{ "I64", "[5]", 40, "<i8", "5," },
	{ "U64", "[5]", 40, "<u8", "5," },
	/* Every kind of shape. */
	{ "F32", "[]", 4, "<f4", "" },
	{ "F32", "[1]", 4, "<f4", "1," },
	{ "F32", "[ 1 , 2\n,\t3 ]", 24, "<f4", "1, 2, 3" },
	{ "F32", "[0]", 0, "<f4", "0," },
	{ "F32", "[0,8]", 0, "<f4", "0, 8" },
	{ "F32", "[4,0]", 0, "<f4", "4, 0" },
	{ "U8", "[300,7]", 2100, "|u1", "300, 7" },
	/* The largest that numpy counts, without the dimensions that are 0. */
	{ "U8", "[0,9223372036854775807]", 0, "|u1", "0, 9223372036854775807" },
	{ "I16", "[4611686018427387903,0]", 0, "<i2", "4611686018427387903, 0" },
	{ "I8", "[3037000499,0,3037000499]", 0, "|i1", "3037000499, 0, 3037000499" },
	/* Packed types: the last dimension counts bytes, if a row ends on one. */
	{ "F4", "[4]", 2, "|u1", "2," },
	{ "F4", "[3,4]", 6, "|u1", "3, 2" },
	{ "F4", "[2,2,2]", 4, "|u1", "2, 2, 1" },
	{ "F4", "[3,0]", 0, "|u1", "3, 0" },
	{ "F4", "[0,4]", 0, "|u1", "0, 2" },
	{ "F6_E2M3", "[4]", 3, "|u1", "3," },
	{ "F6_E3M2", "[2,8]", 12, "|u1", "2, 6" },
	{ "F6_E2M3", "[0]", 0, "|u1", "0," },
	/* Else all of it is one row of bytes. */
	{ "F4", "[2,1]", 1, "|u1", "1," },
	{ "F4", "[4,3]", 6, "|u1", "6," },
	{ "F4", "[2,2,3]", 6, "|u1", "6," },
	{ "F4", "[0,3]", 0, "|u1", "0," },
	{ "F6_E2M3", "[2,2]", 3, "|u1", "3," },
	{ "F6_E3M2", "[4,1]", 3, "|u1", "3," },
	{ "F6_E3M2", "[2,6]", 9, "|u1", "9," },
	{ "F4", "[0,4611686018427387904]", 0, "|u1", "0," }, /* 2^64 bits a row */
	{ "F4", "[0,4611686018427387902]", 0, "|u1", "0, 2305843009213693951" },
};

/* The header of an array; returns its length. */
static size_t make_header(char out[2048], const char *descr, const char *dims)
{
	char words[2048];
	const int len = snprintf(
		words, sizeof(words),
		"{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims);
	const size_t whole = ((size_t)len + 10 + 1 + 63) / 64 * 64;

	memset(out, ' ', whole);
	memcpy(out, "\x93NUMPY\x01\x00", 8);
	out[8] = (char)((whole - 10) % 256);
	out[9] = (char)((whole - 10) / 256);
	memcpy(out + 10, words, (size_t)len);
	out[whole - 1] = '\n';
	return whole;
}

static void check_row(const char *folder, const struct row *row)
{
	char label[128], want[2048];
	const size_t header_len = make_header(want, row->descr, row->dims);
	size_t len;
	char *got = read_npy(folder, row->dtype, row->shape, row->data_len, &len);

	snprintf(label, sizeof(label), "%s %.64s", row->dtype, row->shape);
	CHECK_UINT(label, len, header_len + row->data_len);
	CHECK_BYTES(label, ((struct sft_bytes){ (uint8_t *)got, header_len }),
		    ((struct sft_bytes){ (uint8_t *)want, header_len }));
	for (size_t i = 0; i < row->data_len; i++)
		CHECK_UINT(label, (uint8_t)got[header_len + i], data_byte(i));
	free(got);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_row(*state, &rows[i]);
}

/* A shape of @rank dimensions, all 0 but the second. */
static void format_shape(char *out, unsigned rank, const char *dim, const char *separator)
{
	size_t used = (size_t)sprintf(out, "0");

	for (unsigned i = 1; i < rank; i++)
		used += (size_t)sprintf(out + used, "%s%s", separator,
					i == 1 ? dim : "0");
}

/* All ranks with all lengths of a dimension: the words then end at every place. */
static void test_lengths(void **state)
{
	static const char digits[] = "9223372036854775807";

	for (unsigned rank = 1; rank <= 64; rank += rank < 5 || rank >= 61 ? 1 : 8) {
		for (size_t len = 1; len <= sizeof(digits) - 1; len++) {
			char shape[512] = "[", dims[512], dim[sizeof(digits)] = "";

			memcpy(dim, digits, len);
			format_shape(shape + 1, rank, dim, ",");
			strcat(shape, "]");
			format_shape(dims, rank, dim, ", ");
			if (rank == 1)
				strcat(dims, ",");
			check_row(*state, &(struct row){ "U8", shape, 0, "|u1", dims });
		}
	}
}

/* ---- what numpy cannot have ---- */

#define TEN "0,0,0,0,0,0,0,0,0,0,"
#define RANK_64 TEN TEN TEN TEN TEN TEN "0,0,0,0]"
#define RANK "numpy arrays have at most 64 dimensions"
#define LARGE "numpy arrays have at most 2^63-1 bytes, dimensions of 0 not counted"

static const struct {
	const char *dtype, *shape;
	const char *reason;
} absent[] = {
	{ "U8", "[0," RANK_64, RANK },
	{ "U8", "[9223372036854775808,0," RANK_64, RANK },
	{ "U8", "[0,9223372036854775808]", LARGE },
	{ "U8", "[0,18446744073709551615,18446744073709551615]", LARGE },
	{ "I16", "[4611686018427387904,0]", LARGE },
	{ "C64", "[0,1152921504606846976]", LARGE },
	{ "I8", "[3037000500,0,3037000500]", LARGE },
	{ "I8", "[4294967296,0,4294967296]", LARGE }, /* 2^64 */
	{ "I8", "[4294967296,0,4294967296,1]", LARGE },
};

/* It is in no list and cannot be looked up; the description says why. */
static void test_absent(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(absent); i++) {
		const char *shape = absent[i].shape;
		char header[512], want[128];
		struct sft_model *model;
		struct sft_entry entry;
		struct sft_ref npy, bin, ref;
		char *text;
		size_t len;

		snprintf(header, sizeof(header),
			 "{\"no\":[\"%s\",%s,[0,0]],\"yes\":[\"U8\",[" RANK_64 ",[0,0]]}",
			 absent[i].dtype, shape);
		write_model(*state, "m", header, 0);
		model = open_model(*state, "m", NULL);
		npy = find_ref(model, ".view/npy");
		bin = find_ref(model, "no.bin");
		CHECK_UINT(shape, sft_lookup(model, npy, "no.npy", 6, &ref), false);
		ref = (struct sft_ref){ bin.node, npy.view, bin.kind };
		CHECK_UINT(shape, sft_ref_valid(model, ref), false);
		CHECK_UINT(shape, sft_list(model, npy, 0, &entry), true);
		CHECK_TEXT(shape, entry.name, "yes.npy");
		CHECK_UINT(shape, sft_list(model, npy, entry.next, &entry), false);
		snprintf(want, sizeof(want), "\t\"no\":\t\"%s\"\n", absent[i].reason);
		text = read_whole(model, "__metadata__.json", &len);
		CHECK_HOLDS(shape, text, want);
		free(text);
		sft_close(model);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_numpy),
		IN_FOLDER(test_rows),
		IN_FOLDER(test_lengths),
		IN_FOLDER(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
