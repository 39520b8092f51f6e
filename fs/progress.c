// SPDX-License-Identifier: Apache-2.0
#include "fs/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "fs/figure.h"

#define COLUMNS_USUAL 80u /* where the terminal does not tell */
#define COLUMNS_MAX 512u
#define BAR_LEN_MIN 10u
#define BAR_LEN_MAX 60u
#define RATE_SECONDS 4.0 /* that the rate is about */
#define HOURS_MAX 1000u  /* left; more is not worth a number */

bool fs_progress_is_wanted(void)
{
	return isatty(STDERR_FILENO);
}

void fs_progress_init(struct fs_progress *progress, bool is_shown, uint64_t total)
{
	*progress = (struct fs_progress){ .is_shown = is_shown, .total = total };
	pthread_mutex_init(&progress->lock, NULL);
}

void fs_progress_done(struct fs_progress *progress)
{
	fs_progress_pause(progress);
	fs_progress_resume(progress);
	pthread_mutex_destroy(&progress->lock);
}

double fs_seconds_since(const struct timespec *begin)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - begin->tv_sec) +
	       (double)(end.tv_nsec - begin->tv_nsec) / 1e9;
}

/* ---- numbers ---- */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* What is long ago counts less and less. */
static void update_rate(struct fs_progress *progress, uint64_t written)
{
	const double time = now();
	const double passed = time - progress->time;
	const double rate = (double)(written - progress->written) / passed;

	if (progress->time > 0 && passed <= 0)
		return;
	if (progress->time > 0 && progress->rate <= 0)
		progress->rate = rate;
	else if (progress->time > 0)
		progress->rate +=
			(rate - progress->rate) * passed / (passed + RATE_SECONDS);
	progress->time = time;
	progress->written = written;
}

static unsigned percent_of(uint64_t done, uint64_t total)
{
	if (done >= total)
		return 100;
	return (unsigned)((double)done / (double)total *
			  100); /* below 100, rounded down */
}

static void format_left(char *out, size_t cap, double bytes, double rate)
{
	const double seconds = rate > 0 ? bytes / rate + 0.5 : HOURS_MAX * 3600.0;
	uint64_t left;

	if (seconds >= HOURS_MAX * 3600.0) {
		snprintf(out, cap, "-:-- left");
		return;
	}
	left = (uint64_t)seconds;
	if (left >= 3600)
		snprintf(out, cap, "%" PRIu64 ":%02u:%02u left", left / 3600,
			 (unsigned)(left / 60 % 60), (unsigned)(left % 60));
	else
		snprintf(out, cap, "%u:%02u left", (unsigned)(left / 60),
			 (unsigned)(left % 60));
}

/* ---- the line ---- */

/* Columns that a line may take: in the last one, some terminals go to the next line. */
static size_t find_room(void)
{
	struct winsize size = { 0 };
	size_t columns = COLUMNS_USUAL;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	return (columns < COLUMNS_MAX ? columns : COLUMNS_MAX) - 1;
}

/* Draws a bar of @len columns with its brackets. */
static void draw_bar(char *out, size_t len, unsigned percent)
{
	const size_t inside = len - 2;
	const size_t full = inside * percent / 100;

	out[0] = '[';
	memset(out + 1, '=', full);
	memset(out + 1 + full, ' ', inside - full);
	if (full < inside)
		out[1 + full] = '>';
	out[len - 1] = ']';
}

/* As much of it all as has room; the bar takes what is left. Return: columns. */
static size_t format_line(const struct fs_progress *progress, uint64_t done, size_t room,
			  char line[COLUMNS_MAX])
{
	const unsigned percent = percent_of(done, progress->total);
	char done_text[FS_FIGURE_MAX], total_text[FS_FIGURE_MAX];
	char rate_text[FS_FIGURE_MAX];
	char left[32], rest[3][4 * FS_FIGURE_MAX];
	size_t len, bar_len;
	unsigned which = 0;

	format_left(left, sizeof(left),
		    done < progress->total ? (double)(progress->total - done) : 0,
		    progress->rate);
	fs_figure_bytes(done_text, done);
	fs_figure_bytes(total_text, progress->total);
	fs_figure_bytes(rate_text, (uint64_t)progress->rate);
	snprintf(rest[0], sizeof(rest[0]), "  %s of %s  %s/s  %s", done_text, total_text,
		 rate_text, left);
	snprintf(rest[1], sizeof(rest[1]), "  %s/s  %s", rate_text, left);
	rest[2][0] = '\0';
	len = (size_t)snprintf(line, COLUMNS_MAX, "%3u%%", percent);
	/* All of it goes with a bar, or it would come and go with the digits of figures.
	 */
	if (len + strlen(rest[which]) + 1 + BAR_LEN_MIN > room)
		which++;
	if (which > 0 && len + strlen(rest[which]) > room)
		which++;
	bar_len = room - len - strlen(rest[which]);
	if (room > len && bar_len > BAR_LEN_MIN) {
		bar_len = bar_len - 1 < BAR_LEN_MAX ? bar_len - 1 : BAR_LEN_MAX;
		line[len++] = ' ';
		draw_bar(line + len, bar_len, percent);
		len += bar_len;
	}
	strcpy(line + len, rest[which]);
	return len + strlen(rest[which]);
}

/* Writes a line over the one before. */
static void put_line(struct fs_progress *progress, const char *line, size_t len,
		     size_t room)
{
	char text[2 * COLUMNS_MAX + 2];
	size_t used = 0;

	/* What stays of a longer one, as far as it is in this row. */
	size_t blank = progress->shown_len < room ? progress->shown_len : room;

	blank = blank > len ? blank - len : 0;
	text[used++] = '\r';
	memcpy(text + used, line, len);
	used += len;
	memset(text + used, ' ', blank);
	used += blank;
	if (len == 0)
		text[used++] = '\r';
	if (write(STDERR_FILENO, text, used) < 0)
		progress->is_shown = false; /* nobody looks any more */
	progress->shown_len = len;
}

void fs_progress_draw(struct fs_progress *progress, uint64_t done, uint64_t written)
{
	char line[COLUMNS_MAX];

	if (!progress->is_shown)
		return;
	pthread_mutex_lock(&progress->lock);
	update_rate(progress, written);
	const size_t room = find_room();
	size_t len = format_line(progress, done, room, line);
	if (len > room) /* not even the percents */
		len = 0;
	put_line(progress, line, len, room);
	pthread_mutex_unlock(&progress->lock);
}

void fs_progress_pause(struct fs_progress *progress)
{
	pthread_mutex_lock(&progress->lock);
	if (progress->is_shown && progress->shown_len > 0)
		put_line(progress, "", 0, find_room());
}

void fs_progress_resume(struct fs_progress *progress)
{
	pthread_mutex_unlock(&progress->lock);
}
