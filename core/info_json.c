// SPDX-License-Identifier: Apache-2.0
/*
 * core/info_json.c - what core/info.h tells, as JSON documents
 *
 * Written piece by piece: a list of a million tensors takes no more memory than one.
 */
#include <stdlib.h>

#include "core/compare.h"
#include "core/describe.h"
#include "core/filter.h"
#include "core/json.h"

#define PIECE_LEN 65536u /* about; written when there is more */

struct writer {
	struct sft_json json; /* not written yet */
	void (*write)(void *arg, const char *text, size_t len);
	void *arg;
};

static void flush(struct writer *writer)
{
	if (writer->json.failed || writer->json.len == 0)
		return;
	writer->write(writer->arg, writer->json.text, writer->json.len);
	writer->json.len = 0;
}

static enum sft_status finish(struct writer *writer, struct sft_error *err)
{
	const bool failed = writer->json.failed;

	flush(writer);
	free(writer->json.text);
	return failed ? sft_fail_memory(err) : SFT_OK;
}

static void add_text(struct sft_json *json, const char *key, struct sft_bytes text)
{
	sft_json_raw(json, key);
	sft_json_string(json, text);
}

static void add_uint(struct sft_json *json, const char *key, uint64_t value)
{
	sft_json_raw(json, key);
	sft_json_uint(json, value);
}

/* ---- tensors ---- */

static void add_shape(struct sft_json *json, const struct sft_model *model,
		      const struct sft_tensor *tensor)
{
	struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, tensor), tensor);
	const char *separator = "";
	uint64_t dim;

	sft_json_raw(json, "[");
	while (sft_shape_next(&shape, &dim)) {
		add_uint(json, separator, dim);
		separator = ", ";
	}
	sft_json_raw(json, "]");
}

/* The document that stands beside a tensor's file, on one line. */
static void add_tensor(struct sft_json *json, const struct sft_model *model,
		       const struct sft_tensor *tensor)
{
	add_text(json, "{\"name\": ", sft_model_name(model, tensor));
	if (tensor->is_renamed)
		add_text(json,
			 ", \"source_name\": ", sft_filter_source_name(model, tensor));
	add_text(json, ", \"dtype\": ", sft_bytes_of(sft_dtype(tensor->dtype)->name));
	sft_json_raw(json, ", \"shape\": ");
	add_shape(json, model, tensor);
	add_uint(json, ", \"data_offsets\": [", tensor->begin);
	add_uint(json, ", ", tensor->end);
	add_uint(json, "], \"elements\": ", sft_tensor_elements(tensor));
	add_uint(json, ", \"bytes\": ", sft_tensor_len(tensor));
	add_text(json, ", \"file\": ", sft_bytes_of(model->shards[tensor->shard].name));
	add_uint(json, ", \"file_offset\": ", sft_model_data_off(model, tensor));
	sft_json_raw(json, "}");
}

static void write_list(struct writer *writer, const struct sft_model *model)
{
	const char *separator = "\n\t\t";

	sft_json_raw(&writer->json, ",\n\t\"list\":\t[");
	for (size_t i = 0; i < model->tensor_count; i++) {
		sft_json_raw(&writer->json, separator);
		add_tensor(&writer->json, model, &model->tensors[i]);
		separator = ",\n\t\t";
		if (writer->json.len > PIECE_LEN)
			flush(writer);
	}
	sft_json_raw(&writer->json, "\n\t]");
}

/* ---- models ---- */

static void add_warnings(struct sft_json *json, const struct sft_told *told)
{
	const char *separator = "";

	sft_json_raw(json, ",\n\t\"warnings\":\t[");
	for (size_t i = 0; i < told->warning_count; i++) {
		sft_json_raw(json, separator);
		add_text(json, "{\"file\": ", sft_bytes_of(told->warnings[i].file));
		add_text(json, ", \"text\": ", sft_bytes_of(told->warnings[i].detail));
		sft_json_raw(json, "}");
		separator = ", ";
	}
	sft_json_raw(json, "]");
}

static void add_aliases(struct sft_json *json, const struct sft_model *model)
{
	const char *separator = "";

	sft_json_raw(json, ",\n\t\"aliases\":\t{");
	for (size_t i = 0; i < model->alias_count; i++) {
		const struct sft_alias *alias = &model->aliases[i];

		sft_json_raw(json, separator);
		sft_json_pair(json, alias->name,
			      sft_model_name(model, &model->tensors[alias->tensor]));
		separator = ", ";
	}
	sft_json_raw(json, "}");
}

/* All of a model's document but for the brace that closes it. */
static void add_model(struct sft_json *json, const struct sft_model *model,
		      const struct sft_told *told)
{
	/* Ours, so it begins and ends like this; see sft_describe_model(). */
	const size_t open_len = strlen("{");
	const size_t close_len = strlen("\n}\n");
	struct sft_bytes document;

	if (sft_describe_model(model, &document, NULL) != SFT_OK) {
		json->failed = true;
		return;
	}
	add_text(json, "{\n\t\"source\":\t", sft_bytes_of(told->source));
	sft_json_raw(json, ",");
	sft_json_bytes(json, (struct sft_bytes){ document.data + open_len,
						 document.len - open_len - close_len });
	add_aliases(json, model);
	add_warnings(json, told);
}

enum sft_status sft_model_json(const struct sft_model *model, const struct sft_told *told,
			       void (*write)(void *arg, const char *text, size_t len),
			       void *arg, struct sft_error *err)
{
	struct writer writer = { .write = write, .arg = arg };

	add_model(&writer.json, model, told);
	write_list(&writer, model);
	sft_json_raw(&writer.json, "\n}\n");
	return finish(&writer, err);
}

/* ---- comparisons ---- */

static void add_side(struct sft_json *json, const struct sft_model *model, uint32_t idx)
{
	if (idx == SFT_TENSOR_NONE) {
		sft_json_raw(json, "null");
		return;
	}
	add_text(json, "{\"dtype\": ",
		 sft_bytes_of(sft_dtype(model->tensors[idx].dtype)->name));
	sft_json_raw(json, ", \"shape\": ");
	add_shape(json, model, &model->tensors[idx]);
	sft_json_raw(json, "}");
}

static void write_differences(struct writer *writer,
			      const struct sft_comparison *comparison)
{
	const char *separator = "\n\t\t";

	sft_json_raw(&writer->json, ",\n\"differences\":\t[");
	for (size_t i = 0; i < comparison->count; i++) {
		const struct sft_match *match = &comparison->matches[i];

		sft_json_raw(&writer->json, separator);
		add_text(&writer->json, "{\"name\": ", sft_match_name(comparison, match));
		sft_json_raw(&writer->json, ", \"first\": ");
		add_side(&writer->json, comparison->models[0], match->tensors[0]);
		sft_json_raw(&writer->json, ", \"second\": ");
		add_side(&writer->json, comparison->models[1], match->tensors[1]);
		sft_json_raw(&writer->json, "}");
		separator = ",\n\t\t";
		if (writer->json.len > PIECE_LEN)
			flush(writer);
	}
	sft_json_raw(&writer->json, "\n]");
}

enum sft_status sft_comparison_json(const struct sft_comparison *comparison,
				    const struct sft_told told[2],
				    void (*write)(void *arg, const char *text,
						  size_t len),
				    void *arg, struct sft_error *err)
{
	struct writer writer = { .write = write, .arg = arg };
	struct sft_json *json = &writer.json;
	const struct sft_differences *differences = &comparison->differences;

	sft_json_raw(json, "{\n\"first\":\t");
	add_model(json, comparison->models[0], &told[0]);
	sft_json_raw(json, "\n},\n\"second\":\t");
	add_model(json, comparison->models[1], &told[1]);
	add_uint(json, "\n},\n\"alike\":\t", differences->alike);
	add_uint(json, ",\n\"only_first\":\t", differences->only_first);
	add_uint(json, ",\n\"only_second\":\t", differences->only_second);
	add_uint(json, ",\n\"other_dtype\":\t", differences->other_dtype);
	add_uint(json, ",\n\"other_shape\":\t", differences->other_shape);
	write_differences(&writer, comparison);
	sft_json_raw(json, "\n}\n");
	return finish(&writer, err);
}
