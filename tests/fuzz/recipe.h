/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/recipe.h - models from inputs, most of which are valid
 *
 * Random text is hardly ever a header whose tensors fit together, so targets that are
 * about what happens later take a recipe. It has lines that a byte FF ends, and the
 * offsets of the tensors are worked out:
 *
 *	NAME FE F32 2 3		a tensor
 *	KEY FD VALUE		an entry of the metadata
 *	FC s/a/b/		a rule of a filter: s..., +GLOB or -GLOB
 *	FB			what follows is in another shard
 *	FA 0:2,1		a slice; only the target slice asks for them
 *
 * Lines that make no sense are left out. With one shard the model is a file in memory,
 * with more a folder.
 */
#ifndef SFT_TESTS_FUZZ_RECIPE_H
#define SFT_TESTS_FUZZ_RECIPE_H

#include "tests/fuzz/fuzz.h"

#define RECIPE_SHARDS_MAX 3u
#define RECIPE_SLICES_MAX 8u

/* Bytes of data that are not zero in each shard; behind them it is a hole. */
#define RECIPE_DATA_LEN 65536u

struct recipe {
	struct sft_model *model;
	uint64_t data_len;                          /* of all shards */
	struct sft_bytes slices[RECIPE_SLICES_MAX]; /* borrowed from the input */
	size_t slice_count;
	char folder[64]; /* "" where there is none */
	int fd;          /* of the file in memory, or -1 */
};

/**
 * recipe_open() - make a model
 * @recipe: filled; closed by the caller with recipe_close(), also if there is no model
 *
 * Return: false if a filter or a limit is against it.
 */
bool recipe_open(struct recipe *recipe, struct sft_bytes input);

void recipe_close(struct recipe *recipe);

#endif /* SFT_TESTS_FUZZ_RECIPE_H */
