/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/array.h - arrays that grow by doubling
 */
#ifndef SFT_CORE_ARRAY_H
#define SFT_CORE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/**
 * sft_array_reserve() - make room in an array that was malloc()ed, or is NULL
 * @array: address of the pointer to its first element; updated
 * @size:  bytes of an element
 * @need:  elements it has to hold; what they take has to fit size_t
 * @room:  elements it can hold; updated
 *
 * Return: false where memory is short; the array is what it was.
 */
static inline bool sft_array_reserve(void *array, size_t size, size_t need, size_t *room)
{
	size_t more = *room > 0 ? *room : 64;
	void *grown;

	if (need <= *room)
		return true;
	while (more < need)
		more *= 2;
	grown = realloc(*(void **)array, more * size);
	if (grown == NULL)
		return false;
	*(void **)array = grown;
	*room = more;
	return true;
}

#endif /* SFT_CORE_ARRAY_H */
