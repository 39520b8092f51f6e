// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_draft.c - names at the limits of a tree, and names that collide
 *
 * 32 folders, 2,048 bytes of path, names of 30,000 parts. The collisions are real ones:
 * different text, in UTF-8, of one XXH3-128.
 */
#include "core/draft.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/tree.h"
#include "tests/unit/support.h"

/* ---- depth and length ---- */

/* The only child of a folder, which has to be of the kind wanted. */
static uint32_t only_child(const struct sft_tree *tree, uint32_t folder, bool is_folder)
{
	const struct sft_node *node = &tree->nodes[folder];

	CHECK_UINT("folders", node->folder_count, is_folder);
	CHECK_UINT("tensors", node->leaf_count, !is_folder);
	return node->first;
}

/* Checks a tree of one name: how many folders there are, and the name of the tensor. */
static void check_single(const char *row, struct sft_bytes name, unsigned folders,
			 struct sft_bytes want)
{
	struct sft_tree tree;
	uint32_t at = SFT_TREE_ROOT;

	CHECK_UINT(row, sft_tree_build(&tree, SFT_TREE_NESTED, &name, 1, NULL), SFT_OK);
	CHECK_UINT(row, tree.count, folders + 2);
	for (unsigned i = 0; i < folders; i++)
		at = only_child(&tree, at, true);
	at = only_child(&tree, at, false);
	CHECK_BYTES(row, sft_node_name(&tree.nodes[at]), want);
	sft_tree_done(&tree);
}

/* @count times the text, and the end; free() it. */
static char *repeat(const char *text, size_t count, const char *end)
{
	char *out = malloc(count * strlen(text) + strlen(end) + 1);
	size_t used = 0;

	assert_non_null(out);
	for (size_t i = 0; i < count; i++, used += strlen(text))
		memcpy(out + used, text, strlen(text));
	strcpy(out + used, end);
	return out;
}

static void test_depth(void **state)
{
	(void)state;
	for (unsigned dots = 31; dots <= 35; dots++) {
		static const char *const ends[] = { "w", "f.w", "f.f.w", "f.f.f.w" };
		const unsigned folders = dots < SFT_DEPTH_MAX ? dots : SFT_DEPTH_MAX;
		char *name = repeat("f.", dots, "w");

		check_single(name, sft_bytes_of(name), folders,
			     sft_bytes_of(ends[dots - folders]));
		free(name);
	}
}

/* The parts of what stays together are encoded one by one. */
static void test_rest(void **state)
{
	char *name = repeat("f.", SFT_DEPTH_MAX, "..a/b.\n.");

	(void)state;
	check_single("the rest", sft_bytes_of(name), SFT_DEPTH_MAX,
		     BYTES("%.%.a%2Fb.%0A.%"));
	free(name);
}

/* Eight folders of 243 bytes are 1,951 with their slashes; the ninth makes it 2,048. */
static void test_path(void **state)
{
	static const struct {
		const char *unit;
		size_t count; /* of the unit, in the ninth part */
		bool enters;
	} ninths[] = {
		{ "b", 96, true },
		{ "b", 97, false },
		{ "/", 32, true },
		{ "/", 33, false },
		{ "\xe2\x80\xae", 10, true },
		{ "\xe2\x80\xae", 11, false },
	};
	char *part = repeat("a", 243, ".");
	char *eight = repeat(part, 8, "");

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(ninths); i++) {
		char *ninth = repeat(ninths[i].unit, ninths[i].count, ".w");
		char *name = repeat(eight, 1, ninth);
		char encoded[SFT_COMPONENT_MAX];
		const size_t len =
			sft_name_encode(sft_bytes_of(ninth), SFT_COMPONENT_MAX, encoded);

		check_single(ninth, sft_bytes_of(name), ninths[i].enters ? 9 : 8,
			     ninths[i].enters ? BYTES("w") : bytes_at(encoded, len));
		free(name);
		free(ninth);
	}
	free(eight);
	free(part);
}

static void test_very_deep(void **state)
{
	char *first = repeat("a.", 30000, "x");
	char *second = repeat("a.", 30000, "y");
	const struct sft_bytes names[] = { sft_bytes_of(first), sft_bytes_of(second) };
	const struct sft_bytes rest = { names[0].data + 2 * SFT_DEPTH_MAX,
					names[0].len - 2 * SFT_DEPTH_MAX };
	char encoded[SFT_COMPONENT_MAX];
	struct sft_tree tree;
	uint32_t at = SFT_TREE_ROOT;
	uint32_t found = 0;

	(void)state;
	assert_int_equal(sft_tree_build(&tree, SFT_TREE_NESTED, names, 2, NULL), SFT_OK);
	assert_int_equal(tree.count, 1 + SFT_DEPTH_MAX + 2);
	for (unsigned i = 0; i < SFT_DEPTH_MAX; i++)
		at = only_child(&tree, at, true);
	assert_int_equal(sft_name_encode(rest, SFT_COMPONENT_MAX, encoded), 243);
	assert_true(sft_tree_find(&tree, at, bytes_at(encoded, 243), false, &found));
	assert_int_equal(tree.nodes[found].first, 0);
	sft_tree_done(&tree);
	free(first);
	free(second);
}

/* ---- collisions ---- */

#define TWIN_LEN 700u
#define TWINS_MAX 12u

/*
 * Names whose XXH3-128 is the same. The hash of long text adds, for each lane of 8 bytes,
 * the lane itself to one sum and to another the product of the halves of (lane xor
 * secret). At 312 and 504 lie two words of one lane in different stripes. Their upper
 * halves are those of the secret, so both products are zero whatever the lower halves
 * are, and these add up to the same. The secret there happens to be UTF-8 but for an end
 * or two:
 * "\xa9\xde\xac\xd8" and "\xcd\xb4Y1".
 */
static void fill_twin(char out[TWIN_LEN], unsigned nth)
{
	memset(out, 'a', TWIN_LEN);
	memcpy(out + 315, "\xc3\xa9\xde\xac\xd8\x80", 6);
	memcpy(out + 508, "\xcd\xb4Y1", 4);
	out[312] = (char)('a' + nth); /* so this is also their order */
	out[504] = (char)('z' - nth);
}

/* The name that the nth of equal ones has in the end: cut a little earlier, and marked.
 */
static struct sft_bytes twin_name(unsigned nth, char out[SFT_COMPONENT_MAX + 1])
{
	char raw[TWIN_LEN], mark[8] = "";
	size_t len;

	if (nth > 0)
		snprintf(mark, sizeof(mark), "~%u", nth + 1);
	fill_twin(raw, 0);
	len = sft_name_encode(bytes_at(raw, TWIN_LEN), SFT_COMPONENT_MAX - strlen(mark),
			      out);
	assert_int_equal(len + strlen(mark), SFT_COMPONENT_MAX);
	strcpy(out + len, mark);
	return bytes_at(out, SFT_COMPONENT_MAX);
}

/* If this fails, fill_twin() makes no collisions with this xxHash, and the rest is moot.
 */
static void test_twins(void **state)
{
	char raw[2][TWIN_LEN], out[2][SFT_COMPONENT_MAX];

	(void)state;
	fill_twin(raw[0], 0);
	for (unsigned i = 1; i < TWINS_MAX; i++) {
		fill_twin(raw[1], i);
		assert_memory_not_equal(raw[0], raw[1], TWIN_LEN);
		for (unsigned j = 0; j < 2; j++)
			assert_int_equal(sft_name_encode(bytes_at(raw[j], TWIN_LEN),
							 SFT_COMPONENT_MAX, out[j]),
					 SFT_COMPONENT_MAX);
		assert_memory_equal(out[0], out[1], SFT_COMPONENT_MAX);
	}
}

/* Equal siblings are told apart in byte order of their names, whatever order they had. */
static void check_twins(const char *end, bool are_folders)
{
	char texts[TWINS_MAX + 1][TWIN_LEN + 8];
	struct sft_bytes names[TWINS_MAX + 1];
	struct sft_tree tree;

	for (unsigned i = 0; i < TWINS_MAX; i++) {
		const unsigned nth = i * 5 % TWINS_MAX; /* 5 and 12: all of them */

		fill_twin(texts[i], nth);
		strcpy(texts[i] + TWIN_LEN, end);
		names[i] = bytes_at(texts[i], TWIN_LEN + strlen(end));
	}
	names[TWINS_MAX] = BYTES("b");
	assert_int_equal(
		sft_tree_build(&tree, SFT_TREE_NESTED, names, TWINS_MAX + 1, NULL),
		SFT_OK);
	for (unsigned i = 0; i < TWINS_MAX; i++) {
		const unsigned nth = i * 5 % TWINS_MAX;
		char want[SFT_COMPONENT_MAX + 1];
		uint32_t found = 0;

		assert_true(sft_tree_find(&tree, SFT_TREE_ROOT, twin_name(nth, want),
					  are_folders, &found));
		if (are_folders)
			found = only_child(&tree, found, false);
		assert_int_equal(tree.nodes[found].first, i);
	}
	assert_int_equal(tree.count, 1 + (are_folders ? 2 : 1) * TWINS_MAX + 1);
	sft_tree_done(&tree);
}

static void test_twin_tensors(void **state)
{
	(void)state;
	check_twins("", false);
}

static void test_twin_folders(void **state)
{
	(void)state;
	check_twins(".w", true);
}

/* A folder and a tensor may look the same: neither is marked. */
static void test_twin_kinds(void **state)
{
	char texts[2][TWIN_LEN + 2], want[SFT_COMPONENT_MAX + 1];
	struct sft_bytes names[2];
	struct sft_tree tree;
	uint32_t found;

	(void)state;
	fill_twin(texts[0], 1);
	names[0] = bytes_at(texts[0], TWIN_LEN);
	fill_twin(texts[1], 0);
	memcpy(texts[1] + TWIN_LEN, ".w", 2);
	names[1] = bytes_at(texts[1], TWIN_LEN + 2);
	assert_int_equal(sft_tree_build(&tree, SFT_TREE_NESTED, names, 2, NULL), SFT_OK);
	for (unsigned is_folder = 0; is_folder < 2; is_folder++) {
		assert_true(sft_tree_find(&tree, SFT_TREE_ROOT, twin_name(0, want),
					  is_folder, &found));
		assert_int_equal(tree.nodes[found].is_folder, is_folder);
	}
	assert_int_equal(tree.count, 4);
	sft_tree_done(&tree);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depth),        cmocka_unit_test(test_rest),
		cmocka_unit_test(test_path),         cmocka_unit_test(test_very_deep),
		cmocka_unit_test(test_twins),        cmocka_unit_test(test_twin_tensors),
		cmocka_unit_test(test_twin_folders), cmocka_unit_test(test_twin_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
