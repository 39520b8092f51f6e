// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* mkdtemp() */
#include "tests/fuzz/recipe.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/dtype.h"
#include "core/json.h"
#include "core/text.h"

#define LINE_END 0xff
#define TENSOR 0xfe
#define ENTRY 0xfd
#define RULE 0xfc
#define SHARD 0xfb
#define SLICE 0xfa

#define TENSORS_MAX 64u /* in a shard */
#define PATH_CAP 160u
#define SHARD_LEN_MAX ((uint64_t)INT64_MAX - (1u << 30)) /* of its data */

/* A shard that is being written. */
struct shard {
	struct sft_json tensors;  /* "a":["F32",[2],[0,8]],... */
	struct sft_json metadata; /* "k":"v",... */
	struct sft_bytes names[TENSORS_MAX];
	size_t count;
	uint64_t data_len;
};

struct kitchen {
	struct shard shards[RECIPE_SHARDS_MAX];
	size_t shard_count;
	struct sft_filter *filter;
};

/* ---- lines ---- */

static bool is_name(const struct shard *shard, struct sft_bytes name)
{
	if (sft_utf8_valid_len(name.data, name.len) < name.len ||
	    sft_bytes_equal(name, sft_bytes_of("__metadata__")))
		return false;
	for (size_t i = 0; i < shard->count; i++)
		if (sft_bytes_equal(shard->names[i], name))
			return false;
	return true;
}

/* Reads " 2 3" as "[2,3]", and multiplies @bits by it. Return: false if that wraps. */
static bool take_shape(struct sft_bytes text, struct sft_json *shape, uint64_t *bits)
{
	struct sft_bytes word;

	sft_json_raw(shape, "[");
	while (fuzz_take_part(&text, ' ', &word)) {
		uint64_t dim = 0;

		for (size_t i = 0; i < word.len; i++)
			if (word.data[i] < '0' || word.data[i] > '9' ||
			    !sft_mul(dim, 10, &dim) ||
			    !sft_add(dim, word.data[i] - (unsigned)'0', &dim))
				return false;
		if (!sft_mul(*bits, dim, bits))
			return false;
		if (shape->len > 1)
			sft_json_raw(shape, ",");
		sft_json_uint(shape, dim);
	}
	sft_json_raw(shape, "]");
	return true;
}

static void write_tensor(struct shard *shard, struct sft_bytes name, const char *dtype,
			 const char *shape, uint64_t len)
{
	struct sft_json *json = &shard->tensors;

	sft_json_string(json, name);
	sft_json_raw(json, ":[\"");
	sft_json_raw(json, dtype);
	sft_json_raw(json, "\",");
	sft_json_raw(json, shape);
	sft_json_raw(json, ",[");
	sft_json_uint(json, shard->data_len);
	sft_json_raw(json, ",");
	shard->data_len += len;
	sft_json_uint(json, shard->data_len);
	sft_json_raw(json, "]],");
	shard->names[shard->count++] = name;
}

static void add_tensor(struct shard *shard, struct sft_bytes name, struct sft_bytes rest)
{
	struct sft_json shape = { 0 };
	struct sft_bytes word;
	uint64_t bits, sum;
	uint8_t dtype;

	if (shard->count == TENSORS_MAX || !is_name(shard, name) ||
	    !fuzz_take_part(&rest, ' ', &word) || !sft_dtype_find(word, &dtype))
		return;
	bits = sft_dtype(dtype)->bits;
	if (take_shape(rest, &shape, &bits) && bits % 8 == 0 &&
	    sft_add(shard->data_len, bits / 8, &sum) && sum < SHARD_LEN_MAX)
		write_tensor(shard, name, sft_dtype(dtype)->name, shape.text, bits / 8);
	free(shape.text);
}

static void add_entry(struct shard *shard, struct sft_bytes key, struct sft_bytes value)
{
	if (sft_utf8_valid_len(key.data, key.len) < key.len ||
	    sft_utf8_valid_len(value.data, value.len) < value.len)
		return;
	sft_json_pair(&shard->metadata, key, value);
	sft_json_raw(&shard->metadata, ",");
}

static void add_rule(struct kitchen *kitchen, struct sft_bytes text)
{
	struct fuzz_guarded rule = fuzz_guard_text(text);
	const char *line = (const char *)rule.data;
	enum sft_status status = SFT_OK;

	/* Costly expressions are for the target rename. */
	if (line[0] == 's' && text.len < 32 && strpbrk(line, "*+{") == NULL)
		status = sft_filter_rename(kitchen->filter, line, NULL);
	else if (line[0] == '+')
		status = sft_filter_include(kitchen->filter, line + 1, NULL);
	else if (line[0] == '-')
		status = sft_filter_exclude(kitchen->filter, line + 1, NULL);
	MUST(status == SFT_OK || status == SFT_E_USAGE);
	fuzz_unguard(&rule);
}

static void add_line(struct recipe *recipe, struct kitchen *kitchen,
		     struct sft_bytes line)
{
	struct shard *shard = &kitchen->shards[kitchen->shard_count - 1];
	struct sft_bytes rest = line;
	struct sft_bytes first;

	if (line.len == 0)
		return;
	if (line.data[0] == SHARD) {
		kitchen->shard_count += kitchen->shard_count < RECIPE_SHARDS_MAX;
	} else if (line.data[0] == RULE) {
		add_rule(kitchen, (struct sft_bytes){ line.data + 1, line.len - 1 });
	} else if (line.data[0] == SLICE) {
		if (recipe->slice_count < RECIPE_SLICES_MAX)
			recipe->slices[recipe->slice_count++] =
				(struct sft_bytes){ line.data + 1, line.len - 1 };
	} else if (memchr(line.data, TENSOR, line.len) != NULL) {
		if (fuzz_take_part(&rest, TENSOR, &first))
			add_tensor(shard, first, rest);
	} else if (fuzz_take_part(&rest, ENTRY, &first)) {
		add_entry(shard, first, rest);
	}
}

/* ---- files ---- */

/* The bytes of a shard up to and with those of its data that are no hole. */
static uint8_t *render(const struct shard *shard, size_t *ret_len, uint64_t *ret_file_len)
{
	const size_t data_len = shard->data_len < RECIPE_DATA_LEN
					? (size_t)shard->data_len
					: RECIPE_DATA_LEN;
	struct sft_json json = { 0 };
	size_t header_len;
	uint8_t *bytes;

	sft_json_raw(&json, "{\"__metadata__\":{");
	if (shard->metadata.len > 0) /* without the last comma */
		sft_json_bytes(&json, (struct sft_bytes){ (uint8_t *)shard->metadata.text,
							  shard->metadata.len - 1 });
	sft_json_raw(&json, shard->tensors.len > 0 ? "}," : "}");
	if (shard->tensors.len > 0)
		sft_json_bytes(&json, (struct sft_bytes){ (uint8_t *)shard->tensors.text,
							  shard->tensors.len - 1 });
	sft_json_raw(&json, "}");
	header_len = 8 + json.len;
	bytes = malloc(header_len + data_len);
	if (bytes == NULL || json.failed)
		abort();
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)json.len >> 8 * i);
	memcpy(bytes + 8, json.text, json.len);
	for (size_t i = 0; i < data_len; i++)
		bytes[header_len + i] = (uint8_t)(i * 7 + (i >> 8) + 3);
	free(json.text);
	*ret_len = header_len + data_len;
	*ret_file_len = header_len + shard->data_len;
	return bytes;
}

static void shard_path(char path[PATH_CAP], const struct recipe *recipe, size_t idx,
		       size_t count)
{
	snprintf(path, PATH_CAP, "%s/m-%05zu-of-%05zu.safetensors", recipe->folder,
		 idx + 1, count);
}

static void make_folder(struct recipe *recipe)
{
	const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(recipe->folder, sizeof(recipe->folder), "%s/sft-fuzz-XXXXXX", parent);
	if (mkdtemp(recipe->folder) == NULL)
		abort();
}

/* Return: false where a file cannot be that long. */
static bool write_shard(const char *path, const uint8_t *bytes, size_t len,
			uint64_t file_len)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool fits;

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		abort();
	fits = ftruncate(fd, (off_t)file_len) == 0;
	close(fd);
	return fits;
}

/* Writes the shards; @path receives what to open. */
static bool serve(struct recipe *recipe, const struct kitchen *kitchen,
		  char path[PATH_CAP])
{
	bool fits = true;

	if (kitchen->shard_count > 1)
		make_folder(recipe);
	for (size_t i = 0; fits && i < kitchen->shard_count; i++) {
		uint64_t file_len;
		size_t len;
		uint8_t *bytes = render(&kitchen->shards[i], &len, &file_len);

		if (kitchen->shard_count == 1) {
			const struct sft_bytes head = { bytes, len };

			recipe->fd = fuzz_file_new(head, file_len, path);
			fits = recipe->fd >= 0;
		} else {
			shard_path(path, recipe, i, kitchen->shard_count);
			fits = write_shard(path, bytes, len, file_len);
		}
		free(bytes);
	}
	if (kitchen->shard_count > 1)
		snprintf(path, PATH_CAP, "%s", recipe->folder);
	return fits;
}

/* ---- the model ---- */

static bool open_model(struct recipe *recipe, const struct kitchen *kitchen)
{
	const struct sft_options options = { .filter = kitchen->filter };
	struct sft_error err = { 0 };
	enum sft_status status;
	char path[PATH_CAP];

	if (!serve(recipe, kitchen, path))
		return false;
	status = sft_open(path, &options, &recipe->model, &err);
	if (status != SFT_OK) {
		MUST(status == SFT_E_USAGE || status == SFT_E_LIMIT ||
		     status == SFT_E_NAME);
		fuzz_check_error(&err, status, UINT64_MAX);
	}
	for (size_t i = 0; i < kitchen->shard_count; i++)
		recipe->data_len += kitchen->shards[i].data_len;
	return status == SFT_OK;
}

bool recipe_open(struct recipe *recipe, struct sft_bytes input)
{
	struct kitchen kitchen = { .shard_count = 1, .filter = sft_filter_new() };
	struct sft_bytes line;
	bool opened;

	*recipe = (struct recipe){ .fd = -1 };
	if (kitchen.filter == NULL)
		abort();
	while (fuzz_take_part(&input, LINE_END, &line))
		add_line(recipe, &kitchen, line);
	opened = open_model(recipe, &kitchen);
	sft_filter_free(kitchen.filter);
	for (size_t i = 0; i < RECIPE_SHARDS_MAX; i++) {
		free(kitchen.shards[i].tensors.text);
		free(kitchen.shards[i].metadata.text);
	}
	return opened;
}

void recipe_close(struct recipe *recipe)
{
	char path[PATH_CAP];

	sft_close(recipe->model);
	if (recipe->fd >= 0)
		close(recipe->fd);
	if (recipe->folder[0] == '\0')
		return;
	for (size_t count = 2; count <= RECIPE_SHARDS_MAX; count++)
		for (size_t i = 0; i < count; i++) {
			shard_path(path, recipe, i, count);
			unlink(path);
		}
	rmdir(recipe->folder);
}
