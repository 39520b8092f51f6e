/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/json.h - pieces of JSON that hold text or integers of a model file
 *
 * cJSON takes C strings, leaves controls as they are and prints integers as doubles. What
 * comes from a file is written here instead and handed to cJSON as raw text. A buffer
 * that cannot grow stays failed; ask once at the end.
 */
#ifndef SFT_CORE_JSON_H
#define SFT_CORE_JSON_H

#include "core/bytes.h"

struct sft_json {
	char *text; /* NUL-terminated once anything was appended; free() it */
	size_t len, room;
	bool failed;
	bool counts; /* only @len is kept */
};

/* Appends text as it is. */
void sft_json_raw(struct sft_json *json, const char *text);

/* The same with a length. */
void sft_json_bytes(struct sft_json *json, struct sft_bytes text);

/* Appends an integer. */
void sft_json_uint(struct sft_json *json, uint64_t value);

/* Appends a string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void sft_json_string(struct sft_json *json, struct sft_bytes text);

/* Appends a key and its value, as "key":\t"value"; the tab is legal in any JSON. */
void sft_json_pair(struct sft_json *json, struct sft_bytes key, struct sft_bytes value);

#endif /* SFT_CORE_JSON_H */
