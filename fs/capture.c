// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* pipe2() */
#include "fs/capture.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/sft.h"

bool fs_capture_begin(struct fs_capture *capture)
{
	capture->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (capture->saved < 0)
		return false;
	if (pipe2(capture->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		close(capture->saved);
		return false;
	}
	dup2(capture->pipe[1], STDERR_FILENO);
	return true;
}

void fs_capture_end(struct fs_capture *capture, char *out, size_t cap)
{
	char raw[512];
	ssize_t len;

	dup2(capture->saved, STDERR_FILENO);
	close(capture->saved);
	close(capture->pipe[1]);
	len = read(capture->pipe[0], raw, sizeof(raw));
	close(capture->pipe[0]);
	if (len < 0)
		len = 0;
	while (len > 0 && raw[len - 1] == '\n')
		len--;
	for (ssize_t i = 0; i < len; i++)
		if (raw[i] == '\n')
			raw[i] = ';';
	sft_escape(out, cap, raw, (size_t)len);
}
