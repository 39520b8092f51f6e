// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_describe.c - the JSON documents, word for word
 *
 * Documents are compared without the white space that cJSON puts between the words: the
 * one thing that its versions may change. Each is also measured as it is stored.
 */
#include "core/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "core/text.h"
#include "tests/unit/support.h"

/* Takes out the white space between the words of JSON text. */
static void squeeze(char *text)
{
	bool in_string = false;
	char *out = text;

	for (; *text != '\0'; text++) {
		if (!in_string && strchr(" \t\n", *text) != NULL)
			continue;
		*out++ = *text;
		if (in_string && *text == '\\')
			*out++ = *++text;
		else if (*text == '"')
			in_string = !in_string;
	}
	*out = '\0';
}

/* A document as it is; what has to hold for all of them is checked. free() it. */
static char *read_document(const struct sft_model *model, const char *path)
{
	struct sft_attr attr;
	size_t len;
	char *text = read_whole(model, path, &len);

	assert_int_equal(sft_attr(model, find_ref(model, path), &attr, NULL), SFT_OK);
	CHECK_UINT(path, attr.len, len);
	CHECK_UINT(path, strlen(text), len); /* no NUL in it */
	CHECK_UINT(path, (uint8_t)text[len - 1], '\n');
	CHECK_UINT(path, (uint8_t)text[len - 2], '}');
	for (size_t off = 0, step; off < len; off += step) {
		uint32_t cp = 0;

		step = sft_utf8_decode((uint8_t *)text + off, len - off, &cp);
		assert_true(step > 0);
		if (sft_text_is_unsafe(cp) && cp != '\n' && cp != '\t')
			fail_msg("%s holds U+%04" PRIX32 " at %zu", path, cp, off);
	}
	return text;
}

/* The brace that closes the object at @text, which is squeezed. */
static char *end_of_object(char *text)
{
	bool in_string = false;
	unsigned depth = 0;

	for (;; text++) {
		if (in_string && *text == '\\')
			text++;
		else if (*text == '"')
			in_string = !in_string;
		else if (!in_string && *text == '{')
			depth++;
		else if (!in_string && *text == '}' && --depth == 0)
			return text;
	}
}

/* Takes out what is said about a view whose rules are not the matter here. */
static void drop_view(char *text, const char *view)
{
	char key[32];
	char *begin, *end;

	snprintf(key, sizeof(key), ",\"%s\":{\"absent\":", view);
	begin = strstr(text, key);
	if (begin == NULL)
		return;
	end = end_of_object(strchr(begin, '{')) + 1;
	memmove(begin, end, strlen(end) + 1);
}

static void check_document(const struct sft_model *model, const char *path,
			   const char *want)
{
	char *got = read_document(model, path);

	squeeze(got);
	drop_view(got, "torch");
	drop_view(got, "npz");
	drop_view(got, "sums");
	CHECK_TEXT(path, got, want);
	free(got);
}

/* ---- NAME.json ---- */

#define MAX64 "18446744073709551615"

/* The header, up to the numbers that it shifts. */
static const char header[] =
	"{\"lm_head.weight\":{\"dtype\":\"BF16\",\"shape\":[ 2 , 3 "
	"],\"data_offsets\":[0,12]},"
	"\"s\":[\"F64\",[],[12,20]],\"n\":[\"F4\",[2,1,4],[20,24]],"
	"\"f6\":[\"F6_E2M3\",[4],[24,27]],"
	"\"z\":[\"I64\",[" MAX64 ",0,9007199254740993],[27,27]],"
	"\"e\\u001b\\\"\\\\\\u0000\\u202e\xc3\xa9\":[\"BOOL\",[1],[27,28]],"
	"\"\":[\"U8\",[0],[28,28]]}";

static const struct {
	const char *path;
	const char *start; /* up to "file" */
	unsigned begin;    /* of the data */
} docs[] = {
	{ "lm_head/weight.json",
	  "\"name\":\"lm_head.weight\",\"dtype\":\"BF16\",\"shape\":[2,3],"
	  "\"data_offsets\":[0,12],\"elements\":6,\"bytes\":12",
	  0 },
	{ "s.json",
	  "\"name\":\"s\",\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[12,20],"
	  "\"elements\":1,\"bytes\":8",
	  12 },
	{ "n.json",
	  "\"name\":\"n\",\"dtype\":\"F4\",\"shape\":[2,1,4],\"data_offsets\":[20,24],"
	  "\"elements\":8,\"bytes\":4",
	  20 },
	{ "f6.json",
	  "\"name\":\"f6\",\"dtype\":\"F6_E2M3\",\"shape\":[4],\"data_offsets\":[24,27],"
	  "\"elements\":4,\"bytes\":3",
	  24 },
	{ "z.json",
	  "\"name\":\"z\",\"dtype\":\"I64\",\"shape\":[" MAX64 ",0,9007199254740993],"
	  "\"data_offsets\":[27,27],\"elements\":0,\"bytes\":0",
	  27 },
	{ "e%1B\"\\%00%E2%80%AE\xc3\xa9.json",
	  "\"name\":\"e\\u001b\\\"\\\\\\u0000\\u202e\xc3\xa9\",\"dtype\":\"BOOL\","
	  "\"shape\":[1],\"data_offsets\":[27,28],\"elements\":1,\"bytes\":1",
	  27 },
	{ "%.json",
	  "\"name\":\"\",\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[28,28],"
	  "\"elements\":0,\"bytes\":0",
	  28 },
};

static void test_tensors(void **state)
{
	struct sft_model *model;

	/* A file's name is text that a system made up, and need not be UTF-8. */
	write_model(*state, "m\xff\n", header, 28);
	model = open_model(*state, "m\xff\n", NULL);
	for (size_t i = 0; i < ARRAY_COUNT(docs); i++) {
		char want[512];

		snprintf(want, sizeof(want),
			 "{%s,\"file\":\"m\xef\xbf\xbd\\u000a\",\"file_offset\":%zu}",
			 docs[i].start, 8 + strlen(header) + docs[i].begin);
		check_document(model, docs[i].path, want);
	}
	sft_close(model);
}

/* What no JSON library likes: it is all there, and the length is exact. */
static void test_hard(void **state)
{
	static const size_t name_len = 70000, rank = 100000;
	char *text = malloc(name_len + 2 * rank + 64);
	size_t used = name_len + 2;
	struct sft_model *model;
	struct sft_entry entry;
	char *got;
	cJSON *parsed;

	memset(text, 'n', used);
	memcpy(text, "{\"", 2);
	used += (size_t)sprintf(text + used, "\":[\"U8\",[0");
	for (size_t i = 1; i < rank; i++)
		used += (size_t)sprintf(text + used, ",1");
	sprintf(text + used, "],[0,0]]}");
	write_model(*state, "m", text, 0);
	model = open_model(*state, "m", NULL);
	assert_true(sft_list(model, SFT_REF_ROOT, 1, &entry));
	assert_true(sft_list(model, SFT_REF_ROOT, entry.next, &entry));
	got = read_document(model, entry.name);
	parsed = cJSON_Parse(got);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(parsed, "shape")), rank);
	assert_int_equal(strlen(cJSON_GetObjectItem(parsed, "name")->valuestring),
			 name_len);
	assert_memory_equal(cJSON_GetObjectItem(parsed, "name")->valuestring, text + 2,
			    name_len);
	cJSON_Delete(parsed);
	free(got);
	free(text);
	sft_close(model);
}

/* ---- __metadata__.json ---- */

#define NO_VIEWS                                                                         \
	"\"views\":{\"tensors\":{\"absent\":{}},\"npy\":{\"absent\":{}},"                \
	"\"f32\":{\"absent\":{}},\"flat\":{\"absent\":{}},\"offload\":{\"absent\":{},"   \
	"\"absent_files\":{\"index.json\":\"there is nothing to write an index of\"}},"  \
	"\"safetensors\":{\"absent\":{}},\"model\":{\"absent\":{}}}"

static void test_empty(void **state)
{
	struct sft_model *model;

	write_model(*state, "m", "{}   ", 0);
	model = open_model(*state, "m", NULL);
	check_document(model, "__metadata__.json",
		       "{\"files\":[{\"name\":\"m\",\"bytes\":13,\"header_bytes\":5,"
		       "\"tensors\":0}],\"tensors\":0,\"parameters\":0,\"bytes\":0,"
		       "\"dtypes\":{},\"metadata\":{}," NO_VIEWS "}");
	sft_close(model);
}

#define TEN "1,1,1,1,1,1,1,1,1,1,"
#define RANK_65 "[" TEN TEN TEN TEN TEN TEN "1,1,1,1,1]"
#define NO_ARRAY "\"r\\u000a\":\"numpy arrays have at most 64 dimensions\""

static void test_sharded(void **state)
{
	static const struct sft_options skip = { .skip_missing = true };
	static const char one[] =
		"{\"__metadata__\":{\"format\":\"pt\",\"a\\nb\":\"\"},"
		"\"a.w\":[\"BF16\",[2,3],[0,12]],\"x\":[\"F4\",[2],[12,13]]}";
	static const char two[] = "{\"b\":[\"F32\",[],[0,4]],\"r\\n\":[\"U8\"," RANK_65
				  ",[4,5]],\"x\":[\"BF16\",[0],[5,5]],"
				  "\"__metadata__\":{\"format\":\"np\",\"c\":\"d\"}}";
	static const char index[] =
		"{\"weight_map\":{\"a.w\":\"1.safetensors\",\"x\":\"2.safetensors\","
		"\"gone\":\"sub/3.safetensors\",\"g\\u0000\":\"2.safetensors\"}}";
	struct sft_model *model;
	char want[2048];

	write_model(*state, "1.safetensors", one, 13);
	write_model(*state, "2.safetensors", two, 5);
	write_file(*state, "m.safetensors.index.json", index, strlen(index));
	model = open_model(*state, ".", &skip);
	snprintf(want, sizeof(want),
		 "{\"files\":[{\"name\":\"1.safetensors\",\"bytes\":%zu,\"header_bytes\":"
		 "%zu,"
		 "\"tensors\":2},{\"name\":\"2.safetensors\",\"bytes\":%zu,"
		 "\"header_bytes\":%zu,\"tensors\":3}],"
		 "\"tensors\":4,\"parameters\":8,\"bytes\":17,\"dtypes\":{"
		 "\"U8\":{\"tensors\":1,\"parameters\":1,\"bytes\":1},"
		 "\"BF16\":{\"tensors\":2,\"parameters\":6,\"bytes\":12},"
		 "\"F32\":{\"tensors\":1,\"parameters\":1,\"bytes\":4}},"
		 "\"metadata\":{\"format\":\"pt\",\"a\\u000ab\":\"\",\"c\":\"d\"},"
		 "\"views\":{\"tensors\":{\"absent\":{}},\"npy\":{\"absent\":{" NO_ARRAY
		 "}},\"f32\":{\"absent\":{" NO_ARRAY "}},\"flat\":{\"absent\":{" NO_ARRAY
		 "}},\"offload\":{\"absent\":{\"r\\u000a\":\"its name cannot be a file's "
		 "name as it is\"}},\"safetensors\":{\"absent\":{}},"
		 "\"model\":{\"absent\":{}}},"
		 "\"missing\":{\"gone\":\"sub/3.safetensors\",\"g\\u0000\":"
		 "\"2.safetensors\"}}",
		 8 + strlen(one) + 13, strlen(one), 8 + strlen(two) + 5, strlen(two));
	check_document(model, "__metadata__.json", want);
	sft_close(model);
}

/* A thousand reasons, and how many more there are. */
static void test_reasons(void **state)
{
	for (int more = 0; more <= 3; more += 3) {
		char *text = malloc(1100 * 256);
		struct sft_model *model;
		size_t used = 0;
		const cJSON *npy;
		cJSON *parsed;
		char *got;

		for (int i = 0; i < 1000 + more; i++)
			used += (size_t)sprintf(text + used,
						"%c\"%d\":[\"U8\"," RANK_65 ",[%d,%d]]",
						i == 0 ? '{' : ',', i, i, i + 1);
		strcpy(text + used, "}");
		write_model(*state, "m", text, (size_t)(1000 + more));
		model = open_model(*state, "m", NULL);
		got = read_document(model, "__metadata__.json");
		parsed = cJSON_Parse(got);
		npy = cJSON_GetObjectItem(cJSON_GetObjectItem(parsed, "views"), "npy");
		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(npy, "absent")),
				 1000);
		if (more > 0)
			assert_int_equal(cJSON_GetObjectItem(npy, "more")->valueint,
					 more);
		else
			assert_null(cJSON_GetObjectItem(npy, "more"));
		cJSON_Delete(parsed);
		free(got);
		free(text);
		sft_close(model);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_tensors), IN_FOLDER(test_hard),    IN_FOLDER(test_empty),
		IN_FOLDER(test_sharded), IN_FOLDER(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
