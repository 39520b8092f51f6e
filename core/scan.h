/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/scan.h - a strict one-pass scanner of JSON text, without a tree
 *
 * Reads the grammar exactly as the reference reader's JSON library does (format notes,
 * sections 2 and 3): RFC 8259, whitespace of four kinds, at most SFT_SCAN_DEPTH_MAX open
 * containers, paired surrogates in every string, numbers that fit a double by that
 * library's own arithmetic. The text must be UTF-8 already. Strings are decoded in place
 * (the decoded form is never longer), so the text is private memory and is read once.
 *
 * The cursor moves forward only; nothing recurses; nothing allocates.
 *
 *	struct sft_bytes key;
 *	bool more;
 *
 *	status = sft_scan_open(scan, '{', '}', &more);
 *	while (status == SFT_OK && more) {
 *		status = sft_scan_key(scan, &key);
 *		... read the value ...
 *		status = sft_scan_more(scan, '}', &more);
 *	}
 */
#ifndef SFT_CORE_SCAN_H
#define SFT_CORE_SCAN_H

#include "core/bytes.h"
#include "core/feed.h"
#include "core/sft.h"

#define SFT_SCAN_DEPTH_MAX 127u /* containers open at once; the reference's limit */

/* A token that sft_scan_peek() is at lies in the text so far: but for strings, numbers.
 */
#define SFT_SCAN_AHEAD 64u

struct sft_scan {
	uint8_t *text;          /* the caller's; changed as strings are decoded */
	size_t len;             /* bytes of @text; with @feed, so far */
	struct sft_feed *feed;  /* where more comes from; NULL: nowhere */
	size_t held;            /* with @feed: see sft_scan_hold() */
	size_t off;             /* the cursor */
	enum sft_status status; /* what a violation of the grammar is called */
	uint64_t base;          /* position of text[0] in its file, for messages */
	struct sft_error *err;
};

/**
 * sft_scan_fail() - report something wrong with the text
 * @off:    where, from the start of the text
 * @format: one line
 *
 * Return: scan->status.
 */
__attribute__((format(printf, 3, 4))) enum sft_status
sft_scan_fail(struct sft_scan *scan, size_t off, const char *format, ...);

/* Has SFT_SCAN_AHEAD bytes be there behind the cursor, or all that there are. */
void sft_scan_fill(struct sft_scan *scan);

/* Skips whitespace. Return: the next byte, not consumed, or -1 at the end of the text. */
static inline int sft_scan_peek(struct sft_scan *scan)
{
	for (;; scan->off++) {
		uint8_t byte;

		if (scan->len - scan->off < SFT_SCAN_AHEAD)
			sft_scan_fill(scan);
		if (scan->off == scan->len)
			return -1;
		byte = scan->text[scan->off];
		if (byte != ' ' && byte != '\n' && byte != '\t' && byte != '\r')
			return byte;
	}
}

/**
 * sft_scan_hold() - skip whitespace, and have the text from there on stay
 *
 * With a feed, text that the cursor has passed may go whenever it moves on, unless it is
 * held: so hold before what is scanned and then looked at.
 */
static inline void sft_scan_hold(struct sft_scan *scan)
{
	sft_scan_peek(scan);
	scan->held = scan->off;
}

/* Lets go of it. */
static inline void sft_scan_drop(struct sft_scan *scan)
{
	scan->held = SIZE_MAX;
}

/**
 * sft_scan_open() - consume the start of an object or array
 * @open:     '{' or '['
 * @close:    '}' or ']'
 * @ret_more: whether an element follows; if not, the end is consumed too
 */
SFT_MUST_CHECK enum sft_status sft_scan_open(struct sft_scan *scan, char open, char close,
					     bool *ret_more);

/* Consumes what follows an element: a comma, or the end of the container. */
SFT_MUST_CHECK enum sft_status sft_scan_more(struct sft_scan *scan, char close,
					     bool *ret_more);

/* Consumes a string; @ret_text lies in the scanned text. NULL: nobody looks at it. */
SFT_MUST_CHECK enum sft_status sft_scan_string(struct sft_scan *scan,
					       struct sft_bytes *ret_text);

/* Consumes a string and the colon after it; @ret_key as of sft_scan_string(). */
SFT_MUST_CHECK enum sft_status sft_scan_key(struct sft_scan *scan,
					    struct sft_bytes *ret_key);

/* Consumes an integer from 0 to 2^64-1: digits only, so neither -0 nor 1.0 nor 1e0. */
SFT_MUST_CHECK enum sft_status sft_scan_uint(struct sft_scan *scan, uint64_t *ret_value);

/* Consumes `null`. */
SFT_MUST_CHECK enum sft_status sft_scan_null(struct sft_scan *scan);

/**
 * sft_scan_skip() - consume any value, checking all of it
 * @depth: containers that are open around it
 */
SFT_MUST_CHECK enum sft_status sft_scan_skip(struct sft_scan *scan, unsigned depth);

/* Consumes a value that is no container. */
SFT_MUST_CHECK enum sft_status sft_scan_scalar(struct sft_scan *scan);

/* Succeeds if nothing but whitespace is left. */
SFT_MUST_CHECK enum sft_status sft_scan_end(struct sft_scan *scan);

#endif /* SFT_CORE_SCAN_H */
