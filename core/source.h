/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/source.h - which files make up the model that a person named
 *
 * A source is a file, an index, or a folder, in which the first of these that exists is
 * taken: model.safetensors, model.safetensors.index.json, the only other index, the only
 * complete set X-00001-of-0000N.safetensors, the only *.safetensors. Anything else is an
 * error that lists what is there. Nothing is opened here but the folder.
 */
#ifndef SFT_CORE_SOURCE_H
#define SFT_CORE_SOURCE_H

#include "core/names.h"
#include "core/sft.h"

#define SFT_FOLDER_NAMES_MAX 100000u /* of model files in one folder */

struct sft_source {
	char *folder;           /* that holds the shards; "" is the current one */
	char *index;            /* path of the index; NULL: @names are the shards */
	struct sft_names names; /* of the shards, relative to @folder, sorted */
	bool is_folder;         /* the other files of @folder belong to the model */
};

/**
 * sft_source_find() - find the files of a model
 * @path:   as the person named it
 * @source: filled; freed by the caller with sft_source_done(), also after a failure
 *
 * Return: SFT_OK, SFT_E_IO, SFT_E_INDEX, SFT_E_LIMIT or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status
sft_source_find(const char *path, struct sft_source *source, struct sft_error *err);

void sft_source_done(struct sft_source *source);

/* The path of a file in a folder; malloc()ed, NULL where memory is short. */
char *sft_source_path(const struct sft_source *source, const char *name);

#endif /* SFT_CORE_SOURCE_H */
