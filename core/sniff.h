/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/sniff.h - what a file is that is no safetensors file
 *
 * The reference's verdict on a web page is "header too large". A person wants to be told
 * that it is a web page. Only asked once a file was refused; never changes a verdict.
 */
#ifndef SFT_CORE_SNIFF_H
#define SFT_CORE_SNIFF_H

#include <stddef.h>
#include <stdint.h>

#define SFT_SNIFF_LEN 512u /* bytes of the start of a file that are looked at */

/**
 * sft_sniff() - name a foreign file by its first bytes
 * @head:     @len bytes
 * @len:      up to SFT_SNIFF_LEN; fewer only if the file has no more
 * @name:     of the file, NUL-terminated
 *
 * Return: what it is and what to do about it, as "this is ..."; static; NULL if unknown.
 */
const char *sft_sniff(const uint8_t *head, size_t len, const char *name);

#endif /* SFT_CORE_SNIFF_H */
