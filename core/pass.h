/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/pass.h - one pass over the data of a part, for a sum of any kind
 */
#ifndef SFT_CORE_PASS_H
#define SFT_CORE_PASS_H

#include "core/part.h"

struct sft_pass {
	void (*add)(void *sum, const uint8_t *bytes, size_t len);
	void *sum;
	uint64_t done; /* bytes added: 0 at first, or where another pass was broken off */
};

/**
 * sft_pass_run() - add all bytes of a part to a sum, in their order
 * @pass:   after a failure it says what was added, and @err why no more
 * @waiter: or NULL
 *
 * Asks every megabyte whether the file is what was opened and whether somebody waits, and
 * for the former at the end. So what SFT_OK stands behind is of the file as it was
 * opened. Of a pass that nobody waits for a megabyte gets done before it ends.
 *
 * Return: SFT_OK, SFT_E_CHANGED, or SFT_E_IO: with EINTR if nobody waits any more.
 */
SFT_MUST_CHECK enum sft_status sft_pass_run(const struct sft_model *model,
					    struct sft_part part, struct sft_pass *pass,
					    const struct sft_waiter *waiter,
					    struct sft_error *err);

#endif /* SFT_CORE_PASS_H */
