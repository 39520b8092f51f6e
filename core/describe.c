// SPDX-License-Identifier: Apache-2.0
#include "core/describe.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

#include "core/json.h"
#include "core/metadata.h"
#include "core/views/view.h"

/* Adds raw text to an object, and frees it. False where memory is short. */
static bool add_raw(cJSON *object, const char *key, struct sft_json *json)
{
	const bool added = !json->failed && json->text != NULL &&
			   cJSON_AddRawToObject(object, key, json->text) != NULL;

	free(json->text);
	json->text = NULL;
	return added;
}

static bool add_uint(cJSON *object, const char *key, uint64_t value)
{
	struct sft_json json = { 0 };

	sft_json_uint(&json, value);
	return add_raw(object, key, &json);
}

static bool add_string(cJSON *object, const char *key, struct sft_bytes text)
{
	struct sft_json json = { 0 };

	sft_json_string(&json, text);
	return add_raw(object, key, &json);
}

/* ---- NAME.json ---- */

static void write_shape(struct sft_json *json, const struct sft_model *model,
			const struct sft_tensor *tensor)
{
	struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, tensor), tensor);
	const char *separator = "";
	uint64_t dim;

	sft_json_raw(json, "[");
	while (sft_shape_next(&shape, &dim)) {
		sft_json_raw(json, separator);
		sft_json_uint(json, dim);
		separator = ", ";
	}
	sft_json_raw(json, "]");
}

static bool add_offsets(cJSON *object, const struct sft_tensor *tensor)
{
	struct sft_json json = { 0 };

	sft_json_raw(&json, "[");
	sft_json_uint(&json, tensor->begin);
	sft_json_raw(&json, ", ");
	sft_json_uint(&json, tensor->end);
	sft_json_raw(&json, "]");
	return add_raw(object, "data_offsets", &json);
}

/* Writes the two parts of a document that may be long. */
static void write_long(struct sft_json *name, struct sft_json *shape,
		       const struct sft_model *model, const struct sft_tensor *tensor)
{
	sft_json_string(name, sft_model_name(model, tensor));
	write_shape(shape, model, tensor);
}

/* Takes over @name and @shape. */
static bool fill_tensor(cJSON *object, const struct sft_model *model,
			const struct sft_tensor *tensor, struct sft_json *name,
			struct sft_json *shape)
{
	const struct sft_shard *shard = &model->shards[tensor->shard];

	return add_raw(object, "name", name) &&
	       cJSON_AddStringToObject(object, "dtype", sft_dtype(tensor->dtype)->name) &&
	       add_raw(object, "shape", shape) && add_offsets(object, tensor) &&
	       add_uint(object, "elements", sft_tensor_elements(tensor)) &&
	       add_uint(object, "bytes", sft_tensor_len(tensor)) &&
	       add_string(object, "file", sft_bytes_of(shard->name)) &&
	       add_uint(object, "file_offset", sft_model_data_off(model, tensor));
}

/* The document, with these two parts in their places; NULL where memory is short. */
static char *print_tensor(const struct sft_model *model, const struct sft_tensor *tensor,
			  struct sft_json *name, struct sft_json *shape)
{
	cJSON *object = cJSON_CreateObject();
	char *text = NULL;

	if (object != NULL && fill_tensor(object, model, tensor, name, shape))
		text = cJSON_Print(object);
	free(name->text);
	free(shape->text);
	cJSON_Delete(object);
	return text;
}

/* The length of the document: that of a short one, and of what stands in its long parts.
 */
static bool measure_tensor(const struct sft_model *model, const struct sft_tensor *tensor,
			   uint64_t *ret_len)
{
	struct sft_json name = { .counts = true };
	struct sft_json shape = { .counts = true };
	struct sft_json no_name = { 0 };
	struct sft_json no_shape = { 0 };
	char *text;

	write_long(&name, &shape, model, tensor);
	sft_json_raw(&no_name, "0");
	sft_json_raw(&no_shape, "0");
	text = print_tensor(model, tensor, &no_name, &no_shape);
	if (text != NULL)
		*ret_len = strlen(text) - 2 + name.len + shape.len + 1;
	cJSON_free(text);
	return text != NULL;
}

const char *sft_describe_absent(const struct sft_model *model,
				const struct sft_tensor *tensor)
{
	uint64_t len;

	/* A byte of a name or a shape takes at most six: only long ones are looked at. */
	if (sft_model_header(model, tensor)->text_len < SFT_LITERAL_LEN_MAX / 8)
		return NULL;
	if (tensor->name_len < SFT_LITERAL_LEN_MAX / 16)
		return NULL; /* a shape takes at most twice what it does in the header */
	/* Where memory is short the file is there, and opening it says so. */
	if (!measure_tensor(model, tensor, &len) || len <= SFT_LITERAL_LEN_MAX)
		return NULL;
	return "its name makes the document longer than 512 MiB";
}

void sft_describe_tensor(const struct sft_model *model, const struct sft_tensor *tensor,
			 struct sft_layout *layout)
{
	struct sft_json name = { 0 };
	struct sft_json shape = { 0 };
	uint64_t len;
	char *text;

	if (layout->measures) {
		if (measure_tensor(model, tensor, &len))
			sft_layout_literal(layout, NULL, len);
		else
			layout->status = SFT_E_NO_MEMORY;
		return;
	}
	write_long(&name, &shape, model, tensor);
	text = print_tensor(model, tensor, &name, &shape);
	if (text != NULL) {
		sft_layout_literal(layout, text, strlen(text));
		sft_layout_literal(layout, "\n", 1);
	} else {
		layout->status = SFT_E_NO_MEMORY;
	}
	cJSON_free(text);
}

/* ---- __metadata__.json ---- */

struct sums {
	uint64_t tensors, parameters, bytes;
};

/* False where a sum passes 64 bits: sparse files can claim that much between them. */
static bool sum_up(const struct sft_model *model, struct sums *total,
		   struct sums by_dtype[SFT_DTYPE_COUNT])
{
	uint64_t file_bytes = 0;
	bool fits = true;

	for (size_t i = 0; i < model->tensor_count; i++) {
		const struct sft_tensor *tensor = &model->tensors[i];
		struct sums *sums = &by_dtype[tensor->dtype];

		sums->tensors++;
		fits = fits &&
		       sft_add(sums->parameters, sft_tensor_elements(tensor),
			       &sums->parameters) &&
		       sft_add(sums->bytes, sft_tensor_len(tensor), &sums->bytes);
	}
	for (size_t i = 0; i < SFT_DTYPE_COUNT; i++) {
		total->tensors += by_dtype[i].tensors;
		fits = fits &&
		       sft_add(total->parameters, by_dtype[i].parameters,
			       &total->parameters) &&
		       sft_add(total->bytes, by_dtype[i].bytes, &total->bytes);
	}
	for (size_t i = 0; i < model->shard_count; i++)
		fits = fits &&
		       sft_add(file_bytes, model->shards[i].file.len, &file_bytes);
	return fits;
}

static bool add_sums(cJSON *object, const struct sums *sums)
{
	return add_uint(object, "tensors", sums->tensors) &&
	       add_uint(object, "parameters", sums->parameters) &&
	       add_uint(object, "bytes", sums->bytes);
}

static bool add_dtypes(cJSON *object, const struct sums by_dtype[SFT_DTYPE_COUNT])
{
	cJSON *dtypes = cJSON_AddObjectToObject(object, "dtypes");
	bool added = dtypes != NULL;

	for (uint8_t i = 0; added && i < SFT_DTYPE_COUNT; i++) {
		cJSON *row;

		if (by_dtype[i].tensors == 0)
			continue;
		row = cJSON_AddObjectToObject(dtypes, sft_dtype(i)->name);
		added = row != NULL && add_sums(row, &by_dtype[i]);
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
			add_string(row, "name", sft_bytes_of(shard->name)) &&
			add_uint(row, "bytes", shard->file.len) &&
			add_uint(row, "header_bytes", shard->header.text_len) &&
			add_uint(row, "tensors", shard->header.tensor_count);
	}
	return added;
}

/* Of one view: {"absent": {tensor: reason}}, and how many more there are. */
static bool add_view(cJSON *views, const struct sft_view *view,
		     const struct sft_model *model)
{
	cJSON *object = cJSON_AddObjectToObject(views, view->name);
	struct sft_json json = { 0 };
	uint64_t count = 0;
	uint64_t given = 0;

	sft_json_raw(&json, "{");
	for (size_t i = 0; i < model->tensor_count; i++) {
		const struct sft_tensor *tensor = &model->tensors[i];
		const char *why = NULL;

		for (size_t j = 0; why == NULL && j < view->file_count; j++)
			why = sft_view_absent(&view->files[j], model, tensor);
		if (why == NULL)
			continue;
		count++;
		if (given == SFT_REASONS_MAX || json.len > SFT_NAMES_LEN_MAX ||
		    tensor->name_len > SFT_NAMES_LEN_MAX)
			continue;
		given++;
		sft_json_raw(&json, given == 1 ? "\n\t\t\t\t" : ",\n\t\t\t\t");
		sft_json_pair(&json, sft_model_name(model, tensor), sft_bytes_of(why));
	}
	sft_json_raw(&json, given > 0 ? "\n\t\t\t}" : "}");
	if (object == NULL) {
		free(json.text);
		return false;
	}
	return add_raw(object, "absent", &json) &&
	       (count == given || add_uint(object, "more", count - given));
}

static bool add_views(cJSON *object, const struct sft_model *model)
{
	cJSON *views = cJSON_AddObjectToObject(object, "views");
	bool added = views != NULL;

	for (size_t i = 0; added && i < sft_view_count(); i++)
		added = add_view(views, sft_views[i], model);
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
	return add_raw(object, "missing", &json) &&
	       (i == model->missing_count ||
		add_uint(object, "missing_more", model->missing_count - i));
}

/* ---- all of it ---- */

/* Adds the files' own metadata, or the reason why it is not there. */
static bool add_metadata(cJSON *object, struct sft_json *json)
{
	if (json->len < SFT_METADATA_LEN_MAX)
		return add_raw(object, "metadata", json);
	return cJSON_AddNullToObject(object, "metadata") != NULL &&
	       cJSON_AddStringToObject(object, "metadata_absent",
				       "longer than a document can be") != NULL;
}

static enum sft_status store(struct sft_model *model, const cJSON *object,
			     struct sft_error *err)
{
	char *text = object != NULL ? cJSON_Print(object) : NULL;
	size_t len;

	if (text == NULL)
		return sft_fail_memory(err);
	len = strlen(text);
	model->metadata_document = malloc(len + 1);
	if (model->metadata_document != NULL) {
		memcpy(model->metadata_document, text, len);
		model->metadata_document[len] = '\n';
		model->metadata_document_len = len + 1;
	}
	cJSON_free(text);
	return model->metadata_document != NULL ? SFT_OK : sft_fail_memory(err);
}

enum sft_status sft_describe_model(struct sft_model *model, struct sft_error *err)
{
	struct sums by_dtype[SFT_DTYPE_COUNT] = { 0 };
	struct sums total = { 0 };
	struct sft_json metadata = { 0 };
	enum sft_status status;
	cJSON *object;

	if (!sum_up(model, &total, by_dtype))
		return sft_fail(err, SFT_E_LIMIT, SFT_POS_NONE,
				"the files claim more than 2^64 bytes between them");
	status = sft_metadata_format(model, &metadata, err);
	object = status == SFT_OK ? cJSON_CreateObject() : NULL;
	if (object != NULL && add_files(object, model) && add_sums(object, &total) &&
	    add_dtypes(object, by_dtype) && add_metadata(object, &metadata) &&
	    add_views(object, model) && add_missing(object, model))
		status = store(model, object, err);
	else if (status == SFT_OK)
		status = sft_fail_memory(err);
	free(metadata.text);
	cJSON_Delete(object);
	return status;
}
