/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/file.h - what a ref means inside core
 */
#ifndef SFT_CORE_FILE_H
#define SFT_CORE_FILE_H

#include "core/layout.h"
#include "core/model.h"

/* The view that shows a valid ref. */
const struct sft_view *sft_ref_view(const struct sft_model *model, struct sft_ref ref);

/* The tensor that a valid ref is a file of, or NULL. */
const struct sft_tensor *sft_ref_tensor(const struct sft_model *model,
					struct sft_ref ref);

/* Appends what a valid ref, of no folder, holds. */
void sft_ref_describe(const struct sft_model *model, struct sft_ref ref,
		      struct sft_layout *layout);

#endif /* SFT_CORE_FILE_H */
