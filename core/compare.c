// SPDX-License-Identifier: Apache-2.0
#include "core/compare.h"

#include <stdlib.h>

#include "core/array.h"
#include "core/cleanup.h"
#include "core/table.h"

static struct sft_bytes tensor_name(const void *ctx, uint32_t idx)
{
	const struct sft_model *model = ctx;

	return sft_model_name(model, &model->tensors[idx]);
}

static bool shapes_equal(struct sft_shape a, struct sft_shape b)
{
	uint64_t a_dim = 0, b_dim = 0;
	bool more;

	do {
		more = sft_shape_next(&a, &a_dim);
		if (more != sft_shape_next(&b, &b_dim) || a_dim != b_dim)
			return false;
	} while (more);
	return true;
}

uint32_t sft_match_changes(const struct sft_comparison *comparison,
			   const struct sft_match *match)
{
	const struct sft_model *first = comparison->models[0];
	const struct sft_model *second = comparison->models[1];
	const struct sft_tensor *a, *b;
	uint32_t changes = 0;

	if (match->tensors[0] == SFT_TENSOR_NONE)
		return SFT_ONLY_SECOND;
	if (match->tensors[1] == SFT_TENSOR_NONE)
		return SFT_ONLY_FIRST;
	a = &first->tensors[match->tensors[0]];
	b = &second->tensors[match->tensors[1]];
	if (a->dtype != b->dtype)
		changes |= SFT_OTHER_DTYPE;
	if (!shapes_equal(sft_tensor_shape(sft_model_header(first, a), a),
			  sft_tensor_shape(sft_model_header(second, b), b)))
		changes |= SFT_OTHER_SHAPE;
	return changes;
}

struct sft_bytes sft_match_name(const struct sft_comparison *comparison,
				const struct sft_match *match)
{
	const size_t side = match->tensors[0] != SFT_TENSOR_NONE ? 0 : 1;

	return tensor_name(comparison->models[side], match->tensors[side]);
}

/* Counts a match, and keeps it unless it is none. */
static enum sft_status add_match(struct sft_comparison *comparison,
				 struct sft_match match, struct sft_error *err)
{
	struct sft_differences *differences = &comparison->differences;
	const uint32_t changes = sft_match_changes(comparison, &match);

	if (changes == 0) {
		differences->alike++;
		return SFT_OK;
	}
	differences->only_first += (changes & SFT_ONLY_FIRST) != 0;
	differences->only_second += (changes & SFT_ONLY_SECOND) != 0;
	differences->other_dtype += (changes & SFT_OTHER_DTYPE) != 0;
	differences->other_shape += (changes & SFT_OTHER_SHAPE) != 0;
	if (!sft_array_reserve(&comparison->matches, sizeof(match), comparison->count + 1,
			       &comparison->room))
		return sft_fail_memory(err);
	comparison->matches[comparison->count++] = match;
	return SFT_OK;
}

/* Matches all tensors of both, with those of the second in a table. */
static enum sft_status match_all(struct sft_comparison *comparison,
				 struct sft_table *table, struct sft_error *err)
{
	const struct sft_model *first = comparison->models[0];
	const struct sft_model *second = comparison->models[1];
	auto_free bool *seen = calloc(second->tensor_count + 1, sizeof(*seen));
	enum sft_status status = SFT_OK;
	uint32_t idx;

	if (seen == NULL)
		return sft_fail_memory(err);
	for (uint32_t i = 0; status == SFT_OK && i < second->tensor_count; i++)
		status = sft_table_put(table, tensor_name(second, i), i, &idx, err);
	for (uint32_t i = 0; status == SFT_OK && i < first->tensor_count; i++) {
		struct sft_match match = { { i, SFT_TENSOR_NONE } };

		if (sft_table_find(table, tensor_name(first, i), &idx)) {
			match.tensors[1] = idx;
			seen[idx] = true;
		}
		status = add_match(comparison, match, err);
	}
	for (uint32_t i = 0; status == SFT_OK && i < second->tensor_count; i++) {
		const struct sft_match match = { { SFT_TENSOR_NONE, i } };

		if (!seen[i])
			status = add_match(comparison, match, err);
	}
	return status;
}

enum sft_status sft_compare(const struct sft_model *first, const struct sft_model *second,
			    struct sft_comparison **ret_comparison, struct sft_error *err)
{
	struct sft_comparison *comparison = calloc(1, sizeof(*comparison));
	struct sft_table table;
	enum sft_status status;

	if (comparison == NULL)
		return sft_fail_memory(err);
	comparison->models[0] = first;
	comparison->models[1] = second;
	status = sft_table_init(&table, tensor_name, second, err);
	if (status == SFT_OK)
		status = match_all(comparison, &table, err);
	sft_table_done(&table);
	if (status != SFT_OK) {
		sft_comparison_free(comparison);
		return status;
	}
	*ret_comparison = comparison;
	return SFT_OK;
}

void sft_comparison_free(struct sft_comparison *comparison)
{
	if (comparison == NULL)
		return;
	free(comparison->matches);
	free(comparison);
}

struct sft_differences sft_comparison_differences(const struct sft_comparison *comparison)
{
	return comparison->differences;
}
