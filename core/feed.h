/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/feed.h - text of a file that is read, and checked to be UTF-8, as it is scanned
 *
 * A header may have 100 MB, of which little is asked for later. So its text has room for
 * all of it, but comes in pieces; what is kept is moved to the front, and the memory
 * between that and the cursor goes back to the system. Each byte is read once and stays
 * where it was read to, so that pointers to it hold.
 *
 *	0      packed         released        keep           ready      len
 *	|  kept  |  given back  |  not yet      |  looked at   |  to come  |
 */
#ifndef SFT_CORE_FEED_H
#define SFT_CORE_FEED_H

#include "core/sft.h"

#define SFT_FEED_PIECE 262144u /* bytes at a time; 100 MB at once take as long */

struct sft_feed {
	uint8_t *text;        /* the caller's */
	size_t len;           /* bytes of @text when all of it is there */
	size_t ready;         /* that are there, and UTF-8 */
	size_t packed;        /* at the front, that are kept: see sft_feed_pack() */
	int fd;               /* -1: all of it is there from the beginning */
	uint64_t off;         /* of the text in the file */
	size_t piece;         /* bytes to read at a time, at least 1 */
	size_t read;          /* that are there; at most three more than @ready */
	size_t released;      /* up to where memory was given back */
	struct sft_error err; /* its status: SFT_OK, or why there is no more */
};

/* Text that is there already: @len bytes, which came from @off of a file. */
void sft_feed_init_text(struct sft_feed *feed, uint8_t *text, size_t len, uint64_t off);

/* @len bytes at @off of the file @fd, into @text; @piece: SFT_FEED_PIECE but in tests. */
void sft_feed_init_file(struct sft_feed *feed, uint8_t *text, size_t len, int fd,
			uint64_t off, size_t piece);

/* Whether there is more to come. */
static inline bool sft_feed_has_more(const struct sft_feed *feed)
{
	return feed->ready < feed->len && feed->err.status == SFT_OK;
}

/**
 * sft_feed_more() - read and check a piece
 * @keep: nobody looks any more at what is before it and not packed; at most @ready
 *
 * Sets feed->err where that fails: SFT_E_INVALID_HEADER, SFT_E_IO or SFT_E_CHANGED.
 */
void sft_feed_more(struct sft_feed *feed, size_t keep);

/* Moves @len bytes at @off, which are behind all that is packed, there. Return: where. */
uint32_t sft_feed_pack(struct sft_feed *feed, size_t off, size_t len);

#endif /* SFT_CORE_FEED_H */
