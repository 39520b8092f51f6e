// SPDX-License-Identifier: Apache-2.0
#include "fs/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_LEN 4096

/* Where lines go is a property of the process: the one state outside sessions. */
static struct {
	atomic_bool use_syslog;
	atomic_bool never_waits;
	atomic_uint dropped; /* lines */
} state;

void fs_log_to_syslog(void)
{
	openlog(FS_PROGRAM, LOG_PID, LOG_DAEMON);
	atomic_store(&state.use_syslog, true);
}

void fs_log_never_wait(void)
{
	atomic_store(&state.never_waits, true);
}

/* Whether a line can be written now: a pipe that can take anything has room for one. */
static bool is_writable(void)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT);
}

/* Sees to it that the next line waits for nobody; says how many were lost before it. */
static bool has_room(void)
{
	char line[64];
	unsigned dropped;
	int len;

	if (!atomic_load(&state.never_waits))
		return true;
	if (!is_writable()) {
		atomic_fetch_add(&state.dropped, 1);
		return false;
	}
	dropped = atomic_exchange(&state.dropped, 0);
	if (dropped == 0)
		return true;
	len = snprintf(line, sizeof(line), FS_PROGRAM ": %u messages were lost\n",
		       dropped);
	return write(STDERR_FILENO, line, (size_t)len) == len && is_writable();
}

/* Writes a line whole, so that lines of several threads do not mix. */
static void write_line(const char *text, size_t len)
{
	if (atomic_load(&state.use_syslog)) {
		/* syslog adds the name itself. */
		const size_t name_len = strlen(FS_PROGRAM ": ");
		const bool named =
			len >= name_len && memcmp(text, FS_PROGRAM ": ", name_len) == 0;

		if (named) {
			text += name_len;
			len -= name_len;
		}
		syslog(LOG_NOTICE, "%.*s", (int)len, text);
		return;
	}
	if (!has_room())
		return;
	while (len > 0) {
		const ssize_t done = write(STDERR_FILENO, text, len);

		if (done <= 0)
			return; /* nobody left to tell */
		text += done;
		len -= (size_t)done;
	}
}

__attribute__((format(printf, 1, 0))) static void log_args(const char *format,
							   va_list args)
{
	char line[LINE_MAX_LEN] = FS_PROGRAM ": ";
	const size_t used = strlen(line);
	const size_t room = sizeof(line) - used - 1; /* for the newline */
	int len = vsnprintf(line + used, room, format, args);

	if (len < 0)
		return;
	if ((size_t)len >= room)
		len = (int)room - 1;
	line[used + (size_t)len] = '\n';
	write_line(line, used + (size_t)len + 1);
}

void fs_log(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_args(format, args);
	va_end(args);
}

/* FILE and byte, as far as they are known, as they stand in front of a message. */
static const char *place(const struct sft_error *err, char *out, size_t cap)
{
	out[0] = '\0';
	if (err->file[0] != '\0')
		snprintf(out, cap, "%s: ", err->file);
	if (err->pos != SFT_POS_NONE) {
		const size_t used = strlen(out);

		snprintf(out + used, cap - used, "byte %" PRIu64 ": ", err->pos);
	}
	return out;
}

void fs_log_error(const struct sft_error *err)
{
	char text[sizeof(err->file) + 64];

	fs_log("%s%s (%s)", place(err, text, sizeof(text)), err->detail,
	       sft_status_word(err->status));
}

void fs_log_warning(void *unused, const struct sft_error *warning)
{
	char text[sizeof(warning->file) + 64];

	(void)unused;
	fs_log("%swarning: %s", place(warning, text, sizeof(text)), warning->detail);
}

int fs_log_fail(enum sft_status status, const char *format, ...)
{
	char line[LINE_MAX_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fs_log("%s (%s)", line, sft_status_word(status));
	return status == SFT_E_USAGE ? 2 : 1;
}

void fs_log_relay(const char *text, size_t len)
{
	if (atomic_load(&state.use_syslog) && len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0)
		write_line(text, len);
}
