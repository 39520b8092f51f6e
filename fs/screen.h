/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/screen.h - what standard output can show, and text that fits it
 *
 * A terminal has a width, a height and perhaps colours; what is piped is plain. Text is
 * measured in cells: a letter takes one, a Chinese character two, an accent that is put
 * on the letter before it none.
 */
#ifndef FS_SCREEN_H
#define FS_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* Signs that look poorer where the locale is not UTF-8. */
struct fs_signs {
	const char *ellipsis, *dot, *times, *arrow;
	const char *branch, *last_branch; /* of a tree: the line of a child */
	const char *pipe, *blank;         /* beside what is below one */
	const char *const *blocks;        /* of a bar, from 1 to @block_count parts */
	int block_count;
};

struct fs_screen {
	int columns, lines; /* lines: what may be printed without scrolling */
	bool is_utf8;
	bool has_colour;
	const struct fs_signs *signs;
};

/* Text that may be coloured: see "Select Graphic Rendition" of ECMA-48. */
enum fs_colour {
	FS_PLAIN = 0,
	FS_BOLD = 1,
	FS_DIM = 2,
	FS_RED = 31,
	FS_GREEN = 32,
	FS_YELLOW = 33,
	FS_BLUE = 34,
	FS_MAGENTA = 35,
	FS_CYAN = 36,
};

/**
 * fs_screen_init() - find out about standard output
 * @screen: filled
 *
 * Sets the process's LC_CTYPE to what the environment says. $COLUMNS and $LINES come
 * before what the terminal says; colours there are on a terminal, unless $NO_COLOR is set
 * or $TERM is "dumb".
 */
void fs_screen_init(struct fs_screen *screen);

/* Cells that text takes; it has no controls, see sft_escape(). */
int fs_screen_width(const struct fs_screen *screen, const char *text);

/* Where an ellipsis stands for what is cut out. */
enum fs_cut {
	FS_CUT_MIDDLE,
	FS_CUT_END,
};

/**
 * fs_screen_fit() - cut text to a width
 * @width: in cells, at least 0
 * @out:   receives it, NUL-terminated; as it is, if it fits
 * @cap:   size of @out in bytes
 *
 * What the locale cannot show becomes a question mark.
 *
 * Return: cells that @out takes, at most @width.
 */
int fs_screen_fit(const struct fs_screen *screen, const char *text, int width,
		  enum fs_cut cut, char *out, size_t cap);

/* Prints text in a colour, as it is. */
void fs_screen_put(const struct fs_screen *screen, enum fs_colour colour,
		   const char *text);

/* The same, cut to a width and filled up with spaces to it. */
void fs_screen_cell(const struct fs_screen *screen, enum fs_colour colour,
		    const char *text, int width, enum fs_cut cut);

/* Prints a bar of @part of @whole; all of it takes @width cells, at least 1. */
void fs_screen_bar(const struct fs_screen *screen, enum fs_colour colour, double part,
		   double whole, int width);

/* Pieces of text one after the other, on further lines where the first is full. */
struct fs_flow {
	const struct fs_screen *screen;
	int indent;  /* of further lines */
	int used;    /* cells of the last line */
	bool counts; /* only counts the lines, and prints nothing */
	int lines;   /* begun so far */
};

/* Adds a piece, behind a separator unless it begins a line. */
void fs_flow_add(struct fs_flow *flow, enum fs_colour colour, const char *separator,
		 const char *text);

/* Ends the last line. Return: how many there are. */
int fs_flow_end(const struct fs_flow *flow);

#endif /* FS_SCREEN_H */
