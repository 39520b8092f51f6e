// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* wcwidth() */
#include "fs/screen.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define COLUMNS_MIN 32
#define COLUMNS_MAX 1000
#define COLUMNS_DEFAULT 80
#define LINES_MIN 10
#define LINES_MAX 10000
#define LINES_DEFAULT 50 /* of what is not a terminal */

static const char *const utf8_blocks[] = { "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
static const char *const ascii_blocks[] = { "#" };

static const struct fs_signs utf8_signs = {
	.ellipsis = "…",
	.dot = " · ",
	.times = "×",
	.arrow = "→",
	.branch = "├─",
	.last_branch = "└─",
	.pipe = "│ ",
	.blank = "  ",
	.blocks = utf8_blocks,
	.block_count = 8,
};

static const struct fs_signs ascii_signs = {
	.ellipsis = "...",
	.dot = ", ",
	.times = "x",
	.arrow = "->",
	.branch = "|-",
	.last_branch = "`-",
	.pipe = "| ",
	.blank = "  ",
	.blocks = ascii_blocks,
	.block_count = 1,
};

/* A number above 0 of the environment; or 0. */
static int env_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long value;

	if (text == NULL || text[0] == '\0')
		return 0;
	value = strtol(text, &end, 10);
	return *end == '\0' && value > 0 && value < INT_MAX ? (int)value : 0;
}

/* The first of two that is not 0, or else a third, within bounds. */
static int pick(int first, int second, int third, int min, int max)
{
	const int value = first > 0 ? first : second > 0 ? second : third;

	return value < min ? min : value > max ? max : value;
}

void fs_screen_init(struct fs_screen *screen)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	const bool is_terminal = isatty(STDOUT_FILENO) == 1;
	struct winsize size = { 0 };

	setlocale(LC_CTYPE, "");
	screen->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	screen->signs = screen->is_utf8 ? &utf8_signs : &ascii_signs;
	screen->has_colour = is_terminal && term != NULL && strcmp(term, "dumb") != 0 &&
			     (no_colour == NULL || no_colour[0] == '\0');
	if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		size = (struct winsize){ 0 };
	screen->columns = pick(env_number("COLUMNS"), size.ws_col, COLUMNS_DEFAULT,
			       COLUMNS_MIN, COLUMNS_MAX);
	screen->lines = pick(env_number("LINES"), size.ws_row - 1, /* the prompt */
			     LINES_DEFAULT, LINES_MIN, LINES_MAX);
}

/* ---- text in cells ---- */

/* A character, as it is shown. */
struct cell {
	const char *text;
	size_t len;
	int width;
};

/* Takes the character that text begins with; false at the end. */
static bool next_cell(const struct fs_screen *screen, const char **text,
		      struct cell *cell)
{
	static const struct cell unknown = { "?", 1, 1 };
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t len;

	if (**text == '\0')
		return false;
	if (!screen->is_utf8) {
		*cell = **text >= ' ' && **text <= '~' ? (struct cell){ *text, 1, 1 }
						       : unknown;
		++*text;
		return true;
	}
	len = mbrtowc(&wide, *text, strlen(*text), &state);
	if (len == 0 || len > strlen(*text)) { /* an error is a large number */
		*cell = unknown;
		++*text;
		return true;
	}
	*cell = (struct cell){ *text, len, wcwidth(wide) };
	if (cell->width < 0)
		*cell = unknown;
	*text += len;
	return true;
}

int fs_screen_width(const struct fs_screen *screen, const char *text)
{
	struct cell cell;
	int width = 0;

	while (next_cell(screen, &text, &cell))
		width += cell.width;
	return width;
}

/* Text that grows up to what there is room for. */
struct buffer {
	char *text;
	size_t cap, len;
	int width;
};

static void append(struct buffer *buffer, const struct cell *cell)
{
	if (cell->len >= buffer->cap - buffer->len)
		return;
	memcpy(buffer->text + buffer->len, cell->text, cell->len);
	buffer->len += cell->len;
	buffer->text[buffer->len] = '\0';
	buffer->width += cell->width;
}

int fs_screen_fit(const struct fs_screen *screen, const char *text, int width,
		  enum fs_cut cut, char *out, size_t cap)
{
	const char *ellipsis = screen->signs->ellipsis;
	const int total = fs_screen_width(screen, text);
	const int room = width - fs_screen_width(screen, ellipsis);
	const int tail = cut == FS_CUT_MIDDLE && room > 0 ? room / 2 : 0;
	struct buffer buffer = { .text = out, .cap = cap };
	bool in_head = true, in_tail = false;
	struct cell cell;

	out[0] = '\0';
	for (int at = 0; next_cell(screen, &text, &cell); at += cell.width) {
		if (total <= width) {
			append(&buffer, &cell);
			continue;
		}
		if (in_head && at + cell.width > room - tail) {
			in_head = false;
			if (room >= 0)
				append(&buffer,
				       &(struct cell){ ellipsis, strlen(ellipsis),
						       width - room });
		}
		/* Nothing without a width begins the tail: it belongs to what is cut. */
		in_tail = in_tail || (cell.width > 0 && total - at <= tail);
		if (in_head || in_tail)
			append(&buffer, &cell);
	}
	return buffer.width;
}

/* ---- printing ---- */

void fs_screen_put(const struct fs_screen *screen, enum fs_colour colour,
		   const char *text)
{
	if (screen->has_colour && colour != FS_PLAIN && text[0] != '\0')
		printf("\033[%dm%s\033[0m", (int)colour, text);
	else
		fputs(text, stdout);
}

void fs_screen_cell(const struct fs_screen *screen, enum fs_colour colour,
		    const char *text, int width, enum fs_cut cut)
{
	char shown[4096];
	const int used = fs_screen_fit(screen, text, width, cut, shown, sizeof(shown));

	fs_screen_put(screen, colour, shown);
	printf("%*s", width - used, "");
}

void fs_screen_bar(const struct fs_screen *screen, enum fs_colour colour, double part,
		   double whole, int width)
{
	const struct fs_signs *signs = screen->signs;
	const int steps = width * signs->block_count;
	int left = whole > 0 ? (int)(part / whole * steps + 0.5) : 0;
	char text[4096] = "";
	size_t used = 0;
	int cells = 0;

	if (left == 0 && part > 0)
		left = 1; /* there is some */
	for (; left > 0 && used + 8 < sizeof(text); left -= signs->block_count) {
		const int block = left < signs->block_count ? left : signs->block_count;

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s",
					 signs->blocks[block - 1]);
		cells++;
	}
	fs_screen_put(screen, colour, text);
	printf("%*s", width - cells, "");
}

static void put_piece(const struct fs_flow *flow, enum fs_colour colour, const char *text)
{
	if (!flow->counts)
		fs_screen_put(flow->screen, colour, text);
}

void fs_flow_add(struct fs_flow *flow, enum fs_colour colour, const char *separator,
		 const char *text)
{
	const int limit = flow->screen->columns;
	const int separator_width = fs_screen_width(flow->screen, separator);
	const int width = fs_screen_width(flow->screen, text);
	char shown[4096];

	if (flow->lines == 0) {
		flow->lines = 1;
	} else if (flow->used + separator_width + width > limit) {
		if (!flow->counts)
			printf("\n%*s", flow->indent, "");
		flow->used = flow->indent;
		flow->lines++;
	} else {
		put_piece(flow, FS_DIM, separator);
		flow->used += separator_width;
	}
	flow->used += fs_screen_fit(flow->screen, text, limit - flow->used, FS_CUT_MIDDLE,
				    shown, sizeof(shown));
	put_piece(flow, colour, shown);
}

int fs_flow_end(const struct fs_flow *flow)
{
	if (!flow->counts)
		putchar('\n');
	return flow->lines;
}
