/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/bytes.h - text with a length, and arithmetic that tells when it wraps
 *
 * Names in a model file may hold NUL, so text from the file always carries its length.
 */
#ifndef SFT_CORE_BYTES_H
#define SFT_CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sft_bytes {
	const uint8_t *data; /* borrowed; may be NULL if len is 0 */
	size_t len;          /* bytes */
};

/* Text of our own, such as a literal, as bytes without its NUL. */
static inline struct sft_bytes sft_bytes_of(const char *text)
{
	return (struct sft_bytes){ (const uint8_t *)text, strlen(text) };
}

static inline bool sft_bytes_equal(struct sft_bytes a, struct sft_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Whether text ends in @suffix and has something before it. */
static inline bool sft_bytes_end_in(struct sft_bytes text, const char *suffix)
{
	const size_t len = strlen(suffix);

	return text.len > len && memcmp(text.data + text.len - len, suffix, len) == 0;
}

/* Byte order, a prefix before what it is a prefix of; like memcmp(). */
static inline int sft_bytes_compare(struct sft_bytes a, struct sft_bytes b)
{
	const size_t len = a.len < b.len ? a.len : b.len;
	const int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Return: false where the result does not fit; then *ret_sum is untouched. */
static inline bool sft_add(uint64_t a, uint64_t b, uint64_t *ret_sum)
{
	uint64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*ret_sum = sum;
	return true;
}

/* Return: false where the result does not fit; then *ret_product is untouched. */
static inline bool sft_mul(uint64_t a, uint64_t b, uint64_t *ret_product)
{
	uint64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return false;
	*ret_product = product;
	return true;
}

#endif /* SFT_CORE_BYTES_H */
