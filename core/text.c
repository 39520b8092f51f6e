// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/sft.h"

static bool is_continuation(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t sft_utf8_decode(const uint8_t *text, size_t len, uint32_t *ret_cp)
{
	/* The smallest code point of so many bytes; below it a form is overlong. */
	static const uint32_t min[SFT_UTF8_MAX + 1] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t lead = text[0];
	size_t need;
	uint32_t cp;

	if (lead < 0x80) {
		*ret_cp = lead;
		return 1;
	}
	if (lead >= 0xc2 && lead <= 0xdf) {
		need = 2;
		cp = lead & 0x1fu;
	} else if (lead >= 0xe0 && lead <= 0xef) {
		need = 3;
		cp = lead & 0x0fu;
	} else if (lead >= 0xf0 && lead <= 0xf4) {
		need = 4;
		cp = lead & 0x07u;
	} else {
		return 0;
	}
	if (len < need)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if (!is_continuation(text[i]))
			return 0;
		cp = cp << 6 | (text[i] & 0x3fu);
	}
	if (cp < min[need] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret_cp = cp;
	return need;
}

size_t sft_utf8_encode(uint32_t cp, uint8_t out[SFT_UTF8_MAX])
{
	if (cp < 0x80) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (uint8_t)(0xc0 | cp >> 6);
		out[1] = (uint8_t)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (uint8_t)(0xe0 | cp >> 12);
		out[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | cp >> 18);
	out[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (cp & 0x3f));
	return 4;
}

size_t sft_utf8_valid_len(const uint8_t *text, size_t len)
{
	size_t off = 0;

	while (off < len) {
		uint64_t eight;
		uint32_t cp;
		size_t step;

		/* Headers are nearly all ASCII: eight bytes at a time while they are. */
		if (len - off >= sizeof(eight)) {
			memcpy(&eight, text + off, sizeof(eight));
			if ((eight & UINT64_C(0x8080808080808080)) == 0) {
				off += sizeof(eight);
				continue;
			}
		}
		step = sft_utf8_decode(text + off, len - off, &cp);
		if (step == 0)
			break;
		off += step;
	}
	return off;
}

/* Writes one character, escaped if need be, into @out (at least 7 bytes); its length. */
static size_t escape_one(char *out, const uint8_t *text, size_t len, size_t *ret_step)
{
	uint32_t cp;
	const size_t step = sft_utf8_decode(text, len, &cp);

	*ret_step = step > 0 ? step : 1;
	if (step == 0)
		return (size_t)sprintf(out, "\\x%02x", text[0]);
	if (sft_text_is_unsafe(cp)) /* all of them are below U+10000 */
		return (size_t)sprintf(out, "\\u%04" PRIx32, cp);
	if (cp == '"' || cp == '\\')
		return (size_t)sprintf(out, "\\%c", (char)cp);
	memcpy(out, text, step);
	return step;
}

const char *sft_escape(char *out, size_t cap, const void *text, size_t len)
{
	static const char cut[] = "...";
	const uint8_t *bytes = text;
	size_t used = 0;
	size_t fits = 0; /* bytes that leave room for `cut` */

	for (size_t off = 0, step; off < len; off += step) {
		char one[8];
		const size_t one_len = escape_one(one, bytes + off, len - off, &step);

		if (used + one_len + 1 > cap) {
			memcpy(out + fits, cut, sizeof(cut));
			return out;
		}
		memcpy(out + used, one, one_len);
		used += one_len;
		if (used + sizeof(cut) <= cap)
			fits = used;
	}
	out[used] = '\0';
	return out;
}
