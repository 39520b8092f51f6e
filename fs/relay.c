// SPDX-License-Identifier: Apache-2.0
#include "fs/relay.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/log.h"

/* A terminal obeys control characters, and the worker may be somebody else's by now. */
static void defuse(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char byte = (unsigned char)line[i];
		const bool is_c1 = i > 0 && (unsigned char)line[i - 1] == 0xc2 &&
				   byte >= 0x80 && byte < 0xa0;

		if ((byte < ' ' && byte != '\n' && byte != '\t') || byte == 0x7f || is_c1)
			line[i] = '?';
	}
}

/* Passes on a line of the worker's, but for what it says a second time, and better. */
static void relay_line(char *line, size_t len)
{
	static const char of_libfuse[] = "fuse: reading device: ";
	const size_t prefix = sizeof(of_libfuse) - 1;

	if (len >= prefix && memcmp(line, of_libfuse, prefix) == 0)
		return;
	defuse(line, len);
	fs_log_relay(line, len);
}

bool fs_relay_pass(struct fs_relay *relay)
{
	char *text = relay->said;
	const size_t room = sizeof(relay->said) - relay->len;
	const ssize_t got = read(relay->fd, text + relay->len, room);
	const size_t len = relay->len + (got > 0 ? (size_t)got : 0);
	size_t begin = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n')
			continue;
		relay_line(text + begin, i + 1 - begin);
		begin = i + 1;
	}
	/* What is no line yet stays, unless it fills all the room or is the last. */
	if ((begin == 0 && len == sizeof(relay->said)) || got == 0) {
		relay_line(text + begin, len - begin);
		begin = len;
	}
	memmove(text, text + begin, len - begin);
	relay->len = len - begin;
	return got > 0 || (got < 0 && errno == EINTR);
}
