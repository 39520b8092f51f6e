/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/number.h - whether a JSON number is one that the reference reader can hold
 *
 * Only fields that nobody reads hold free numbers, yet the verdict on a file hangs on
 * them: the reference turns each into a double by an arithmetic of its own, with one
 * rounding too many, and refuses what comes out infinite. strtod() disagrees on every
 * tenth number near the limit, so the same steps are taken here (format notes, section
 * 3).
 */
#ifndef SFT_CORE_NUMBER_H
#define SFT_CORE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/**
 * sft_number_check() - check the number that text begins with
 * @text:    @len bytes; the number ends where its grammar does
 * @len:     bytes
 * @ret_len: bytes that the number takes; set on success only
 *
 * Return: NULL, or one line on what is wrong; static.
 */
const char *sft_number_check(const uint8_t *text, size_t len, size_t *ret_len);

#endif /* SFT_CORE_NUMBER_H */
