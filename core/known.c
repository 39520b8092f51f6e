// SPDX-License-Identifier: Apache-2.0
#include "core/known.h"

#include <stdlib.h>

struct sft_known *sft_known_new(size_t tensor_count)
{
	/* Large and sparse: pages come as values are kept. */
	struct sft_known *known =
		calloc(1, sizeof(*known) + tensor_count * sizeof(struct sft_known_sums));

	if (known != NULL)
		pthread_mutex_init(&known->lock, NULL);
	return known;
}

void sft_known_free(struct sft_known *known)
{
	if (known == NULL)
		return;
	pthread_mutex_destroy(&known->lock);
	free(known->half);
	free(known);
}
