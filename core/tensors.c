// SPDX-License-Identifier: Apache-2.0
#include "core/tensors.h"

#include "core/file.h"

void sft_tensor_at(const struct sft_model *model, size_t idx,
		   struct sft_tensor_info *ret_info)
{
	const struct sft_tensor *tensor = &model->tensors[idx];
	const struct sft_dtype *dtype = sft_dtype(tensor->dtype);

	*ret_info = (struct sft_tensor_info){
		.name = sft_model_name(model, tensor),
		.dtype = dtype->name,
		.element_bits = dtype->bits,
		.rank = sft_tensor_dims(model, idx, NULL, 0),
		.elements = sft_tensor_elements(tensor),
		.len = sft_tensor_len(tensor),
		.file = model->shards[tensor->shard].file.path,
		.file_off = sft_model_data_off(model, tensor),
	};
}

/* Return: whether a leaf of the trees, a tensor or an alias, has this name. */
static bool is_called(const struct sft_model *model, size_t leaf, struct sft_bytes name)
{
	const size_t alias = leaf - model->tensor_count; /* used where it is none */

	return sft_bytes_equal(leaf < model->tensor_count
				       ? sft_model_name(model, &model->tensors[leaf])
				       : model->aliases[alias].name,
			       name);
}

/* The one with the same encoded name, which but for a collision has the name itself. */
static bool find_in_tree(const struct sft_model *model, struct sft_bytes name,
			 size_t *ret_leaf)
{
	const struct sft_tree *tree = &model->trees[SFT_TREE_FLAT];
	char encoded[SFT_COMPONENT_MAX];
	const size_t len = sft_name_encode(name, SFT_COMPONENT_MAX, encoded);
	uint32_t node;

	if (tree->count == 0 ||
	    !sft_tree_find(tree, SFT_TREE_ROOT,
			   (struct sft_bytes){ (const uint8_t *)encoded, len }, false,
			   &node))
		return false;
	*ret_leaf = tree->nodes[node].first;
	return is_called(model, *ret_leaf, name);
}

static bool find_one_by_one(const struct sft_model *model, struct sft_bytes name,
			    size_t *ret_leaf)
{
	const size_t count = model->tensor_count + model->alias_count;

	for (size_t i = 0; i < count; i++) {
		if (is_called(model, i, name)) {
			*ret_leaf = i;
			return true;
		}
	}
	return false;
}

bool sft_tensor_find(const struct sft_model *model, const char *name, size_t len,
		     size_t *ret_idx)
{
	const struct sft_bytes wanted = { (const uint8_t *)name, len };
	size_t leaf;

	/* What is cut, as long names are, may be called otherwise where it collides. */
	if (!find_in_tree(model, wanted, &leaf) &&
	    ((!model->names_only && len <= SFT_COMPONENT_MAX / 3) ||
	     !find_one_by_one(model, wanted, &leaf)))
		return false;
	*ret_idx = leaf < model->tensor_count
			   ? leaf
			   : model->aliases[leaf - model->tensor_count].tensor;
	return true;
}

size_t sft_tensor_dims(const struct sft_model *model, size_t idx, uint64_t *ret_dims,
		       size_t max)
{
	const struct sft_tensor *tensor = &model->tensors[idx];
	struct sft_shape shape =
		sft_tensor_shape(sft_model_header(model, tensor), tensor);
	size_t rank = 0;
	uint64_t dim;

	for (; sft_shape_next(&shape, &dim); rank++)
		if (rank < max)
			ret_dims[rank] = dim;
	return rank;
}

const void *sft_tensor_data(const struct sft_model *model, size_t idx)
{
	const struct sft_tensor *tensor = &model->tensors[idx];
	const uint8_t *map = model->shards[tensor->shard].file.map;

	return map != NULL && sft_tensor_len(tensor) > 0
		       ? map + sft_model_data_off(model, tensor)
		       : NULL;
}

enum sft_status sft_tensor_read(const struct sft_model *model, size_t idx, uint64_t off,
				void *buf, size_t len, struct sft_error *err)
{
	const struct sft_tensor *tensor = &model->tensors[idx];
	const struct sft_backing *file = &model->shards[tensor->shard].file;
	const struct sft_home home = { tensor->shard, 1 };
	enum sft_status status;

	if (off > sft_tensor_len(tensor) || len > sft_tensor_len(tensor) - off)
		return sft_fail(err, SFT_E_USAGE, SFT_POS_NONE,
				"the tensor ends before that");
	status = sft_read_all(file->fd, buf, len, sft_model_data_off(model, tensor) + off,
			      err);
	if (status == SFT_OK)
		return sft_home_check(model, home, err);
	sft_error_file(err, file->path);
	return sft_home_explain(model, home, status, err);
}
