// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_source.c - which files of a folder make up the model
 *
 * Each row is a folder, as the names of its (empty) files, and what is taken from it. The
 * rows go through the priorities one by one: each has all that the next ones take, too.
 */
#define _GNU_SOURCE /* asprintf() */
#include "core/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support.h"

/* What was found, as "folder|index|name|name"; the temporary folder's path as "@". */
static char *dump(const struct sft_source *source, const char *folder)
{
	const size_t folder_len = strlen(folder);
	const bool inside = strncmp(source->folder, folder, folder_len) == 0;
	char *text, *longer;

	assert_true(asprintf(&text, "%s%s|%s", inside ? "@" : "",
			     source->folder + (inside ? folder_len : 0),
			     source->index != NULL ? source->index + folder_len : "-") >
		    0);
	for (size_t i = 0; i < source->names.count; i++) {
		assert_true(asprintf(&longer, "%s|%s", text, source->names.items[i]) > 0);
		free(text);
		text = longer;
	}
	return text;
}

#define SET "b-00001-of-00002.safetensors|b-00002-of-00002.safetensors"
#define NAME_ONE "no single model in this folder; name one file of: "

struct row {
	const char *files; /* "|" between them */
	const char *want;  /* NULL: an error */
	const char *detail;
};

static const struct row rows[] = {
	/* One rule after the other. */
	{ "model.safetensors|model.safetensors.index.json|a.safetensors.index.json|" SET,
	  "@|-|model.safetensors", NULL },
	{ "model.safetensors.index.json|a.safetensors.index.json|" SET "|a.safetensors",
	  "@|/model.safetensors.index.json", NULL },
	{ "a.safetensors.index.json|" SET "|a.safetensors", "@|/a.safetensors.index.json",
	  NULL },
	{ SET "|a.safetensors", "@|-|" SET, NULL },
	{ "a.safetensors|config.json|model.bin", "@|-|a.safetensors", NULL },
	/* Two of a kind count for nothing. */
	{ "b.safetensors.index.json|a.safetensors.index.json|" SET, "@|-|" SET, NULL },
	{ "b.safetensors.index.json|a.safetensors.index.json|c.safetensors",
	  "@|-|c.safetensors", NULL },
	/* Sets. */
	{ "x-00001-of-00001.safetensors|a.safetensors",
	  "@|-|x-00001-of-00001.safetensors", NULL },
	{ SET "|b-00003-of-00002.safetensors", "@|-|" SET, NULL },
	{ SET "|c-00002-of-00002.safetensors", "@|-|" SET, NULL },
	{ "x-00000-of-00000.safetensors", "@|-|x-00000-of-00000.safetensors", NULL },
	{ "-00001-of-00001.safetensors", "@|-|-00001-of-00001.safetensors", NULL },
	/* Only one of a kind, and not a set. */
	{ "b-00001-of-00002.safetensors", "@|-|b-00001-of-00002.safetensors", NULL },
	{ ".hidden.safetensors|a.safetensors", "@|-|a.safetensors", NULL },
	/* Not clear. */
	{ "a.safetensors|b.safetensors", NULL, NAME_ONE "a.safetensors, b.safetensors" },
	{ "b.safetensors.index.json|a.safetensors.index.json", NULL,
	  NAME_ONE "a.safetensors.index.json, b.safetensors.index.json" },
	{ "b.safetensors.index.json|a.safetensors.index.json|d.safetensors|c.safetensors",
	  NULL,
	  NAME_ONE "a.safetensors.index.json, b.safetensors.index.json, c.safetensors, "
		   "d.safetensors" },
	{ "a-00001-of-00001.safetensors|b-00001-of-00001.safetensors", NULL,
	  NAME_ONE "a-00001-of-00001.safetensors, b-00001-of-00001.safetensors" },
	{ "b-00001-of-00003.safetensors|b-00003-of-00003.safetensors", NULL,
	  NAME_ONE "b-00001-of-00003.safetensors, b-00003-of-00003.safetensors" },
	{ "b-00001-of-00002.safetensors|c-00002-of-00002.safetensors", NULL,
	  NAME_ONE "b-00001-of-00002.safetensors, c-00002-of-00002.safetensors" },
	{ "b-00001-of-00002.safetensors|b-0002-of-00002.safetensors", NULL,
	  NAME_ONE "b-00001-of-00002.safetensors, b-0002-of-00002.safetensors" },
	{ "b-00001-of-00002.safetensors|b-0000x-of-00002.safetensors", NULL,
	  NAME_ONE "b-00001-of-00002.safetensors, b-0000x-of-00002.safetensors" },
	{ "b-00001-of-00002.safetensors|b-00002_of-00002.safetensors", NULL,
	  NAME_ONE "b-00001-of-00002.safetensors, b-00002_of-00002.safetensors" },
	/* No model. */
	{ "", NULL, "no *.safetensors file in this folder; it holds nothing" },
	{ ".safetensors|.hidden", NULL,
	  "no *.safetensors file in this folder; it holds nothing" },
	{ "model.gguf|config.json|a.SAFETENSORS|evil\x1b[31m", NULL,
	  "no *.safetensors file in this folder; it holds a.SAFETENSORS, config.json, "
	  "evil\\u001b[31m, model.gguf" },
};

static void write_files(const char *folder, const char *files)
{
	char *copy = strdup(files);
	char *rest = NULL;

	assert_non_null(copy);
	for (char *name = strtok_r(copy, "|", &rest); name != NULL;
	     name = strtok_r(NULL, "|", &rest))
		write_file(folder, name, "", 0);
	free(copy);
}

/* Makes the folder of a row inside another, and checks what is taken from it. */
static void check_folder(const char *parent, const struct row *row)
{
	struct sft_error err = { .detail = "" };
	struct sft_source source;
	char *folder = path_in(parent, "m-XXXXXX");
	char *got;
	enum sft_status status;

	assert_non_null(mkdtemp(folder));
	write_files(folder, row->files);
	status = sft_source_find(folder, &source, &err);
	CHECK_TEXT(row->files, err.detail, row->detail != NULL ? row->detail : "");
	if (row->want != NULL) {
		CHECK_UINT(row->files, status, SFT_OK);
		got = dump(&source, folder);
		CHECK_TEXT(row->files, got, row->want);
		free(got);
	} else {
		CHECK_UINT(row->files, status, SFT_E_INDEX);
		CHECK_TEXT(row->files, err.file, folder);
	}
	sft_source_done(&source);
	free(folder);
}

static void test_folders(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_folder(*state, &rows[i]);
}

/* What is left of another set, between whose names those of the complete one sort. */
static void test_mixed_sets(void **state)
{
	static const struct row row = {
		SET "|b-00001-of-00003.safetensors|b-00003-of-00003.safetensors",
		"@|-|" SET, NULL
	};

	check_folder(*state, &row);
}

/* Too many to list: as many as have room, and how many more there are. */
static void test_long_list(void **state)
{
	const char *folder = *state;
	struct sft_error err;
	struct sft_source source;
	char want[1024] = NAME_ONE;
	char name[64];
	unsigned listed;

	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "model-%02u.safetensors", i);
		write_file(folder, name, "", 0);
	}
	assert_int_equal(sft_source_find(folder, &source, &err), SFT_E_INDEX);
	sft_source_done(&source);
	for (listed = 0; strstr(err.detail, want) == err.detail; listed++)
		snprintf(want + strlen(want), 32, "%smodel-%02u.safetensors",
			 listed > 0 ? ", " : "", listed);
	listed--;
	assert_true(listed >= 10 && listed <= 40);
	snprintf(name, sizeof(name), "%02u.safetensors and %u more", listed - 1,
		 100 - listed);
	CHECK_HOLDS("the end", err.detail, name);
}

/* More than are looked at; of other files there may be any number. */
static void test_endless(void **state)
{
	struct sft_source source;
	struct sft_error err;

	make_many(*state, "", ".bin", SFT_FOLDER_NAMES_MAX + 10);
	write_file(*state, "model.safetensors", "", 0);
	assert_int_equal(sft_source_find(*state, &source, &err), SFT_OK);
	sft_source_done(&source);
	make_many(*state, "", ".safetensors", SFT_FOLDER_NAMES_MAX);
	assert_int_equal(sft_source_find(*state, &source, &err), SFT_E_LIMIT);
	CHECK_TEXT("limit", err.detail, "more than 100000 model files in one folder");
	sft_source_done(&source);
}

/* A file is itself, whatever its name; only the suffix of an index makes an index. */
static void test_files(void **state)
{
	static const struct {
		const char *name, *want;
	} files[] = {
		{ "a.safetensors", "@|-|a.safetensors" },
		{ "0123abcd", "@|-|0123abcd" },
		{ "x.index.json", "@|-|x.index.json" },
		{ ".safetensors.index.json", "@|-|.safetensors.index.json" },
		{ "m.safetensors.index.json", "@|/m.safetensors.index.json" },
		{ "sub/m.safetensors.index.json", "@/sub|/sub/m.safetensors.index.json" },
		{ "sub/a.safetensors", "@/sub|-|a.safetensors" },
	};
	const char *folder = *state;

	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		struct sft_source source;
		char *path = path_in(folder, files[i].name);
		char *got, *want;

		write_file(folder, files[i].name, "", 0);
		CHECK_UINT(path, sft_source_find(path, &source, NULL), SFT_OK);
		got = dump(&source, folder);
		CHECK_TEXT(path, got, files[i].want);
		free(got);
		got = sft_source_path(&source, "sub/x");
		want = path_in(source.folder, "sub/x");
		CHECK_TEXT(path, got, want);
		free(want);
		free(got);
		free(path);
		sft_source_done(&source);
		assert_null(source.folder);
	}
}

/* A name without a folder stays one, so that messages say what the person wrote. */
static void test_bare_names(void **state)
{
	struct sft_source source;
	char *before = getcwd(NULL, 0);
	char *path;

	write_file(*state, "a.safetensors", "", 0);
	assert_int_equal(chdir(*state), 0);
	assert_int_equal(sft_source_find("a.safetensors", &source, NULL), SFT_OK);
	assert_string_equal(source.folder, "");
	assert_string_equal(source.names.items[0], "a.safetensors");
	path = sft_source_path(&source, "sub/x");
	assert_string_equal(path, "sub/x");
	free(path);
	sft_source_done(&source);
	assert_int_equal(sft_source_find(".", &source, NULL), SFT_OK);
	path = sft_source_path(&source, source.names.items[0]);
	assert_string_equal(path, "./a.safetensors");
	free(path);
	sft_source_done(&source);
	assert_int_equal(chdir(before), 0);
	free(before);
}

static void check_io(const char *folder, const char *name, int sys_errno,
		     const char *detail)
{
	struct sft_source source;
	struct sft_error err = { .detail = "" };
	char *path = path_in(folder, name);

	CHECK_UINT(name, sft_source_find(path, &source, &err), SFT_E_IO);
	CHECK_TEXT(name, err.detail, detail);
	CHECK_TEXT(name, err.file, path);
	CHECK_UINT(name, (uint64_t)err.sys_errno, (uint64_t)sys_errno);
	sft_source_done(&source);
	free(path);
}

/* What is not there, and links to it; links to what is there are followed. */
static void test_links(void **state)
{
	const char *folder = *state;
	struct sft_source source;
	char *blob = path_in(folder, "blobs/0123");
	char *link = path_in(folder, "model.safetensors");
	char *dangling = path_in(folder, "dangling.safetensors");
	char *got;

	check_io(folder, "nothing", ENOENT, "cannot open: No such file or directory");
	check_io(folder, "nothing/below", ENOENT,
		 "cannot open: No such file or directory");
	assert_int_equal(symlink("blobs/4567", dangling), 0);
	check_io(folder, "dangling.safetensors", ENOENT,
		 "a symbolic link to a file that does not exist");

	write_file(folder, "blobs/0123", "", 0);
	assert_int_equal(symlink("blobs/0123", link), 0);
	check_io(folder, "model.safetensors/below", ENOTDIR,
		 "cannot open: Not a directory");
	/* Beside the link, not beside the blob. */
	assert_int_equal(sft_source_find(link, &source, NULL), SFT_OK);
	got = dump(&source, folder);
	assert_string_equal(got, "@|-|model.safetensors");
	free(got);
	sft_source_done(&source);
	free(blob);
	free(link);
	free(dangling);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_folders),   IN_FOLDER(test_mixed_sets),
		IN_FOLDER(test_long_list), IN_MEMORY(test_endless),
		IN_FOLDER(test_files),     IN_FOLDER(test_bare_names),
		IN_FOLDER(test_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
