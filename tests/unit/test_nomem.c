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

	while (status == SFT_OK && sft_list(model, folder, entry.next, &entry)) {
		note(result, entry.name, strlen(entry.name) + 1);
		status = entry.is_folder ? read_folder(model, entry.ref, result, err)
					 : read_file(model, entry.ref, result, err);
	}
	return status;
}

static void note_warning(void *arg, const struct sft_error *warning)
{
	note(arg, warning->detail, strlen(warning->detail) + 1);
}

/* A way to use a model, and what comes of it where memory does not run out. */
struct use {
	const char *name; /* in the folder */
	bool skip_missing;
	bool reads; /* all files, not only a few */
	enum sft_status want;
};

static enum sft_status use_model(const char *path, const struct use *use,
				 struct result *result, struct sft_error *err)
{
	const struct sft_options options = { .skip_missing = use->skip_missing,
					     .warn = note_warning,
					     .warn_arg = result };
	struct sft_model *model = NULL;
	enum sft_status status = sft_open(path, &options, &model, err);

	if (status == SFT_OK && use->reads)
		status = read_folder(model, SFT_REF_ROOT, result, err);
	if (status == SFT_OK && use->reads)
		status = read_folder(model, find_ref(model, ".view/npy"), result, err);
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

/* More tensors than there is room for at first, in no order, with one name twice. */
static void write_many(const char *folder, const char *name)
{
	char *header = malloc(32768);
	size_t used =
		(size_t)sprintf(header, "{\"__metadata__\":{\"k\":\"v\",\"k\":\"w\"}");

	assert_non_null(header);
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
	check_all(*state, &(struct use){ "m", false, false, SFT_OK });
}

#define SMALL "{\"a.b\":[\"U8\",[],[0,1]],\"c\":[\"F4\",[2],[1,2]]}"

static void test_set(void **state)
{
	write_many(*state, "m-00001-of-00002.safetensors");
	write_model(*state, "m-00002-of-00002.safetensors", SMALL, 2);
	check_all(*state, &(struct use){ ".", false, false, SFT_OK });
}

static void test_index(void **state)
{
	static const char index[] = "{\"weight_map\":{\"a.b\":\"1.safetensors\","
				    "\"c\":\"2.safetensors\",\"d\":\"2.safetensors\","
				    "\"e\":\"3.safetensors\"}}";

	write_file(*state, "m.safetensors.index.json", index, strlen(index));
	write_model(*state, "1.safetensors", SMALL, 2);
	write_model(*state, "2.safetensors", SMALL, 2);
	check_all(*state, &(struct use){ ".", true, true, SFT_OK });
	check_all(*state,
		  &(struct use){ "m.safetensors.index.json", false, true, SFT_E_INDEX });
}

/* More entries than the tables of an index have room for at first. */
static void test_long_index(void **state)
{
	char *text = malloc(65536);
	size_t used = (size_t)sprintf(text, "{\"weight_map\":{");

	assert_non_null(text);
	for (unsigned i = 0; i < 300; i++)
		used += (size_t)sprintf(text + used, "%s\"%u\":\"%u.safetensors\"",
					i > 0 ? "," : "", i, i % 60);
	used += (size_t)sprintf(text + used, "}}");
	write_file(*state, "m.safetensors.index.json", text, used);
	write_model(*state, "7.safetensors", SMALL, 2);
	check_all(*state, &(struct use){ ".", true, false, SFT_OK });
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
	check_all(*state, &(struct use){ ".", false, true, SFT_E_INDEX });
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_single),    IN_FOLDER(test_set),
		IN_FOLDER(test_index),     IN_FOLDER(test_long_index),
		IN_FOLDER(test_ambiguous),
	};

	cJSON_InitHooks(&(cJSON_Hooks){ .malloc_fn = fault_malloc, .free_fn = free });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
