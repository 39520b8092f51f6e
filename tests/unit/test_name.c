// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_name.c - hostile names as components of a path
 */
#include "core/name.h"

#include <stdio.h>
#include <stdlib.h>

#include <xxhash.h>

#include "core/text.h"
#include "tests/unit/support.h"

#define ROW(raw, want)                                                                   \
	{                                                                                \
		{ (const uint8_t *)raw, sizeof(raw) - 1 }, want                          \
	}

static const struct {
	struct sft_bytes raw;
	const char *want;
} rows[] = {
	ROW("weight", "weight"),
	ROW("", "%"),
	ROW("%", "%25"),
	ROW("%25", "%2525"),
	ROW("%~", "%25~"),
	ROW("a/b", "a%2Fb"),
	ROW("/", "%2F"),
	ROW("nul\0nul", "nul%00nul"),
	ROW("tab\tnew\nline", "tab%09new%0Aline"),
	ROW("\x1f \x7e\x7f", "%1F ~%7F"),
	ROW("\xc2\x80\xc2\x9f\xc2\xa0", "%C2%80%C2%9F\xc2\xa0"),
	ROW("\xd8\x9c", "%D8%9C"),                                /* U+061C */
	ROW("\xe2\x80\x8d\xe2\x80\x8e", "\xe2\x80\x8d%E2%80%8E"), /* U+200D, 200E */
	ROW("\xe2\x80\xa7\xe2\x80\xa8", "\xe2\x80\xa7%E2%80%A8"), /* U+2027, 2028 */
	ROW("\xe2\x80\xae\xe2\x80\xaf", "%E2%80%AE\xe2\x80\xaf"), /* U+202E, 202F */
	ROW("\xe2\x81\xa6\xe2\x81\xaa", "%E2%81%A6\xe2\x81\xaa"), /* U+2066, 206A */
	ROW("caf\xc3\xa9", "caf\xc3\xa9"),
	ROW("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"),
	/* With dots, as the last component of a deep name has them: piece by piece. */
	ROW("a.b", "a.b"),
	ROW(".", "%.%"),
	ROW("..", "%.%.%"),
	ROW("a..b/.", "a.%.b%2F.%"),
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char out[SFT_COMPONENT_MAX];
		const size_t len = sft_name_encode(rows[i].raw, SFT_COMPONENT_MAX, out);

		CHECK_BYTES(rows[i].want, bytes_at(out, len), sft_bytes_of(rows[i].want));
	}
}

/* A plain component is its own encoding; nothing else is called plain. */
static void test_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct sft_bytes want = sft_bytes_of(rows[i].want);

		if (memchr(rows[i].raw.data, '.', rows[i].raw.len) == NULL &&
		    sft_name_is_plain(rows[i].raw))
			CHECK_BYTES(rows[i].want, rows[i].raw, want);
	}
	CHECK_UINT("plain", sft_name_is_plain(BYTES("q_proj-0 [1:2]~")), true);
	CHECK_UINT("empty", sft_name_is_plain(BYTES("")), false);
	CHECK_UINT("slash", sft_name_is_plain(BYTES("a/b")), false);
	CHECK_UINT("percent", sft_name_is_plain(BYTES("%")), false);
	CHECK_UINT("control", sft_name_is_plain(BYTES("\x1f")), false);
	CHECK_UINT("DEL", sft_name_is_plain(BYTES("\x7f")), false);
}

/* A cut component, as the rule says it: @prefix, "%~" and the hash of all of @raw. */
static void check_cut(const char *what, struct sft_bytes raw, size_t max,
		      struct sft_bytes prefix)
{
	const XXH128_hash_t hash = XXH3_128bits(raw.data, raw.len);
	char want[SFT_COMPONENT_MAX + 64];
	char out[SFT_COMPONENT_MAX];
	const int want_len =
		snprintf(want, sizeof(want), "%.*s%%~%016llx%016llx", (int)prefix.len,
			 (const char *)prefix.data, (unsigned long long)hash.high64,
			 (unsigned long long)hash.low64);
	const size_t len = sft_name_encode(raw, max, out);

	CHECK_BYTES(what, bytes_at(out, len), bytes_at(want, (size_t)want_len));
}

/* @count times the same text, behind a first piece. */
static struct sft_bytes repeat(const char *first, const char *text, size_t count)
{
	const size_t first_len = strlen(first);
	const size_t len = strlen(text);
	uint8_t *all = malloc(first_len + len * count + 1);

	memcpy(all, first, first_len);
	for (size_t i = 0; i < count; i++)
		memcpy(all + first_len + i * len, text, len);
	return bytes_at(all, first_len + len * count);
}

static const struct {
	const char *what;
	const char *first, *text;
	size_t count;
	size_t kept; /* characters of @text in front of the hash */
	const char *encoded;
} cuts[] = {
	{ "244 bytes", "", "x", 244, 209, "x" },
	{ "70,000 bytes", "", "x", 70000, 209, "x" },
	{ "two-byte characters", "", "\xc3\xa9", 200, 104, "\xc3\xa9" },
	{ "the same, one byte later", "a", "\xc3\xa9", 200, 104, "\xc3\xa9" },
	{ "four-byte characters", "ab", "\xf0\x9f\x98\x80", 90, 51, "\xf0\x9f\x98\x80" },
	{ "escapes of one byte", "", "%", 100, 69, "%25" },
	{ "escapes of three bytes", "", "\xe2\x80\xae", 100, 23, "%E2%80%AE" },
	{ "empty pieces", "x.", ".", 200, 103, "%." },
};

static void test_cuts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cuts); i++) {
		const struct sft_bytes raw =
			repeat(cuts[i].first, cuts[i].text, cuts[i].count);
		const struct sft_bytes prefix =
			repeat(cuts[i].first, cuts[i].encoded, cuts[i].kept);

		check_cut(cuts[i].what, raw, SFT_COMPONENT_MAX, prefix);
		free((void *)raw.data);
		free((void *)prefix.data);
	}
}

/* The last length that is kept whole, for each kind of character at the end. */
static void test_edge(void **state)
{
	static const struct {
		const char *text;
		size_t encoded_len;
	} ends[] = { { "x", 1 }, { "\xc3\xa9", 2 }, { "\n", 3 }, { "\xe2\x80\xae", 9 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		char out[SFT_COMPONENT_MAX];
		struct sft_bytes raw =
			repeat("", "y", SFT_COMPONENT_MAX - ends[i].encoded_len + 1);
		uint8_t *text = (uint8_t *)raw.data;

		/* One byte less of y, then the end: exactly SFT_COMPONENT_MAX. */
		text = realloc(text, SFT_COMPONENT_MAX + 16);
		memcpy(text + raw.len - 1, ends[i].text, strlen(ends[i].text));
		raw = bytes_at(text, raw.len - 1 + strlen(ends[i].text));
		CHECK_UINT(ends[i].text, sft_name_encode(raw, SFT_COMPONENT_MAX, out),
			   SFT_COMPONENT_MAX);
		CHECK_UINT(ends[i].text, memchr(out, '~', sizeof(out)) == NULL, true);
		/* A shorter limit, as for names that need a mark: cut with less in front.
		 */
		check_cut(ends[i].text, raw, SFT_COMPONENT_MAX - 2,
			  bytes_at(raw.data, 207));
		free(text);
	}
}

/* All code points: escaped whole where they are unsafe, a slash or a percent sign. */
static void test_all_code_points(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		const bool escaped = sft_text_is_unsafe(cp) || cp == '/' || cp == '%';
		char out[SFT_COMPONENT_MAX], want[16] = "";
		uint8_t raw[SFT_UTF8_MAX];
		const size_t len = sft_utf8_encode(cp, raw);

		if ((cp >= 0xd800 && cp <= 0xdfff) || cp == '.')
			continue;
		for (size_t i = 0; i < len; i++)
			sprintf(want + strlen(want), escaped ? "%%%02X" : "%c", raw[i]);
		CHECK_BYTES(want,
			    bytes_at(out, sft_name_encode(bytes_at(raw, len),
							  SFT_COMPONENT_MAX, out)),
			    bytes_at(want, escaped ? 3 * len : len));
	}
}

/* No two texts look the same: what is encoded can be turned back. */
static void test_injective(void **state)
{
	static const char *const alphabet[] = { "a", "%", "2",  "5",
						"F", "/", "\n", "\xc2\x85" };
	static const size_t count = ARRAY_COUNT(alphabet);

	(void)state;
	for (size_t word = 1; word < count * count * count * count; word++) {
		char raw[16] = "", out[SFT_COMPONENT_MAX + 1];
		uint8_t back[32];
		size_t used = 0;
		size_t len;

		for (size_t left = word; left > 0; left /= count)
			strcat(raw, alphabet[left % count]);
		len = sft_name_encode(sft_bytes_of(raw), SFT_COMPONENT_MAX, out);
		out[len] = '\0';
		for (size_t i = 0; i < len; i++) {
			unsigned byte = (uint8_t)out[i];

			if (byte == '%') {
				assert_int_equal(sscanf(out + i + 1, "%2X", &byte), 1);
				i += 2;
			}
			back[used++] = (uint8_t)byte;
		}
		CHECK_BYTES(raw, bytes_at(back, used), sft_bytes_of(raw));
	}
}

/* The hash is one that other programs know (this one is from Python's xxhash), all of it
 * stands there at every limit, and what fits is not cut. */
static void test_max(void **state)
{
	static const char hash[] = "%~27a494598f652abb9127799395ea0d73";
	char raw[244];

	(void)state;
	memset(raw, 'a', sizeof(raw));
	for (size_t max = 64; max <= SFT_COMPONENT_MAX; max++) {
		char out[SFT_COMPONENT_MAX], want[300];

		memcpy(want, raw, max);
		CHECK_BYTES("fits",
			    bytes_at(out, sft_name_encode(bytes_at(raw, max), max, out)),
			    bytes_at(want, max));
		strcpy(want + max - strlen(hash), hash);
		CHECK_BYTES("cut",
			    bytes_at(out, sft_name_encode(bytes_at(raw, 244), max, out)),
			    bytes_at(want, max));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_all_code_points),
		cmocka_unit_test(test_injective),
		cmocka_unit_test(test_max),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
