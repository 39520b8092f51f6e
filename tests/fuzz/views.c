// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/views.c - every file of every view of a model
 *
 * The input is a recipe (recipe.h).
 */
#include "core/header.h"
#include "tests/fuzz/reading.h"
#include "tests/fuzz/recipe.h"

#define ENTRIES_MAX 4096u /* of a folder; none has so many tensors */

static void check_file(const struct sft_model *model, struct sft_ref ref, uint64_t len)
{
	struct sft_error err = { 0 };
	struct sft_file *file = NULL;
	const enum sft_status status = sft_file_open(model, ref, &file, &err);

	MUST(status == SFT_OK);
	check_reading(model, file, len);
	sft_file_close(file);
}

/* A link goes up and then down to a file of the same view, and nowhere else. */
static void check_link(const struct sft_model *model, struct sft_ref ref, uint64_t len)
{
	const struct sft_ref target = sft_link_follow(model, ref);
	char text[SFT_LINK_LEN_MAX];
	const size_t text_len = sft_link_target(model, ref, text);
	struct sft_bytes rest = { (uint8_t *)text, text_len };
	struct sft_ref at = sft_parent(model, ref);
	struct sft_bytes part;

	MUST(text_len == len && text_len > 0 && text[0] != '/');
	MUST(sft_ref_valid(model, target));
	MUST(sft_ref_type(model, target) == SFT_TYPE_FILE);
	while (fuzz_take_part(&rest, '/', &part)) {
		MUST(sft_ref_is_folder(at));
		if (sft_bytes_equal(part, sft_bytes_of("..")))
			at = sft_parent(model, at);
		else
			MUST(sft_lookup(model, at, (const char *)part.data, part.len,
					&at));
	}
	MUST(fuzz_same_ref(at, target));
}

static void check_entry(const struct sft_model *model, struct sft_ref folder,
			const struct sft_entry *entry)
{
	struct sft_error err = { 0 };
	struct sft_attr attr;
	struct sft_ref found;
	char note[64];

	fuzz_check_name(entry->name, strnlen(entry->name, sizeof(entry->name)), 255);
	MUST(sft_ref_valid(model, entry->ref));
	MUST(sft_ref_type(model, entry->ref) == entry->type);
	MUST(sft_lookup(model, folder, entry->name, strlen(entry->name), &found));
	MUST(fuzz_same_ref(found, entry->ref));
	MUST(fuzz_same_ref(sft_parent(model, entry->ref), folder));
	MUST(sft_attr(model, entry->ref, &attr, &err) == SFT_OK);
	MUST(attr.type == entry->type);
	MUST(!sft_ref_changed(model, entry->ref));
	sft_ref_note(model, entry->ref, note, sizeof(note));
	MUST(strnlen(note, sizeof(note)) < sizeof(note));
	if (entry->type == SFT_TYPE_FILE)
		check_file(model, entry->ref, attr.len);
	else if (entry->type == SFT_TYPE_LINK)
		check_link(model, entry->ref, attr.len);
}

static void check_folder(const struct sft_model *model, struct sft_ref folder)
{
	struct sft_entry entry = { .next = 0 };
	unsigned count = 0;

	while (sft_list(model, folder, entry.next, &entry)) {
		MUST(count++ < ENTRIES_MAX);
		check_entry(model, folder, &entry);
		if (entry.type == SFT_TYPE_FOLDER) /* at most 33 deep: core/name.h */
			check_folder(model, entry.ref);
	}
	sft_folder_absents(model, folder);
}

/* Names and positions that nobody was given. */
static void check_strays(const struct sft_model *model, struct sft_bytes input)
{
	static const uint64_t places[] = { 1, 2, 1u << 16, UINT32_MAX, UINT64_MAX };
	const struct sft_totals totals = sft_model_totals(model);
	struct sft_entry entry;
	struct sft_ref found;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (sft_list(model, SFT_REF_ROOT, places[i], &entry))
			MUST(sft_ref_valid(model, entry.ref));
	if (sft_lookup(model, SFT_REF_ROOT, (const char *)input.data, input.len, &found))
		MUST(sft_ref_valid(model, found));
	for (unsigned view = 0; view < 1u << SFT_VIEW_BITS; view++)
		for (unsigned kind = 0; kind < 1u << SFT_KIND_BITS; kind++) {
			const struct sft_ref ref = {
				.node = (uint32_t)(totals.node_limit * view / 3),
				.view = (uint8_t)view,
				.kind = (uint8_t)kind,
			};

			MUST(!sft_ref_valid(model, ref) || ref.node < totals.node_limit);
		}
}

static bool is_over(void *arg)
{
	(void)arg;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sft_bytes input = { data, size };
	struct sft_ref views = SFT_REF_ROOT;
	struct recipe recipe;

	if (recipe_open(&recipe, input)) {
		sft_model_watch(recipe.model, is_over, NULL);
		check_strays(recipe.model, input);
		check_folder(recipe.model, SFT_REF_ROOT);
		MUST(sft_lookup(recipe.model, SFT_REF_ROOT, ".view", 5, &views));
		check_folder(recipe.model, views);
		MUST(sft_model_changes(recipe.model) == 0);
	}
	recipe_close(&recipe);
	return 0;
}
