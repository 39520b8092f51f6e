// SPDX-License-Identifier: Apache-2.0
#include "fs/figure.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define GIB 1073741824.0

const char *fs_figure_exact(char out[FS_FIGURE_MAX], uint64_t value)
{
	char digits[FS_FIGURE_MAX];
	const int len = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	size_t used = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[used++] = ',';
		out[used++] = digits[i];
	}
	out[used] = '\0';
	return out;
}

/* A value with a digit behind the point and one of several units, each 1000 of the last.
 */
static const char *scale(char out[FS_FIGURE_MAX], double value, const char *const *units)
{
	/* What would be rounded up to 1000.0 takes the next unit. */
	while (value >= 999.95 && units[1] != NULL) {
		value /= 1000;
		units++;
	}
	snprintf(out, FS_FIGURE_MAX, "%.1f %s", value, *units);
	return out;
}

const char *fs_figure_count(char out[FS_FIGURE_MAX], uint64_t value)
{
	static const char *const units[] = { "M", "B", "T", "P", "E", NULL };

	if (value < 1000000)
		return fs_figure_exact(out, value);
	return scale(out, (double)value / 1e6, units);
}

const char *fs_figure_bytes(char out[FS_FIGURE_MAX], uint64_t value)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB", NULL };

	if (value < 1000) {
		snprintf(out, FS_FIGURE_MAX, "%" PRIu64 " B", value);
		return out;
	}
	return scale(out, (double)value / 1e3, units);
}

const char *fs_figure_gib(char out[FS_FIGURE_MAX], uint64_t value)
{
	static const char *const units[] = { "GiB", NULL };

	out[0] = '\0';
	return (double)value < GIB ? out : scale(out, (double)value / GIB, units);
}

const char *fs_figure_share(char out[FS_FIGURE_MAX], double part, double whole)
{
	const double percent = whole > 0 ? 100 * part / whole : 0;

	if (percent > 0 && percent < 1)
		snprintf(out, FS_FIGURE_MAX, "<1 %%");
	else if (percent > 99 && part < whole)
		snprintf(out, FS_FIGURE_MAX, ">99 %%");
	else
		snprintf(out, FS_FIGURE_MAX, "%.0f %%", percent);
	return out;
}

const char *fs_figure_noun(char out[FS_FIGURE_MAX], uint64_t value, const char *noun)
{
	char number[FS_FIGURE_MAX];

	fs_figure_exact(number, value);
	snprintf(out, FS_FIGURE_MAX, "%.26s %s%s", number, noun, value == 1 ? "" : "s");
	return out;
}
