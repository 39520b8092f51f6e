/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/info.h - what a model is, at a glance
 *
 * Part of the public interface: core/sft.h includes it. Sums, the metadata, the names as
 * a tree in which what repeats stands once, two models against each other, and all of it
 * as JSON. It comes from what sft_open() read: nothing here asks the source again.
 */
#ifndef SFT_CORE_INFO_H
#define SFT_CORE_INFO_H

#include "bytes.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sft_model;

/* ---- in numbers ---- */

/* What some tensors come to. */
struct sft_sums {
	uint64_t tensors;
	uint64_t parameters; /* elements */
	uint64_t bytes;      /* of data */
};

#define SFT_DTYPES_MAX 24u

struct sft_info {
	struct sft_sums all;
	size_t dtype_count; /* of the format; most have no tensors */
	struct sft_dtype_info {
		const char *name; /* static */
		struct sft_sums sums;
	} dtypes[SFT_DTYPES_MAX];
};

/* The sums of a model. Borrowed. */
const struct sft_info *sft_model_info(const struct sft_model *model);

/* ---- in words ---- */

/* Text of the files: hostile, without a NUL at its end; borrowed. */
struct sft_text_pair {
	struct sft_bytes key, value;
};

/**
 * sft_model_metadata() - the `__metadata__` of all files, but for what makes aliases
 * @ret_pairs: receives the first @max, in the order of the files
 * @ret_count: how many there are, which may be more
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_model_metadata(const struct sft_model *model,
						  struct sft_text_pair *ret_pairs,
						  size_t max, size_t *ret_count,
						  struct sft_error *err);

/**
 * sft_model_aliases() - further names of tensors, and the names that they stand for
 * @ret_pairs: receives the first @max
 *
 * Return: how many there are, which may be more.
 */
size_t sft_model_aliases(const struct sft_model *model, struct sft_text_pair *ret_pairs,
			 size_t max);

/* ---- two models ---- */

struct sft_comparison;

/* How a name differs; bits, for a folder has what is below it. */
enum sft_change {
	SFT_ONLY_FIRST = 1,
	SFT_ONLY_SECOND = 2,
	SFT_OTHER_DTYPE = 4,
	SFT_OTHER_SHAPE = 8,
};

struct sft_differences {
	uint64_t alike; /* names in both, with the same dtype and shape */
	uint64_t only_first, only_second;
	uint64_t other_dtype, other_shape; /* a name may count in both */
};

/**
 * sft_compare() - hold the names, dtypes and shapes of two models against each other
 * @first, @second: outlive the comparison
 * @ret_comparison: the caller's, to be freed with sft_comparison_free()
 * @err:            may be NULL
 *
 * Aliases, metadata, the order and the files do not count; nor does what the tensors
 * hold, which nobody looks at. Linear in the tensors.
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_compare(const struct sft_model *first,
					   const struct sft_model *second,
					   struct sft_comparison **ret_comparison,
					   struct sft_error *err);

/* NULL is fine. */
void sft_comparison_free(struct sft_comparison *comparison);

struct sft_differences
sft_comparison_differences(const struct sft_comparison *comparison);

/* ---- the names as an outline ---- */

/*
 * The names as a tree, in which siblings that differ in a number alone and have the same
 * below them, in names, dtypes and shapes, are one line.
 */
struct sft_outline;

#define SFT_LABEL_MAX 512u /* bytes, with the NUL */
#define SFT_SHAPE_MAX 128u /* the same */

/* A tensor, as one model has it. */
struct sft_side {
	const char *dtype;         /* static; NULL: it has none of that name */
	char shape[SFT_SHAPE_MAX]; /* as "[2, 3]"; a long one is cut */
};

struct sft_line {
	uint32_t node;         /* of one of them; for sft_outline_list() */
	bool is_folder;        /* or a tensor, or an alias */
	bool is_alias;         /* sums and sides are empty */
	uint64_t count;        /* how many this stands for */
	struct sft_sums each;  /* of one; of a comparison, only the tensors that differ */
	uint32_t dtypes;       /* a bit for each in struct sft_info */
	uint32_t changes;      /* bits of enum sft_change; 0 if nothing is compared */
	struct sft_side first; /* a tensor; in the one or the first model */
	struct sft_side second;    /* in the second one, if two are compared */
	char label[SFT_LABEL_MAX]; /* printable; see sft_outline_list() */
};

/**
 * sft_outline_model() / sft_outline_comparison() - make an outline
 * @model:      shows tensors and aliases; outlives the outline
 * @comparison: shows what differs; outlives the outline
 *
 * Cost: O(n log n), and 40 bytes a name or folder.
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY, SFT_E_LIMIT or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_outline_model(const struct sft_model *model,
						 struct sft_outline **ret_outline,
						 struct sft_error *err);
SFT_MUST_CHECK enum sft_status
sft_outline_comparison(const struct sft_comparison *comparison,
		       struct sft_outline **ret_outline, struct sft_error *err);

/* NULL is fine. */
void sft_outline_free(struct sft_outline *outline);

/* The line that all others are below; its label is empty. */
void sft_outline_root(const struct sft_outline *outline, struct sft_line *ret_line);

/**
 * sft_outline_list() - the lines below a folder
 * @node:      of the line of a folder
 * @ret_lines: receives the first @max, sorted by name, numbers by value
 * @ret_count: how many there are, which may be more
 *
 * Labels are names as the mounted tree spells them, escaped where a terminal wants it,
 * with dots between them: a folder with one line below it has that one's label behind its
 * own, and stands for it. Numbers are ranges ("0-31", "0-2,7", "1,3,...,59"), or "*"
 * where more than one of a name differs. Numbers make one line from two on, other names
 * with numbers in them from four on. Linear in the children of the folder, but for
 * sorting.
 *
 * Return: SFT_OK or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_outline_list(const struct sft_outline *outline,
						uint32_t node, struct sft_line *ret_lines,
						size_t max, size_t *ret_count,
						struct sft_error *err);

/* ---- for programs ---- */

/* What a program knows of a model besides. */
struct sft_told {
	const char *source; /* as it was called */
	const struct sft_error *warnings;
	size_t warning_count;
};

/**
 * sft_model_json() / sft_comparison_json() - write all of it as one JSON document
 * @told:  is added to it
 * @write: called with @arg and a piece of text, again and again
 *
 * The document of a model is its __metadata__.json, with source, warnings, aliases, and
 * under "list" the document of every tensor. That of a comparison has the documents of
 * both models, but for the lists, under "first" and "second", and under "differences"
 * each name that differs.
 *
 * Return: SFT_OK or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status
sft_model_json(const struct sft_model *model, const struct sft_told *told,
	       void (*write)(void *arg, const char *text, size_t len), void *arg,
	       struct sft_error *err);
SFT_MUST_CHECK enum sft_status
sft_comparison_json(const struct sft_comparison *comparison,
		    const struct sft_told told[2],
		    void (*write)(void *arg, const char *text, size_t len), void *arg,
		    struct sft_error *err);

#ifdef __cplusplus
}
#endif

#endif /* SFT_CORE_INFO_H */
