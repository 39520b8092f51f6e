/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/kept.h - files about the whole model, which are described once
 *
 * The header, pickle or directory of such a file takes long to make and much memory: it
 * is measured when it is first looked at, made when it is first opened, and stays. So is
 * found out whether there can be one: for 1,000,000 tensors all views take longer with
 * that than headers and trees do.
 */
#ifndef SFT_CORE_KEPT_H
#define SFT_CORE_KEPT_H

#include "core/layout.h"
#include "core/model.h"

/**
 * sft_kept_init() - prepare for these files
 * @model: complete but for its documents; may_pass_limits is set here
 *
 * Return: SFT_OK or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_kept_init(struct sft_model *model,
					     struct sft_error *err);

void sft_kept_done(struct sft_model *model);

/**
 * sft_kept_decide() - find out whether there can be the file of a view
 * @view: index in the table of views
 *
 * Mostly a look at sums that other phases made; what comes near a limit is measured,
 * once. Safe from any thread. Return: false where memory is too short for that.
 */
bool sft_kept_decide(const struct sft_model *model, size_t view);

/*
 * Why there is not; NULL: there is. Also where memory was too short to find out: then the
 * file is there, and opening it says so.
 */
const char *sft_kept_absent(const struct sft_model *model, size_t view);

/**
 * sft_kept_len() - length of the file of a view
 * @view: index in the table of views
 *
 * Safe from any thread. Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_LIMIT.
 */
SFT_MUST_CHECK enum sft_status sft_kept_len(const struct sft_model *model, size_t view,
					    uint64_t *ret_len);

/**
 * sft_kept_layout() - what the file of a view holds
 * @ret_layout: lives as long as the model
 *
 * Safe from any thread; one makes it, the others wait. Return: as sft_kept_len().
 */
SFT_MUST_CHECK enum sft_status sft_kept_layout(const struct sft_model *model, size_t view,
					       const struct sft_layout **ret_layout);

#endif /* SFT_CORE_KEPT_H */
