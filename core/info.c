// SPDX-License-Identifier: Apache-2.0
#include "core/info.h"

#include "core/cleanup.h"
#include "core/metadata.h"
#include "core/table.h"

static struct sft_bytes alias_name(const void *ctx, uint32_t idx)
{
	const struct sft_alias *aliases = ctx;

	return aliases[idx].name;
}

/* Gives the first @max pairs that make no alias; counts all of them. */
static void take_pairs(const struct sft_metadata_entry *entries, size_t count,
		       const struct sft_table *aliases, struct sft_text_pair *ret_pairs,
		       size_t max, size_t *ret_count)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t idx;

		if (sft_table_find(aliases, entries[i].key, &idx))
			continue;
		if (used < max)
			ret_pairs[used] = (struct sft_text_pair){ entries[i].key,
								  entries[i].value };
		used++;
	}
	*ret_count = used;
}

enum sft_status sft_model_metadata(const struct sft_model *model,
				   struct sft_text_pair *ret_pairs, size_t max,
				   size_t *ret_count, struct sft_error *err)
{
	auto_free struct sft_metadata_entry *entries = NULL;
	struct sft_table aliases;
	size_t count = 0;
	enum sft_status status = sft_metadata_show(model, &entries, &count, err);
	uint32_t found;

	if (status != SFT_OK)
		return status;
	status = sft_table_init(&aliases, alias_name, model->aliases, err);
	for (uint32_t i = 0; status == SFT_OK && i < model->alias_count; i++)
		status = sft_table_put(&aliases, model->aliases[i].name, i, &found, err);
	if (status == SFT_OK)
		take_pairs(entries, count, &aliases, ret_pairs, max, ret_count);
	sft_table_done(&aliases);
	return status;
}

size_t sft_model_aliases(const struct sft_model *model, struct sft_text_pair *ret_pairs,
			 size_t max)
{
	for (size_t i = 0; i < model->alias_count && i < max; i++) {
		const struct sft_alias *alias = &model->aliases[i];

		ret_pairs[i] = (struct sft_text_pair){
			alias->name,
			sft_model_name(model, &model->tensors[alias->tensor]),
		};
	}
	return model->alias_count;
}
