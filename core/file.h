/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/file.h - what a ref means inside core
 */
#ifndef SFT_CORE_FILE_H
#define SFT_CORE_FILE_H

#include "core/layout.h"
#include "core/model.h"

/* Index in the table of views of the one that shows a valid ref. */
size_t sft_ref_view_idx(const struct sft_model *model, struct sft_ref ref);

/* That view. */
const struct sft_view *sft_ref_view(const struct sft_model *model, struct sft_ref ref);

/* The tree that it shows. */
const struct sft_tree *sft_ref_tree(const struct sft_model *model, struct sft_ref ref);

/* The tensor that a valid ref is a file of, or a link to one; or NULL. */
const struct sft_tensor *sft_ref_tensor(const struct sft_model *model,
					struct sft_ref ref);

/* The files of the source that a valid ref depends on. */
struct sft_home sft_ref_home(const struct sft_model *model, struct sft_ref ref);

/*
 * Says of a failed read of a home that it changed, where that is why: a file that was cut
 * short has. Return: that, or @status.
 */
enum sft_status sft_home_explain(const struct sft_model *model, struct sft_home home,
				 enum sft_status status, struct sft_error *err);

/* Whether a valid ref is the file of a view that is described once: see kept.h. */
bool sft_ref_is_kept(const struct sft_model *model, struct sft_ref ref);

/* Appends what a valid ref of any other file holds. */
void sft_ref_describe(const struct sft_model *model, struct sft_ref ref,
		      struct sft_layout *layout);

#endif /* SFT_CORE_FILE_H */
