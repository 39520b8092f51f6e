// SPDX-License-Identifier: Apache-2.0
#include "core/draft.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/huge.h"
#include "core/table.h"
#include "core/tree.h"

#define BLOCK_LEN 65536u

struct sft_tree_block {
	struct sft_tree_block *next;
	size_t used;
	char text[BLOCK_LEN];
};

/* What sft_drafts_make() works with. */
struct splitter {
	struct sft_drafts *drafts;
	enum sft_tree_kind kind;
	uint8_t separator;                /* of folders; 0: there are none */
	struct sft_table folders;         /* what stands before a dot -> draft */
	uint32_t path[SFT_DEPTH_MAX + 1]; /* of the name before; [0] is the root */
	size_t depth;                     /* path[depth] is the last */
	struct sft_error *err;
};

static struct sft_bytes folder_name(const void *ctx, uint32_t idx)
{
	const struct sft_drafts *drafts = ctx;
	const struct sft_draft *draft = &drafts->items[idx];

	return (struct sft_bytes){ draft->name, draft->end };
}

/* Copies an encoded name to memory that lives as long as the tree. */
static const char *keep(struct sft_drafts *drafts, const char *text, size_t len)
{
	struct sft_tree_block *block = drafts->blocks;
	char *copy;

	if (block == NULL || BLOCK_LEN - block->used < len) {
		block = malloc(sizeof(*block));
		if (block == NULL)
			return NULL;
		block->next = drafts->blocks;
		block->used = 0;
		drafts->blocks = block;
	}
	copy = block->text + block->used;
	memcpy(copy, text, len);
	block->used += len;
	return copy;
}

/* Encodes the last component of a draft; most stand for themselves. */
static enum sft_status encode(struct splitter *splitter, struct sft_draft *draft)
{
	struct sft_drafts *drafts = splitter->drafts;
	const struct sft_bytes raw = sft_draft_raw(draft);
	char text[SFT_COMPONENT_MAX];

	if (splitter->kind == SFT_TREE_PATHS || sft_name_is_plain(raw)) {
		draft->encoded = (const char *)raw.data;
		draft->encoded_len = (uint8_t)raw.len;
		return SFT_OK;
	}
	draft->encoded_len = (uint8_t)sft_name_encode(raw, sizeof(text), text);
	draft->encoded = keep(drafts, text, draft->encoded_len);
	return draft->encoded != NULL ? SFT_OK : sft_fail_memory(splitter->err);
}

enum sft_status sft_draft_mark(struct sft_drafts *drafts, uint32_t idx, unsigned nth,
			       struct sft_error *err)
{
	struct sft_draft *draft = &drafts->items[idx];
	char text[SFT_COMPONENT_MAX + 1];
	char mark[16];
	const size_t mark_len = (size_t)snprintf(mark, sizeof(mark), "~%u", nth);
	size_t len =
		sft_name_encode(sft_draft_raw(draft), SFT_COMPONENT_MAX - mark_len, text);

	memcpy(text + len, mark, mark_len);
	len += mark_len;
	draft->encoded_len = (uint8_t)len;
	draft->encoded = keep(drafts, text, len);
	return draft->encoded != NULL ? SFT_OK : sft_fail_memory(err);
}

/* Appends a draft; its index is what the count was. */
static enum sft_status add(struct sft_drafts *drafts, const struct sft_draft *draft,
			   struct sft_error *err)
{
	if (drafts->count == SFT_NODES_MAX)
		return sft_fail(err, SFT_E_LIMIT, SFT_POS_NONE,
				"more than %u files and folders", SFT_NODES_MAX);
	if (!sft_array_reserve(&drafts->items, sizeof(*drafts->items), drafts->count + 1,
			       &drafts->room))
		return sft_fail_memory(err);
	drafts->items[drafts->count++] = *draft;
	return SFT_OK;
}

/* Goes back up the path of the name before, to the last folder that @name lies in too. */
static void keep_common_path(struct splitter *splitter, struct sft_bytes name)
{
	const struct sft_draft *items = splitter->drafts->items;
	size_t depth = 0;

	while (depth < splitter->depth) {
		const struct sft_draft *folder = &items[splitter->path[depth + 1]];
		const struct sft_bytes raw = sft_draft_raw(folder);

		if (name.len <= folder->end ||
		    name.data[folder->end] != splitter->separator ||
		    (raw.len > 0 &&
		     memcmp(name.data + folder->begin, raw.data, raw.len) != 0))
			break;
		depth++;
	}
	splitter->depth = depth;
}

/* Drafts the folder that ends at @end of @name, and enters it if it is not too deep. */
static enum sft_status new_folder(struct splitter *splitter, struct sft_bytes name,
				  uint32_t begin, uint32_t end, bool *ret_entered)
{
	struct sft_drafts *drafts = splitter->drafts;
	const uint32_t parent = splitter->path[splitter->depth];
	const uint32_t idx = (uint32_t)drafts->count;
	size_t path_len = drafts->items[parent].path_len;
	struct sft_draft folder = {
		.name = name.data,
		.begin = begin,
		.end = end,
		.parent = parent,
		.leaf = SFT_DRAFT_FOLDER,
		.depth = (uint8_t)splitter->depth,
	};
	enum sft_status status = encode(splitter, &folder);
	uint32_t found;

	if (status != SFT_OK)
		return status;
	path_len += folder.encoded_len +
		    (path_len > 0 ? 1u : 0u); /* a slash but at the top */
	*ret_entered = path_len <= SFT_PATH_MAX;
	if (!*ret_entered)
		return SFT_OK;
	folder.path_len = (uint16_t)path_len;
	status = add(drafts, &folder, splitter->err);
	if (status == SFT_OK)
		status = sft_table_put(&splitter->folders,
				       (struct sft_bytes){ name.data, end }, idx, &found,
				       splitter->err);
	splitter->path[++splitter->depth] = idx;
	return status;
}

/* Enters the folders of a name, makes new ones; @ret_begin: of what is left. */
static enum sft_status descend(struct splitter *splitter, struct sft_bytes name,
			       uint32_t *ret_begin)
{
	enum sft_status status = SFT_OK;
	bool entered = true;
	uint32_t begin;

	keep_common_path(splitter, name);
	begin = splitter->depth > 0
			? splitter->drafts->items[splitter->path[splitter->depth]].end + 1
			: 0;
	while (splitter->separator != 0 && splitter->depth < SFT_DEPTH_MAX) {
		const uint8_t *dot =
			begin < name.len ? memchr(name.data + begin, splitter->separator,
						  name.len - begin)
					 : NULL;
		uint32_t end, idx;

		if (dot == NULL)
			break;
		end = (uint32_t)(dot - name.data);
		if (sft_table_find(&splitter->folders,
				   (struct sft_bytes){ name.data, end }, &idx))
			splitter->path[++splitter->depth] = idx;
		else
			status = new_folder(splitter, name, begin, end, &entered);
		if (status != SFT_OK || !entered)
			break;
		begin = end + 1;
	}
	*ret_begin = begin;
	return status;
}

static enum sft_status add_leaf(struct splitter *splitter, struct sft_bytes name,
				uint32_t leaf)
{
	struct sft_draft draft = { .name = name.data, .end = (uint32_t)name.len };
	enum sft_status status = descend(splitter, name, &draft.begin);

	draft.parent = splitter->path[splitter->depth];
	draft.leaf = leaf;
	draft.depth = (uint8_t)splitter->depth;
	if (status == SFT_OK)
		status = encode(splitter, &draft);
	return status == SFT_OK ? add(splitter->drafts, &draft, splitter->err) : status;
}

enum sft_status sft_drafts_make(struct sft_drafts *drafts, enum sft_tree_kind kind,
				const struct sft_bytes *names, size_t count,
				struct sft_error *err)
{
	static const uint8_t separators[SFT_TREE_COUNT] = {
		[SFT_TREE_NESTED] = '.',
		[SFT_TREE_FLAT] = 0,
		[SFT_TREE_PATHS] = '/',
	};
	static const struct sft_draft root = { .encoded = "", .leaf = SFT_DRAFT_FOLDER };
	struct splitter splitter = {
		.drafts = drafts, .kind = kind, .separator = separators[kind], .err = err
	};
	enum sft_status status;

	*drafts = (struct sft_drafts){ 0 };
	if (!sft_array_reserve(&drafts->items, sizeof(*drafts->items), count + 1,
			       &drafts->room))
		return sft_fail_memory(err);
	sft_huge(drafts->items, drafts->room * sizeof(*drafts->items));
	status = sft_table_init(&splitter.folders, folder_name, drafts, err);
	if (status == SFT_OK)
		status = add(drafts, &root, err);
	for (size_t i = 0; status == SFT_OK && i < count; i++)
		status = add_leaf(&splitter, names[i], (uint32_t)i);
	sft_table_done(&splitter.folders);
	return status;
}

void sft_drafts_done(struct sft_drafts *drafts)
{
	free(drafts->items);
	*drafts = (struct sft_drafts){ 0 };
}

void sft_blocks_free(struct sft_tree_block *blocks)
{
	while (blocks != NULL) {
		struct sft_tree_block *next = blocks->next;

		free(blocks);
		blocks = next;
	}
}
