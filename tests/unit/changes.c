// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/changes.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support.h"

static void change_nothing(const char *path)
{
	(void)path;
}

static void truncate_it(const char *path)
{
	assert_int_equal(truncate(path, 20), 0);
}

static void append_to_it(const char *path)
{
	FILE *file = fopen(path, "ab");

	assert_non_null(file);
	assert_int_equal(fputc('x', file), 'x');
	assert_int_equal(fclose(file), 0);
}

/* A nanosecond is enough. */
static void touch_it(const char *path)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	times[1] = info.st_mtim;
	times[1].tv_nsec += times[1].tv_nsec < 999999999 ? 1 : -1;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void rename_it(const char *path)
{
	char to[512];

	snprintf(to, sizeof(to), "%s.away", path);
	assert_int_equal(rename(path, to), 0);
}

static void remove_it(const char *path)
{
	assert_int_equal(unlink(path), 0);
}

static void chmod_it(const char *path)
{
	assert_int_equal(chmod(path, 0400), 0);
}

static void link_it(const char *path)
{
	char to[512];

	snprintf(to, sizeof(to), "%s.too", path);
	assert_int_equal(link(path, to), 0);
}

const struct change changes[CHANGE_COUNT] = {
	{ "nothing", change_nothing, false }, { "rename", rename_it, false },
	{ "unlink", remove_it, false },       { "chmod", chmod_it, false },
	{ "link", link_it, false },           { "truncate", truncate_it, true },
	{ "append", append_to_it, true },     { "touch", touch_it, true },
};
