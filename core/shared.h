/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/shared.h - large layouts that live while anybody has the file open
 *
 * The header of a folder's safetensors file may have megabytes. However many open it, it
 * is made once, and what all such files take together is limited: a reader must not be
 * able to use up the memory of whoever serves it.
 */
#ifndef SFT_CORE_SHARED_H
#define SFT_CORE_SHARED_H

#include "core/layout.h"
#include "core/model.h"

#define SFT_SHARED_LEN_MAX (UINT64_C(1) << 30) /* bytes of all that are open */
/* Bytes of a name or a shape from which on a tensor's own files are shared, too. */
#define SFT_SHARED_NAME_MIN 4096u

struct sft_shared;
struct sft_shared_layout;

/* Return: NULL where memory is short. */
struct sft_shared *sft_shared_new(void);

/* Nobody has any of it open. NULL is fine. */
void sft_shared_free(struct sft_shared *shared);

/* Whether the layout of a valid ref of a file is shared. */
bool sft_shared_has(const struct sft_model *model, struct sft_ref ref);

/**
 * sft_shared_take() - what a file holds, as one of those who have it open
 * @slice:      of the file of @ref; NULL: all of it
 * @ret_layout: to be given back with sft_shared_drop()
 *
 * Safe from any thread; while one is made, others wait. Return: SFT_OK, SFT_E_NO_MEMORY
 * (also past SFT_SHARED_LEN_MAX) or SFT_E_LIMIT.
 */
SFT_MUST_CHECK enum sft_status sft_shared_take(const struct sft_model *model,
					       struct sft_ref ref,
					       const struct sft_slice *slice,
					       struct sft_shared_layout **ret_layout);

void sft_shared_drop(const struct sft_model *model, struct sft_shared_layout *layout);

const struct sft_layout *sft_shared_get(const struct sft_shared_layout *layout);

#endif /* SFT_CORE_SHARED_H */
