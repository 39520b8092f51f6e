// SPDX-License-Identifier: Apache-2.0
#include "core/json.h"

#include <stdlib.h>

#include "core/text.h"

/* Makes room for @len bytes and a NUL. */
static bool reserve(struct sft_json *json, size_t len)
{
	size_t room = json->room > 0 ? json->room : 128;
	char *grown;

	if (json->failed)
		return false;
	if (json->room - json->len > len)
		return true;
	while (room - json->len <= len) { /* ends: lengths are of things in memory */
		if (room > SIZE_MAX / 2) {
			json->failed = true;
			return false;
		}
		room *= 2;
	}
	grown = realloc(json->text, room);
	if (grown == NULL) {
		json->failed = true;
		return false;
	}
	json->text = grown;
	json->room = room;
	return true;
}

static void append(struct sft_json *json, const void *text, size_t len)
{
	if (json->counts) {
		json->len += len;
		return;
	}
	if (!reserve(json, len))
		return;
	memcpy(json->text + json->len, text, len);
	json->len += len;
	json->text[json->len] = '\0';
}

void sft_json_raw(struct sft_json *json, const char *text)
{
	append(json, text, strlen(text));
}

void sft_json_bytes(struct sft_json *json, struct sft_bytes text)
{
	append(json, text.data, text.len);
}

/* By hand: printf() takes most of the time of a header with a million tensors. */
void sft_json_uint(struct sft_json *json, uint64_t value)
{
	char text[20]; /* digits of 2^64 - 1 */
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	append(json, text + at, sizeof(text) - at);
}

/* Whether a byte stands for itself, and is a character. */
static bool is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Appends an escape; unsafe characters are below U+10000. */
static void append_escape(struct sft_json *json, uint32_t cp)
{
	static const char hex[] = "0123456789abcdef";
	const char by_name[] = { '\\', (char)cp };
	const char by_code[] = { '\\',
				 'u',
				 hex[cp >> 12 & 0xf],
				 hex[cp >> 8 & 0xf],
				 hex[cp >> 4 & 0xf],
				 hex[cp & 0xf] };

	if (cp == '"' || cp == '\\')
		append(json, by_name, sizeof(by_name));
	else
		append(json, by_code, sizeof(by_code));
}

void sft_json_string(struct sft_json *json, struct sft_bytes text)
{
	size_t off = 0;

	append(json, "\"", 1);
	while (off < text.len && !json->failed) {
		size_t run = off;
		size_t step;
		uint32_t cp;

		while (run < text.len && is_plain(text.data[run]))
			run++;
		append(json, text.data + off, run - off);
		off = run;
		if (off == text.len)
			break;
		step = sft_utf8_decode(text.data + off, text.len - off, &cp);
		if (step == 0)
			append(json, "\xef\xbf\xbd", 3);
		else if (cp == '"' || cp == '\\' || sft_text_is_unsafe(cp))
			append_escape(json, cp);
		else
			append(json, text.data + off, step);
		off += step > 0 ? step : 1;
	}
	append(json, "\"", 1);
}

void sft_json_pair(struct sft_json *json, struct sft_bytes key, struct sft_bytes value)
{
	sft_json_string(json, key);
	sft_json_raw(json, ":\t");
	sft_json_string(json, value);
}
