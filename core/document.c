// SPDX-License-Identifier: Apache-2.0
#include "core/document.h"

#include <stdlib.h>

bool sft_document_raw(cJSON *object, const char *key, struct sft_json *json)
{
	const bool added = !json->failed && json->text != NULL &&
			   cJSON_AddRawToObject(object, key, json->text) != NULL;

	free(json->text);
	json->text = NULL;
	return added;
}

bool sft_document_uint(cJSON *object, const char *key, uint64_t value)
{
	struct sft_json json = { 0 };

	sft_json_uint(&json, value);
	return sft_document_raw(object, key, &json);
}

bool sft_document_string(cJSON *object, const char *key, struct sft_bytes text)
{
	struct sft_json json = { 0 };

	sft_json_string(&json, text);
	return sft_document_raw(object, key, &json);
}
