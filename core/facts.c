// SPDX-License-Identifier: Apache-2.0
#include "core/facts.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/file.h"
#include "core/slice.h"
#include "core/xxh128.h"

/* Text of which as much is kept as there is room for, and all is counted. */
struct text {
	char *out;
	size_t cap, len;
};

static void add(struct text *text, const char *bytes, size_t len)
{
	if (text->len <= text->cap && len <= text->cap - text->len)
		memcpy(text->out + text->len, bytes, len);
	text->len += len;
}

static void add_uint(struct text *text, uint64_t value)
{
	char digits[24];

	add(text, digits, (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value));
}

static void add_shape(struct text *text, struct sft_shape shape)
{
	const char *separator = "[";
	uint64_t dim;

	while (sft_shape_next(&shape, &dim)) {
		add(text, separator, strlen(separator));
		add_uint(text, dim);
		separator = ", ";
	}
	add(text, separator, separator[0] == '[');
	add(text, "]", 1);
}

static void add_fact(struct text *text, const struct sft_model *model,
		     struct sft_part part, enum sft_fact fact)
{
	const char *name = NULL;

	switch (fact) {
	case SFT_FACT_DTYPE:
		name = sft_dtype(part.tensor->dtype)->name;
		break;
	case SFT_FACT_SHAPE:
		add_shape(text, sft_part_shape(model, part));
		break;
	case SFT_FACT_FILE:
		name = model->shards[part.tensor->shard].name;
		break;
	case SFT_FACT_OFFSET:
		if (sft_part_rows(part) == NULL)
			add_uint(text, sft_part_data_off(model, part));
		break;
	}
	if (name != NULL)
		add(text, name, strlen(name));
}

/* What a file is about; its tensor is NULL if that is none. @box: for a slice. */
static struct sft_part part_of(const struct sft_model *model, struct sft_ref ref,
			       const struct sft_slice *slice, struct sft_box *box)
{
	if (slice == NULL)
		return sft_whole(sft_ref_tensor(model, ref));
	sft_slice_box(model, slice, box);
	return (struct sft_part){ sft_ref_tensor(model, slice->ref), box };
}

const char *sft_fact_name(enum sft_fact fact)
{
	static const char *const names[SFT_FACT_COUNT] = {
		[SFT_FACT_DTYPE] = "dtype",
		[SFT_FACT_SHAPE] = "shape",
		[SFT_FACT_FILE] = "file",
		[SFT_FACT_OFFSET] = "offset",
	};

	return names[fact];
}

size_t sft_ref_fact(const struct sft_model *model, struct sft_ref ref,
		    const struct sft_slice *slice, enum sft_fact fact, char *out,
		    size_t cap)
{
	struct text text = { out, cap, 0 };
	struct sft_box box;
	const struct sft_part part = part_of(model, ref, slice, &box);

	if (part.tensor != NULL)
		add_fact(&text, model, part, fact);
	return text.len;
}

enum sft_status sft_ref_digest(const struct sft_model *model, struct sft_ref ref,
			       const struct sft_slice *slice,
			       const struct sft_waiter *waiter,
			       char out[SFT_DIGEST_TEXT_LEN], struct sft_error *err)
{
	const struct sft_home home = sft_ref_home(model, ref);
	struct sft_xxh128 digest;
	struct sft_box box;
	const struct sft_part part = part_of(model, ref, slice, &box);
	enum sft_status status;

	if (part.box == NULL)
		status = sft_xxh128_of(model, (uint32_t)(part.tensor - model->tensors),
				       waiter, &digest, err);
	else
		status = sft_xxh128_of_part(model, part, waiter, &digest, err);
	if (status != SFT_OK)
		return sft_home_explain(model, home, status, err);
	sft_xxh128_text(digest, out);
	return sft_home_check(model, home, err);
}
