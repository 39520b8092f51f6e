// SPDX-License-Identifier: Apache-2.0
/*
 * core/absent.c - the part of __metadata__.json that says what is not there, and why
 */
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/describe.h"
#include "core/document.h"
#include "core/kept.h"
#include "core/views/view.h"

/* Why a tensor, or one of its files, is not in a view; NULL: all of it is. */
static const char *why_absent(const struct sft_view *view, const struct sft_model *model,
			      const struct sft_tensor *tensor)
{
	const char *why = NULL;

	if (view->leaves_out != NULL)
		why = view->leaves_out(model, tensor);
	if (view->tree == SFT_TREE_PATHS) /* its files are no tensors */
		return why;
	for (size_t i = 0; why == NULL && i < view->file_count; i++)
		why = sft_view_absent(&view->files[i], model, sft_whole(tensor));
	return why;
}

/* Of one view: {tensor: reason}. Returns how many more there are. */
static uint64_t write_absent(struct sft_json *json, const struct sft_view *view,
			     const struct sft_model *model)
{
	uint64_t count = 0;
	uint64_t given = 0;

	sft_json_raw(json, "{");
	for (size_t i = 0; i < model->tensor_count; i++) {
		const struct sft_tensor *tensor = &model->tensors[i];
		const char *why = why_absent(view, model, tensor);

		if (why == NULL)
			continue;
		count++;
		if (given == SFT_REASONS_MAX || json->len > SFT_NAMES_LEN_MAX ||
		    tensor->name_len > SFT_NAMES_LEN_MAX)
			continue;
		given++;
		sft_json_raw(json, given == 1 ? "\n\t\t\t\t" : ",\n\t\t\t\t");
		sft_json_pair(json, sft_model_name(model, tensor), sft_bytes_of(why));
	}
	sft_json_raw(json, given > 0 ? "\n\t\t\t}" : "}");
	return count - given;
}

/* Adds a file and a reason to the object that is made for the first of them. */
static bool add_absent_file(cJSON *view, const char *name, const char *why)
{
	cJSON *files = cJSON_GetObjectItemCaseSensitive(view, "absent_files");

	if (files == NULL)
		files = cJSON_AddObjectToObject(view, "absent_files");
	return files != NULL && cJSON_AddStringToObject(files, name, why) != NULL;
}

/*
 * Files of folders that a limit forbids. What fits has only what fits below it, so just
 * folders whose own folder is too long are looked at: parents stand before children.
 */
static bool add_absent_folders(cJSON *object, const struct sft_model *model,
			       const struct sft_view *view)
{
	const struct sft_tree *tree = &model->trees[view->tree];
	auto_free bool *is_long = calloc(tree->count, sizeof(*is_long));
	bool added = is_long != NULL;
	size_t count = 0;

	for (uint32_t i = 0; added && i < tree->count && count < SFT_REASONS_MAX; i++) {
		const char *why = NULL;
		char path[SFT_NODE_PATH_MAX + 32];

		if (!tree->nodes[i].is_folder ||
		    !(is_long[tree->nodes[i].parent] || i == 0))
			continue;
		if (i > 0 && view->files[0].claims_folder(model, i))
			why = view->files[0].absent_folder(model, i);
		is_long[i] = i == SFT_TREE_ROOT || why != NULL;
		if (why == NULL)
			continue;
		strcpy(path + sft_tree_path(tree, SFT_TREE_ROOT, i, path),
		       view->files[0].suffix);
		added = add_absent_file(object, path, why);
		count++;
	}
	return added;
}

/* Files about many tensors that cannot be. */
static bool add_absent_files(cJSON *object, const struct sft_model *model, size_t idx)
{
	const struct sft_view *view = sft_views[idx];
	const char *why;
	char name[SFT_TOP_NAME_LEN_MAX];

	if (!sft_kept_decide(model, idx)) /* the document is kept, so it must not guess */
		return false;
	if (model->may_pass_limits && view->file_count > 0 &&
	    view->files[0].absent_folder != NULL &&
	    !add_absent_folders(object, model, view))
		return false;
	why = sft_kept_absent(model, idx);
	if (why == NULL)
		return true;
	sft_view_top_name(&view->tops[0], model, name);
	return add_absent_file(object, name, why);
}

static bool add_view(cJSON *views, const struct sft_model *model, size_t view)
{
	cJSON *object = cJSON_AddObjectToObject(views, sft_views[view]->name);
	struct sft_json json = { 0 };
	const uint64_t more = write_absent(&json, sft_views[view], model);

	if (object == NULL) {
		free(json.text);
		return false;
	}
	return sft_document_raw(object, "absent", &json) &&
	       (more == 0 || sft_document_uint(object, "more", more)) &&
	       add_absent_files(object, model, view);
}

bool sft_document_views(cJSON *object, const struct sft_model *model)
{
	cJSON *views = cJSON_AddObjectToObject(object, "views");
	bool added = views != NULL;

	for (size_t i = 0; added && i < sft_view_count(); i++)
		added = add_view(views, model, i);
	return added;
}

bool sft_document_left_out(cJSON *object, const struct sft_model *model)
{
	const struct sft_companions *companions = &model->companions;
	struct sft_json json = { 0 };

	if (companions->left_out_count == 0)
		return true;
	sft_json_raw(&json, "{");
	for (size_t i = 0; i < companions->left_out_count; i++) {
		sft_json_raw(&json, i == 0 ? "\n\t\t" : ",\n\t\t");
		sft_json_pair(&json, sft_bytes_of(companions->left_out[i].path),
			      sft_bytes_of(companions->left_out[i].why));
	}
	sft_json_raw(&json, "\n\t}");
	return sft_document_raw(object, "left_out", &json) &&
	       (companions->left_out_more == 0 ||
		sft_document_uint(object, "left_out_more", companions->left_out_more));
}
