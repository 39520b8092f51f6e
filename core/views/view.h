/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/views/view.h - the table of views
 *
 * A view shows the tree of tensors in one form. It says which files a tensor has there
 * and describes each as a layout; it does no I/O. A new view is one file in core/views/
 * and one row in views.c. Rows are never reordered: a view's number is part of inode
 * numbers.
 */
#ifndef SFT_CORE_VIEWS_VIEW_H
#define SFT_CORE_VIEWS_VIEW_H

#include "core/layout.h"
#include "core/model.h"

/* A file that a view shows for each tensor. */
struct sft_view_file {
	const char *suffix; /* with its dot; no suffix of a view ends in another */
	/* Why this tensor has no such file, as static text; NULL: it has. May be NULL. */
	const char *(*absent)(const struct sft_model *model,
			      const struct sft_tensor *tensor);
	/* Appends what the file holds. */
	void (*describe)(const struct sft_model *model, const struct sft_tensor *tensor,
			 struct sft_layout *layout);
};

/* A file in the view's root folder. Its name must not be one that a tensor can have. */
struct sft_view_top {
	const char *name;
	void (*describe)(const struct sft_model *model, struct sft_layout *layout);
};

struct sft_view {
	const char *name;
	const char *about; /* one line */
	const struct sft_view_file *files;
	uint8_t file_count; /* at most SFT_VIEW_FILES_MAX */
	const struct sft_view_top *tops;
	uint8_t top_count;
};

#define SFT_VIEW_FILES_MAX ((1u << SFT_KIND_BITS) - SFT_KIND_FILE)
#define SFT_VIEWS_MAX ((1u << SFT_VIEW_BITS) - 1u) /* number 0 is the root */

extern const struct sft_view *const sft_views[];

/* Whether a file of a view is there for a tensor; if not, the reason. */
static inline const char *sft_view_absent(const struct sft_view_file *file,
					  const struct sft_model *model,
					  const struct sft_tensor *tensor)
{
	return file->absent != NULL ? file->absent(model, tensor) : NULL;
}

extern const struct sft_view sft_view_tensors;
extern const struct sft_view sft_view_npy;

#endif /* SFT_CORE_VIEWS_VIEW_H */
