// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/slice.c - parts of tensors by name
 *
 * The input is a recipe (recipe.h); each of its slices is asked for of each of its
 * tensors, in each view.
 */
#include <stdlib.h>

#include "core/file.h"
#include "core/views/view.h"
#include "tests/fuzz/reading.h"
#include "tests/fuzz/recipe.h"

#define RANK_MAX 64u /* of a tensor that can be sliced */
#define WHOLE_LEN_MAX 4096u

static bool has_suffix(const struct sft_entry *entry, const char *suffix)
{
	return sft_bytes_end_in(sft_bytes_of(entry->name), suffix);
}

/* NAME[SLICE].SUFFIX, where a file is called NAME.SUFFIX. */
static size_t slice_name(const char *file, struct sft_bytes slice, char *out)
{
	const char *dot = strrchr(file, '.');
	const size_t stem_len = (size_t)(dot - file);
	size_t used = stem_len;

	memcpy(out, file, stem_len);
	out[used++] = '[';
	memcpy(out + used, slice.data, slice.len);
	used += slice.len;
	out[used++] = ']';
	memcpy(out + used, dot, strlen(dot));
	return used + strlen(dot);
}

/* ---- what a slice holds ---- */

/* One dimension: what there is of it, and what of that is taken. */
struct span {
	uint64_t dim, begin, end;
};

/* Reads the canonical text: an index, begin:end or a colon for each dimension. */
static void read_spans(const struct sft_slice *slice, struct span *spans, size_t rank)
{
	struct sft_bytes rest = { (const uint8_t *)slice->text, slice->len };
	struct sft_bytes item;

	for (size_t i = 0; i < rank; i++) {
		char text[64] = "";
		char *colon, *end;

		spans[i].begin = 0;
		spans[i].end = spans[i].dim;
		if (!fuzz_take_part(&rest, ',', &item)) /* those at the end are whole */
			continue;
		MUST(item.len < sizeof(text));
		memcpy(text, item.data, item.len);
		colon = strchr(text, ':');
		if (colon == text)
			continue;
		spans[i].begin = strtoull(text, &end, 10);
		spans[i].end = colon != NULL ? strtoull(colon + 1, &end, 10)
					     : spans[i].begin + 1;
		MUST(*end == '\0' && spans[i].begin <= spans[i].end);
		MUST(spans[i].end <= spans[i].dim);
	}
}

/* Where the elements of a slice are in the tensor, one after the other. */
static bool next_element(const struct span *spans, size_t rank, uint64_t *at)
{
	for (size_t i = rank; i > 0; i--) {
		if (++at[i - 1] < spans[i - 1].end)
			return true;
		at[i - 1] = spans[i - 1].begin;
	}
	return false;
}

static uint64_t element_idx(const struct span *spans, size_t rank, const uint64_t *at)
{
	uint64_t idx = 0;

	for (size_t i = 0; i < rank; i++)
		idx = idx * spans[i].dim + at[i];
	return idx;
}

/* Copies a slice out of a tensor, element by element. Return: its bytes. */
static size_t cut(const uint8_t *whole, size_t size, const struct span *spans,
		  size_t rank, uint8_t *out)
{
	uint64_t at[RANK_MAX];
	size_t used = 0;

	for (size_t i = 0; i < rank; i++) {
		at[i] = spans[i].begin;
		if (spans[i].begin == spans[i].end)
			return 0;
	}
	do {
		memcpy(out + used, whole + element_idx(spans, rank, at) * size, size);
		used += size;
	} while (next_element(spans, rank, at));
	return used;
}

static size_t read_small(const struct sft_file *file, uint8_t out[WHOLE_LEN_MAX])
{
	size_t len;

	MUST(sft_file_read(file, 0, out, WHOLE_LEN_MAX, &len, NULL) == SFT_OK);
	return len;
}

/* A slice of a tensor's bytes, where its elements are of bytes and not too many. */
static void check_bytes(const struct sft_model *model, const struct sft_slice *slice,
			const struct sft_file *file)
{
	const struct sft_tensor *tensor = sft_ref_tensor(model, slice->ref);
	const uint8_t bits = sft_dtype(tensor->dtype)->bits;
	struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, tensor), tensor);
	uint8_t whole[WHOLE_LEN_MAX], want[WHOLE_LEN_MAX], got[WHOLE_LEN_MAX];
	struct span spans[RANK_MAX];
	struct sft_file *source;
	size_t rank = 0;
	size_t len;

	if (bits % 8 != 0 || sft_tensor_len(tensor) > WHOLE_LEN_MAX)
		return;
	while (rank < RANK_MAX && sft_shape_next(&shape, &spans[rank].dim))
		rank++;
	read_spans(slice, spans, rank);
	MUST(sft_file_open(model, slice->ref, &source, NULL) == SFT_OK);
	MUST(read_small(source, whole) == sft_tensor_len(tensor));
	sft_file_close(source);
	len = cut(whole, bits / 8, spans, rank, want);
	MUST(read_small(file, got) == len && memcmp(got, want, len) == 0);
}

/* ---- names ---- */

/* The canonical text is another way to write the same. */
static void check_canonical(const struct sft_model *model, struct sft_ref folder,
			    const char *file, const struct sft_slice *slice)
{
	const struct sft_bytes text = { (const uint8_t *)slice->text, slice->len };
	char name[256 + SFT_SLICE_LEN_MAX + 2];
	const size_t len = slice_name(file, text, name);
	struct sft_slice again;

	MUST(slice->len > 0 && slice->len <= SFT_SLICE_LEN_MAX);
	MUST(sft_slice_lookup(model, folder, name, len, &again));
	MUST(fuzz_same_ref(again.ref, slice->ref));
	MUST(again.id == slice->id && again.len == slice->len);
	MUST(memcmp(again.text, slice->text, slice->len) == 0);
}

static void check_slice(const struct sft_model *model, const struct sft_slice *slice,
			const struct sft_entry *whole)
{
	struct sft_error err = { 0 };
	struct sft_file *file = NULL;
	struct sft_attr attr, whole_attr;
	char note[64];

	MUST(sft_slice_attr(model, slice, &attr, &err) == SFT_OK);
	MUST(attr.type == SFT_TYPE_FILE);
	/* A header can be longer than that of the whole; and a folder can have the file.
	 */
	if (has_suffix(whole, ".bin") || has_suffix(whole, ".dat")) {
		MUST(sft_ref_valid(model, slice->ref));
		MUST(sft_attr(model, slice->ref, &whole_attr, &err) == SFT_OK);
		MUST(attr.len <= whole_attr.len);
	}
	sft_slice_note(model, slice, note, sizeof(note));
	MUST(strnlen(note, sizeof(note)) < sizeof(note));
	MUST(sft_slice_open(model, slice, &file, &err) == SFT_OK);
	check_reading(model, file, attr.len);
	/* The view f32 has another .bin. */
	if (has_suffix(whole, ".dat") ||
	    (has_suffix(whole, ".bin") &&
	     strcmp(sft_ref_view(model, slice->ref)->name, "f32") != 0))
		check_bytes(model, slice, file);
	sft_file_close(file);
}

static void try_slice(const struct sft_model *model, struct sft_ref folder,
		      const struct sft_entry *entry, struct sft_bytes text)
{
	char *name = malloc(strlen(entry->name) + text.len + 2);
	struct sft_slice slice;
	struct fuzz_guarded copy;

	if (name == NULL)
		abort();
	copy = fuzz_guard((struct sft_bytes){ (uint8_t *)name,
					      slice_name(entry->name, text, name) });
	free(name);
	if (sft_slice_lookup(model, folder, (char *)copy.data, copy.len, &slice)) {
		check_slice(model, &slice, entry);
		check_canonical(model, folder, entry->name, &slice);
	}
	fuzz_unguard(&copy);
}

static void try_folder(const struct recipe *recipe, struct sft_ref folder)
{
	struct sft_entry entry = { .next = 0 };

	while (sft_list(recipe->model, folder, entry.next, &entry)) {
		if (entry.type == SFT_TYPE_FOLDER)
			try_folder(recipe, entry.ref);
		else if (strchr(entry.name, '.') != NULL)
			for (size_t i = 0; i < recipe->slice_count; i++)
				try_slice(recipe->model, folder, &entry,
					  recipe->slices[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sft_ref views = SFT_REF_ROOT;
	struct recipe recipe;

	if (recipe_open(&recipe, (struct sft_bytes){ data, size })) {
		MUST(sft_lookup(recipe.model, SFT_REF_ROOT, ".view", 5, &views));
		try_folder(&recipe, views);
	}
	recipe_close(&recipe);
	return 0;
}
