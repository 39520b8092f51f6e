// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_entry.c - what the tree shows: listed, looked up, and as numbers
 *
 * One model with the names that are hard: a tensor and a folder of one name, empty parts,
 * slashes, dots, the longest component, and a tensor that has no .npy. All three ways to
 * its files (lists, lookups, refs) have to agree on every one of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

#define TEN(text) text text text text text text text text text text
#define PART TEN("0123456789abcdefghijklmn") "xyz"
#define RANK_65 "[" TEN("0,0,0,0,0,0,") "0,0,0,0,0]"

_Static_assert(sizeof(PART) - 1 == 243, "the longest component there is");

#define EMPTY "[\"U8\",[0],[0,0]]"

static const char header[] =
	"{\"w\":" EMPTY ",\"w.absmax\":" EMPTY ",\"w.bin\":" EMPTY ",\"b.0.c\":" EMPTY
	",\"b.10.c\":" EMPTY ",\"b.9.c\":" EMPTY ",\"rank.65\":[\"U8\"," RANK_65 ",[0,0]]"
	",\"\":" EMPTY ",\"..\":" EMPTY ",\".view\":" EMPTY ",\"/etc/a%b\":" EMPTY
	",\"__metadata__.json\":" EMPTY ",\"" PART "." PART "\":" EMPTY "}";

/* A folder comes before the files beside it; both stand in the order of their bytes. */
static const char tensors_tree[] =
	" __metadata__.json"
	" %/ %/%/ %/%/%.bin %/%/%.json %/view.bin %/view.json"
	" " PART "/ " PART "/" PART ".bin " PART "/" PART ".json"
	" __metadata__/ __metadata__/json.bin __metadata__/json.json"
	" b/ b/0/ b/0/c.bin b/0/c.json b/10/ b/10/c.bin b/10/c.json b/9/ b/9/c.bin "
	"b/9/c.json"
	" rank/ rank/65.bin rank/65.json"
	" w/ w/absmax.bin w/absmax.json w/bin.bin w/bin.json"
	" %.bin %.json %2Fetc%2Fa%25b.bin %2Fetc%2Fa%25b.json w.bin w.json";

static const char npy_tree[] =
	" %/ %/%/ %/%/%.npy %/view.npy"
	" " PART "/ " PART "/" PART ".npy"
	" __metadata__/ __metadata__/json.npy"
	" b/ b/0/ b/0/c.npy b/10/ b/10/c.npy b/9/ b/9/c.npy"
	" rank/ w/ w/absmax.npy w/bin.npy %.npy %2Fetc%2Fa%25b.npy w.npy";

/* The tree has 11 folders, the root among them; five views show it, six have no folders.
 */
#define FOLDERS (5 * 11 + 6)

static struct sft_model *open_names(const char *folder)
{
	write_model(folder, "m", header, 0);
	return open_model(folder, "m", NULL);
}

/* ---- walking ---- */

#define REFS_MAX 512u

struct walk {
	const struct sft_model *model;
	char path[1024], text[32768];
	size_t text_len;
	struct sft_ref refs[REFS_MAX];
	size_t count;
};

static uint64_t number_of(struct sft_ref ref)
{
	return (uint64_t)ref.node << 16 | (uint64_t)ref.view << 8 | ref.kind;
}

static void note_ref(struct walk *walk, struct sft_ref ref)
{
	assert_true(walk->count < REFS_MAX);
	for (size_t i = 0; i < walk->count; i++)
		assert_int_not_equal(number_of(walk->refs[i]), number_of(ref));
	walk->refs[walk->count++] = ref;
}

/* Holds against each other what is said about one entry. */
static void check_entry(const struct walk *walk, struct sft_ref folder,
			const struct sft_entry *entry)
{
	const struct sft_totals totals = sft_model_totals(walk->model);
	struct sft_ref found;

	if (!sft_lookup(walk->model, folder, entry->name, strlen(entry->name), &found))
		fail_msg("%s is listed and not found", walk->path);
	CHECK_UINT(walk->path, number_of(found), number_of(entry->ref));
	CHECK_UINT(walk->path, entry->type, sft_ref_type(walk->model, entry->ref));
	CHECK_UINT(walk->path, entry->type == SFT_TYPE_FOLDER,
		   sft_ref_is_folder(entry->ref));
	CHECK_UINT(walk->path, number_of(sft_parent(walk->model, found)),
		   number_of(folder));
	CHECK_UINT(walk->path, sft_ref_valid(walk->model, found), true);
	CHECK_UINT(walk->path, found.node < totals.node_limit, true);
	CHECK_UINT(walk->path, found.view < 1u << SFT_VIEW_BITS, true);
	CHECK_UINT(walk->path, found.kind < 1u << SFT_KIND_BITS, true);
}

static void walk_folder(struct walk *walk, struct sft_ref folder)
{
	const size_t path_len = strlen(walk->path);
	struct sft_entry entry = { .next = 0 };

	while (sft_list(walk->model, folder, entry.next, &entry)) {
		snprintf(walk->path + path_len, sizeof(walk->path) - path_len, "%s%s",
			 entry.name, entry.type == SFT_TYPE_FOLDER ? "/" : "");
		walk->text_len += (size_t)snprintf(walk->text + walk->text_len,
						   sizeof(walk->text) - walk->text_len,
						   " %s", walk->path);
		assert_true(walk->text_len < sizeof(walk->text));
		note_ref(walk, entry.ref);
		check_entry(walk, folder, &entry);
		if (entry.type == SFT_TYPE_FOLDER)
			walk_folder(walk, entry.ref);
	}
	walk->path[path_len] = '\0';
}

/* Everything that can be reached, each once. */
static struct walk *walk_all(const struct sft_model *model)
{
	struct walk *walk = calloc(1, sizeof(*walk));

	assert_non_null(walk);
	walk->model = model;
	note_ref(walk, SFT_REF_ROOT);
	note_ref(walk, find_ref(model, ".view"));
	walk_folder(walk, SFT_REF_ROOT);
	walk_folder(walk, find_ref(model, ".view"));
	return walk;
}

static void check_tree(const struct sft_model *model, const char *path, const char *want)
{
	struct walk *walk = calloc(1, sizeof(*walk));

	assert_non_null(walk);
	walk->model = model;
	walk_folder(walk, find_ref(model, path));
	CHECK_TEXT(path, walk->text, want);
	free(walk);
}

static void test_trees(void **state)
{
	struct sft_model *model = open_names(*state);

	check_tree(model, "", tensors_tree);
	check_tree(model, ".view/tensors", tensors_tree);
	check_tree(model, ".view/npy", npy_tree);
	check_tree(model, "w", " absmax.bin absmax.json bin.bin bin.json");
	check_tree(model, ".view/npy/rank", "");
	sft_close(model);
	write_model(*state, "m", "{}", 0);
	model = open_model(*state, "m", NULL);
	check_tree(model, "", " __metadata__.json");
	check_tree(model, ".view/npy", "");
	sft_close(model);
}

/* ---- positions ---- */

/* The index of the entry at a position; the count of entries at the end. */
static size_t entry_at(const struct sft_model *model, struct sft_ref folder, uint64_t pos,
		       const struct sft_entry *entries, size_t count)
{
	struct sft_entry entry;
	size_t i = 0;

	if (!sft_list(model, folder, pos, &entry))
		return count;
	while (i < count && strcmp(entries[i].name, entry.name) != 0)
		i++;
	assert_true(i < count);
	CHECK_UINT(entry.name, number_of(entry.ref), number_of(entries[i].ref));
	CHECK_UINT(entry.name, entry.next, entries[i].next);
	CHECK_UINT(entry.name, entry.type, entries[i].type);
	return i;
}

/*
 * A listing resumes behind any entry. From a position that none has, it goes on somewhere
 * behind, and so comes to its end.
 */
static void check_positions(const struct sft_model *model, struct sft_ref folder)
{
	static const uint64_t nonsense[] = { UINT64_MAX, UINT64_MAX - 15, UINT64_MAX / 2,
					     UINT64_C(1) << 32, UINT64_C(1) << 36 };
	struct sft_entry entries[64], entry = { .next = 0 };
	size_t count = 0;
	size_t before = 0;

	for (; sft_list(model, folder, entry.next, &entry); entries[count++] = entry)
		assert_true(count < ARRAY_COUNT(entries));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(entry_at(model, folder, i > 0 ? entries[i - 1].next : 0,
					  entries, count),
				 i);
	for (uint64_t pos = 0; pos < entry.next + 64; pos++) {
		const size_t idx = entry_at(model, folder, pos, entries, count);

		assert_true(idx >= before);
		assert_true(idx == count || entries[idx].next > pos);
		before = idx;
	}
	assert_int_equal(before, count);
	for (size_t i = 0; i < ARRAY_COUNT(nonsense); i++)
		assert_int_equal(entry_at(model, folder, nonsense[i], entries, count),
				 count);
}

static void test_positions(void **state)
{
	struct sft_model *model = open_names(*state);
	struct walk *walk = walk_all(model);
	unsigned folders = 0;

	for (size_t i = 0; i < walk->count; i++) {
		if (!sft_ref_is_folder(walk->refs[i]))
			continue;
		check_positions(model, walk->refs[i]);
		folders++;
	}
	assert_int_equal(folders, FOLDERS + 1);
	free(walk);
	sft_close(model);
}

/* ---- lookups ---- */

/* Names that a folder does not hold, with a bar behind each. */
static const struct {
	const char *folder;
	struct sft_bytes names;
} absent[] = {
	{ "", BYTES("|.|..|w.npy|w.bi|w.binx|w.bin\0|w\0|w/|w/"
		    "absmax.bin|W.bin|b.bin|.bin|.json|") },
	{ "", BYTES("__metadata__.bin|__metadata__.json\0|npy|.view\0|" PART ".bin|") },
	{ "", BYTES("/etc/a%b.bin|%2fetc%2fa%25b.bin|" PART "x|" PART PART PART "|") },
	{ "w", BYTES(".view|..|w.bin|__metadata__.json|") },
	{ "rank", BYTES("65.npy|") },
	{ ".view", BYTES("|.view|npy\0|np|w.bin|__metadata__.json|") },
	{ ".view/tensors", BYTES(".view|w.npy|") },
	{ ".view/npy", BYTES(".view|w.bin|__metadata__.json|") },
	{ ".view/npy/rank", BYTES("65.npy|") },
	{ ".view/flat", BYTES("w|w.dat|w/absmax.bin|rank.65.npy|.view|index.json|") },
	{ ".view/offload", BYTES("w|w.bin|%.dat|rank.65.dat|index.json\0|") },
	{ ".view/safetensors", BYTES(".safetensors|w.bin|w.npy|") },
	{ ".view/model", BYTES("|model|model.safetensors\0|w.bin|w|.safetensors|") },
	{ ".view/sums", BYTES("|SUMS|XXH128SUMS\0|w|w.bin|w[0].bin|") },
};

static void test_absent(void **state)
{
	struct sft_model *model = open_names(*state);

	for (size_t i = 0; i < ARRAY_COUNT(absent); i++) {
		const struct sft_ref folder = find_ref(model, absent[i].folder);
		const char *name = (const char *)absent[i].names.data;
		const char *end = name + absent[i].names.len;

		for (size_t len; name < end; name += len + 1) {
			struct sft_ref ref = { 7, 7, 7 };

			len = strcspn(name, "|");
			len += name[len] == '\0' ? 1 : 0; /* the NUL is in the name */
			CHECK_UINT(name, sft_lookup(model, folder, name, len, &ref),
				   false);
			CHECK_UINT(name, number_of(ref), 0x70707);
		}
	}
	sft_close(model);
}

/* ---- refs ---- */

/* What the numbers are is part of inode numbers, so it has to stay. */
static void test_numbers(void **state)
{
	struct sft_model *model = open_names(*state);
	const uint32_t w = find_ref(model, "w.bin").node;
	const uint32_t folder_w = find_ref(model, "w").node;
	const uint32_t flat_w = find_ref(model, ".view/flat/w.bin").node;
	const struct {
		const char *path, *parent;
		struct sft_ref ref;
	} rows[] = {
		{ "", "", { 0, 0, SFT_KIND_FOLDER } },
		{ ".view", "", { 0, 0, SFT_KIND_VIEWS } },
		{ ".view/tensors", ".view", { 0, 1, SFT_KIND_FOLDER } },
		{ ".view/npy", ".view", { 0, 2, SFT_KIND_FOLDER } },
		{ "__metadata__.json", "", { 0, 0, SFT_KIND_TOP } },
		{ "%", "", { 1, 0, SFT_KIND_FOLDER } },
		{ ".view/npy/%", ".view/npy", { 1, 2, SFT_KIND_FOLDER } },
		{ "w.bin", "", { w, 0, SFT_KIND_FILE } },
		{ "w.json", "", { w, 0, SFT_KIND_FILE + 1 } },
		{ ".view/npy/w.npy", ".view/npy", { w, 2, SFT_KIND_FILE } },
		{ ".view/f32/w.npy", ".view/f32", { w, 3, SFT_KIND_FILE + 1 } },
		{ ".view/flat/w.json", ".view/flat", { flat_w, 4, SFT_KIND_FILE + 1 } },
		{ ".view/offload/w.dat", ".view/offload", { flat_w, 5, SFT_KIND_FILE } },
		{ ".view/offload/index.json", ".view/offload", { 0, 5, SFT_KIND_TOP } },
		{ ".view/safetensors/w.safetensors", /* of the folder, not of the tensor
						      */
		  ".view/safetensors",
		  { folder_w, 6, SFT_KIND_FILE } },
		{ ".view/model/model.safetensors",
		  ".view/model",
		  { 0, 7, SFT_KIND_TOP } },
		{ ".view/torch", ".view", { 0, 8, SFT_KIND_FOLDER } },
		{ ".view/npz", ".view", { 0, 9, SFT_KIND_FOLDER } },
		{ ".view/sums/XXH128SUMS", ".view/sums", { 0, 10, SFT_KIND_TOP } },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		CHECK_UINT(rows[i].path, number_of(find_ref(model, rows[i].path)),
			   number_of(rows[i].ref));
		CHECK_UINT(rows[i].path, number_of(sft_parent(model, rows[i].ref)),
			   number_of(find_ref(model, rows[i].parent)));
	}
	sft_close(model);
}

/* A ref is valid if a walk comes to it, and no other is. */
static void test_valid(void **state)
{
	static const uint8_t views[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 31, 32, 255
	};
	struct sft_model *model = open_names(*state);
	const size_t limit = sft_model_totals(model).node_limit;
	struct walk *walk = walk_all(model);
	size_t valid = 0;

	for (size_t i = 0; i < ARRAY_COUNT(views); i++) {
		for (unsigned kind = 0; kind < 256; kind++) {
			struct sft_ref ref = { UINT32_MAX, views[i], (uint8_t)kind };

			assert_false(sft_ref_valid(model, ref));
			for (ref.node = 0; ref.node < limit + 2; ref.node++)
				valid += sft_ref_valid(model, ref);
		}
	}
	assert_int_equal(valid, walk->count);
	free(walk);
	sft_close(model);
}

/* Another process that opens the same model makes the same of it. */
static void test_stable(void **state)
{
	struct sft_model *first = open_names(*state);
	struct sft_model *second = open_model(*state, "m", NULL);
	struct walk *a = walk_all(first);
	struct walk *b = walk_all(second);

	assert_string_equal(a->text, b->text);
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		assert_int_equal(number_of(a->refs[i]), number_of(b->refs[i]));
	free(a);
	free(b);
	sft_close(first);
	sft_close(second);
}

/* ---- views ---- */

static void test_view_use(void **state)
{
	static const char *const unknown[] = { "", "np", "npyx", "NPY", ".view" };
	static const char *const names[] = { "tensors", "npy",         "f32",   "flat",
					     "offload", "safetensors", "model", "torch",
					     "npz",     "sums" };
	struct sft_model *model = open_names(*state);

	assert_int_equal(sft_view_count(), ARRAY_COUNT(names));
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		CHECK_TEXT("name", sft_view_name(i), names[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(sft_view_about(j), sft_view_about(i));
	}
	assert_int_equal(sft_model_file_count(model), 38);
	assert_true(sft_view_use(model, "npy"));
	for (size_t i = 0; i < ARRAY_COUNT(unknown); i++)
		CHECK_UINT(unknown[i], sft_view_use(model, unknown[i]), false);
	check_tree(model, "", npy_tree);
	check_tree(model, ".view/npy", npy_tree);
	check_tree(model, ".view/tensors", tensors_tree);
	assert_int_equal(sft_model_file_count(model), 23);
	assert_true(sft_view_use(model, "tensors"));
	check_tree(model, "", tensors_tree);
	sft_close(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_trees),    IN_FOLDER(test_positions),
		IN_FOLDER(test_absent),   IN_FOLDER(test_numbers),
		IN_FOLDER(test_valid),    IN_FOLDER(test_stable),
		IN_FOLDER(test_view_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
