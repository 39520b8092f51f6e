// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_tree.c - names become folders, found and listed in an order of their
 * own
 *
 * A tree is compared as a text: a line for each node, in the order of the numbers, with
 * its path, folders with a slash at the end. The limits of a tree are in test_draft.c.
 * Walks are held against the recursive one, which anyone would write first.
 */
#include "core/tree.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

#define NAMES_MAX 8

/* The path of a node, from the root. */
static void print_path(FILE *out, const struct sft_tree *tree, uint32_t node)
{
	uint32_t path[64];
	size_t depth = 0;

	for (; node != SFT_TREE_ROOT; node = tree->nodes[node].parent)
		path[depth++] = node;
	while (depth-- > 0) {
		const struct sft_node *at = &tree->nodes[path[depth]];

		fprintf(out, "%.*s%s", at->name_len, at->name, at->is_folder ? "/" : "");
	}
}

static char *dump(const struct sft_tree *tree)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (uint32_t i = 1; i < tree->count; i++) {
		print_path(out, tree, i);
		fputc('\n', out);
	}
	fclose(out);
	return text;
}

static const struct {
	const char *what;
	size_t count;
	const char *names[NAMES_MAX];
	const char *want;
} rows[] = {
	{ "no tensor", 0, { NULL }, "" },
	{ "one at the root", 1, { "a" }, "a\n" },
	{ "a tensor and a folder of one name",
	  3,
	  { "w", "w.absmax", "w.bin" },
	  "w/\nw\nw/absmax\nw/bin\n" },
	{ "folders first, each kind in byte order",
	  5,
	  { "b", "a", "d.x", "c.x", "Z" },
	  "c/\nd/\nZ\na\nb\nc/x\nd/x\n" },
	{ "level by level",
	  3,
	  { "a.b.c", "a.x", "a.b.d" },
	  "a/\na/b/\na/x\na/b/c\na/b/d\n" },
	{ "sorted as encoded", 3, { "a0", "a/", "a!" }, "a!\na%2F\na0\n" },
	{ "empty pieces",
	  4,
	  { "", ".", "..", "a." },
	  "%/\na/\n%\n%/%/\n%/%\na/%\n%/%/%\n" },
	{ "folders that others stood between",
	  5,
	  { "a.b.x", "c.x", "a.b.y", "c.y", "a.z" },
	  "a/\nc/\na/b/\na/z\nc/x\nc/y\na/b/x\na/b/y\n" },
	{ "what looks alike stays two",
	  6,
	  { "/", "a/b.c", "a%2Fb.c", "..%", "%", "%25" },
	  "%/\na%252Fb/\na%2Fb/\n%25\n%2525\n%2F\n%/%/\na%252Fb/c\na%2Fb/c\n%/%/%25\n" },
	{ "numbers are text",
	  5,
	  { "l.10", "l.9", "l.1.x", "l-1", "l" },
	  "l/\nl\nl-1\nl/1/\nl/10\nl/9\nl/1/x\n" },
	{ "prefixes are no folders", 3, { "ab.x", "a", "abc" }, "ab/\na\nabc\nab/x\n" },
};

/* Builds the tree of a row's names, beginning with the @first of them. */
static void build(struct sft_tree *tree, size_t row, size_t first)
{
	struct sft_bytes names[NAMES_MAX];
	const size_t count = rows[row].count;

	for (size_t i = 0; i < count; i++)
		names[i] = sft_bytes_of(rows[row].names[(first + i) % count]);
	CHECK_UINT(rows[row].what,
		   sft_tree_build(tree, SFT_TREE_NESTED, names, count, NULL), SFT_OK);
	for (uint32_t i = 0; i < tree->count; i++) {
		const struct sft_node *node = &tree->nodes[i];

		if (!node->is_folder) /* a tensor's node knows its place in the input */
			assert_true(node->first < count);
	}
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t row = 0; row < ARRAY_COUNT(rows); row++) {
		for (size_t first = 0; first == 0 || first < rows[row].count; first++) {
			struct sft_tree tree;
			char *text;

			build(&tree, row, first);
			text = dump(&tree);
			CHECK_TEXT(rows[row].what, text, rows[row].want);
			free(text);
			sft_tree_done(&tree);
		}
	}
}

/* Every node is found from its parent, as what it is, and under no other name. */
static void check_found(const struct sft_tree *tree)
{
	for (uint32_t i = 1; i < tree->count; i++) {
		const struct sft_node *node = &tree->nodes[i];
		const struct sft_node *parent = &tree->nodes[node->parent];
		const struct sft_bytes name = sft_node_name(node);
		uint32_t found = 0;

		assert_true(
			sft_tree_find(tree, node->parent, name, node->is_folder, &found));
		assert_int_equal(found, i);
		assert_true(i >= parent->first);
		assert_true(i <
			    parent->first + parent->folder_count + parent->leaf_count);
		assert_false(sft_tree_find(tree, node->parent,
					   bytes_at(name.data, name.len - 1),
					   node->is_folder, &found) &&
			     found == i);
	}
}

static void test_find(void **state)
{
	(void)state;
	for (size_t row = 0; row < ARRAY_COUNT(rows); row++) {
		struct sft_tree tree;
		uint32_t found;

		build(&tree, row, 0);
		check_found(&tree);
		assert_false(sft_tree_find(&tree, 0, BYTES("nosuch"), true, &found));
		assert_false(sft_tree_find(&tree, 0, BYTES("nosuch"), false, &found));
		assert_false(sft_tree_find(&tree, 0, BYTES(""), false, &found));
		sft_tree_done(&tree);
	}
}

/* Two trees of the same names, in other orders, have the same nodes. */
static void check_same(const struct sft_tree *a, const struct sft_bytes *a_names,
		       const struct sft_tree *b, const struct sft_bytes *b_names)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->folder_count, b->folder_count);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct sft_node *left = &a->nodes[i];
		const struct sft_node *right = &b->nodes[i];

		CHECK_BYTES("name", sft_node_name(left), sft_node_name(right));
		CHECK_UINT("kind", left->is_folder, right->is_folder);
		CHECK_UINT("parent", left->parent, right->parent);
		CHECK_UINT("folders", left->folder_count, right->folder_count);
		CHECK_UINT("tensors", left->leaf_count, right->leaf_count);
		if (left->is_folder)
			CHECK_UINT("first", left->first, right->first);
		else
			CHECK_BYTES("tensor", a_names[left->first],
				    b_names[right->first]);
	}
}

#define MANY 2000u

/* Shuffles names, the same way at every run. */
static void shuffle(struct sft_bytes *names, size_t count, uint32_t seed)
{
	for (size_t i = count; i > 1; i--) {
		const struct sft_bytes name = names[i - 1];
		size_t other;

		seed = seed * 1664525 + 1013904223;
		other = (seed >> 8) % i;
		names[i - 1] = names[other];
		names[other] = name;
	}
}

static void test_any_order(void **state)
{
	static const char *const parts[] = { "q", "", "v", "mlp.up", "\n" };
	char(*texts)[40] = calloc(MANY, sizeof(*texts));
	struct sft_bytes *names = calloc(MANY, sizeof(*names));
	struct sft_bytes *others = calloc(MANY, sizeof(*others));
	struct sft_tree tree;

	(void)state;
	assert_true(texts != NULL && names != NULL && others != NULL);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(*texts), "layers.%u.%s.%u", i / 20,
			 parts[i % 5], i % 20);
		others[i] = names[i] = sft_bytes_of(texts[i]);
	}
	assert_int_equal(sft_tree_build(&tree, SFT_TREE_NESTED, names, MANY, NULL),
			 SFT_OK);
	check_found(&tree);
	for (uint32_t seed = 1; seed <= 3; seed++) {
		struct sft_tree other;

		shuffle(others, MANY, seed);
		assert_int_equal(
			sft_tree_build(&other, SFT_TREE_NESTED, others, MANY, NULL),
			SFT_OK);
		check_same(&tree, names, &other, others);
		sft_tree_done(&other);
	}
	sft_tree_done(&tree);
	free(texts);
	free(names);
	free(others);
}

/* ---- other kinds of tree ---- */

static const struct {
	const char *what;
	enum sft_tree_kind kind;
	size_t count;
	const char *names[NAMES_MAX];
	const char *want;
} kinds[] = {
	{ "flat: dots make no folders",
	  SFT_TREE_FLAT,
	  5,
	  { "w.absmax", "w", "a.b.c", "Z.z", "w.bin" },
	  "Z.z\na.b.c\nw\nw.absmax\nw.bin\n" },
	{ "flat: encoded piece by piece",
	  SFT_TREE_FLAT,
	  6,
	  { "", ".", "a..b", "a/b.c", "%", "a.b\x1b" },
	  "%\n%.%\n%25\na%2Fb.c\na.%.b\na.b%1B\n" },
	{ "flat: no depth is too deep",
	  SFT_TREE_FLAT,
	  1,
	  { "0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4" },
	  "0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4\n" },
	{ "paths: split at slashes, dots stay",
	  SFT_TREE_PATHS,
	  4,
	  { "config.json", "1_Pooling/config.json", "1_Pooling/a/b.c", "a.b/c" },
	  "1_Pooling/\na.b/\nconfig.json\n1_Pooling/a/\n1_Pooling/config.json\na.b/c\n"
	  "1_Pooling/a/b.c\n" },
	{ "paths: shown as they are",
	  SFT_TREE_PATHS,
	  3,
	  { "a%2Fb", "tab\there/\xff\xfe", "a~" },
	  "tab\there/\na%2Fb\na~\ntab\there/\xff\xfe\n" },
};

static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct sft_bytes names[NAMES_MAX];
		struct sft_tree tree;
		char *text;

		for (size_t j = 0; j < kinds[i].count; j++)
			names[j] = sft_bytes_of(kinds[i].names[j]);
		CHECK_UINT(
			kinds[i].what,
			sft_tree_build(&tree, kinds[i].kind, names, kinds[i].count, NULL),
			SFT_OK);
		text = dump(&tree);
		CHECK_TEXT(kinds[i].what, text, kinds[i].want);
		check_found(&tree);
		free(text);
		sft_tree_done(&tree);
	}
}

/* The parts of paths are files' names, which may be longer than a tensor's. */
static void test_long_paths(void **state)
{
	char text[2 * 255 + 2];
	const struct sft_bytes name = { (const uint8_t *)text, sizeof(text) - 1 };
	struct sft_tree tree;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[255] = '/';
	assert_int_equal(sft_tree_build(&tree, SFT_TREE_PATHS, &name, 1, NULL), SFT_OK);
	assert_int_equal(tree.count, 3);
	assert_int_equal(tree.nodes[1].name_len, 255);
	CHECK_BYTES("leaf", sft_node_name(&tree.nodes[2]), bytes_at(text, 255));
	sft_tree_done(&tree);
}

/* ---- walks ---- */

/* The simple way: marks all leaves below a folder. */
static void mark_leaves(const struct sft_tree *tree, uint32_t folder, uint8_t *marks)
{
	const struct sft_node *node = &tree->nodes[folder];

	for (uint32_t i = 0; i < node->folder_count + node->leaf_count; i++) {
		if (tree->nodes[node->first + i].is_folder)
			mark_leaves(tree, node->first + i, marks);
		else
			marks[node->first + i] = 1;
	}
}

/* A walk visits these, each once, in the order of the numbers. */
static void check_walk(const struct sft_tree *tree, uint32_t folder)
{
	uint8_t *marks = calloc(tree->count, 1);
	struct sft_walk walk = sft_tree_walk(tree, folder);
	uint32_t last = 0;
	uint32_t node;

	assert_non_null(marks);
	mark_leaves(tree, folder, marks);
	while (sft_walk_next(&walk, &node)) {
		assert_true(node > last && node < tree->count);
		assert_int_equal(marks[node], 1);
		marks[node] = 0;
		last = node;
	}
	assert_false(sft_walk_next(&walk, &node)); /* the end stays the end */
	for (size_t i = 0; i < tree->count; i++)
		assert_int_equal(marks[i], 0);
	free(marks);
}

static void check_walks(const struct sft_tree *tree)
{
	for (uint32_t i = 0; i < tree->count; i++)
		if (tree->nodes[i].is_folder)
			check_walk(tree, i);
}

#define RANDOM_MAX 300u

/* Different names: each ends in its number, behind up to @depth parts of few letters. */
static void make_random(char texts[][40], struct sft_bytes *names, size_t count,
			unsigned depth, uint32_t *seed)
{
	for (unsigned i = 0; i < count; i++) {
		size_t used = 0;
		unsigned parts;

		*seed = *seed * 1664525 + 1013904223;
		parts = (*seed >> 8) % (depth + 1);
		while (parts-- > 0) {
			*seed = *seed * 1664525 + 1013904223;
			texts[i][used++] = (char)('a' + (*seed >> 8) % 3);
			texts[i][used++] = '.';
		}
		used += (size_t)sprintf(texts[i] + used, "%u", i);
		names[i] = bytes_at(texts[i], used);
	}
}

static void test_walks(void **state)
{
	static const struct sft_bytes one = { (const uint8_t *)"a.b.c", 5 };
	struct sft_bytes names[RANDOM_MAX];
	char texts[RANDOM_MAX][40];
	struct sft_tree tree;
	uint32_t seed = 1;

	(void)state;
	assert_int_equal(sft_tree_build(&tree, SFT_TREE_NESTED, NULL, 0, NULL), SFT_OK);
	check_walks(&tree);
	sft_tree_done(&tree);
	for (unsigned kind = 0; kind < SFT_TREE_COUNT; kind++) {
		assert_int_equal(
			sft_tree_build(&tree, (enum sft_tree_kind)kind, &one, 1, NULL),
			SFT_OK);
		check_walks(&tree);
		sft_tree_done(&tree);
	}
	for (unsigned i = 0; i < 60; i++) {
		const size_t count = 1 + i * 5;

		make_random(texts, names, count, i % 9, &seed);
		assert_int_equal(
			sft_tree_build(&tree, SFT_TREE_NESTED, names, count, NULL),
			SFT_OK);
		check_walks(&tree);
		sft_tree_done(&tree);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),       cmocka_unit_test(test_find),
		cmocka_unit_test(test_any_order),  cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_long_paths), cmocka_unit_test(test_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
