// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_digest.c - lists of digests: which lines they have, when each is
 * computed, and that none is ever wrong
 */
#include "core/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/known.h"
#include "core/model.h"
#include "tests/unit/changes.h"
#include "tests/unit/support.h"

#define PATH ".view/sums/XXH128SUMS"

/* ---- which lines ---- */

/* In the order of the list, and where the data of each is; "t" has an alias. */
#define HEADER                                                                           \
	"{\"__metadata__\":{\"z.alias\":\"t\"},\"t\":[\"U8\",[70],[0,70]],"              \
	"\"b\\\\c\":[\"U8\",[3],[70,73]],\"a.b.c\":[\"BF16\",[2],[73,77]],"              \
	"\"none\":[\"F32\",[0,4],[77,77]],\"a.b\":[\"F4\",[2],[77,78]],"                 \
	"\"a.n\\n/%\":[\"U8\",[],[78,79]],\"\":[\"U8\",[200000],[79,200079]]}"
#define DATA_LEN 200079u

static const struct line {
	const char *path;
	size_t off, len;
} lines[] = {
	{ "a/b/c.bin", 73, 4 },  { "a/b.bin", 77, 1 },  { "a/n%0A%2F%25.bin", 78, 1 },
	{ "%.bin", 79, 200000 }, { "b\\c.bin", 70, 3 }, { "none.bin", 77, 0 },
	{ "t.bin", 0, 70 },
};

/* The text of a line, NUL-terminated; free() it. */
static char *text_of(const struct line *line)
{
	uint8_t *data = malloc(line->len + 1);
	char *text = malloc(strlen(line->path) + 40);
	XXH128_canonical_t digest;

	for (size_t i = 0; i < line->len; i++)
		data[i] = data_byte(line->off + i);
	XXH128_canonicalFromHash(&digest, XXH3_128bits(data, line->len));
	for (size_t i = 0; i < sizeof(digest.digest); i++)
		sprintf(text + 2 * i, "%02x", digest.digest[i]);
	sprintf(text + 32, "  %s\n", line->path);
	free(data);
	return text;
}

static struct sft_model *open_lines(const char *folder)
{
	write_model(folder, "m", HEADER, DATA_LEN);
	return open_model(folder, "m", NULL);
}

static void check_list(const struct sft_model *model)
{
	size_t len, at = 0;
	char *got = read_whole(model, PATH, &len);
	struct sft_attr attr;

	assert_int_equal(sft_attr(model, find_ref(model, PATH), &attr, NULL), SFT_OK);
	CHECK_UINT("length", len, attr.len);
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		char *want = text_of(&lines[i]);

		CHECK_BYTES(lines[i].path,
			    ((struct sft_bytes){ (uint8_t *)got + at, strlen(want) }),
			    sft_bytes_of(want));
		at += strlen(want);
		free(want);
	}
	CHECK_UINT("length", len, at);
	free(got);
}

static void test_list(void **state)
{
	struct sft_model *model = open_lines(*state);

	check_list(model);
	check_list(model);
	for (size_t i = 0; i < sft_view_count(); i++) { /* the same, whatever the root */
		assert_true(sft_view_use(model, sft_view_name(i)));
		check_list(model);
	}
	sft_close(model);
}

static void test_next(void **state)
{
	static const uint32_t behind[] = { UINT32_MAX, 1000 };
	struct sft_model *model = open_lines(*state);
	struct sft_digest_line line = { .next = 0 };
	size_t count = 0;

	while (sft_digest_next(model, line.next, &line)) {
		assert_true(count < ARRAY_COUNT(lines));
		CHECK_TEXT("path", line.path, lines[count].path);
		CHECK_UINT(line.path, line.len, lines[count].len);
		count++;
	}
	CHECK_UINT("lines", count, ARRAY_COUNT(lines));
	for (size_t i = 0; i < ARRAY_COUNT(behind); i++)
		assert_false(sft_digest_next(model, behind[i], &line));
	sft_close(model);
}

static void test_empty(void **state)
{
	struct sft_digest_line line;
	struct sft_model *model;
	size_t len;

	write_model(*state, "m", "{}", 0);
	model = open_model(*state, "m", NULL);
	free(read_whole(model, PATH, &len));
	CHECK_UINT("length", len, 0);
	assert_false(sft_digest_next(model, 0, &line));
	sft_close(model);
}

/* ---- when ---- */

/* How many digests are known. */
static unsigned count_known(const struct sft_model *model)
{
	unsigned count = 0;

	for (size_t i = 0; i < model->tensor_count; i++)
		count += sft_known_has(&model->state->known->sums[i], SFT_KNOWN_XXH128);
	return count;
}

static struct sft_file *open_list(const struct sft_model *model)
{
	struct sft_file *file;

	assert_int_equal(sft_file_open(model, find_ref(model, PATH), &file, NULL),
			 SFT_OK);
	return file;
}

/* Reads some, and returns how much it was. */
static size_t read_some(const struct sft_file *file, uint64_t off, size_t len)
{
	char *buf = malloc(len);
	size_t got = SIZE_MAX;

	assert_int_equal(sft_file_read_some(file, off, buf, len, &got, NULL, NULL),
			 SFT_OK);
	free(buf);
	return got;
}

/* A read computes a line only if it would have nothing else. */
static void test_some(void **state)
{
	struct sft_model *model = open_lines(*state);
	struct sft_file *file = open_list(model);
	const size_t whole = (size_t)sft_file_len(file);
	const size_t first = strlen(lines[0].path) + 35;
	const size_t second = first + strlen(lines[1].path) + 35;
	const size_t third = second + strlen(lines[2].path) + 35;
	struct sft_file *other;

	assert_true(sft_file_is_slow(file));
	CHECK_UINT("behind the end", read_some(file, whole, 10), 0);
	CHECK_UINT("a path", read_some(file, 33, 5), 5);
	CHECK_UINT("to the end of a path", read_some(file, 33, whole), first - 33);
	CHECK_UINT("open, paths", count_known(model), 0);
	CHECK_UINT("a line", read_some(file, 0, whole), first);
	CHECK_UINT("again", read_some(file, 0, whole), first);
	CHECK_UINT("from the middle of a known one", read_some(file, 10, 5), 5);
	CHECK_UINT("the same", read_some(file, 10, whole), first - 10);
	CHECK_UINT("known ones", count_known(model), 1);
	CHECK_UINT("the middle of one", read_some(file, second + 31, whole),
		   third - second - 31);
	CHECK_UINT("the middle of one", count_known(model), 2);
	CHECK_UINT("known ones alone", read_some(file, 0, whole), first);
	CHECK_UINT("one, and a known one", read_some(file, first, whole), third - first);
	CHECK_UINT("one, and a known one", count_known(model), 3);
	CHECK_UINT("known ones", read_some(file, 0, whole), third);
	CHECK_UINT("the last", read_some(file, whole - 1, 10), 1);
	CHECK_UINT("the last's end", count_known(model), 3);
	assert_int_equal(sft_file_open(model, find_ref(model, "t.bin"), &other, NULL),
			 SFT_OK);
	assert_false(sft_file_is_slow(other));
	CHECK_UINT("another file", read_some(other, 1, 100), 69);
	sft_file_close(other);
	sft_file_close(file);
	check_list(model);
	CHECK_UINT("all", count_known(model), ARRAY_COUNT(lines));
	sft_close(model);
}

/* ---- of a tensor ---- */

/* Of nothing, and of what the standards show it of. */
static const struct {
	const char *data, *xxh128, *sha256;
} digests[] = {
	{ "", "99aa06d3014798d86001c324468d497f",
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", "06b05ab6733a618578af5f94892f3950",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", NULL,
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static struct sft_model *open_data(const char *folder, const char *data)
{
	const size_t len = strlen(data);
	char text[256] = "";
	const int header_len = snprintf(text + 8, sizeof(text) - 8,
					"{\"a\":[\"U8\",[%zu],[0,%zu]]}", len, len);

	text[0] = (char)header_len;
	strcat(text + 8, data);
	write_file(folder, "m", text, 8 + (size_t)header_len + len);
	return open_model(folder, "m", NULL);
}

static void test_kinds(void **state)
{
	CHECK_TEXT("name", sft_digest_name(SFT_DIGEST_XXH128), "xxh128");
	CHECK_TEXT("name", sft_digest_name(SFT_DIGEST_SHA256), "sha256");
	for (size_t i = 0; i < ARRAY_COUNT(digests); i++) {
		const char *want[] = { digests[i].xxh128, digests[i].sha256 };
		struct sft_model *model = open_data(*state, digests[i].data);
		char out[SFT_DIGEST_TEXT_LEN];

		for (unsigned kind = 0; kind < SFT_DIGEST_COUNT; kind++) {
			if (want[kind] == NULL)
				continue;
			assert_int_equal(sft_tensor_digest(model, 0,
							   (enum sft_digest_kind)kind,
							   NULL, out, NULL),
					 SFT_OK);
			CHECK_TEXT(digests[i].data, out, want[kind]);
		}
		sft_close(model);
	}
}

/* ---- changes ---- */

/* Nothing is kept of a file that changed, and what was kept is not shown any more. */
static void test_changed(void **state)
{
	for (size_t i = 0; i < CHANGE_COUNT; i++) {
		const enum sft_status want = changes[i].counts ? SFT_E_CHANGED : SFT_OK;
		char *path = path_in(*state, "m");
		struct sft_model *model = open_lines(*state);
		struct sft_file *file = open_list(model);
		size_t len, first = read_some(file, 0, 4096);
		char buf[4096];

		changes[i].apply(path);
		CHECK_UINT(changes[i].what,
			   sft_file_read(file, first, buf, 20, &len, NULL), want);
		CHECK_UINT(changes[i].what, count_known(model),
			   changes[i].counts ? 1 : 2);
		CHECK_UINT(changes[i].what,
			   sft_file_read_some(file, 0, buf, first, &len, NULL, NULL),
			   want);
		sft_file_close(file);
		sft_close(model);
		unlink(path);
		free(path);
	}
}

/* ---- a digest that is broken off ---- */

#define LONG_LEN (5u << 20)

struct visitor {
	unsigned asked, leaves_at; /* question; 0: never */
	uint64_t told;             /* bytes */
};

static bool has_left(void *arg)
{
	struct visitor *visitor = arg;

	return ++visitor->asked == visitor->leaves_at;
}

static void count_bytes(void *arg, uint64_t len)
{
	((struct visitor *)arg)->told += len;
}

/* Whoever comes back finds what was done; and gets something done however soon he goes.
 */
static void test_broken_off(void **state)
{
	static const char header[] = "{\"a\":[\"U8\",[5242880],[0,5242880]]}";
	static const struct line line = { "a.bin", 0, LONG_LEN };
	struct visitor visitor = { .leaves_at = 1 };
	const struct sft_waiter waiter = { has_left, count_bytes, &visitor };
	struct sft_error err = { .detail = "" };
	char *want = text_of(&line);
	struct sft_model *model;
	struct sft_file *file;
	unsigned visits = 0;
	char buf[100];
	size_t len;

	write_model(*state, "m", header, LONG_LEN);
	model = open_model(*state, "m", NULL);
	file = open_list(model);
	for (;; visits++) {
		const enum sft_status status = sft_file_read_some(
			file, 0, buf, sizeof(buf), &len, &waiter, &err);

		if (status == SFT_OK)
			break;
		CHECK_UINT("status", status, SFT_E_IO);
		CHECK_UINT("errno", (uint64_t)err.sys_errno, EINTR);
		CHECK_UINT("kept", count_known(model), 0);
		CHECK_UINT("bytes", visitor.told, (visits + 1) * (UINT64_C(1) << 20));
		visitor.asked = 0;
	}
	CHECK_UINT("visits", visits, 5);
	CHECK_UINT("bytes", visitor.told, LONG_LEN);
	CHECK_BYTES("line", ((struct sft_bytes){ (uint8_t *)buf, len }),
		    sft_bytes_of(want));
	sft_file_close(file);
	sft_close(model);
	free(want);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_list),    IN_FOLDER(test_next),
		IN_FOLDER(test_empty),   IN_FOLDER(test_some),
		IN_FOLDER(test_changed), IN_FOLDER(test_broken_off),
		IN_FOLDER(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
