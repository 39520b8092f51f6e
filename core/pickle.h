/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/pickle.h - as much of Python's pickles as a state dict of tensors needs
 *
 * Protocol 2, as torch.save() writes it. What comes again and again, a class or a word,
 * is remembered by its reader: @slot is a number below SFT_PICKLE_SLOTS that the caller
 * gives it, the same each time.
 * Source of the format: Python's pickletools.
 */
#ifndef SFT_CORE_PICKLE_H
#define SFT_CORE_PICKLE_H

#include "core/bytes.h"
#include "core/layout.h"

#define SFT_PICKLE_SLOTS 64u

/* Opcodes that stand alone. */
enum sft_pickle_op {
	SFT_PICKLE_MARK = '(',
	SFT_PICKLE_EMPTY_TUPLE = ')',
	SFT_PICKLE_TUPLE = 't', /* of all since the mark */
	SFT_PICKLE_TUPLE_1 = 0x85,
	SFT_PICKLE_TUPLE_2 = 0x86,
	SFT_PICKLE_TUPLE_3 = 0x87,
	SFT_PICKLE_FALSE = 0x89,
	SFT_PICKLE_REDUCE = 'R', /* calls what lies below a tuple of arguments */
	SFT_PICKLE_PERSISTENT = 'Q',
	SFT_PICKLE_SET_ITEMS = 'u', /* keys and values since the mark */
	SFT_PICKLE_STOP = '.',
};

struct sft_pickle {
	struct sft_layout *layout;
	uint64_t known; /* bit i: slot i is filled */
};

/* Begins a pickle; everything is appended to @layout. */
void sft_pickle_begin(struct sft_pickle *pickle, struct sft_layout *layout);

void sft_pickle_op(struct sft_pickle *pickle, enum sft_pickle_op op);

void sft_pickle_uint(struct sft_pickle *pickle, uint64_t value);

/* A string: any UTF-8 of less than 4 GiB. */
void sft_pickle_text(struct sft_pickle *pickle, struct sft_bytes text);

/* A string of our own that comes more than once. */
void sft_pickle_word(struct sft_pickle *pickle, unsigned slot, const char *word);

/* A class or function of a module. */
void sft_pickle_global(struct sft_pickle *pickle, unsigned slot, const char *module,
		       const char *name);

/*
 * Has the reader keep what was made last, and gets it again; @idx is SFT_PICKLE_SLOTS or
 * more.
 */
void sft_pickle_put(struct sft_pickle *pickle, uint32_t idx);
void sft_pickle_get(struct sft_pickle *pickle, uint32_t idx);

#endif /* SFT_CORE_PICKLE_H */
