// SPDX-License-Identifier: Apache-2.0
#include "core/scan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/number.h"
#include "core/text.h"

enum sft_status sft_scan_fail(struct sft_scan *scan, size_t off, const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return sft_fail(scan->err, scan->status, scan->base + off, "%s", line);
}

static bool has_more(const struct sft_scan *scan)
{
	return scan->feed != NULL && sft_feed_has_more(scan->feed);
}

void sft_scan_fill(struct sft_scan *scan)
{
	while (has_more(scan) && scan->len - scan->off < SFT_SCAN_AHEAD) {
		sft_feed_more(scan->feed,
			      scan->held < scan->off ? scan->held : scan->off);
		scan->len = scan->feed->ready;
	}
}

/* Fails at the next byte that is no whitespace, saying what should have been there. */
static enum sft_status fail_expected(struct sft_scan *scan, const char *wanted)
{
	const int byte = sft_scan_peek(scan);
	const uint8_t *at = scan->text + scan->off;
	uint32_t cp;
	char found[16];
	size_t step;

	if (byte < 0)
		return sft_scan_fail(scan, scan->off,
				     "the JSON text ends where %s should be", wanted);
	step = sft_utf8_decode(at, scan->len - scan->off, &cp);
	sft_escape(found, sizeof(found), at, step > 0 ? step : 1);
	return sft_scan_fail(scan, scan->off, "expected %s, found '%s'", wanted, found);
}

static enum sft_status expect(struct sft_scan *scan, char byte)
{
	const char wanted[] = { '\'', byte, '\'', '\0' };

	if (sft_scan_peek(scan) != byte)
		return fail_expected(scan, wanted);
	scan->off++;
	return SFT_OK;
}

enum sft_status sft_scan_open(struct sft_scan *scan, char open, char close,
			      bool *ret_more)
{
	const enum sft_status status = expect(scan, open);

	if (status != SFT_OK)
		return status;
	*ret_more = sft_scan_peek(scan) != close;
	if (!*ret_more)
		scan->off++;
	return SFT_OK;
}

enum sft_status sft_scan_more(struct sft_scan *scan, char close, bool *ret_more)
{
	const int byte = sft_scan_peek(scan);

	if (byte != ',' && byte != close)
		return fail_expected(scan, close == '}' ? "',' or '}'" : "',' or ']'");
	*ret_more = byte == ',';
	scan->off++;
	return SFT_OK;
}

/* ---- strings ---- */

static int hex_digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

/* Decodes the four digits after "\u", at the cursor. */
static bool take_hex4(struct sft_scan *scan, uint32_t *ret_unit)
{
	uint32_t unit = 0;

	if (scan->len - scan->off < 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		const int digit = hex_digit(scan->text[scan->off + i]);

		if (digit < 0)
			return false;
		unit = unit << 4 | (uint32_t)digit;
	}
	scan->off += 4;
	*ret_unit = unit;
	return true;
}

/* The code point of a \u escape or pair of them; the cursor is behind the first "\u". */
static enum sft_status take_code_point(struct sft_scan *scan, uint32_t *ret_cp)
{
	const size_t begin = scan->off - 2;
	uint32_t high, low;

	if (!take_hex4(scan, &high))
		return sft_scan_fail(scan, begin,
				     "\\u is not followed by four hex digits");
	*ret_cp = high;
	if (high < 0xd800 || high > 0xdfff)
		return SFT_OK;
	if (high > 0xdbff || scan->len - scan->off < 2 || scan->text[scan->off] != '\\' ||
	    scan->text[scan->off + 1] != 'u')
		return sft_scan_fail(scan, begin, "lone surrogate \\u%04" PRIx32, high);
	scan->off += 2;
	if (!take_hex4(scan, &low) || low < 0xdc00 || low > 0xdfff)
		return sft_scan_fail(scan, begin, "lone surrogate \\u%04" PRIx32, high);
	*ret_cp = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
	return SFT_OK;
}

/* Decodes the escape at the cursor, a backslash, to @out; the decoded form is shorter. */
static enum sft_status take_escape(struct sft_scan *scan, uint8_t *out, size_t *ret_len)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	enum sft_status status;
	const char *found;
	uint32_t cp = 0;
	uint8_t byte;

	sft_scan_fill(scan);
	if (scan->len - scan->off < 2)
		return sft_scan_fail(scan, scan->len,
				     "the JSON text ends inside a string");
	byte = scan->text[scan->off + 1];
	scan->off += 2;
	if (byte == 'u') {
		status = take_code_point(scan, &cp);
		if (status == SFT_OK)
			*ret_len = sft_utf8_encode(cp, out);
		return status;
	}
	found = byte != '\0' ? strchr(from, byte) : NULL;
	if (found == NULL)
		return sft_scan_fail(scan, scan->off - 2, "unknown escape in a string");
	*out = (uint8_t)to[found - from];
	*ret_len = 1;
	return SFT_OK;
}

/* Bytes that end a run of plain text in a string. */
static inline bool is_special(uint8_t byte)
{
	return byte == '"' || byte == '\\' || byte < 0x20;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether one of eight bytes is zero; no carry leaves its byte. */
static inline bool has_zero(uint64_t eight)
{
	return (~(((eight & EACH(0x7f)) + EACH(0x7f)) | eight) & EACH(0x80)) != 0;
}

static inline bool has_special(uint64_t eight)
{
	return has_zero(eight & EACH(0xe0)) || /* below 0x20 */
	       has_zero(eight ^ EACH('"')) || has_zero(eight ^ EACH('\\'));
}

/* Moves the cursor to the next special byte, or to the end. */
static void skip_plain(struct sft_scan *scan)
{
	for (;;) {
		uint64_t eight;

		while (scan->len - scan->off >= sizeof(eight)) {
			memcpy(&eight, scan->text + scan->off, sizeof(eight));
			if (has_special(eight))
				break;
			scan->off += sizeof(eight);
		}
		while (scan->off < scan->len && !is_special(scan->text[scan->off]))
			scan->off++;
		if (scan->off < scan->len || !has_more(scan))
			return;
		sft_scan_fill(scan);
	}
}

enum sft_status sft_scan_string(struct sft_scan *scan, struct sft_bytes *ret_text)
{
	enum sft_status status = expect(scan, '"');
	const size_t begin = scan->off;
	size_t out = begin; /* decoded text ends here; never past the cursor */

	while (status == SFT_OK) {
		const size_t run = scan->off;
		uint8_t nowhere[SFT_UTF8_MAX];
		size_t len = 0;

		skip_plain(scan);
		if (ret_text != NULL && out != run)
			memmove(scan->text + out, scan->text + run, scan->off - run);
		out += scan->off - run;
		if (scan->off == scan->len)
			return sft_scan_fail(scan, scan->len,
					     "the JSON text ends inside a string");
		if (scan->text[scan->off] == '"') {
			scan->off++;
			if (ret_text != NULL)
				*ret_text = (struct sft_bytes){ scan->text + begin,
								out - begin };
			return SFT_OK;
		}
		if (scan->text[scan->off] != '\\')
			return sft_scan_fail(scan, scan->off,
					     "control character in a string");
		status = take_escape(scan, ret_text != NULL ? scan->text + out : nowhere,
				     &len);
		if (status == SFT_OK)
			out += len;
	}
	return status;
}

enum sft_status sft_scan_key(struct sft_scan *scan, struct sft_bytes *ret_key)
{
	const enum sft_status status = sft_scan_string(scan, ret_key);

	return status == SFT_OK ? expect(scan, ':') : status;
}

/* ---- other scalars ---- */

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* What makes a number of digits one that is no integer. */
static bool is_fraction(uint8_t byte)
{
	return byte == '.' || byte == 'e' || byte == 'E';
}

enum sft_status sft_scan_uint(struct sft_scan *scan, uint64_t *ret_value)
{
	const int first = sft_scan_peek(scan);
	const size_t begin = scan->off;
	uint64_t value = 0;

	if (first < '0' || first > '9')
		return fail_expected(scan, "an unsigned integer");
	if (first == '0' && scan->len - begin > 1 && is_digit(scan->text[begin + 1]))
		return sft_scan_fail(scan, begin, "integer with a leading zero");
	for (; scan->off < scan->len; scan->off++) {
		const uint8_t byte = scan->text[scan->off];

		if (!is_digit(byte))
			break;
		if (!sft_mul(value, 10, &value) || !sft_add(value, byte - '0', &value))
			return sft_scan_fail(scan, begin, "integer above 2^64-1");
	}
	if (scan->off < scan->len && is_fraction(scan->text[scan->off]))
		return sft_scan_fail(scan, begin,
				     "a floating-point number where an unsigned "
				     "integer should be");
	*ret_value = value;
	return SFT_OK;
}

static enum sft_status take_word(struct sft_scan *scan, const char *word)
{
	const size_t len = strlen(word);

	if (scan->len - scan->off < len || memcmp(scan->text + scan->off, word, len) != 0)
		return sft_scan_fail(scan, scan->off, "expected '%s'", word);
	scan->off += len;
	return SFT_OK;
}

enum sft_status sft_scan_null(struct sft_scan *scan)
{
	if (sft_scan_peek(scan) != 'n')
		return fail_expected(scan, "null");
	return take_word(scan, "null");
}

/* Has all of the number at the cursor be there: what checks it wants it in one piece. */
static void fill_number(struct sft_scan *scan)
{
	static const char bytes[] = "+-.0123456789Ee";
	const size_t begin = scan->off;
	const size_t held = scan->held;

	if (held > begin)
		scan->held = begin;
	while (has_more(scan) && scan->off < scan->len &&
	       memchr(bytes, scan->text[scan->off], sizeof(bytes) - 1) != NULL) {
		if (++scan->off == scan->len)
			sft_scan_fill(scan);
	}
	scan->off = begin;
	scan->held = held;
}

enum sft_status sft_scan_scalar(struct sft_scan *scan)
{
	const char *why;
	size_t len;

	switch (sft_scan_peek(scan)) {
	case '"':
		return sft_scan_string(scan, NULL);
	case 't':
		return take_word(scan, "true");
	case 'f':
		return take_word(scan, "false");
	case 'n':
		return take_word(scan, "null");
	case '-':
	case '0' ... '9':
		fill_number(scan);
		why = sft_number_check(scan->text + scan->off, scan->len - scan->off,
				       &len);
		if (why != NULL)
			return sft_scan_fail(scan, scan->off, "%s", why);
		scan->off += len;
		return SFT_OK;
	default:
		return fail_expected(scan, "a value");
	}
}

/* ---- anything ---- */

enum sft_status sft_scan_skip(struct sft_scan *scan, unsigned depth)
{
	const unsigned outer = depth;
	char closes[SFT_SCAN_DEPTH_MAX]; /* by depth: what ends the container */
	enum sft_status status = SFT_OK;
	bool more;

	do {
		const int byte = sft_scan_peek(scan);

		/* One value, or the start of one: `more` tells that it has elements. */
		if (byte == '{' || byte == '[') {
			if (depth == SFT_SCAN_DEPTH_MAX)
				return sft_scan_fail(scan, scan->off,
						     "containers nest deeper than %u",
						     SFT_SCAN_DEPTH_MAX);
			closes[depth] = byte == '{' ? '}' : ']';
			status = sft_scan_open(scan, (char)byte, closes[depth], &more);
			if (status == SFT_OK && more)
				depth++;
		} else {
			status = sft_scan_scalar(scan);
			more = false;
		}
		/* What ends with it: up to a comma, or out of the value altogether. */
		while (status == SFT_OK && !more && depth > outer) {
			status = sft_scan_more(scan, closes[depth - 1], &more);
			if (status == SFT_OK && !more)
				depth--;
		}
		if (status == SFT_OK && more && closes[depth - 1] == '}')
			status = sft_scan_key(scan, NULL);
	} while (status == SFT_OK && depth > outer);
	return status;
}

enum sft_status sft_scan_end(struct sft_scan *scan)
{
	return sft_scan_peek(scan) < 0 ? SFT_OK : fail_expected(scan, "the end");
}
