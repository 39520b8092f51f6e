// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/name.c - hostile text as names of files, in messages and in JSON
 *
 * The first byte is the length that names are cut to; the rest is text. What encodes it
 * is undone by a decoder of the test's own: two names that look the same could not both
 * come back.
 */
#include <stdlib.h>

#include "core/examine.h"
#include "core/json.h"
#include "core/name.h"
#include "core/scan.h"
#include "core/text.h"
#include "tests/fuzz/fuzz.h"

#define CUT_MARK "%~"

static int hex_digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

/* Undoes the encoding of what was not cut; a lone % is an empty piece. */
static size_t decode(const char *name, size_t len, uint8_t *out)
{
	size_t used = 0;

	for (size_t off = 0; off < len; off++) {
		int high = -1, low = -1;

		if (name[off] != '%') {
			out[used++] = (uint8_t)name[off];
			continue;
		}
		if (len - off > 2) {
			high = hex_digit(name[off + 1]);
			low = hex_digit(name[off + 2]);
		}
		if (high >= 0 && low >= 0) {
			out[used++] = (uint8_t)(high << 4 | low);
			off += 2;
		} else {
			MUST(off == 0 || name[off - 1] == '.');
			MUST(off + 1 == len || name[off + 1] == '.');
		}
	}
	return used;
}

static bool is_cut(const char *name, size_t len)
{
	for (size_t off = 0; off + 1 < len; off++)
		if (memcmp(name + off, CUT_MARK, 2) == 0)
			return true;
	return false;
}

static void check_encoding(struct sft_bytes raw, size_t max)
{
	char name[SFT_COMPONENT_MAX];
	uint8_t back[SFT_COMPONENT_MAX];
	const size_t len = sft_name_encode(raw, max, name);

	fuzz_check_name(name, len, max);
	if (is_cut(name, len)) {
		MUST(len >= 34 && memcmp(name + len - 34, CUT_MARK, 2) == 0);
		MUST(raw.len > max / 12); /* a character takes 12 bytes at most */
		MUST(!sft_name_is_plain(raw) || raw.len > max);
		return;
	}
	MUST(sft_bytes_equal((struct sft_bytes){ back, decode(name, len, back) }, raw));
	if (sft_name_is_plain(raw))
		MUST(sft_bytes_equal((struct sft_bytes){ (uint8_t *)name, len }, raw));
}

/* A string of JSON has none of these characters, and reads back as what was written. */
static void check_json(struct sft_bytes raw)
{
	struct sft_json json = { 0 };
	struct sft_scan scan = { .status = SFT_E_INDEX };
	struct sft_bytes back;

	sft_json_string(&json, raw);
	MUST(!json.failed &&
	     sft_utf8_valid_len((uint8_t *)json.text, json.len) == json.len);
	for (size_t i = 0; i < json.len; i++)
		MUST((uint8_t)json.text[i] >= 0x20 && json.text[i] != 0x7f);
	scan.text = (uint8_t *)json.text;
	scan.len = json.len;
	MUST(sft_scan_string(&scan, &back) == SFT_OK && sft_scan_end(&scan) == SFT_OK);
	if (sft_utf8_valid_len(raw.data, raw.len) == raw.len)
		MUST(sft_bytes_equal(back, raw));
	free(json.text);
}

static void check_escape(struct sft_bytes raw, size_t cap)
{
	struct sft_error err = { .status = SFT_E_NAME };
	char *out = malloc(cap);

	if (out == NULL)
		abort();
	MUST(sft_escape(out, cap, raw.data, raw.len) == out);
	MUST(strnlen(out, cap) < cap);
	/* As part of a message: any text becomes printable. */
	MUST(sft_fail(&err, SFT_E_NAME, SFT_POS_NONE, "\"%s\"", out) == SFT_E_NAME);
	fuzz_check_error(&err, SFT_E_NAME, 0);
	free(out);
}

/* Names of files beside the model come from the system: any bytes but NUL. */
static void check_examine(struct sft_bytes raw)
{
	struct fuzz_guarded text = fuzz_guard_text(raw);
	const char *name = (const char *)text.data;
	struct sft_error why;

	if (sft_examine_name(name, &why) == SFT_OK && name[0] != '\0')
		fuzz_check_name(name, strlen(name), 255);
	sft_examine_is_weights(name);
	fuzz_unguard(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_guarded copy;
	struct sft_bytes raw;
	size_t valid;

	if (size == 0)
		return 0;
	copy = fuzz_guard((struct sft_bytes){ data + 1, size - 1 });
	raw = (struct sft_bytes){ copy.data, copy.len };
	valid = sft_utf8_valid_len(raw.data, raw.len);
	MUST(valid <= raw.len);
	check_json(raw);
	check_escape(raw, 8 + data[0]);
	check_examine(raw);
	if (valid == raw.len)
		check_encoding(raw, 64 + data[0] % (SFT_COMPONENT_MAX - 64 + 1));
	fuzz_unguard(&copy);
	return 0;
}
