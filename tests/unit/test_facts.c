// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_facts.c - what is said of a tensor's file, and never more of it than
 * there is room for
 */
#include "core/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/unit/changes.h"
#include "tests/unit/support.h"

/* Data begins at 100 or so: whatever it is, it is added to what stands here. */
static const char header[] =
	"{\"__metadata__\":{\"l\":\"m\"},\"m\":[\"F32\",[4,8],[0,128]],"
	"\"s\":[\"BF16\",[],[128,130]],\"d.e\":[\"F4\",[2,0],[130,130]]}";

#define DATA_LEN 130u
#define DATA_OFF (8 + sizeof(header) - 1)
#define NONE SIZE_MAX

static const struct {
	const char *folder, *name;
	const char *dtype; /* NULL: there is nothing to say */
	const char *shape;
	size_t off; /* in the data; NONE: in pieces */
} rows[] = {
	{ "", "m.bin", "F32", "[4, 8]", 0 },
	{ "", "m.json", "F32", "[4, 8]", 0 },
	{ "", "l.bin", "F32", "[4, 8]", 0 },
	{ ".view/npy", "s.npy", "BF16", "[]", 128 },
	{ ".view/safetensors/d", "e.safetensors", "F4", "[2, 0]", 130 },
	{ "", "m[1].bin", "F32", "[8]", 32 },
	{ "", "m[1,2].bin", "F32", "[]", 40 },
	{ ".view/f32", "m[:,2:3].npy", "F32", "[4, 1]", NONE },
	{ "", "d", NULL, NULL, 0 },
	{ "", ".view", NULL, NULL, 0 },
	{ "", "__metadata__.json", NULL, NULL, 0 },
	{ ".view/safetensors", "d.safetensors", NULL, NULL, 0 },
	{ ".view/model", "model.safetensors", NULL, NULL, 0 },
};

/* A file and, if it is one, the slice of it. */
struct place {
	struct sft_ref ref;
	bool is_slice;
	struct sft_slice slice;
};

static void find(const struct sft_model *model, size_t row, struct place *place)
{
	const struct sft_ref folder = find_ref(model, rows[row].folder);
	const char *name = rows[row].name;

	place->is_slice = !sft_lookup(model, folder, name, strlen(name), &place->ref);
	if (!place->is_slice)
		return;
	assert_true(sft_slice_lookup(model, folder, name, strlen(name), &place->slice));
	place->ref = place->slice.ref;
}

/* Checks a fact with every amount of room. */
static void check_fact(const struct sft_model *model, const struct place *place,
		       enum sft_fact fact, const char *row, const char *want)
{
	const struct sft_slice *slice = place->is_slice ? &place->slice : NULL;
	const size_t len = strlen(want);

	for (size_t cap = 0; cap < len + 3; cap++) {
		char *out = malloc(cap); /* a sanitizer sees what is written behind it */

		CHECK_UINT(row, sft_ref_fact(model, place->ref, slice, fact, out, cap),
			   len);
		if (cap >= len && len > 0)
			CHECK_BYTES(row, ((struct sft_bytes){ (uint8_t *)out, len }),
				    sft_bytes_of(want));
		free(out);
	}
}

static void test_facts(void **state)
{
	struct sft_model *model;

	write_model(*state, "x.safetensors", header, DATA_LEN);
	model = open_model(*state, "x.safetensors", NULL);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const bool has_any = rows[i].dtype != NULL;
		struct place place;
		char off[24] = "";

		find(model, i, &place);
		if (has_any && rows[i].off != NONE)
			snprintf(off, sizeof(off), "%zu", DATA_OFF + rows[i].off);
		check_fact(model, &place, SFT_FACT_DTYPE, rows[i].name,
			   has_any ? rows[i].dtype : "");
		check_fact(model, &place, SFT_FACT_SHAPE, rows[i].name,
			   has_any ? rows[i].shape : "");
		check_fact(model, &place, SFT_FACT_FILE, rows[i].name,
			   has_any ? "x.safetensors" : "");
		check_fact(model, &place, SFT_FACT_OFFSET, rows[i].name, off);
	}
	sft_close(model);
}

static void test_names(void **state)
{
	static const char *const names[] = { "dtype", "shape", "file", "offset" };

	(void)state;
	for (unsigned i = 0; i < SFT_FACT_COUNT; i++)
		CHECK_TEXT("name", sft_fact_name((enum sft_fact)i), names[i]);
}

/* Of the column that row 7 is. */
static void column_digest(char out[SFT_DIGEST_TEXT_LEN])
{
	XXH128_canonical_t digest;
	uint8_t bytes[16];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = data_byte(i / 4 * 32 + 8 + i % 4);
	XXH128_canonicalFromHash(&digest, XXH3_128bits(bytes, sizeof(bytes)));
	for (size_t i = 0; i < sizeof(digest.digest); i++)
		snprintf(out + 2 * i, 3, "%02x", digest.digest[i]);
}

/* Of a whole tensor, of a slice in pieces, and of neither once the source changed. */
static void test_digest(void **state)
{
	for (size_t i = 0; i < CHANGE_COUNT; i++) {
		const enum sft_status want = changes[i].counts ? SFT_E_CHANGED : SFT_OK;
		char *path = path_in(*state, "x.safetensors");
		char whole[SFT_DIGEST_TEXT_LEN], digest[SFT_DIGEST_TEXT_LEN];
		struct place tensor, column;
		struct sft_model *model;

		write_model(*state, "x.safetensors", header, DATA_LEN);
		model = open_model(*state, "x.safetensors", NULL);
		find(model, 0, &tensor);
		find(model, 7, &column);
		assert_int_equal(
			sft_ref_digest(model, tensor.ref, NULL, NULL, whole, NULL),
			SFT_OK);
		assert_int_equal(sft_tensor_digest(model, 0, SFT_DIGEST_XXH128, NULL,
						   digest, NULL),
				 SFT_OK);
		CHECK_TEXT("whole", whole, digest);
		assert_int_equal(sft_ref_digest(model, column.ref, &column.slice, NULL,
						whole, NULL),
				 SFT_OK);
		column_digest(digest);
		CHECK_TEXT("column", whole, digest);
		changes[i].apply(path);
		CHECK_UINT(changes[i].what,
			   sft_ref_digest(model, tensor.ref, NULL, NULL, whole, NULL),
			   want);
		CHECK_UINT(changes[i].what,
			   sft_ref_digest(model, column.ref, &column.slice, NULL, whole,
					  NULL),
			   want);
		sft_close(model);
		unlink(path);
		free(path);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_facts),
		cmocka_unit_test(test_names),
		IN_FOLDER(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
