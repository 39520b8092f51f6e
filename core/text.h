/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/text.h - UTF-8, and which characters may reach a terminal as they are
 *
 * One rule for file names, JSON documents and messages: the characters that
 * sft_text_is_unsafe() names are written in an escaped form everywhere. The three forms
 * (percent-encoding, \u escapes) differ and live with their users; the rule lives here.
 */
#ifndef SFT_CORE_TEXT_H
#define SFT_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest character of UTF-8. */
#define SFT_UTF8_MAX 4

/**
 * sft_utf8_decode() - decode the character that text begins with
 * @text:   @len bytes
 * @len:    at least 1
 * @ret_cp: the code point
 *
 * Strict: no overlong forms, no surrogates, nothing past U+10FFFF.
 *
 * Return: bytes it takes, 1 to SFT_UTF8_MAX, or 0 if @text begins with no character.
 */
size_t sft_utf8_decode(const uint8_t *text, size_t len, uint32_t *ret_cp);

/**
 * sft_utf8_encode() - the inverse of sft_utf8_decode()
 * @cp:  a code point that is no surrogate, at most U+10FFFF
 * @out: receives the bytes
 *
 * Return: bytes written, 1 to SFT_UTF8_MAX.
 */
size_t sft_utf8_encode(uint32_t cp, uint8_t out[SFT_UTF8_MAX]);

/**
 * sft_utf8_valid_len() - length of the longest prefix that is UTF-8
 *
 * Return: @len if all of it is; else the offset of the first byte that is not.
 */
size_t sft_utf8_valid_len(const uint8_t *text, size_t len);

/**
 * sft_text_is_unsafe() - whether a character can deceive or command a terminal
 * @cp: any code point
 *
 * Return: true for U+0000-1F, U+007F, the C1 controls U+0080-9F, the bidirectional marks
 * (U+061C, U+200E/F, U+202A-E, U+2066-9) and the line separators U+2028/9.
 */
static inline bool sft_text_is_unsafe(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x061c || cp == 0x200e ||
	       cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2066 && cp <= 0x2069);
}

#endif /* SFT_CORE_TEXT_H */
