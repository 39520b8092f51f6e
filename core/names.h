/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/names.h - a growing list of file names
 */
#ifndef SFT_CORE_NAMES_H
#define SFT_CORE_NAMES_H

#include "core/sft.h"

/* A growing list of strings. */
struct sft_names {
	char **items; /* each malloc()ed */
	size_t count, room;
};

/* Appends a copy of @len bytes. Return: false where memory is short. */
SFT_MUST_CHECK bool sft_names_add(struct sft_names *names, const char *text, size_t len);

/* Sorts in byte order. */
void sft_names_sort(struct sft_names *names);

/* Whether a sorted list holds a name. */
bool sft_names_hold(const struct sft_names *names, const char *name);

void sft_names_done(struct sft_names *names);

#endif /* SFT_CORE_NAMES_H */
