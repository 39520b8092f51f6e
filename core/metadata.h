/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/metadata.h - the __metadata__ of all files of a model as one
 *
 * A key that several files have keeps the value of the first of them in the order of
 * their names; a key that stands twice in one file keeps the last, as in the reference.
 */
#ifndef SFT_CORE_METADATA_H
#define SFT_CORE_METADATA_H

#include "core/json.h"
#include "core/layout.h"
#include "core/model.h"

/* Bytes of the JSON object: leaves room for the rest of a document. */
#define SFT_METADATA_LEN_MAX (SFT_LITERAL_LEN_MAX / 2)

/**
 * sft_metadata_format() - write the united metadata as a JSON object
 * @json: receives the object, each pair on a line behind two tabs; an object as long as
 *        SFT_METADATA_LEN_MAX or longer is not complete
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_IO (no random numbers).
 */
SFT_MUST_CHECK enum sft_status sft_metadata_format(const struct sft_model *model,
						   struct sft_json *json,
						   struct sft_error *err);

#endif /* SFT_CORE_METADATA_H */
