// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_outline.c - names as a tree in which what repeats stands once
 *
 * Models are written as words, NAME:DIM for a U8 of that shape, NAME/DIM for an I8, and
 * NAME=NAME for an alias; outlines as text, a line each.
 */
#define _GNU_SOURCE /* open_memstream() */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

#define LINES_MAX 8u

static const struct {
	const char *what, *model, *outline;
} rows[] = {
	{ "nothing repeats", "b:1 a.c:2 a.b:3",
	  "a\n"
	  "  b U8 [3]\n"
	  "  c U8 [2]\n"
	  "b U8 [1]\n" },
	{ "layers", "l.0.w:1 l.1.w:1 l.2.w:1", "l.0-2.w x3 U8 [1]\n" },
	{ "layers of several", "l.0.w:1 l.1.w:1 l.0.v:2 l.1.v:2 n:1",
	  "l.0-1 x2\n"
	  "  v U8 [2]\n"
	  "  w U8 [1]\n"
	  "n U8 [1]\n" },
	{ "two kinds in turn", "l.0.w:1 l.1.w:2 l.2.w:1 l.3.w:2",
	  "l\n"
	  "  0,2.w x2 U8 [1]\n"
	  "  1,3.w x2 U8 [2]\n" },
	{ "other shapes", "0.w:1 1.w:1 2.w:2 3.w:2",
	  "0-1.w x2 U8 [1]\n2-3.w x2 U8 [2]\n" },
	{ "another dtype", "0.w:1 1.w/1", "0.w U8 [1]\n1.w I8 [1]\n" },
	{ "another name", "0.w:1 1.v:1", "0.w U8 [1]\n1.v U8 [1]\n" },
	{ "one more name", "0.w:1 1.w:1 1.v:1",
	  "0.w U8 [1]\n"
	  "1\n"
	  "  v U8 [1]\n"
	  "  w U8 [1]\n" },
	{ "a tensor and a folder", "0:1 1:1 2.w:1", "0-1 x2 U8 [1]\n2.w U8 [1]\n" },
	{ "both of one name", "0:1 0.w:1 1.w:1", "0 U8 [1]\n0-1.w x2 U8 [1]\n" },
	{ "experts in layers", "0.e.0.w:1 0.e.1.w:1 1.e.0.w:1 1.e.1.w:1 2.e.0.w:1",
	  "0-1.e.0-1.w x4 U8 [1]\n"
	  "2.e.0.w U8 [1]\n" },
	{ "by value", "9.w:1 10.w:2 11.w:1 2.w:2 1.w:3",
	  "1.w U8 [3]\n"
	  "2,10.w x2 U8 [2]\n"
	  "9,11.w x2 U8 [1]\n" },
	{ "steps", "1:1 3:1 5:1 7:1 9:1 20:1 21:1", "1,3,...,9,20-21 x7 U8 [1]\n" },
	{ "few with a step", "1:1 3:1 5:1", "1,3,5 x3 U8 [1]\n" },
	{ "no end of numbers",
	  "1:1 3:1 4:1 9:1 11:1 12:1 20:1 30:1 31:1 40:1 49:1 60:1 62:1 63:1",
	  "1,3-4,9,11-12,20,30-31,40,49,... x14 U8 [1]\n" },
	{ "padded", "00:1 01:1 02:1 10:1 11:1 3:1 7:2",
	  "00-02 x3 U8 [1]\n"
	  "3,10-11 x3 U8 [1]\n"
	  "7 U8 [2]\n" },
	{ "all padded", "l_08:1 l_09:1 l_10:1 l_11:1 l_00:1", "l_00,08-11 x5 U8 [1]\n" },
	{ "padded to three", "b.000.w:1 b.099.w:1 b.100.w:1 b.101.w:1 b.001.w:1",
	  "b.000-001,099-101.w x5 U8 [1]\n" },
	{ "padded, then more digits", "08:1 09:1 10:1 99:1 100:1 101:1",
	  "08-09 x2 U8 [1]\n10,99-101 x4 U8 [1]\n" },
	{ "both spellings of a number", "1:1 01:1 2:1 02:1",
	  "01-02 x2 U8 [1]\n1-2 x2 U8 [1]\n" },
	{ "both spellings, and nothing else", "f.9.w:1 f.09.w:1",
	  "f\n  09.w U8 [1]\n  9.w U8 [1]\n" },
	{ "padded beside not", "ab01_b9:1 ab01_b10:1 ab01_b11:1 ab01_b12:1",
	  "ab01_b9-12 x4 U8 [1]\n" },
	{ "padded in two places", "ab09_b9:1 ab10_b9:1 ab09_b10:1 ab10_b10:1",
	  "ab*_b* x4 U8 [1]\n" },
	{ "padded, of other names", "a09:1 a10:1 a11:1 a12:1 b9:1 b10:1 b11:1 b12:1",
	  "a09-12 x4 U8 [1]\nb9-12 x4 U8 [1]\n" },
	{ "more digits than a number has",
	  "10000000000000000000000:1 10000000000000000000001:1",
	  "10000000000000000000000 U8 [1]\n10000000000000000000001 U8 [1]\n" },
	{ "three things", "w1:1 w2:1 w3:1", "w1 U8 [1]\nw2 U8 [1]\nw3 U8 [1]\n" },
	{ "four of a kind", "w1:1 w2:1 w3:1 w4:1", "w1-4 x4 U8 [1]\n" },
	{ "numbers within", "a_1_x:1 a_2_x:1 a_3_x:1 a_5_x:1", "a_1-3,5_x x4 U8 [1]\n" },
	{ "two numbers, one differs", "aa1bb7:1 aa1bb8:1 aa1bb9:1 aa1bb10:1",
	  "aa1bb7-10 x4 U8 [1]\n" },
	{ "two numbers differ", "aa1bb1:1 aa1bb2:1 aa2bb1:1 aa2bb2:1",
	  "aa*bb* x4 U8 [1]\n" },
	{ "hashes", "1a2b34:1 2a3b45:1 3a4b56:1 4a5b67:1",
	  "1a2b34 U8 [1]\n2a3b45 U8 [1]\n3a4b56 U8 [1]\n4a5b67 U8 [1]\n" },
	{ "aliases", "a:1 b=a 0.x=a 1.x=a", "0-1.x x2 alias\na U8 [1]\nb alias\n" },
	{ "aliases of two things", "a:1 b:1 0.x=a 1.x=b",
	  "0.x alias\n1.x alias\na U8 [1]\nb U8 [1]\n" },
	{ "hostile", "a\\u001b[31m:1 b\\\"c:1 d\\u202e.0.w:1 d\\u202e.1.w:1 a%:1",
	  "a%1B[31m U8 [1]\n"
	  "a%25 U8 [1]\n"
	  "b\\\"c U8 [1]\n"
	  "d%E2%80%AE.0-1.w x2 U8 [1]\n" },
	{ "empty parts", ".:1 ..x:1",
	  "%\n"
	  "  % U8 [1]\n"
	  "  %.x U8 [1]\n" },
};

/* Writes the file that words tell of. */
static void write_words(const char *folder, const char *words)
{
	char header[8192], metadata[1024] = "";
	char *copy = strdup(words);
	size_t used = 0, end = 0;
	char *rest;

	assert_non_null(copy);
	used += (size_t)sprintf(header, "{\"__metadata__\":{");
	for (char *word = strtok_r(copy, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest)) {
		char *sign = word + strcspn(word, ":=/");

		if (*sign == '=') {
			sprintf(metadata + strlen(metadata), "%s\"%.*s\":\"%s\"",
				metadata[0] != '\0' ? "," : "", (int)(sign - word), word,
				sign + 1);
			*word = '\0'; /* done */
		}
	}
	used += (size_t)sprintf(header + used, "%s}", metadata);
	free(copy);
	copy = strdup(words);
	assert_non_null(copy);
	for (char *word = strtok_r(copy, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest)) {
		char *sign = word + strcspn(word, ":=/");
		const size_t len = (size_t)atoi(sign + 1);

		if (*sign == '=')
			continue;
		used += (size_t)sprintf(header + used,
					",\"%.*s\":[\"%s\",[%zu],[%zu,%zu]]",
					(int)(sign - word), word,
					*sign == ':' ? "U8" : "I8", len, end, end + len);
		end += len;
	}
	sprintf(header + used, "}");
	free(copy);
	write_model(folder, "m", header, end);
}

static void describe(const struct sft_outline *outline, uint32_t node, int indent,
		     size_t max, FILE *out)
{
	struct sft_line *lines = calloc(LINES_MAX, sizeof(*lines));
	size_t count;

	assert_non_null(lines);
	assert_int_equal(sft_outline_list(outline, node, lines, max, &count, NULL),
			 SFT_OK);
	for (size_t i = 0; i < count && i < max; i++) {
		const struct sft_line *line = &lines[i];

		fprintf(out, "%*s%s", indent, "", line->label);
		if (line->count > 1)
			fprintf(out, " x%" PRIu64, line->count);
		if (line->is_alias)
			fprintf(out, " alias");
		else if (!line->is_folder)
			fprintf(out, " %s %s", line->first.dtype, line->first.shape);
		fprintf(out, "\n");
		if (line->is_folder)
			describe(outline, line->node, indent + 2, max, out);
	}
	if (count > max)
		fprintf(out, "%*s%zu more\n", indent, "", count - max);
	free(lines);
}

/* The outline of the model in a folder, as text; free() it. */
static char *outline_text(const char *folder, size_t max)
{
	struct sft_model *model = open_model(folder, "m", NULL);
	struct sft_outline *outline = NULL;
	struct sft_line root;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(sft_outline_model(model, &outline, NULL), SFT_OK);
	sft_outline_root(outline, &root);
	assert_true(root.is_folder);
	describe(outline, root.node, 0, max, out);
	fclose(out);
	sft_outline_free(outline);
	sft_close(model);
	return text;
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char *text;

		write_words(*state, rows[i].model);
		text = outline_text(*state, LINES_MAX);
		CHECK_TEXT(rows[i].what, text, rows[i].outline);
		free(text);
	}
}

/* The first in order, whatever the order in which they are found. */
static void test_max(void **state)
{
	char *text;

	write_words(*state, "d:1 b:1 e:1 a.y:1 a.x:1 a.z:1 c:1");
	text = outline_text(*state, 2);
	CHECK_TEXT("two of each", text,
		   "a\n"
		   "  x U8 [1]\n"
		   "  y U8 [1]\n"
		   "  1 more\n"
		   "b U8 [1]\n"
		   "3 more\n");
	free(text);
	text = outline_text(*state, 0);
	CHECK_TEXT("none", text, "5 more\n");
	free(text);
}

static void test_sums(void **state)
{
	struct sft_line *lines = calloc(2, sizeof(*lines));
	struct sft_outline *outline = NULL;
	struct sft_model *model;
	size_t count;

	assert_non_null(lines);
	write_model(*state, "m",
		    "{\"l.0.w\":[\"F32\",[2,3],[0,24]],\"l.1.w\":[\"F32\",[2,3],[24,48]],"
		    "\"l.0.b\":[\"I64\",[],[48,56]],\"l.1.b\":[\"I64\",[],[56,64]],"
		    "\"z\":[\"F4\",[4],[64,66]]}",
		    66);
	model = open_model(*state, "m", NULL);
	assert_int_equal(sft_outline_model(model, &outline, NULL), SFT_OK);
	sft_outline_root(outline, &lines[0]);
	CHECK_UINT("root", lines[0].each.tensors, 5);
	CHECK_UINT("root", lines[0].each.parameters, 18);
	CHECK_UINT("root", lines[0].each.bytes, 66);
	assert_int_equal(sft_outline_list(outline, lines[0].node, lines, 2, &count, NULL),
			 SFT_OK);
	CHECK_UINT("lines", count, 2);
	CHECK_UINT("layers", lines[0].count, 2);
	CHECK_UINT("layers", lines[0].each.tensors, 2);
	CHECK_UINT("layers", lines[0].each.parameters, 7);
	CHECK_UINT("layers", lines[0].each.bytes, 32);
	for (uint32_t i = 0; i < sft_model_info(model)->dtype_count; i++) {
		const char *name = sft_model_info(model)->dtypes[i].name;

		CHECK_UINT(name, lines[0].dtypes >> i & 1,
			   strcmp(name, "F32") == 0 || strcmp(name, "I64") == 0);
	}
	CHECK_UINT("scalar", lines[1].each.parameters, 4);
	CHECK_TEXT("no second model", lines[1].second.dtype, NULL);
	CHECK_UINT("nothing is compared", lines[0].changes, 0);
	sft_outline_free(outline);
	sft_outline_free(NULL);
	sft_close(model);
	free(lines);
}

/* As many dimensions as one likes: all of them count. */
static void test_long_shapes(void **state)
{
	char *header = malloc(16384);
	size_t used = 1;
	char *text;

	assert_non_null(header);
	strcpy(header, "{");
	for (unsigned i = 0; i < 4; i++) {
		used += (size_t)sprintf(header + used, "%s\"%u\":[\"U8\",[1",
					i > 0 ? "," : "", i);
		for (unsigned j = 0; j < 100 + i / 3; j++)
			used += (size_t)sprintf(header + used,
						i == 2 && j == 50 ? ",0" : ",1");
		used += (size_t)sprintf(header + used, "],[%u,%u]]", i < 2 ? i : 2,
					i < 2 ? i + 1 : i);
	}
	strcpy(header + used, "}");
	write_model(*state, "m", header, 3);
	text = outline_text(*state, LINES_MAX);
	assert_true(strncmp(text, "0-1 x2 U8 [1, 1,", 16) == 0);
	CHECK_HOLDS("cut", text, "...]\n2 U8 [");
	CHECK_HOLDS("longer", text, "...]\n3 U8 [");
	free(text);
	free(header);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_rows),
		IN_FOLDER(test_max),
		IN_FOLDER(test_sums),
		IN_FOLDER(test_long_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
