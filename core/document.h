/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/document.h - documents: what describe.c, summary.c and absent.c add with cJSON
 *
 * Text and integers of a model file go in raw, written by core/json.h. All return false
 * where memory is short.
 */
#ifndef SFT_CORE_DOCUMENT_H
#define SFT_CORE_DOCUMENT_H

#include <cjson/cJSON.h>

#include "core/json.h"
#include "core/model.h"

/* Adds raw text to an object, and frees it. */
bool sft_document_raw(cJSON *object, const char *key, struct sft_json *json);

/* Adds an integer, exactly. */
bool sft_document_uint(cJSON *object, const char *key, uint64_t value);

/* Adds text of a file. */
bool sft_document_string(cJSON *object, const char *key, struct sft_bytes text);

/* Adds what the views do not show, with the reasons: absent.c. */
bool sft_document_views(cJSON *object, const struct sft_model *model);

/* Adds the files of the source's folder that are not passed through: absent.c. */
bool sft_document_left_out(cJSON *object, const struct sft_model *model);

#endif /* SFT_CORE_DOCUMENT_H */
