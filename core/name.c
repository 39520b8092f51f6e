// SPDX-License-Identifier: Apache-2.0
#include "core/name.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/text.h"

static const char upper_hex[] = "0123456789ABCDEF";
static const char lower_hex[] = "0123456789abcdef";

#define HASH_LEN 32u                 /* hex digits of XXH3-128 */
#define CUT_LEN (2u + HASH_LEN)      /* "%~" and the digits */
#define UNIT_MAX (3u * SFT_UTF8_MAX) /* an escaped character */

/* Encodes the character that @text begins with, whole; returns its encoded length. */
static size_t encode_unit(const uint8_t *text, size_t len, char out[UNIT_MAX],
			  size_t *ret_step)
{
	uint32_t cp;
	size_t used = 0;

	*ret_step = sft_utf8_decode(text, len, &cp);
	assert(*ret_step > 0); /* headers are UTF-8: sft_header_parse() */
	if (!sft_text_is_unsafe(cp) && cp != '/' && cp != '%') {
		memcpy(out, text, *ret_step);
		return *ret_step;
	}
	for (size_t i = 0; i < *ret_step; i++) {
		out[used++] = '%';
		out[used++] = upper_hex[text[i] >> 4];
		out[used++] = upper_hex[text[i] & 0xf];
	}
	return used;
}

bool sft_name_is_plain(struct sft_bytes raw)
{
	bool piece_empty = true;

	if (raw.len > SFT_COMPONENT_MAX)
		return false;
	for (size_t i = 0; i < raw.len; i++) {
		const uint8_t byte = raw.data[i];

		if (byte == '.' && piece_empty)
			return false;
		piece_empty = byte == '.';

		/* Some above 7E stand for themselves, too; those names are few. */
		if (byte < 0x20 || byte > 0x7e || byte == '/' || byte == '%')
			return false;
	}
	return !piece_empty;
}

static void append_hash(struct sft_bytes raw, char *out)
{
	XXH128_canonical_t digest;

	XXH128_canonicalFromHash(&digest, XXH3_128bits(raw.data, raw.len));
	*out++ = '%';
	*out++ = '~';
	for (size_t i = 0; i < sizeof(digest.digest); i++) {
		*out++ = lower_hex[digest.digest[i] >> 4];
		*out++ = lower_hex[digest.digest[i] & 0xf];
	}
}

size_t sft_name_encode(struct sft_bytes raw, size_t max, char out[SFT_COMPONENT_MAX])
{
	size_t used = 0;
	size_t fits = 0;         /* the longest prefix that leaves room for the hash */
	bool piece_empty = true; /* nothing since the last dot */

	assert(max > CUT_LEN && max <= SFT_COMPONENT_MAX);
	for (size_t off = 0, step; off <= raw.len; off += step) {
		char unit[UNIT_MAX];
		size_t unit_len;

		if (off == raw.len || raw.data[off] == '.') {
			/* The end of a piece: a lone % where it is empty; the dot. */
			unit_len = 0;
			if (piece_empty)
				unit[unit_len++] = '%';
			if (off < raw.len)
				unit[unit_len++] = '.';
			piece_empty = true;
			step = 1;
		} else {
			unit_len =
				encode_unit(raw.data + off, raw.len - off, unit, &step);
			piece_empty = false;
		}
		if (used + unit_len > max) {
			append_hash(raw, out + fits);
			return fits + CUT_LEN;
		}
		memcpy(out + used, unit, unit_len);
		used += unit_len;
		if (used + CUT_LEN <= max)
			fits = used;
	}
	return used;
}
