// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_alias.c - further names of tensors, and the links that show them
 *
 * The first half is about which keys of the metadata are aliases: a row is the headers of
 * up to two files, and the aliases as "alias=tensor". The second follows links: a target
 * is resolved here by hand, as a kernel would, and has to come to the tensor's own file.
 */
#define _GNU_SOURCE /* open_memstream() */
#include "core/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

#define EMPTY "[\"U8\",[0],[0,0]]"
#define FILES_MAX 2u

static void dump_text(FILE *out, struct sft_bytes text)
{
	char escaped[128];

	fputs(sft_escape(escaped, sizeof(escaped), text.data, text.len), out);
}

static char *dump(const struct sft_model *model)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	for (size_t i = 0; i < model->alias_count; i++) {
		const struct sft_alias *alias = &model->aliases[i];

		fputs(i > 0 ? " " : "", out);
		dump_text(out, alias->name);
		fputs("=", out);
		dump_text(out, sft_model_name(model, &model->tensors[alias->tensor]));
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

/* ---- which keys ---- */

static const struct {
	const char *what;
	const char *files[FILES_MAX];
	const char *want;
} rows[] = {
	{ "no metadata", { "\"a\":" EMPTY }, "" },
	{ "empty metadata", { "\"a\":" EMPTY ",\"__metadata__\":{}" }, "" },
	{ "what nearly all have",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"format\":\"pt\"}" },
	  "" },
	{ "one", { "\"a\":" EMPTY ",\"__metadata__\":{\"b\":\"a\"}" }, "b=a" },
	{ "metadata before the tensors",
	  { "\"__metadata__\":{\"b\":\"a\"},\"a\":" EMPTY },
	  "b=a" },
	{ "two of one value",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"c\":\"a\",\"b\":\"a\",\"d\":\"a\"}" },
	  "c=a b=a d=a" },
	{ "one key is a tensor, another of the same value is not",
	  { "\"a\":" EMPTY ",\"b\":" EMPTY
	    ",\"__metadata__\":{\"b\":\"a\",\"c\":\"a\"}" },
	  "c=a" },
	{ "a tensor that stands for itself",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"a\":\"a\"}" },
	  "" },
	{ "two tensors that stand for each other",
	  { "\"a\":" EMPTY ",\"b\":" EMPTY
	    ",\"__metadata__\":{\"a\":\"b\",\"b\":\"a\"}" },
	  "" },
	{ "no chains: the value is an alias",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"b\":\"a\",\"c\":\"b\"}" },
	  "b=a" },
	{ "the value is no tensor",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"b\":\"x\",\"c\":\"\",\"d\":\"a \"}" },
	  "" },
	{ "exactly the name",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"b\":\"A\",\"c\":\"a\\u0000\","
	    "\"d\":\"a.\",\"e\":\"\\u0061\"}" },
	  "e=a" },
	{ "the reserved key",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"__metadata__\":\"a\",\"b\":\"a\"}" },
	  "b=a" },
	{ "names that only look like it",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"__metadata__\\u0000\":\"a\","
	    "\"__metadata__.json\":\"a\"}" },
	  "__metadata__\\u0000=a __metadata__.json=a" },
	{ "no name at all",
	  { "\"\":" EMPTY ",\"a\":" EMPTY ",\"__metadata__\":{\"b\":\"\"}" },
	  "b=" },
	{ "an alias without a name",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"\":\"a\"}" },
	  "=a" },
	{ "NUL in all names",
	  { "\"a\\u0000\":" EMPTY ",\"a\":" EMPTY
	    ",\"__metadata__\":{\"b\\u0000\":\"a\\u0000\",\"b\":\"a\"}" },
	  "b\\u0000=a\\u0000 b=a" },
	{ "a key twice in one file: the last value counts",
	  { "\"a\":" EMPTY ",\"c\":" EMPTY
	    ",\"__metadata__\":{\"b\":\"a\",\"b\":\"c\",\"d\":\"a\",\"d\":\"x\"}" },
	  "b=c" },
	{ "a key in two files: the first file's value counts",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"x\":\"a\",\"y\":\"no\"}",
	    "\"b\":" EMPTY ",\"__metadata__\":{\"x\":\"b\",\"y\":\"b\",\"z\":\"b\"}" },
	  "x=a z=b" },
	{ "a tensor of another file",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"x\":\"b\"}",
	    "\"b\":" EMPTY ",\"__metadata__\":{\"y\":\"a\"}" },
	  "x=b y=a" },
	{ "a key that is a tensor of another file",
	  { "\"a\":" EMPTY ",\"__metadata__\":{\"b\":\"a\",\"c\":\"b\"}",
	    "\"b\":" EMPTY },
	  "c=b" },
};

static void check_row(const char *folder, size_t row)
{
	const bool is_set = rows[row].files[1] != NULL;
	struct sft_model *model;
	char name[64], header[512];
	char *got;

	for (unsigned i = 0; i <= is_set; i++) {
		snprintf(name, sizeof(name), "%zu/m-%05u-of-%05u.safetensors", row, i + 1,
			 is_set + 1u);
		snprintf(header, sizeof(header), "{%s}", rows[row].files[i]);
		write_model(folder, name, header, 0);
	}
	snprintf(name, sizeof(name), "%zu", row);
	model = open_model(folder, name, NULL);
	got = dump(model);
	CHECK_TEXT(rows[row].what, got, rows[row].want);
	free(got);
	sft_close(model);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		check_row(*state, i);
}

/* Any number, each of them with a tensor of its own or with the same one. */
static void test_many(void **state)
{
	static const unsigned count = 5000;
	char *header = malloc(count * 64);
	size_t used = (size_t)sprintf(header, "{\"__metadata__\":{");
	struct sft_model *model;

	for (unsigned i = 0; i < count; i++)
		used += (size_t)sprintf(header + used, "%s\"a%u\":\"t%u\",\"b%u\":\"t\"",
					i > 0 ? "," : "", i, i, i);
	used += (size_t)sprintf(header + used, "},\"t\":" EMPTY);
	for (unsigned i = 0; i < count; i += 2) /* half of them are there */
		used += (size_t)sprintf(header + used, ",\"t%u\":" EMPTY, i);
	strcpy(header + used, "}");
	write_model(*state, "m", header, 0);
	model = open_model(*state, "m", NULL);
	assert_int_equal(model->alias_count, count + count / 2);
	for (size_t i = 0; i < model->alias_count; i++) {
		const struct sft_alias *alias = &model->aliases[i];
		const struct sft_bytes tensor =
			sft_model_name(model, &model->tensors[alias->tensor]);

		if (alias->name.data[0] == 'b')
			CHECK_BYTES("all of one", tensor, BYTES("t"));
		else
			CHECK_BYTES("one each", bytes_at(tensor.data + 1, tensor.len - 1),
				    bytes_at(alias->name.data + 1, alias->name.len - 1));
	}
	free(header);
	sft_close(model);
}

/* ---- links ---- */

/* What a link in a folder points to, step by step. */
static struct sft_ref follow(const struct sft_model *model, struct sft_ref link)
{
	struct sft_ref at = sft_parent(model, link);
	char target[SFT_LINK_LEN_MAX];
	const size_t len = sft_link_target(model, link, target);
	struct sft_attr attr;

	assert_true(len >= 1 && len <= SFT_LINK_LEN_MAX);
	assert_int_equal(sft_attr(model, link, &attr, NULL), SFT_OK);
	assert_int_equal(attr.len, len);
	assert_int_equal(attr.type, SFT_TYPE_LINK);
	for (size_t begin = 0, end; begin < len; begin = end + 1) {
		const char *name = target + begin;

		end = begin;
		while (end < len && target[end] != '/')
			end++;
		assert_true(sft_ref_is_folder(at));
		if (end - begin == 2 && memcmp(name, "..", 2) == 0)
			at = sft_parent(model, at);
		else if (!sft_lookup(model, at, name, end - begin, &at))
			fail_msg("%.*s leads nowhere", (int)len, target);
	}
	return at;
}

static bool same_ref(struct sft_ref a, struct sft_ref b)
{
	return a.node == b.node && a.view == b.view && a.kind == b.kind;
}

static void check_link(const struct sft_model *model, const char *path,
		       const char *target, const char *file)
{
	const struct sft_ref link = find_ref(model, path);
	char got[SFT_LINK_LEN_MAX];
	const size_t len = sft_link_target(model, link, got);

	CHECK_UINT(path, sft_ref_type(model, link), SFT_TYPE_LINK);
	CHECK_BYTES(path, bytes_at(got, len), sft_bytes_of(target));
	CHECK_UINT(path, same_ref(follow(model, link), find_ref(model, file)), true);
	CHECK_UINT(path, same_ref(sft_link_follow(model, link), find_ref(model, file)),
		   true);
}

static const char linked[] =
	"{\"a.b.c.t\":" EMPTY ",\"a.b.u\":" EMPTY ",\"top\":" EMPTY ",\"f.x\":" EMPTY
	",\"f6\":[\"F6_E2M3\",[4],[0,3]],\"n\\u0000/.\":[\"U8\",[0],[3,3]],"
	"\"w\":" EMPTY ",\"w.absmax\":" EMPTY ","
	"\"__metadata__\":{\"top2\":\"top\",\"a.b.c.s\":\"a.b.c.t\",\"a.b.s\":\"a.b.c."
	"t\","
	"\"a.b.c.v\":\"a.b.u\",\"a.x.s\":\"a.b.c.t\",\"z.y.x.w\":\"a.b.c.t\","
	"\"deep.er\":\"top\",\"r\":\"a.b.u\",\"f\":\"top\",\"g.h\":\"f6\",\"tied.w\":"
	"\"w\","
	"\"e\\u001b.q\":\"n\\u0000/.\",\"format\":\"pt\"}}";

static const struct {
	const char *path, *target, *file;
} links[] = {
	{ "top2.bin", "top.bin", "top.bin" },
	{ "top2.json", "top.json", "top.json" },
	{ "a/b/c/s.bin", "t.bin", "a/b/c/t.bin" },
	{ "a/b/s.bin", "c/t.bin", "a/b/c/t.bin" },
	{ "a/b/c/v.json", "../u.json", "a/b/u.json" },
	{ "a/x/s.bin", "../b/c/t.bin", "a/b/c/t.bin" },
	{ "z/y/x/w.bin", "../../../a/b/c/t.bin", "a/b/c/t.bin" },
	{ "deep/er.bin", "../top.bin", "top.bin" },
	{ "r.bin", "a/b/u.bin", "a/b/u.bin" },
	{ "f.bin", "top.bin", "top.bin" },
	{ "g/h.bin", "../f6.bin", "f6.bin" },
	{ "e%1B/q.bin", "../n%00%2F/%.bin", "n%00%2F/%.bin" },
	{ ".view/tensors/z/y/x/w.bin", "../../../a/b/c/t.bin",
	  ".view/tensors/a/b/c/t.bin" },
	{ ".view/npy/a/x/s.npy", "../b/c/t.npy", ".view/npy/a/b/c/t.npy" },
	{ ".view/npy/g/h.npy", "../f6.npy", ".view/npy/f6.npy" },
	{ ".view/f32/a/b/s.npy", "c/t.npy", ".view/f32/a/b/c/t.npy" },
	{ ".view/safetensors/a/x/s.safetensors", "../b/c/t.safetensors",
	  ".view/safetensors/a/b/c/t.safetensors" },
	/* To the file of the folder, which holds the tensor of its name. */
	{ ".view/safetensors/tied/w.safetensors", "../w.safetensors",
	  ".view/safetensors/w.safetensors" },
	{ ".view/flat/z.y.x.w.bin", "a.b.c.t.bin", ".view/flat/a.b.c.t.bin" },
	{ ".view/flat/z.y.x.w.json", "a.b.c.t.json", ".view/flat/a.b.c.t.json" },
	{ ".view/flat/top2.npy", "top.npy", ".view/flat/top.npy" },
	{ ".view/flat/e%1B.q.bin", "n%00%2F.%.bin", ".view/flat/n%00%2F.%.bin" },
};

/* Where an alias is not to be seen. */
static const char *const no_links[][2] = {
	{ "", "format.bin" },
	{ ".view/f32/g", "h.bin" }, /* what it stands for is not there */
	{ ".view/f32/g", "h.npy" },
	{ ".view/offload", "top2.dat" },
	{ ".view/offload", "top2.bin" },
	{ ".view/model", "top2" },
	{ ".view/model", "top2.bin" },
};

static void test_links(void **state)
{
	struct sft_model *model;
	struct sft_ref ref;

	write_model(*state, "m", linked, 3);
	model = open_model(*state, "m", NULL);
	for (size_t i = 0; i < ARRAY_COUNT(links); i++)
		check_link(model, links[i].path, links[i].target, links[i].file);
	for (size_t i = 0; i < ARRAY_COUNT(no_links); i++)
		CHECK_UINT(no_links[i][1],
			   sft_lookup(model, find_ref(model, no_links[i][0]),
				      no_links[i][1], strlen(no_links[i][1]), &ref),
			   false);
	/* A folder's file wins over the link. */
	ref = find_ref(model, ".view/safetensors/f.safetensors");
	assert_int_equal(sft_ref_type(model, ref), SFT_TYPE_FILE);
	assert_true(sft_view_use(model, "flat"));
	check_link(model, "z.y.x.w.bin", "a.b.c.t.bin", "a.b.c.t.bin");
	sft_close(model);
}

/* ---- names at the limits ---- */

/* All links below a folder lead to a file of the same view; returns how many. */
static unsigned follow_all(const struct sft_model *model, struct sft_ref folder)
{
	struct sft_entry entry = { .next = 0 };
	unsigned count = 0;

	while (sft_list(model, folder, entry.next, &entry)) {
		if (entry.type == SFT_TYPE_FOLDER) {
			count += follow_all(model, entry.ref);
		} else if (entry.type == SFT_TYPE_LINK) {
			const struct sft_ref file = follow(model, entry.ref);

			CHECK_UINT(entry.name, sft_ref_type(model, file), SFT_TYPE_FILE);
			CHECK_UINT(entry.name, file.kind, entry.ref.kind);
			CHECK_UINT(entry.name, file.view, entry.ref.view);
			count++;
		}
	}
	return count;
}

/* A name of @depth parts and a last one, each of @len bytes and beginning with @first. */
static void make_name(char *out, char first, unsigned depth, size_t len)
{
	for (unsigned i = 0; i <= depth; i++, out += len + 1) {
		memset(out, 'x', len);
		out[0] = first;
		out[len] = i < depth ? '.' : '\0';
	}
}

/* Paths as deep and as long as there are, from one end of the tree to the other. */
static void test_limits(void **state)
{
	static const struct {
		const char *what;
		unsigned depth;
		size_t len; /* of a part */
	} sizes[] = {
		{ "deepest", 32, 1 },
		{ "deeper than folders are", 40, 1 },
		{ "longest parts", 7, 243 },
		{ "parts that are cut", 8, 300 },
		{ "deepest and longest", 31, 63 },
		{ "longer than paths are", 32, 100 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		const size_t room = (sizes[i].depth + 1) * (sizes[i].len + 1);
		char *tensor = malloc(room), *alias = malloc(room);
		char *header = malloc(4 * room + 128);
		struct sft_model *model;

		make_name(tensor, 't', sizes[i].depth, sizes[i].len);
		make_name(alias, 'a', sizes[i].depth, sizes[i].len);
		sprintf(header,
			"{\"%s\":" EMPTY
			",\"__metadata__\":{\"%s\":\"%s\",\"k\":\"%s\"}}",
			tensor, alias, tensor, tensor);
		write_model(*state, "m", header, 0);
		model = open_model(*state, "m", NULL);
		CHECK_UINT(sizes[i].what, follow_all(model, SFT_REF_ROOT), 2 * 2);
		/* tensors, npy, f32, flat, safetensors */
		CHECK_UINT(sizes[i].what, follow_all(model, find_ref(model, ".view")),
			   2 * (2 + 1 + 2 + 3 + 1));
		sft_close(model);
		free(tensor);
		free(alias);
		free(header);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_rows),
		IN_FOLDER(test_many),
		IN_FOLDER(test_links),
		IN_FOLDER(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
