/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/views/view.h - the table of views
 *
 * A view shows the tensors in one form: as files in one of the model's trees, or all of
 * them in one file of its root. It says which files there are and describes each as a
 * layout; it does no I/O. A new view is one file in core/views/ and one row in views.c.
 * Rows are never reordered: a view's number is part of inode numbers.
 */
#ifndef SFT_CORE_VIEWS_VIEW_H
#define SFT_CORE_VIEWS_VIEW_H

#include "core/layout.h"
#include "core/part.h"

/* A file that a view shows for each tensor. */
struct sft_view_file {
	const char *suffix; /* with its dot; no suffix of a view ends in another */
	/* Why this part has no such file, as static text; NULL: it has. May be NULL. */
	const char *(*absent)(const struct sft_model *model, struct sft_part part);
	/* Appends what the file holds; what @part points to is gone afterwards. */
	void (*describe)(const struct sft_model *model, struct sft_part part,
			 struct sft_layout *layout);
	/*
	 * The same for folders, by node of the view's tree: those that claim such a file.
	 * Where a folder that does and a tensor have one name, the file is the folder's.
	 * NULL: folders have no such file.
	 */
	bool (*claims_folder)(const struct sft_model *model, uint32_t node);
	const char *(*absent_folder)(const struct sft_model *model, uint32_t node);
	void (*describe_folder)(const struct sft_model *model, uint32_t node,
				struct sft_layout *layout);
};

/* A file in the view's root folder. Its name must not be one that a tensor can have. */
struct sft_view_top {
	const char *stem; /* put before @name, or the model's own; NULL: neither */
	const char *name;
	void (*describe)(const struct sft_model *model, struct sft_layout *layout);
};

struct sft_view {
	const char *name;
	const char *about; /* one line */
	enum sft_tree_kind tree;
	bool has_links;  /* for aliases */
	bool has_slices; /* of its files of tensors */
	bool keeps_top;  /* tops[0] is about all tensors: described once, see kept.h */
	const struct sft_view_file *files;
	uint8_t file_count; /* at most SFT_VIEW_FILES_MAX */
	const struct sft_view_top *tops;
	uint8_t top_count;
	/* Why there is no tops[0], as static text; NULL: there is. May be NULL. */
	const char *(*absent_top)(const struct sft_model *model);
	/* Why a tensor is not in tops[0], as static text; NULL: it is. May be NULL. */
	const char *(*leaves_out)(const struct sft_model *model,
				  const struct sft_tensor *tensor);
};

#define SFT_VIEW_FILES_MAX ((1u << SFT_KIND_BITS) - SFT_KIND_FILE)
#define SFT_VIEWS_MAX ((1u << SFT_VIEW_BITS) - 1u) /* number 0 is the root */

extern const struct sft_view *const sft_views[];

/* Whether a file of a view is there for a part; if not, the reason. */
static inline const char *sft_view_absent(const struct sft_view_file *file,
					  const struct sft_model *model,
					  struct sft_part part)
{
	return file->absent != NULL ? file->absent(model, part) : NULL;
}

/* The name of a file in the root of a view, NUL-terminated. */
#define SFT_TOP_NAME_LEN_MAX 64u
void sft_view_top_name(const struct sft_view_top *top, const struct sft_model *model,
		       char out[SFT_TOP_NAME_LEN_MAX]);

/* The one file of a leaf where the tree is of paths; what it holds is the companion. */
extern const struct sft_view_file sft_view_companion;

/* Append the bytes of a part; and these behind a .npy header. */
void sft_view_describe_bin(const struct sft_model *model, struct sft_part part,
			   struct sft_layout *layout);
void sft_view_describe_npy(const struct sft_model *model, struct sft_part part,
			   struct sft_layout *layout);

extern const struct sft_view sft_view_tensors;
extern const struct sft_view sft_view_npy;
extern const struct sft_view sft_view_f32;
extern const struct sft_view sft_view_safetensors;
extern const struct sft_view sft_view_flat;
extern const struct sft_view sft_view_offload;
extern const struct sft_view sft_view_model;
extern const struct sft_view sft_view_torch;
extern const struct sft_view sft_view_npz;
extern const struct sft_view sft_view_sums;

#endif /* SFT_CORE_VIEWS_VIEW_H */
