// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_nomem.c - memory may run out anywhere
 *
 * Opens models, lists all of them and reads every file, while the n-th allocation fails,
 * for every n until none is left to fail. Each time there has to come out a status that
 * says so, or, where nothing depended on it, the very result of a run without failure;
 * and no leak (the sanitizer's part) and no descriptor left open.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/companion.h"
#include "tests/unit/faults.h"
#include "tests/unit/support.h"

/* All that was seen, as text. */
struct result {
	char text[65536];
	size_t len;
};

static void note(struct result *result, const void *bytes, size_t len)
{
	assert_true(result->len + len <= sizeof(result->text));
	memcpy(result->text + result->len, bytes, len);
	result->len += len;
}

static enum sft_status read_file(const struct sft_model *model, struct sft_ref ref,
				 struct result *result, struct sft_error *err)
{
	const size_t room = sizeof(result->text) - result->len;
	struct sft_file *file = NULL;
	struct sft_attr attr = { .len = 0 };
	size_t got = 0;
	enum sft_status status = sft_attr(model, ref, &attr, err);

	if (status == SFT_OK)
		status = sft_file_open(model, ref, &file, err);
	if (status == SFT_OK)
		status = sft_file_read(file, 0, result->text + result->len, room, &got,
				       err);
	if (status == SFT_OK) {
		assert_int_equal(attr.len, sft_file_len(file));
		assert_int_equal(attr.len, got);
		result->len += got;
	}
	sft_file_close(file);
	return status;
}

static enum sft_status read_folder(const struct sft_model *model, struct sft_ref folder,
				   struct result *result, struct sft_error *err)
{
	struct sft_entry entry = { .next = 0 };
	enum sft_status status = SFT_OK;
	char target[SFT_LINK_LEN_MAX];

	while (status == SFT_OK && sft_list(model, folder, entry.next, &entry)) {
		note(result, entry.name, strlen(entry.name) + 1);
		if (entry.type == SFT_TYPE_FOLDER)
			status = read_folder(model, entry.ref, result, err);
		else if (entry.type == SFT_TYPE_LINK)
			note(result, target, sft_link_target(model, entry.ref, target));
		else
			status = read_file(model, entry.ref, result, err);
	}
	return status;
}

static void note_warning(void *arg, const struct sft_error *warning)
{
	note(arg, warning->detail, strlen(warning->detail) + 1);
}

/* Slices of each kind: in one piece, in rows, converted, with a header. */
static enum sft_status read_slices(const struct sft_model *model, struct result *result,
				   struct sft_error *err)
{
	static const char *const paths[][2] = {
		{ "", "s[1].bin" },
		{ "", "s[:,1].bin" },
		{ "", "s[:,1].json" },
		{ ".view/npy", "s[1:,0:2].npy" },
		{ ".view/f32", "s[:,1].npy" },
		{ ".view/safetensors", "s[:,1].safetensors" },
	};
	enum sft_status status = SFT_OK;

	for (size_t i = 0; status == SFT_OK && i < ARRAY_COUNT(paths); i++) {
		const char *name = paths[i][1];
		const size_t room = sizeof(result->text) - result->len;
		struct sft_file *file = NULL;
		struct sft_slice slice;
		struct sft_attr attr;
		size_t got;

		assert_true(sft_slice_lookup(model, find_ref(model, paths[i][0]), name,
					     strlen(name), &slice));
		status = sft_slice_attr(model, &slice, &attr, err);
		if (status == SFT_OK)
			status = sft_slice_open(model, &slice, &file, err);
		if (status == SFT_OK)
			status = sft_file_read(file, 0, result->text + result->len, room,
					       &got, err);
		if (status == SFT_OK) {
			assert_int_equal(attr.len, got);
			result->len += got;
		}
		sft_file_close(file);
	}
	return status;
}

static void note_text(void *arg, const char *text, size_t len)
{
	note(arg, text, len);
}

/* What an outline has, level by level. */
static enum sft_status read_outline(const struct sft_outline *outline, uint32_t node,
				    struct result *result, struct sft_error *err)
{
	struct sft_line *lines = NULL;
	enum sft_status status;
	size_t count;

	status = sft_outline_list(outline, node, NULL, 0, &count, err);
	if (status != SFT_OK)
		return status;
	lines = test_calloc(count + 1, sizeof(*lines));
	status = sft_outline_list(outline, node, lines, count, &count, err);
	for (size_t i = 0; status == SFT_OK && i < count; i++) {
		note(result, lines[i].label, strlen(lines[i].label) + 1);
		if (lines[i].is_folder)
			status = read_outline(outline, lines[i].node, result, err);
	}
	test_free(lines);
	return status;
}

/* All that there is to know of a model, and of it beside itself. */
static enum sft_status read_info(const struct sft_model *model, struct result *result,
				 struct sft_error *err)
{
	const struct sft_told told[2] = { { "a", NULL, 0 }, { "b", NULL, 0 } };
	struct sft_comparison *comparison = NULL;
	struct sft_outline *outline = NULL;
	struct sft_text_pair pairs[4];
	struct sft_line root;
	size_t count;
	enum sft_status status = sft_model_metadata(model, pairs, 4, &count, err);

	for (size_t i = 0; status == SFT_OK && i < count && i < 4; i++)
		note(result, pairs[i].key.data, pairs[i].key.len);
	if (status == SFT_OK)
		status = sft_outline_model(model, &outline, err);
	if (status == SFT_OK) {
		sft_outline_root(outline, &root);
		status = read_outline(outline, root.node, result, err);
	}
	sft_outline_free(outline);
	if (status == SFT_OK)
		status = sft_model_json(model, &told[0], note_text, result, err);
	if (status == SFT_OK)
		status = sft_compare(model, model, &comparison, err);
	if (status == SFT_OK)
		status = sft_comparison_json(comparison, told, note_text, result, err);
	sft_comparison_free(comparison);
	return status;
}

/* A way to use a model, and what comes of it where memory does not run out. */
struct use {
	const char *name; /* in the folder */
	bool skip_missing;
	bool reads; /* all files, not only a few */
	enum sft_status want;
	bool slices; /* of a matrix "s" */
	const char *const
		*rules; /* of a filter, up to NULL: "+" includes, "-" excludes */
};

/* All that have files of a kind of their own. */
static const char *const views[] = {
	".view/npy",   ".view/f32",   ".view/flat", ".view/offload", ".view/safetensors",
	".view/model", ".view/torch", ".view/npz",  ".view/sums",
};

static enum sft_status add_rule(struct sft_filter *filter, const char *rule,
				struct sft_error *err)
{
	switch (rule[0]) {
	case '+':
		return sft_filter_include(filter, rule + 1, err);
	case '-':
		return sft_filter_exclude(filter, rule + 1, err);
	default:
		return sft_filter_rename(filter, rule, err);
	}
}

/* Opens a model with the filter of a use, if it has one. */
static enum sft_status open_filtered(const char *path, const struct use *use,
				     struct sft_options *options,
				     struct sft_model **ret_model, struct sft_error *err)
{
	struct sft_filter *filter = use->rules != NULL ? sft_filter_new() : NULL;
	enum sft_status status = SFT_OK;

	if (use->rules != NULL && filter == NULL)
		return sft_fail_memory(err);
	for (size_t i = 0; status == SFT_OK && use->rules != NULL && use->rules[i]; i++)
		status = add_rule(filter, use->rules[i], err);
	options->filter = filter;
	if (status == SFT_OK)
		status = sft_open(path, options, ret_model, err);
	sft_filter_free(filter);
	return status;
}

static enum sft_status use_model(const char *path, const struct use *use,
				 struct result *result, struct sft_error *err)
{
	struct sft_options options = { .skip_missing = use->skip_missing,
				       .warn = note_warning,
				       .warn_arg = result };
	struct sft_model *model = NULL;
	enum sft_status status = open_filtered(path, use, &options, &model, err);

	if (status == SFT_OK && use->reads)
		status = read_folder(model, SFT_REF_ROOT, result, err);
	for (size_t i = 0; status == SFT_OK && use->reads && i < ARRAY_COUNT(views); i++)
		status = read_folder(model, find_ref(model, views[i]), result, err);
	if (status == SFT_OK)
		status = read_info(model, result, err);
	if (status == SFT_OK && use->slices)
		status = read_slices(model, result, err);
	if (status == SFT_OK)
		status = read_file(model, find_ref(model, "__metadata__.json"), result,
				   err);
	if (status == SFT_OK)
		status = sft_lint(model, note_warning, result, err);
	sft_close(model);
	return status;
}

/* ---- every allocation once ---- */

static int lowest_free_fd(void)
{
	const int fd = dup(0);

	close(fd);
	return fd;
}

static void check_one(const char *path, long nth, enum sft_status want,
		      enum sft_status status, const struct sft_error *err)
{
	/* It can go without some memory, as giving some back does. */
	if (status == want)
		return;
	if (status != err->status || err->detail[0] == '\0' ||
	    (status != SFT_E_NO_MEMORY &&
	     (status != SFT_E_IO || err->sys_errno != ENOMEM)))
		fail_msg("%s, allocation %ld: %s (%s)", path, nth, err->detail,
			 sft_status_word(status));
}

static void check_all(const char *folder, const struct use *use)
{
	char *path = path_in(folder, use->name);
	struct result *results = calloc(2, sizeof(*results));
	struct sft_error err = { .detail = "" };
	const int fd = lowest_free_fd();
	bool failed = true;
	unsigned refused = 0;

	assert_non_null(results);
	CHECK_UINT(path, use_model(path, use, &results[0], &err), use->want);
	for (long nth = 1; failed; nth++) {
		enum sft_status status;

		results[1].len = 0;
		err = (struct sft_error){ .detail = "" };
		fault_set(nth);
		status = use_model(path, use, &results[1], &err);
		failed = fault_clear();
		check_one(path, nth, use->want, status, &err);
		if (status == SFT_OK)
			CHECK_BYTES(path, bytes_at(results[1].text, results[1].len),
				    bytes_at(results[0].text, results[0].len));
		refused += status != use->want;
		CHECK_UINT(path, (uint64_t)lowest_free_fd(), (uint64_t)fd);
	}
	assert_true(refused > 10); /* or nothing was wrapped at all */
	free(results);
	free(path);
}

/*
 * The files about a whole model: where one cannot be made, the next try makes it.
 */
static void check_kept(const char *folder)
{
	static const char *const paths[] = {
		".view/offload/index.json",      ".view/model/model.safetensors",
		".view/torch/pytorch_model.bin", ".view/npz/model.npz",
		".view/sums/XXH128SUMS",         ".view/safetensors/l%0A.safetensors"
	};

	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		bool failed = true;
		unsigned refused = 0;

		for (long nth = 1; failed; nth++) {
			struct sft_model *model = open_model(folder, ".", NULL);
			const struct sft_ref ref = find_ref(model, paths[i]);
			struct sft_error err = { .detail = "" };
			struct sft_file *file = NULL;
			enum sft_status status;

			fault_set(nth);
			status = sft_file_open(model, ref, &file, &err);
			failed = fault_clear();
			check_one(paths[i], nth, SFT_OK, status, &err);
			if (status != SFT_OK) {
				refused++;
				CHECK_UINT(paths[i],
					   sft_file_open(model, ref, &file, &err),
					   SFT_OK);
			}
			sft_file_close(file);
			sft_close(model);
		}
		assert_true(refused > 2);
	}
}

/* More tensors than there is room for at first, in no order, with one name twice. */
static void write_many(const char *folder, const char *name)
{
	char *header = malloc(32768);
	size_t used;

	assert_non_null(header);
	used = (size_t)sprintf(header, "{\"__metadata__\":{\"k\":\"v\",\"k\":\"w\"}");
	for (unsigned i = 0; i < 100; i++) {
		const unsigned at = (i * 37 + 5) % 100; /* each, once */

		used += (size_t)sprintf(header + used,
					",\"l\\n.%u.w%u\":[\"U8\",[],[%u,%u]]", i / 10, i,
					at, at + 1);
	}
	sprintf(header + used, ",\"l\\n.0.w0\":[\"U8\",[],[5,6]]}");
	write_model(folder, name, header, 100);
	free(header);
}

static void test_single(void **state)
{
	write_many(*state, "m");
	check_all(*state, &(struct use){ "m", false, false, SFT_OK, false, NULL });
}

static void test_slices(void **state)
{
	write_model(*state, "m", "{\"s\":[\"BF16\",[3,4],[0,24]]}", 24);
	check_all(*state, &(struct use){ "m", false, false, SFT_OK, true, NULL });
}

#define SMALL "{\"a.b\":[\"U8\",[],[0,1]],\"c\":[\"F4\",[2],[1,2]]}"

static void test_set(void **state)
{
	write_many(*state, "m-00001-of-00002.safetensors");
	write_model(*state, "m-00002-of-00002.safetensors", SMALL, 2);
	check_all(*state, &(struct use){ ".", false, false, SFT_OK, false, NULL });
}

static void test_index(void **state)
{
	static const char index[] = "{\"weight_map\":{\"a.b\":\"1.safetensors\","
				    "\"c\":\"2.safetensors\",\"d\":\"2.safetensors\","
				    "\"e\":\"3.safetensors\"}}";

	write_file(*state, "m.safetensors.index.json", index, strlen(index));
	write_model(*state, "1.safetensors", SMALL, 2);
	write_model(*state, "2.safetensors", SMALL, 2);
	check_all(*state, &(struct use){ ".", true, true, SFT_OK, false, NULL });
	check_all(*state, &(struct use){ "m.safetensors.index.json", false, true,
					 SFT_E_INDEX, false, NULL });
}

/* Two files with aliases, a folder of them alone, and a format of their own. */
static void test_aliases(void **state)
{
	static const char first[] =
		"{\"__metadata__\":{\"x\":\"a.b\",\"y.z\":\"c\",\"format\":\"np\"},"
		"\"a.b\":[\"BF16\",[2],[0,4]],\"a\":[\"U8\",[],[4,5]]}";

	write_model(*state, "m-00001-of-00002.safetensors", first, 5);
	write_model(*state, "m-00002-of-00002.safetensors",
		    "{\"__metadata__\":{\"a.c\":\"c\"},\"c\":[\"F64\",[1],[0,8]]}", 8);
	check_all(*state, &(struct use){ ".", false, true, SFT_OK, false, NULL });
}

/* More aliases than tables have room for at first, and rules about all of it. */
static void test_filter(void **state)
{
	static const char *const rules[] = { "+t*", "-t99", "s/^t(.)$/x.\\1/",
					     "s/9/nine/g", NULL };
	char *header = malloc(32768);
	size_t used;

	assert_non_null(header);
	used = (size_t)sprintf(header, "{\"__metadata__\":{\"format\":\"pt\"");
	for (unsigned i = 0; i < 100; i++)
		used += (size_t)sprintf(header + used, ",\"tied%u\":\"t%u\"", i, i);
	used += (size_t)sprintf(header + used, "}");
	for (unsigned i = 0; i < 100; i++)
		used += (size_t)sprintf(header + used, ",\"t%u\":[\"U8\",[],[%u,%u]]", i,
					i, i + 1);
	strcpy(header + used, "}");
	write_model(*state, "m", header, 100);
	free(header);
	check_all(*state, &(struct use){ "m", false, false, SFT_OK, false, rules });
}

/* Files that take more memory than there is at hand: many tensors in one. */
static void test_large_files(void **state)
{
	write_many(*state, "m-00001-of-00002.safetensors");
	write_model(*state, "m-00002-of-00002.safetensors", SMALL, 2);
	check_kept(*state);
}

/* More entries than the tables of an index have room for at first. */
static void test_long_index(void **state)
{
	char *text = malloc(65536);
	size_t used;

	assert_non_null(text);
	used = (size_t)sprintf(text, "{\"weight_map\":{");
	for (unsigned i = 0; i < 300; i++)
		used += (size_t)sprintf(text + used, "%s\"%u\":\"%u.safetensors\"",
					i > 0 ? "," : "", i, i % 60);
	used += (size_t)sprintf(text + used, "}}");
	write_file(*state, "m.safetensors.index.json", text, used);
	write_model(*state, "7.safetensors", SMALL, 2);
	check_all(*state, &(struct use){ ".", true, false, SFT_OK, false, NULL });
	free(text);
}

/* Failing takes memory, too. */
static void test_ambiguous(void **state)
{
	write_file(*state, "a.safetensors", "", 0);
	write_file(*state, "b.safetensors", "", 0);
	for (unsigned i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", i);
		write_file(*state, name, "", 0);
	}
	check_all(*state, &(struct use){ ".", false, true, SFT_E_INDEX, false, NULL });
}

/* ---- the other files of the folder ---- */

static void note_companions(struct result *result, const struct sft_companions *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct sft_companion *file = &all->files[i];

		note(result, file->path, strlen(file->path) + 1);
		note(result, file->file.path, strlen(file->file.path) + 1);
	}
	for (size_t i = 0; i < all->left_out_count; i++) {
		note(result, all->left_out[i].path, strlen(all->left_out[i].path) + 1);
		note(result, all->left_out[i].why, strlen(all->left_out[i].why) + 1);
	}
}

static enum sft_status use_companions(const char *path, struct result *result,
				      struct sft_error *err)
{
	const struct sft_names none = { 0 };
	struct sft_companions all;
	enum sft_status status = sft_companions_open(&all, path, &none, err);

	note_companions(result, &all);
	sft_companions_done(&all);
	return status;
}

static void check_companions(const char *path)
{
	struct result *results = calloc(2, sizeof(*results));
	struct sft_error err = { .detail = "" };
	const int fd = lowest_free_fd();
	bool failed = true;

	assert_non_null(results);
	CHECK_UINT(path, use_companions(path, &results[0], &err), SFT_OK);
	for (long nth = 1; failed; nth++) {
		enum sft_status status;

		results[1].len = 0;
		fault_set(nth);
		status = use_companions(path, &results[1], &err);
		failed = fault_clear();
		/* Nothing is left out because memory is short: all or none. */
		CHECK_UINT(path, status, failed ? SFT_E_NO_MEMORY : SFT_OK);
		if (failed)
			CHECK_UINT(path, results[1].len, 0);
		else
			CHECK_BYTES(path, bytes_at(results[1].text, results[1].len),
				    bytes_at(results[0].text, results[0].len));
		CHECK_UINT(path, (uint64_t)lowest_free_fd(), (uint64_t)fd);
	}
	assert_true(results[0].len > 2000);
	free(results);
}

/* More than what the lists have room for at first; and in a cache, which has a prefix. */
static void test_companions(void **state)
{
	char *path = path_in(*state, "models--a/snapshots/0/");

	for (unsigned i = 0; i < 70; i++) {
		char name[32];

		snprintf(name, sizeof(name), "sub/%u", i);
		write_file(path, name, "", 0);
		snprintf(name, sizeof(name), "%u.bin", i);
		write_file(path, name, "", 0);
	}
	check_companions(path);
	free(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_single),     IN_FOLDER(test_slices),
		IN_FOLDER(test_set),        IN_FOLDER(test_index),
		IN_FOLDER(test_long_index), IN_FOLDER(test_ambiguous),
		IN_FOLDER(test_companions), IN_FOLDER(test_aliases),
		IN_FOLDER(test_filter),     IN_FOLDER(test_large_files),
	};

	cJSON_InitHooks(&(cJSON_Hooks){ .malloc_fn = fault_malloc, .free_fn = free });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
