/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/capture.h - what libfuse and fusermount3 have to say, kept for a message of ours
 *
 * Both write to standard error, and tell no other way why something failed.
 */
#ifndef FS_CAPTURE_H
#define FS_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

struct fs_capture {
	int saved, pipe[2];
};

/* Points standard error at a pipe. Return: false with an errno; nothing changed then. */
bool fs_capture_begin(struct fs_capture *capture);

/* Puts standard error back and returns what was written to it, on one line, escaped. */
void fs_capture_end(struct fs_capture *capture, char *out, size_t cap);

#endif /* FS_CAPTURE_H */
