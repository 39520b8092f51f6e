// SPDX-License-Identifier: Apache-2.0
#include "core/describe.h"

#include <stdlib.h>

#include "core/document.h"
#include "core/filter.h"

static void write_shape(struct sft_json *json, const struct sft_model *model,
			struct sft_part part)
{
	struct sft_shape shape = sft_part_shape(model, part);
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

/* Where the data is, unless it is in several pieces. */
static bool add_offsets(cJSON *object, struct sft_part part)
{
	const uint64_t begin =
		part.tensor->begin + (part.box != NULL ? part.box->off : 0);
	struct sft_json json = { 0 };

	if (sft_part_rows(part) != NULL)
		return cJSON_AddNullToObject(object, "data_offsets") != NULL;
	sft_json_raw(&json, "[");
	sft_json_uint(&json, begin);
	sft_json_raw(&json, ", ");
	sft_json_uint(&json, begin + sft_part_len(part)); /* within the tensor */
	sft_json_raw(&json, "]");
	return sft_document_raw(object, "data_offsets", &json);
}

static bool add_file_offset(cJSON *object, const struct sft_model *model,
			    struct sft_part part)
{
	if (sft_part_rows(part) != NULL)
		return cJSON_AddNullToObject(object, "file_offset") != NULL;
	return sft_document_uint(object, "file_offset", sft_part_data_off(model, part));
}

/* What a slice has beside what its tensor has. */
static bool add_slice(cJSON *object, struct sft_part part)
{
	return part.box == NULL ||
	       sft_document_string(object, "slice",
				   (struct sft_bytes){ (const uint8_t *)part.box->text,
						       part.box->text_len });
}

/* Writes the two parts of a document that may be long. */
static void write_long(struct sft_json *name, struct sft_json *shape,
		       const struct sft_model *model, struct sft_part part)
{
	sft_json_string(name, sft_model_name(model, part.tensor));
	write_shape(shape, model, part);
}

/* Takes over @name and @shape. */
static bool fill_tensor(cJSON *object, const struct sft_model *model,
			struct sft_part part, struct sft_json *name,
			struct sft_json *shape)
{
	const struct sft_shard *shard = &model->shards[part.tensor->shard];

	return sft_document_raw(object, "name", name) &&
	       (!part.tensor->is_renamed ||
		sft_document_string(object, "source_name",
				    sft_filter_source_name(model, part.tensor))) &&
	       add_slice(object, part) &&
	       cJSON_AddStringToObject(object, "dtype",
				       sft_dtype(part.tensor->dtype)->name) &&
	       sft_document_raw(object, "shape", shape) && add_offsets(object, part) &&
	       sft_document_uint(object, "elements", sft_part_elements(part)) &&
	       sft_document_uint(object, "bytes", sft_part_len(part)) &&
	       sft_document_string(object, "file", sft_bytes_of(shard->name)) &&
	       add_file_offset(object, model, part);
}

/* The document, with these two parts in their places; NULL where memory is short. */
static char *print_tensor(const struct sft_model *model, struct sft_part part,
			  struct sft_json *name, struct sft_json *shape)
{
	cJSON *object = cJSON_CreateObject();
	char *text = NULL;

	if (object != NULL && fill_tensor(object, model, part, name, shape))
		text = cJSON_Print(object);
	free(name->text);
	free(shape->text);
	cJSON_Delete(object);
	return text;
}

/* The length of the document: that of a short one, and of what stands in its long parts.
 */
static bool measure_tensor(const struct sft_model *model, struct sft_part part,
			   uint64_t *ret_len)
{
	struct sft_json name = { .counts = true };
	struct sft_json shape = { .counts = true };
	struct sft_json no_name = { 0 };
	struct sft_json no_shape = { 0 };
	char *text;

	write_long(&name, &shape, model, part);
	sft_json_raw(&no_name, "0");
	sft_json_raw(&no_shape, "0");
	text = print_tensor(model, part, &no_name, &no_shape);
	if (text != NULL)
		*ret_len = strlen(text) - 2 + name.len + shape.len + 1;
	cJSON_free(text);
	return text != NULL;
}

const char *sft_describe_absent(const struct sft_model *model, struct sft_part part)
{
	uint64_t len;

	/* A byte of a name or a shape takes at most six: only long ones are looked at. */
	if (sft_model_header(model, part.tensor)->text_len < SFT_LITERAL_LEN_MAX / 8)
		return NULL;
	if (part.tensor->name_len < SFT_LITERAL_LEN_MAX / 16)
		return NULL; /* a shape takes at most twice what it does in the header */
	/* Where memory is short the file is there, and opening it says so. */
	if (!measure_tensor(model, part, &len) || len <= SFT_LITERAL_LEN_MAX)
		return NULL;
	return "its name makes the document longer than 512 MiB";
}

void sft_describe_tensor(const struct sft_model *model, struct sft_part part,
			 struct sft_layout *layout)
{
	struct sft_json name = { 0 };
	struct sft_json shape = { 0 };
	uint64_t len;
	char *text;

	if (layout->measures) {
		if (measure_tensor(model, part, &len))
			sft_layout_literal(layout, NULL, len);
		else
			layout->status = SFT_E_NO_MEMORY;
		return;
	}
	write_long(&name, &shape, model, part);
	text = print_tensor(model, part, &name, &shape);
	if (text != NULL) {
		sft_layout_literal(layout, text, strlen(text));
		sft_layout_literal(layout, "\n", 1);
	} else {
		layout->status = SFT_E_NO_MEMORY;
	}
	cJSON_free(text);
}
