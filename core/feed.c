// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* madvise() */
#include "core/feed.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "core/backing.h"
#include "core/huge.h"
#include "core/text.h"

void sft_feed_init_text(struct sft_feed *feed, uint8_t *text, size_t len, uint64_t off)
{
	*feed = (struct sft_feed){
		.text = text, .len = len, .off = off, .read = len, .fd = -1
	};
}

void sft_feed_init_file(struct sft_feed *feed, uint8_t *text, size_t len, int fd,
			uint64_t off, size_t piece)
{
	assert(piece > 0);
	*feed = (struct sft_feed){
		.text = text, .len = len, .fd = fd, .off = off, .piece = piece
	};
}

/*
 * Gives back whole pages that nobody looks at; where that fails, they only stay. Large
 * ones, for to take a part of such a page away is to make small ones of it first.
 */
static void release(struct sft_feed *feed, size_t keep)
{
	const size_t page = SFT_HUGE_PAGE;
	const size_t shift = (uintptr_t)feed->text % page; /* of the text in a page */
	const size_t from = feed->packed > feed->released ? feed->packed : feed->released;
	const size_t begin = (shift + from + page - 1) / page * page;
	const size_t end = (shift + keep) / page * page;

	if (begin >= end)
		return;
	madvise(feed->text + (begin - shift), end - begin, MADV_DONTNEED);
	feed->released = end - shift;
}

void sft_feed_more(struct sft_feed *feed, size_t keep)
{
	const size_t left = feed->len - feed->read;
	const size_t count = left < feed->piece ? left : feed->piece;

	if (count > 0) {
		if (feed->read > 0)
			release(feed, keep);
		if (sft_read_all(feed->fd, feed->text + feed->read, count,
				 feed->off + feed->read, &feed->err) != SFT_OK)
			return;
		feed->read += count;
	}
	feed->ready +=
		sft_utf8_valid_len(feed->text + feed->ready, feed->read - feed->ready);
	/* What is left of a piece may be the start of a character. */
	if (feed->read - feed->ready >= SFT_UTF8_MAX ||
	    (feed->read == feed->len && feed->ready < feed->len))
		sft_fail(&feed->err, SFT_E_INVALID_HEADER, feed->off + feed->ready,
			 "the header is not UTF-8");
}

uint32_t sft_feed_pack(struct sft_feed *feed, size_t off, size_t len)
{
	const size_t begin = feed->packed;

	assert(begin <= off);
	if (begin < off)
		memmove(feed->text + begin, feed->text + off, len);
	feed->packed += len;
	return (uint32_t)begin; /* fits, for a header has at most 10^8 bytes */
}
