// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_feed.c - headers that are read in pieces, and what is kept of them
 *
 * Each text is parsed in one piece, which test_parse.c holds against the rules, and again
 * from a file in pieces that end anywhere: in a name, an escape, a number, a character.
 * All that comes out has to be the same, the place of an error included.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "core/header.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/headers.h"
#include "tests/unit/support.h"

#define A "\"a\":[\"U8\",[1],[0,1]]"
#define LONG_A "\"a\":[\"U8\",[" TEN TEN TEN TEN TEN "1],[0,1]]"
#define TEN "1,1,1,1,1,1,1,1,1,1,"
#define B "\"b.\\u0000c\":{\"data_offsets\":[1,7],\"shape\":[ 2 , 3 ],\"dtype\":\"I8\"}"
#define C                                                                                \
	"\"\":{\"x\":[[1],{}],\"dtype\":{\"F32\":null},\"shape\":[],\"data_offsets\":["  \
	"7,11]}"
#define SPACES "                                                                        "
#define NUMBER                                                                           \
	"123456789012345678901234567890123456789012345678901234567890123456789012345678" \
	"9"
#define ZEROS "0000000000000000000000000000000000000000"
#define META "\"__metadata__\":{\"k\\n\":\"first\",\"\":\"\",\"k\\n\":\"sec\\u006fnd\"}"

static const struct {
	const char *what;
	const char *text;
} rows[] = {
	{ "nothing", "{}" },
	{ "one tensor", "{" A "}" },
	{ "three tensors", "{" A "," B "," C "}" },
	{ "another order", " { " C " , " B " , " A " } " },
	{ "only metadata", "{" META "}" },
	{ "metadata first", "{" META "," A "," B "," C "}" },
	{ "metadata second", "{" A "," META "," B "," C "}" },
	{ "metadata before the last", "{" A "," B "," META "," C "}" },
	{ "metadata last", "{" A "," B "," C "," META "}" },
	{ "metadata empty", "{" A ",\"__metadata__\":{}," B "}" },
	{ "metadata null", "{\"__metadata__\":null," A "," B "}" },
	{ "a name twice in a row", "{" A "," A "," B "," C "}" },
	{ "a name twice, apart", "{" A "," B "," A "," C "}" },
	{ "a name twice, at the end", "{" A "," B "," C "," A "}" },
	{ "a name thrice", "{" A "," A "," B "," A "}" },
	{ "twice, the second longer than what is before",
	  "{" A "," B "," LONG_A "," C "}" },
	{ "twice, with metadata first", "{" META "," A "," B "," A "}" },
	{ "twice, with metadata between", "{" A "," META "," A "," B "}" },
	{ "twice, with metadata between others", "{" A "," B "," META "," A "}" },
	{ "twice, with metadata last", "{" A "," B "," A "," META "}" },
	/* What is longer than a piece, or cut by its end. */
	{ "spaces", "  \n\t\r  { " SPACES A SPACES " , " SPACES B SPACES "} " SPACES },
	{ "characters",
	  "{\"\u00e9\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\":[\"U8\",[0],[0,0]]}" },
	{ "escapes", "{\"\\\\\\\"\\n\\ud83d\\ude00\\u00e9\\/\":[\"U8\",[0],[0,0]]}" },
	{ "fields of others",
	  "{\"a\":{\"x\":" NUMBER ",\"y\":[" NUMBER "," NUMBER "e1],\"z\":{\"\\t" TEN TEN
	  "\":\"" TEN TEN TEN TEN TEN TEN TEN "\\n" TEN "\"},\"n\":null,\"t\":true,"
	  "\"dtype\":\"U8\",\"data_offsets\":[0,1],\"f\":false,\"shape\":[1]}}" },
	{ "a long shape", "{" LONG_A "}" },
	/* Errors, first of all those of the text as such. */
	{ "no text", "" },
	{ "an end in a name", "{\"abc" },
	{ "an end in an escape", "{\"abc\\" },
	{ "an end in a number", "{\"a\":{\"x\":1." },
	{ "an end in spaces", "{ " SPACES },
	{ "half a pair", "{\"\\ud83d\\u0041\":1}" },
	{ "a wrong number", "{\"a\":{\"x\":" NUMBER "e}}" },
	{ "a number of no double", "{\"a\":{\"x\":" NUMBER "e300}}" },
	{ "zeros", "{\"a\":[\"U8\",[" ZEROS ZEROS "],[0,0]]}" },
	{ "zeros, and more than fits",
	  "{\"a\":[\"U8\",[" ZEROS ZEROS "999999999999999999999999],[0,0]]}" },
	{ "too large", "{\"a\":[\"U8\",[" NUMBER "],[0,0]]}" },
	{ "a fraction", "{\"a\":[\"U8\",[12345678.5],[0,0]]}" },
	{ "something behind it", "{} x" },
	{ "no UTF-8", "{\"\xff\":1}" },
	{ "no UTF-8 behind an error", "{]" SPACES SPACES SPACES "\xc3(" SPACES },
	{ "a character cut off", "{]" SPACES "\xe2\x82" },
	{ "an overlong one behind it all", "{}" SPACES "\xc0\x80" },
	{ "a control character", "{\"a\x01\":1}" },
	{ "an unknown dtype", "{\"a\":[\"U\\u0039\",[],[0,1]]}" },
};

/* A file with the length field and the text behind it. */
static int file_of(struct sft_bytes text)
{
	const int fd = memfd_create("header", MFD_CLOEXEC);
	const uint8_t field[SFT_LEN_FIELD_LEN] = { 0 };

	assert_true(fd >= 0);
	assert_int_equal(write(fd, field, sizeof(field)), sizeof(field));
	assert_int_equal(write(fd, text.data, text.len), text.len);
	return fd;
}

static void check_error(const char *row, const struct sft_error *got,
			const struct sft_error *want)
{
	CHECK_TEXT(row, got->detail, want->detail);
	CHECK_UINT(row, got->status, want->status);
	CHECK_UINT(row, got->pos, want->pos);
}

static const struct sft_spare no_spare;

static void check_read_into(const char *row, int fd, struct sft_bytes text, size_t piece,
			    struct sft_spare spare, const struct sft_header *whole,
			    const struct sft_error *want)
{
	struct sft_header header = { .text_len = text.len };
	struct sft_error err = { 0 };
	char *texts[2];

	if (sft_header_read(&header, fd, piece, spare, 3, &err) != SFT_OK ||
	    want->status != SFT_OK) {
		check_error(row, &err, want);
	} else {
		texts[0] = header_dump(&header);
		texts[1] = header_dump(whole);
		CHECK_TEXT(row, texts[0], texts[1]);
		free(texts[0]);
		free(texts[1]);
	}
	CHECK_UINT(row, header.text_len, text.len);
	assert_ptr_not_equal(header.text, spare.memory);
	sft_header_done(&header);
}

/* Into memory of its own; into the caller's, which has just enough; or a byte less. */
static void check_read(const char *row, int fd, struct sft_bytes text, size_t piece,
		       const struct sft_header *whole, const struct sft_error *want)
{
	struct sft_spare spare = { malloc(text.len + 1), text.len };

	assert_non_null(spare.memory);
	check_read_into(row, fd, text, piece, no_spare, whole, want);
	check_read_into(row, fd, text, piece, spare, whole, want);
	if (text.len > 0) {
		spare.len--;
		check_read_into(row, fd, text, piece, spare, whole, want);
	}
	free(spare.memory);
}

static void test_pieces(void **state)
{
	static const size_t pieces[] = { 1, 2, 3, 5, 7, 63, 64, 65, 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct sft_bytes text = sft_bytes_of(rows[i].text);
		struct sft_header whole = header_of(text);
		struct sft_error want = { 0 };
		const int fd = file_of(text);
		const enum sft_status status = sft_header_parse(&whole, 3, &want);

		CHECK_UINT(rows[i].what, want.status, status);
		for (size_t j = 0; j < ARRAY_COUNT(pieces); j++)
			check_read(rows[i].what, fd, text, pieces[j], &whole, &want);
		sft_header_done(&whole);
		close(fd);
	}
}

/* A header of 200 typical tensors; where a name comes last that stood first, if asked. */
static char *typical(bool twice, size_t *ret_needed)
{
	char *text = malloc(65536);
	size_t used = (size_t)sprintf(text, "{\"__metadata__\":{\"format\":\"pt\"}");

	*ret_needed = strlen("formatpt");
	for (unsigned i = 0; i < 200; i++) {
		char name[64];

		snprintf(name, sizeof(name), "model.layers.%u.weight",
			 twice && i == 199 ? 0 : i);
		used += (size_t)sprintf(text + used,
					",\"%s\":{\"dtype\":\"U8\",\"shape\":[10,100],"
					"\"data_offsets\":[%u,%u]}",
					name, i * 1000, (i + 1) * 1000);
		*ret_needed += strlen(name) + strlen("[10,100]");
	}
	strcpy(text + used, "}");
	return text;
}

/* Memory is given back: only what is asked for later is left. */
static void test_size(void **state)
{
	(void)state;
	for (unsigned twice = 0; twice < 2; twice++) {
		size_t kept, needed;
		char *text = typical(twice, &needed);
		struct sft_header header = { .text_len = strlen(text) };
		const int fd = file_of(sft_bytes_of(text));

		assert_int_equal(sft_header_read(&header, fd, 1000, no_spare, 0, NULL),
				 SFT_OK);
		CHECK_UINT("tensors", header.tensor_count, 200 - twice);
		assert_true(header.text_len > 2 * needed);
		kept = malloc_usable_size(header.text);
		CHECK_RANGE(kept, needed, needed + 64);
		sft_header_done(&header);
		close(fd);
		free(text);
	}
}

/* A field of /proc/self/status, in KiB. */
static unsigned long own_memory(const char *field)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long found = 0;
	char line[256];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			found = strtoul(line + strlen(field), NULL, 10);
	fclose(file);
	assert_true(found > 0);
	return found;
}

#define EMPTY_A "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],"
#define LONG_LEN (UINT64_C(64) << 20)

/* Text that nobody asks for takes no memory, however much of it there is. */
static void test_memory(void **state)
{
	static const char *const starts[] = {
		"{",
		"{" EMPTY_A "\"x\":\"",
		"{" EMPTY_A "\"\\n\":\"\\n",
		"{\"__metadata__\":null",
	};
	static const char *const ends[] = { "}", "\"}}", "\"}}", "}" };
	static const size_t tensors[] = { 0, 1, 1, 0 };

	(void)state;
	mallopt(M_PERTURB, 0); /* which touches all that is allocated */
	for (size_t i = 0; i < ARRAY_COUNT(starts); i++) {
		char *text = malloc(LONG_LEN + 1);
		struct sft_header header = { .text_len = LONG_LEN };
		unsigned long before;
		int fd;

		memset(text, ' ', LONG_LEN);
		memcpy(text, starts[i], strlen(starts[i]));
		strcpy(text + LONG_LEN - strlen(ends[i]), ends[i]);
		fd = file_of(bytes_at(text, LONG_LEN));
		free(text);
		before = own_memory("VmRSS:");
		write_file("/proc/self", "clear_refs", "5", 1);
		assert_int_equal(
			sft_header_read(&header, fd, SFT_FEED_PIECE, no_spare, 0, NULL),
			SFT_OK);
		/* Some is of sanitizers, which keep a note of each eight bytes. */
		CHECK_RANGE(own_memory("VmHWM:"), before, before + (LONG_LEN >> 10) / 3);
		CHECK_UINT("tensors", header.tensor_count, tensors[i]);
		sft_header_done(&header);
		close(fd);
	}
}

/* The file ends before the text does, in the middle of a piece or between two. */
static void test_short_file(void **state)
{
	static const char text[] = "{\"a\":[\"U8\",[0],[0,0]]}";

	(void)state;
	for (size_t piece = 1; piece < 100; piece++) {
		struct sft_header header = { .text_len = sizeof(text) + 9 };
		const int fd = file_of(sft_bytes_of(text));
		struct sft_error err = { 0 };

		assert_int_equal(sft_header_read(&header, fd, piece, no_spare, 0, &err),
				 SFT_E_IO);
		assert_int_equal(err.status, SFT_E_IO);
		assert_int_equal(err.sys_errno, 0);
		sft_header_done(&header);
		close(fd);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_short_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
