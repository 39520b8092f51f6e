// SPDX-License-Identifier: Apache-2.0
/*
 * core/summary.c - the sums of a model, and __metadata__.json: the model in one document
 */
#include <stdlib.h>

#include "core/describe.h"
#include "core/document.h"
#include "core/metadata.h"

_Static_assert(SFT_DTYPE_COUNT <= SFT_DTYPES_MAX, "the sums have room for all dtypes");

/* False where a sum passes 64 bits: sparse files can claim that much between them. */
static bool add_up(struct sft_model *model)
{
	struct sft_info *info = &model->info;
	uint64_t file_bytes = 0;
	bool fits = true;

	info->dtype_count = SFT_DTYPE_COUNT;
	for (uint8_t i = 0; i < SFT_DTYPE_COUNT; i++)
		info->dtypes[i].name = sft_dtype(i)->name;
	for (size_t i = 0; i < model->tensor_count; i++) {
		const struct sft_tensor *tensor = &model->tensors[i];
		struct sft_sums *sums = &info->dtypes[tensor->dtype].sums;

		sums->tensors++;
		fits = fits &&
		       sft_add(sums->parameters, sft_tensor_elements(tensor),
			       &sums->parameters) &&
		       sft_add(sums->bytes, sft_tensor_len(tensor), &sums->bytes);
	}
	for (size_t i = 0; i < SFT_DTYPE_COUNT; i++) {
		const struct sft_sums *sums = &info->dtypes[i].sums;

		info->all.tensors += sums->tensors;
		fits = fits &&
		       sft_add(info->all.parameters, sums->parameters,
			       &info->all.parameters) &&
		       sft_add(info->all.bytes, sums->bytes, &info->all.bytes);
	}
	for (size_t i = 0; i < model->shard_count; i++)
		fits = fits &&
		       sft_add(file_bytes, model->shards[i].file.len, &file_bytes);
	return fits;
}

enum sft_status sft_model_sum_up(struct sft_model *model, struct sft_error *err)
{
	if (add_up(model))
		return SFT_OK;
	return sft_fail(err, SFT_E_LIMIT, SFT_POS_NONE,
			"the files claim more than 2^64 bytes between them");
}

const struct sft_info *sft_model_info(const struct sft_model *model)
{
	return &model->info;
}

static bool add_sums(cJSON *object, const struct sft_sums *sums)
{
	return sft_document_uint(object, "tensors", sums->tensors) &&
	       sft_document_uint(object, "parameters", sums->parameters) &&
	       sft_document_uint(object, "bytes", sums->bytes);
}

static bool add_dtypes(cJSON *object, const struct sft_info *info)
{
	cJSON *dtypes = cJSON_AddObjectToObject(object, "dtypes");
	bool added = dtypes != NULL;

	for (size_t i = 0; added && i < info->dtype_count; i++) {
		cJSON *row;

		if (info->dtypes[i].sums.tensors == 0)
			continue;
		row = cJSON_AddObjectToObject(dtypes, info->dtypes[i].name);
		added = row != NULL && add_sums(row, &info->dtypes[i].sums);
	}
	return added;
}

static bool add_files(cJSON *object, const struct sft_model *model)
{
	cJSON *files = cJSON_AddArrayToObject(object, "files");
	bool added = files != NULL;

	for (size_t i = 0; added && i < model->shard_count; i++) {
		const struct sft_shard *shard = &model->shards[i];
		cJSON *row = cJSON_CreateObject();

		added = row != NULL && cJSON_AddItemToArray(files, row) &&
			sft_document_string(row, "name", sft_bytes_of(shard->name)) &&
			sft_document_uint(row, "bytes", shard->file.len) &&
			sft_document_uint(row, "header_bytes", shard->header.text_len) &&
			sft_document_uint(row, "tensors", shard->header.tensor_count);
	}
	return added;
}

static bool add_missing(cJSON *object, const struct sft_model *model)
{
	struct sft_json json = { 0 };
	size_t i = 0;

	if (model->missing_count == 0)
		return true;
	sft_json_raw(&json, "{");
	for (; i < model->missing_count && json.len <= SFT_NAMES_LEN_MAX; i++) {
		if (model->missing[i].tensor.len > SFT_NAMES_LEN_MAX)
			break;
		sft_json_raw(&json, i == 0 ? "\n\t\t" : ",\n\t\t");
		sft_json_pair(&json, model->missing[i].tensor,
			      sft_bytes_of(model->missing[i].file));
	}
	sft_json_raw(&json, "\n\t}");
	return sft_document_raw(object, "missing", &json) &&
	       (i == model->missing_count ||
		sft_document_uint(object, "missing_more", model->missing_count - i));
}

/* Adds what there are no files of; a model without files has nothing to say there. */
static bool add_absents(cJSON *object, const struct sft_model *model)
{
	return model->names_only || (sft_document_views(object, model) &&
				     sft_document_left_out(object, model));
}

/* Adds the files' own metadata, or the reason why it is not there. */
static bool add_metadata(cJSON *object, struct sft_json *json)
{
	if (json->len < SFT_METADATA_LEN_MAX)
		return sft_document_raw(object, "metadata", json);
	return cJSON_AddNullToObject(object, "metadata") != NULL &&
	       cJSON_AddStringToObject(object, "metadata_absent",
				       "longer than a document can be") != NULL;
}

/* The text of the document. */
static enum sft_status print_document(const cJSON *object, struct sft_document *document,
				      struct sft_error *err)
{
	char *text = cJSON_Print(object);
	size_t len;

	if (text == NULL)
		return sft_fail_memory(err);
	len = strlen(text);
	document->text = malloc(len + 1);
	if (document->text != NULL) {
		memcpy(document->text, text, len);
		document->text[len] = '\n';
		document->len = len + 1;
	}
	cJSON_free(text);
	return document->text != NULL ? SFT_OK : sft_fail_memory(err);
}

static enum sft_status make_document(const struct sft_model *model,
				     struct sft_document *document, struct sft_error *err)
{
	struct sft_json metadata = { 0 };
	enum sft_status status = sft_metadata_format(model, "\n\t\t", &metadata, err);
	cJSON *object = status == SFT_OK ? cJSON_CreateObject() : NULL;

	if (object != NULL && add_files(object, model) &&
	    add_sums(object, &model->info.all) && add_dtypes(object, &model->info) &&
	    add_metadata(object, &metadata) && add_absents(object, model) &&
	    add_missing(object, model))
		status = print_document(object, document, err);
	else if (status == SFT_OK)
		status = sft_fail_memory(err);
	free(metadata.text);
	cJSON_Delete(object);
	return status;
}

enum sft_status sft_describe_model(const struct sft_model *model,
				   struct sft_bytes *ret_text, struct sft_error *err)
{
	struct sft_document *document = &model->state->document;
	enum sft_status status = SFT_OK;

	pthread_mutex_lock(&document->lock);
	if (document->text == NULL)
		status = make_document(model, document, err);
	*ret_text = (struct sft_bytes){ document->text, document->len };
	pthread_mutex_unlock(&document->lock);
	return status;
}
