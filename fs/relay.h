/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/relay.h - what the worker says, passed on by its supervisor
 */
#ifndef FS_RELAY_H
#define FS_RELAY_H

#include <stdbool.h>
#include <stddef.h>

struct fs_relay {
	int fd; /* readable: the worker said something; at its end the worker's */
	char said[4096]; /* the start of a line */
	size_t len;      /* of @said */
};

/**
 * fs_relay_pass() - read once, and pass on what are whole lines
 *
 * The worker may be somebody else's by now, and a terminal obeys control characters:
 * those are replaced.
 *
 * Return: false at the end of it.
 */
bool fs_relay_pass(struct fs_relay *relay);

#endif /* FS_RELAY_H */
