// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_kept.c - files about the whole model: made once, and only if they can
 * be
 *
 * The models past the limits have names of DEL, a byte of which takes six in a header
 * that is made: 17 MB become more than 100,000,000 bytes.
 */
#include "core/kept.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/describe.h"
#include "core/views/view.h"
#include "tests/unit/support.h"

/* Views that keep a file, and the file. */
static const struct {
	const char *view, *file;
} kept[] = {
	{ "offload", "index.json" },
	{ "model", "model.safetensors" },
};

static size_t view_idx(const char *name)
{
	size_t i = 0;

	while (strcmp(sft_view_name(i), name) != 0)
		i++;
	return i;
}

static struct sft_ref ref_of(const struct sft_model *model, size_t row)
{
	char path[64];

	snprintf(path, sizeof(path), ".view/%s/%s", kept[row].view, kept[row].file);
	return find_ref(model, path);
}

/* Two files with a tensor each in a folder, so that there is something to merge. */
static struct sft_model *open_pair(const char *folder)
{
	write_model(folder, "m-00001-of-00002.safetensors", "{\"a\":[\"U8\",[5],[0,5]]}",
		    5);
	write_model(folder, "m-00002-of-00002.safetensors", "{\"b\":[\"U8\",[5],[0,5]]}",
		    5);
	return open_model(folder, ".", NULL);
}

/* ---- made once ---- */

/* A literal of a file that the model keeps: where it lies. */
static const void *address(const struct sft_model *model, size_t row)
{
	struct sft_file *file;
	struct iovec part;
	struct sft_home home;
	size_t count;

	assert_int_equal(sft_file_open(model, ref_of(model, row), &file, NULL), SFT_OK);
	assert_true(sft_file_map(file, 0, 2, &part, 1, &count, &home));
	assert_int_equal(count, 1);
	sft_file_close(file);
	return part.iov_base;
}

static void test_once(void **state)
{
	struct sft_model *model = open_pair(*state);

	for (size_t i = 0; i < ARRAY_COUNT(kept); i++) {
		const size_t view = view_idx(kept[i].view);
		const struct sft_layout *first, *second;
		struct sft_attr attr;
		uint64_t before, after;

		/* Measured before it is made, and the same afterwards. */
		CHECK_UINT(kept[i].view, sft_kept_len(model, view, &before), SFT_OK);
		assert_int_equal(sft_kept_layout(model, view, &first), SFT_OK);
		assert_int_equal(sft_kept_layout(model, view, &second), SFT_OK);
		assert_ptr_equal(first, second);
		CHECK_UINT(kept[i].view, first->len, before);
		CHECK_UINT(kept[i].view, first->status, SFT_OK);
		CHECK_UINT(kept[i].view, sft_kept_len(model, view, &after), SFT_OK);
		CHECK_UINT(kept[i].view, after, before);
		CHECK_TEXT(kept[i].view, sft_kept_absent(model, view), NULL);
		assert_int_equal(sft_attr(model, ref_of(model, i), &attr, NULL), SFT_OK);
		CHECK_UINT(kept[i].view, attr.len, before);
		/* What is lent is the model's, and so the same for two opens. */
		assert_ptr_equal(address(model, i), address(model, i));
		assert_ptr_equal(address(model, i), first->text);
	}
	sft_close(model);
}

/* Opened before anyone asked for the length. */
static void test_open_first(void **state)
{
	struct sft_model *model = open_pair(*state);

	for (size_t i = 0; i < ARRAY_COUNT(kept); i++) {
		const struct sft_layout *layout;
		uint64_t len;

		assert_int_equal(sft_kept_layout(model, view_idx(kept[i].view), &layout),
				 SFT_OK);
		assert_int_equal(sft_kept_len(model, view_idx(kept[i].view), &len),
				 SFT_OK);
		CHECK_UINT(kept[i].view, len, layout->len);
	}
	sft_close(model);
}

/* As the root or below `.view`, it is one file. */
static void test_root(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(kept); i++) {
		struct sft_model *model = open_pair(*state);
		struct sft_file *file;
		struct iovec part;
		struct sft_home home;
		size_t count;

		assert_true(sft_view_use(model, kept[i].view));
		assert_int_equal(
			sft_file_open(model, find_ref(model, kept[i].file), &file, NULL),
			SFT_OK);
		assert_true(sft_file_map(file, 0, 2, &part, 1, &count, &home));
		assert_ptr_equal(part.iov_base, address(model, i));
		sft_file_close(file);
		sft_close(model);
	}
}

/* ---- many threads ---- */

#define THREADS 8u
#define ROUNDS 20u

struct racer {
	const struct sft_model *model;
	pthread_barrier_t *start;
	const struct sft_layout *layout[ARRAY_COUNT(kept)];
	uint64_t len[ARRAY_COUNT(kept)];
	struct sft_bytes document;
	uint64_t file_count;
	bool failed;
};

/* Some ask first, some open first. cmocka's checks are not for threads. */
static void *race(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(racer->start);
	for (size_t i = 0; i < ARRAY_COUNT(kept); i++) {
		const size_t view = view_idx(kept[i].view);

		if (sft_kept_layout(racer->model, view, &racer->layout[i]) != SFT_OK ||
		    sft_kept_len(racer->model, view, &racer->len[i]) != SFT_OK)
			racer->failed = true;
	}
	if (sft_describe_model(racer->model, &racer->document, NULL) != SFT_OK)
		racer->failed = true;
	racer->file_count = sft_model_file_count(racer->model);
	return NULL;
}

static void test_threads(void **state)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct sft_model *model = open_pair(*state);
		struct racer racers[THREADS] = { 0 };
		pthread_t threads[THREADS];
		pthread_barrier_t start;

		pthread_barrier_init(&start, NULL, THREADS);
		for (unsigned i = 0; i < THREADS; i++) {
			racers[i] = (struct racer){ .model = model, .start = &start };
			assert_int_equal(
				pthread_create(&threads[i], NULL, race, &racers[i]), 0);
		}
		for (unsigned i = 0; i < THREADS; i++)
			assert_int_equal(pthread_join(threads[i], NULL), 0);
		for (unsigned i = 0; i < THREADS; i++) {
			assert_false(racers[i].failed);
			for (size_t j = 0; j < ARRAY_COUNT(kept); j++) {
				assert_ptr_equal(racers[i].layout[j],
						 racers[0].layout[j]);
				assert_int_equal(racers[i].len[j],
						 racers[0].layout[j]->len);
			}
			assert_ptr_equal(racers[i].document.data,
					 racers[0].document.data);
			CHECK_UINT("files", racers[i].file_count, 6);
		}
		pthread_barrier_destroy(&start);
		sft_close(model);
	}
}

/* ---- past the limits ---- */

#define DEL 0x7f

/* A file of tensors without elements, "PREFIX.N" and then @del_len times DEL. */
static void write_long(const char *folder, const char *name, const char *prefix,
		       unsigned count, size_t del_len)
{
	char *header = malloc(count * (del_len + 64) + 2);
	size_t used = 0;

	assert_non_null(header);
	for (unsigned i = 0; i < count; i++) {
		used += (size_t)sprintf(header + used, "%c\"%s.%u", i == 0 ? '{' : ',',
					prefix, i);
		memset(header + used, DEL, del_len);
		used += del_len;
		used += (size_t)sprintf(header + used, "\":[\"U8\",[0],[0,0]]");
	}
	strcpy(header + used, "}");
	write_model(folder, name, header, 0);
	free(header);
}

static bool finds(const struct sft_model *model, const char *folder, const char *name)
{
	struct sft_ref ref;

	return sft_lookup(model, find_ref(model, folder), name, strlen(name), &ref);
}

/* Entries of a folder, each of which has a length. */
static uint64_t count_entries(const struct sft_model *model, struct sft_ref folder)
{
	struct sft_entry entry = { .next = 0 };
	uint64_t count = 0;

	for (; sft_list(model, folder, entry.next, &entry); count++) {
		struct sft_error err = { .detail = "" };
		struct sft_attr attr;

		if (sft_attr(model, entry.ref, &attr, &err) != SFT_OK)
			fail_msg("%s: %s", entry.name, err.detail);
	}
	return count;
}

/* Two files, each of which has room in a header, and both together have not. */
static void test_past_limit(void **state)
{
	const struct sft_ref top = { 0, (uint8_t)(view_idx("model") + 1), SFT_KIND_TOP };
	struct sft_model *model;
	const struct sft_layout *layout;
	char *document;
	uint64_t len;
	size_t document_len;

	write_long(*state, "m-00001-of-00002.safetensors", "a", 85, 100000);
	write_long(*state, "m-00002-of-00002.safetensors", "b", 85, 100000);
	model = open_model(*state, ".", NULL);
	assert_true(model->may_pass_limits);
	assert_non_null(sft_kept_absent(model, view_idx("model")));
	assert_null(sft_kept_absent(model, view_idx("torch")));
	assert_int_equal(sft_kept_len(model, view_idx("model"), &len), SFT_E_LIMIT);
	assert_int_equal(sft_kept_layout(model, view_idx("model"), &layout), SFT_E_LIMIT);
	assert_false(finds(model, ".view/model", "model.safetensors"));
	assert_false(sft_ref_valid(model, top));
	assert_true(finds(model, ".view/torch", "pytorch_model.bin"));
	/* No name of theirs can be a file's: there is nothing to write an index of. */
	assert_false(finds(model, ".view/offload", "index.json"));
	/* The halves are there; a folder is past the limit as the whole is. */
	assert_true(finds(model, ".view/safetensors", "a.safetensors"));
	assert_true(finds(model, ".view/safetensors", "b.safetensors"));
	assert_int_equal(count_entries(model, find_ref(model, ".view/model")), 0);
	assert_int_equal(count_entries(model, find_ref(model, ".view/safetensors")), 4);
	document = read_whole(model, "__metadata__.json", &document_len);
	CHECK_HOLDS("document", document, "\"absent_files\":\t{");
	CHECK_HOLDS("document", document, "\"model.safetensors\":\t\"past a limit: ");
	free(document);
	sft_close(model);
}

/* A view counts what it shows at the root, and not what a limit keeps out. */
static void test_count(void **state)
{
	struct sft_model *model;

	write_long(*state, "m-00001-of-00002.safetensors", "a", 85, 100000);
	write_long(*state, "m-00002-of-00002.safetensors", "b", 85, 100000);
	model = open_model(*state, ".", NULL);
	assert_true(sft_view_use(model, "model"));
	/* The root itself is counted, too. */
	CHECK_UINT("files", sft_model_file_count(model),
		   1 + count_entries(model, SFT_REF_ROOT));
	sft_close(model);
}

/* A folder past the limit: the tensors in it are not, and a tensor of its name is. */
static void test_folder_past_limit(void **state)
{
	struct sft_model *model;

	write_long(*state, "m", "a.b", 170, 100000);
	model = open_model(*state, "m", NULL);
	assert_false(finds(model, ".view/safetensors", "a.safetensors"));
	assert_false(finds(model, ".view/safetensors/a", "b.safetensors"));
	assert_int_equal(count_entries(model, find_ref(model, ".view/safetensors")), 1);
	assert_int_equal(count_entries(model, find_ref(model, ".view/safetensors/a/b")),
			 170);
	/* A single file is shown as it is, whatever its header would become. */
	assert_null(sft_kept_absent(model, view_idx("model")));
	assert_int_equal(count_entries(model, find_ref(model, ".view/model")), 1);
	sft_close(model);
}

/*
 * What is listed has a length. Of these two names the first is the longest for which
 * there is a header: the limit and the spaces that end a header on a page decide.
 */
static void test_around_limit(void **state)
{
	static const size_t del_lens[] = { 16666608, 16666609 };
	char *header = malloc(del_lens[1] + 32);

	for (size_t i = 0; i < ARRAY_COUNT(del_lens); i++) {
		struct sft_model *model;

		memset(header, DEL, del_lens[1] + 32);
		memcpy(header, "{\"", 2);
		strcpy(header + 2 + del_lens[i], "\":[\"U8\",[0],[0,0]]}");
		write_model(*state, "m", header, 0);
		model = open_model(*state, "m", NULL);
		CHECK_UINT("entries",
			   count_entries(model, find_ref(model, ".view/safetensors")),
			   i == 0);
		sft_close(model);
	}
	free(header);
}

/*
 * A tensor that has the name of a folder past the limit: half of what belongs into their
 * file would be worse than none. And what has nothing but aliases claims no file.
 */
static void test_twin_past_limit(void **state)
{
	static const char before[] =
		"{\"__metadata__\":{\"t.x\":\"t\",\"d.e\":\"t\"},"
		"\"a\":[\"U8\",[],[0,1]],\"t\":[\"U8\",[],[1,2]],\"a.";
	static const char behind[] = "\":[\"U8\",[0],[2,2]]}";
	const size_t del_len = 18000000;
	const size_t begin = sizeof(before) - 1;
	char *header = malloc(begin + del_len + sizeof(behind));
	struct sft_model *model;
	char *document;
	size_t len;

	assert_non_null(header);
	memcpy(header, before, begin);
	memset(header + begin, DEL, del_len);
	memcpy(header + begin + del_len, behind, sizeof(behind));
	write_model(*state, "m", header, 2);
	free(header);
	model = open_model(*state, "m", NULL);
	assert_true(model->may_pass_limits);
	assert_false(finds(model, ".view/safetensors", "a.safetensors"));
	assert_true(finds(model, ".view/safetensors", "t.safetensors"));
	assert_false(finds(model, ".view/safetensors", "d.safetensors"));
	document = read_whole(model, "__metadata__.json", &len);
	CHECK_HOLDS("document", document, "\"a.safetensors\":\t\"its header would");
	assert_null(strstr(document, "\"t.safetensors\""));
	assert_null(strstr(document, "\"d.safetensors\""));
	free(document);
	sft_close(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_once),
		IN_FOLDER(test_open_first),
		IN_FOLDER(test_root),
		IN_FOLDER(test_threads),
		IN_FOLDER(test_past_limit),
		IN_FOLDER(test_count),
		IN_FOLDER(test_folder_past_limit),
		IN_FOLDER(test_around_limit),
		IN_FOLDER(test_twin_past_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
