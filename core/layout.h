/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/layout.h - a file is a list of segments
 *
 *	off 0        64                              64 + 33554432
 *	|  literal   |  range: shard 2 at 1234567    |	    model/.../weight.npy
 *
 * Whoever describes a file appends segments in order. A layout that only measures keeps
 * lengths and throws the text of literals away: stat() and open() run the same code. What
 * goes wrong on the way (memory, limits) is kept in @status, as with a stream, and asked
 * for once at the end.
 */
#ifndef SFT_CORE_LAYOUT_H
#define SFT_CORE_LAYOUT_H

#include "core/rows.h"

#define SFT_LITERAL_LEN_MAX (UINT64_C(512) << 20) /* bytes of literals of one file */
#define SFT_FILE_LEN_MAX ((uint64_t)INT64_MAX)
#define SFT_LAZY_LEN_MAX 64u

struct sft_model;

enum sft_segment_kind {
	SFT_SEGMENT_LITERAL, /* @off in the layout's own text */
	SFT_SEGMENT_MEMORY,  /* at @memory, which outlives the layout */
	SFT_SEGMENT_RANGE,   /* @off in the file @idx of the source */
	SFT_SEGMENT_ROWS,    /* @rows from @off in that file on */
	SFT_SEGMENT_CAST,    /* a range or rows, elements of @dtype shown as float32 */
	SFT_SEGMENT_LAZY,    /* what @fill makes for the tensor @idx */
};

/* A lazy segment that is read. */
struct sft_lazy {
	const struct sft_waiter *waiter; /* whoever reads; or NULL */
	bool only_known;                 /* compute nothing that takes long */
	bool is_unknown;                 /* set where that is why there are no bytes */
	uint8_t bytes[SFT_LAZY_LEN_MAX]; /* receives all of it */
};

/**
 * sft_lazy_fill - compute the bytes of a lazy segment
 * @idx:  of a tensor of the model
 * @lazy: receives them
 *
 * Called from any thread, whenever the segment is read; keeps what is dear to make.
 */
typedef enum sft_status (*sft_lazy_fill)(const struct sft_model *model, uint32_t idx,
					 struct sft_lazy *lazy, struct sft_error *err);

struct sft_segment {
	uint64_t end; /* where it ends in the described file; it begins where the last
			 ends */
	uint64_t off;
	union {
		const uint8_t *memory;
		sft_lazy_fill fill;
		const struct sft_rows *rows; /* of the layout; CAST: or NULL */
	};
	uint32_t idx; /* sft_model_file() or a tensor */
	uint8_t kind; /* enum sft_segment_kind */
	uint8_t dtype;
};

#define SFT_SEGMENTS_INLINE 2u /* enough for every file of one tensor */

struct sft_kept_rows;

struct sft_layout {
	uint64_t len; /* of the described file */
	enum sft_status status;
	bool measures;                /* literals are counted, not kept */
	bool is_slow;                 /* see sft_file_is_slow() */
	struct sft_segment *segments; /* @few, or malloc()ed */
	size_t count, room;
	uint8_t *text; /* of literals */
	size_t text_len, text_room;
	uint64_t literal_len;       /* also where they are only counted */
	struct sft_kept_rows *rows; /* of its segments */
	struct sft_segment few[SFT_SEGMENTS_INLINE];
};

/* Makes an empty layout. It must not move in memory until sft_layout_done(). */
void sft_layout_init(struct sft_layout *layout, bool measures);

void sft_layout_done(struct sft_layout *layout);

/* Gives back memory that was reserved for more; nothing is appended afterwards. */
void sft_layout_trim(struct sft_layout *layout);

/* Appends bytes that are copied; only counted, and may be NULL, where it measures. */
void sft_layout_literal(struct sft_layout *layout, const void *bytes, uint64_t len);

/* Appends bytes that live as long as the model. */
void sft_layout_memory(struct sft_layout *layout, const void *bytes, uint64_t len);

/**
 * sft_layout_range() - append bytes of the source
 * @file: of the source: see sft_model_file()
 * @off:  first byte in that file
 * @len:  bytes
 *
 * A range that goes on where the last one ends makes that longer.
 */
void sft_layout_range(struct sft_layout *layout, uint32_t file, uint64_t off,
		      uint64_t len);

/**
 * sft_layout_rows() - append rows of the source
 * @file: of the source
 * @off:  of the first row in that file
 * @rows: copied
 */
void sft_layout_rows(struct sft_layout *layout, uint32_t file, uint64_t off,
		     const struct sft_rows *rows);

/**
 * sft_layout_cast() - append elements of the source as float32
 * @file:  of the source
 * @off:   of the first element in that file
 * @rows:  how they lie from there, copied; NULL: in one piece
 * @dtype: what they are there; one that sft_cast_has()
 * @count: elements; four bytes each are appended
 */
void sft_layout_cast(struct sft_layout *layout, uint32_t file, uint64_t off,
		     const struct sft_rows *rows, uint8_t dtype, uint64_t count);

/**
 * sft_layout_lazy() - append bytes that are computed when they are read
 * @fill: makes them
 * @idx:  of a tensor; for @fill
 * @len:  bytes, at most SFT_LAZY_LEN_MAX
 */
void sft_layout_lazy(struct sft_layout *layout, sft_lazy_fill fill, uint32_t idx,
		     size_t len);

/*
 * A hash of what the described file is made of: where its bytes come from and what stands
 * between them, not the bytes of the source. Linear in the text.
 */
uint64_t sft_layout_id(const struct sft_layout *layout);

/* Where a run of bytes lives, or what makes it. */
struct sft_extent {
	enum sft_segment_kind kind;
	const uint8_t *memory; /* LITERAL: goes with the layout; MEMORY */
	uint32_t idx;          /* RANGE, ROWS, CAST: file of the source; LAZY: tensor */
	uint64_t file_off;     /* RANGE: of the run; ROWS, CAST: of the whole segment */
	uint64_t skip;         /* ROWS, CAST, LAZY: bytes before the run in the segment */
	const struct sft_rows *rows; /* ROWS; CAST: or NULL; goes with the layout */
	uint8_t dtype;               /* CAST */
	sft_lazy_fill fill;          /* LAZY */
	size_t len;                  /* bytes of the run; never 0 */
};

/**
 * sft_layout_map() - say where the bytes of a read live
 * @layout:  complete, not of the measuring kind
 * @off:     first byte wanted
 * @len:     bytes wanted; shortened at the end of the described file
 * @ret_ext: set in reading order
 * @max:     entries that @ret_ext has, at least 1
 *
 * No I/O; cannot fail. Safe from any thread.
 *
 * Return: entries set; 0 at or past the end. If all @max are set, more may follow.
 */
size_t sft_layout_map(const struct sft_layout *layout, uint64_t off, size_t len,
		      struct sft_extent *ret_ext, size_t max);

#endif /* SFT_CORE_LAYOUT_H */
