// SPDX-License-Identifier: Apache-2.0
#include "core/names.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"

bool sft_names_add(struct sft_names *names, const char *text, size_t len)
{
	char *copy;

	if (!sft_array_reserve(&names->items, sizeof(*names->items), names->count + 1,
			       &names->room))
		return false;
	copy = strndup(text, len);
	if (copy == NULL)
		return false;
	names->items[names->count++] = copy;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void sft_names_sort(struct sft_names *names)
{
	if (names->count > 1)
		qsort(names->items, names->count, sizeof(*names->items), compare_names);
}

bool sft_names_hold(const struct sft_names *names, const char *name)
{
	return names->count > 0 && bsearch(&name, names->items, names->count,
					   sizeof(*names->items), compare_names) != NULL;
}

void sft_names_done(struct sft_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct sft_names){ 0 };
}
