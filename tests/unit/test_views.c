// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_views.c - what each view lists, and what is in its files
 *
 * Names first: what is listed is found, has the length that it says, and nothing else is
 * there. Then bytes: what a file has to hold is known here without core, from the bytes
 * of the model file; files of tensors are read by the reader that judges all files.
 */
#define _GNU_SOURCE /* open_memstream() */
#include "core/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/headers.h"
#include "tests/unit/support.h"

/* ---- names ---- */

/* Appends all below a folder: folders end in a slash, links in an at sign. */
static void list_all(FILE *out, const struct sft_model *model, struct sft_ref folder,
		     const char *prefix)
{
	struct sft_entry entry = { .next = 0 };
	char path[2048];

	while (sft_list(model, folder, entry.next, &entry)) {
		struct sft_ref found;

		snprintf(path, sizeof(path), "%s%s%s", prefix, entry.name,
			 entry.type == SFT_TYPE_FOLDER ? "/"
			 : entry.type == SFT_TYPE_LINK ? "@"
						       : "");
		fprintf(out, " %s", path);
		assert_true(sft_lookup(model, folder, entry.name, strlen(entry.name),
				       &found));
		CHECK_UINT(path, found.node, entry.ref.node);
		CHECK_UINT(path, found.kind, entry.ref.kind);
		CHECK_UINT(path, sft_ref_type(model, found), entry.type);
		if (entry.type == SFT_TYPE_FOLDER)
			list_all(out, model, entry.ref, path);
	}
}

static char *listing(const struct sft_model *model, const char *path)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	list_all(out, model, find_ref(model, path), "");
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Tensors and folders of one name, folders of aliases alone, aliases among tensors. */
static const char twins[] =
	"{\"w\":[\"U8\",[1],[0,1]],\"w.absmax\":[\"F32\",[1],[1,5]],"
	"\"w.quant.x\":[\"F16\",[1],[5,7]],\"b.c\":[\"U8\",[0],[7,7]],"
	"\"v\":[\"U8\",[1],[7,8]],\"__metadata__\":{\"format\":\"np\","
	"\"al.ias\":\"b.c\",\"only.one\":\"w\",\"w.also\":\"b.c\",\"b\":\"v\","
	"\"v.x\":\"w\"}}";

/* Names that are no files' names, and such that a view has itself. */
static const char hostile[] =
	"{\"\":[\"U8\",[1],[0,1]],\".\":[\"U8\",[1],[1,2]],\"..\":[\"U8\",[1],[2,3]],"
	"\"a/b\":[\"U8\",[1],[3,4]],\"index.json\":[\"U8\",[],[4,5]],"
	"\"x\\u0000\":[\"U8\",[1],[5,6]],\"q\\\"\\\\\":[\"U8\",[2,1],[6,8]],"
	"\"\xc3\xa9.\xf0\x9f\x98\x80\":[\"BF16\",[1],[8,10]],"
	"\"model.safetensors\":[\"U8\",[1],[10,11]],\"~\xef\xbf\xbf\":[\"U8\",[0],[11,11]"
	"],"
	"\".view\":[\"U8\",[1],[11,12]]}";

#define E_ACUTE "\xc3\xa9"
#define SMILE "\xf0\x9f\x98\x80"
#define LAST "\xef\xbf\xbf" /* U+FFFF */

static const struct {
	const char *header;
	size_t data_len;
	const char *view, *want;
} lists[] = {
	{ twins, 8, ".view/f32",
	  " al/ al/ias.bin@ al/ias.npy@ b/ b/c.bin b/c.npy only/ only/one.bin@"
	  " only/one.npy@ v/ v/x.bin@ v/x.npy@ w/ w/quant/ w/quant/x.bin w/quant/x.npy"
	  " w/absmax.bin w/absmax.npy w/also.bin@ w/also.npy@ b.bin@ b.npy@ v.bin v.npy"
	  " w.bin w.npy" },
	{ twins, 8, ".view/flat",
	  " al.ias.bin@ al.ias.json@ al.ias.npy@ b.bin@ b.json@ b.npy@ b.c.bin b.c.json"
	  " b.c.npy only.one.bin@ only.one.json@ only.one.npy@ v.bin v.json v.npy"
	  " v.x.bin@ v.x.json@ v.x.npy@ w.bin w.json w.npy w.absmax.bin w.absmax.json"
	  " w.absmax.npy w.also.bin@ w.also.json@ w.also.npy@ w.quant.x.bin"
	  " w.quant.x.json w.quant.x.npy" },
	{ twins, 8, ".view/offload",
	  " index.json b.c.dat v.dat w.dat w.absmax.dat w.quant.x.dat" },
	/* The link b gives way to the folder, the folder v has no tensor: v is its own.
	 */
	{ twins, 8, ".view/safetensors",
	  " al/ al/ias.safetensors@ b/ b/c.safetensors b.safetensors only/"
	  " only/one.safetensors@ v/ v/x.safetensors@ w/ w/quant/ w/quant/x.safetensors"
	  " w/quant.safetensors w/absmax.safetensors w/also.safetensors@ w.safetensors"
	  " v.safetensors" },
	{ twins, 8, ".view/model", " model.safetensors" },
	{ hostile, 12, ".view/offload",
	  " index.json index.json.dat model.safetensors.dat q\"\\.dat ~" LAST
	  ".dat " E_ACUTE "." SMILE ".dat" },
	{ hostile, 12, ".view/safetensors",
	  " %/ %/%/ %/%/%.safetensors %/%.safetensors"
	  " %/view.safetensors %.safetensors index/ index/json.safetensors"
	  " index.safetensors model/ model/safetensors.safetensors model.safetensors"
	  " " E_ACUTE "/ " E_ACUTE "/" SMILE ".safetensors " E_ACUTE ".safetensors"
	  " a%2Fb.safetensors q\"\\.safetensors x%00.safetensors ~" LAST ".safetensors" },
	{ hostile, 12, ".view/model", " model.safetensors" },
	{ "{}", 0, ".view/f32", "" },
	{ "{}", 0, ".view/flat", "" },
	/* An index of nothing is none. */
	{ "{}", 0, ".view/offload", "" },
	{ "{\"a\":[\"F4\",[2],[0,1]]}", 1, ".view/offload", "" },
	{ "{}", 0, ".view/safetensors", "" },
	{ "{}", 0, ".view/model", " model.safetensors" },
};

static void test_lists(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
		struct sft_model *model;
		char *got;

		write_model(*state, "m", lists[i].header, lists[i].data_len);
		model = open_model(*state, "m", NULL);
		got = listing(model, lists[i].view);
		CHECK_TEXT(lists[i].view, got, lists[i].want);
		free(got);
		sft_close(model);
	}
}

/* Every entry but the folder files, by which a folder of aliases alone is told. */
static void test_alias_folders(void **state)
{
	static const char *const absent[] = { "al", "only", "v.x" };
	struct sft_model *model;
	struct sft_ref ref;

	write_model(*state, "m", twins, 8);
	model = open_model(*state, "m", NULL);
	for (size_t i = 0; i < ARRAY_COUNT(absent); i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s.safetensors", absent[i]);
		CHECK_UINT(name,
			   sft_lookup(model, find_ref(model, ".view/safetensors"), name,
				      strlen(name), &ref),
			   false);
	}
	ref = find_ref(model, ".view/safetensors/al");
	ref.kind = SFT_KIND_FILE;
	assert_false(sft_ref_valid(model, ref));
	ref = find_ref(model, ".view/safetensors");
	ref.kind = SFT_KIND_FILE; /* the root has no file */
	assert_false(sft_ref_valid(model, ref));
	sft_close(model);
}

static const char *const views[] = { "tensors", "npy",         "f32",  "flat",
				     "offload", "safetensors", "model" };

/* The files of a folder are as long as they say, and links lead to one of them. */
static uint64_t check_sizes(const struct sft_model *model, struct sft_ref folder)
{
	struct sft_entry entry = { .next = 0 };
	uint64_t count = 0;

	for (; sft_list(model, folder, entry.next, &entry); count++) {
		struct sft_attr attr;
		struct sft_file *file;
		uint8_t *bytes;
		size_t got;

		assert_int_equal(sft_attr(model, entry.ref, &attr, NULL), SFT_OK);
		CHECK_UINT(entry.name, attr.type, entry.type);
		if (entry.type == SFT_TYPE_FOLDER)
			count += check_sizes(model, entry.ref);
		if (entry.type != SFT_TYPE_FILE)
			continue;
		assert_int_equal(sft_file_open(model, entry.ref, &file, NULL), SFT_OK);
		CHECK_UINT(entry.name, sft_file_len(file), attr.len);
		bytes = malloc((size_t)attr.len + 1);
		assert_int_equal(
			sft_file_read(file, 0, bytes, (size_t)attr.len + 1, &got, NULL),
			SFT_OK);
		CHECK_UINT(entry.name, got, attr.len);
		free(bytes);
		sft_file_close(file);
	}
	return count;
}

/* As the root, a view shows the same; and what it shows is counted. */
static void test_roots(void **state)
{
	static const char *const headers[] = { twins, hostile };
	static const size_t data_lens[] = { 8, 12 };

	for (size_t i = 0; i < 2 * ARRAY_COUNT(views); i++) {
		const char *view = views[i / 2];
		struct sft_model *model;
		char path[64];
		char *below, *root;

		write_model(*state, "m", headers[i % 2], data_lens[i % 2]);
		model = open_model(*state, "m", NULL);
		assert_true(sft_view_use(model, view));
		snprintf(path, sizeof(path), ".view/%s", view);
		below = listing(model, path);
		root = listing(model, "");
		CHECK_TEXT(view, root, below);
		/* The root itself is counted, too. */
		CHECK_UINT(view, sft_model_file_count(model),
			   1 + check_sizes(model, SFT_REF_ROOT));
		free(below);
		free(root);
		sft_close(model);
	}
}

/* ---- bytes ---- */

#define TENSORS 22u

/* Two elements of each type (four of F6), and what they are as float32. */
static const struct {
	const char *dtype;
	struct sft_bytes raw;
	float floats[2];
	const char *offload; /* its name in Accelerate's folder; NULL: not there */
	const char *npy;
} types[TENSORS] = {
	{ "BOOL", BYTES("\x00\x01"), { 0, 1 }, "bool", "|b1" },
	{ "F4", BYTES("\xf1"), { 0.5f, -6 }, NULL, "|u1" },
	{ "F6_E2M3", BYTES("\x01\x02\x03"), { 0 }, NULL, "|u1" },
	{ "F6_E3M2", BYTES("\x04\x05\x06"), { 0 }, NULL, "|u1" },
	{ "U8", BYTES("\x00\xff"), { 0, 255 }, "uint8", "|u1" },
	{ "I8", BYTES("\x80\x7f"), { -128, 127 }, "int8", "|i1" },
	{ "F8_E5M2", BYTES("\x3c\xc0"), { 1, -2 }, "float8_e5m2", "|V1" },
	{ "F8_E4M3", BYTES("\x38\x7e"), { 1, 448 }, "float8_e4m3fn", "|V1" },
	{ "F8_E8M0", BYTES("\x7f\x00"), { 1, 0x1p-127f }, "float8_e8m0fnu", "|V1" },
	{ "F8_E4M3FNUZ", BYTES("\x40\x7f"), { 1, 240 }, "float8_e4m3fnuz", "|V1" },
	{ "F8_E5M2FNUZ", BYTES("\x40\x01"), { 1, 0x1p-17f }, "float8_e5m2fnuz", "|V1" },
	{ "I16", BYTES("\x00\x80\x01\x00"), { -32768, 1 }, "int16", "<i2" },
	{ "U16", BYTES("\xff\xff\x01\x00"), { 65535, 1 }, "uint16", "<u2" },
	{ "F16", BYTES("\x00\x3c\x01\x80"), { 1, -0x1p-24f }, "float16", "<f2" },
	{ "BF16", BYTES("\x80\x3f\x00\xc0"), { 1, -2 }, "bfloat16", "<V2" },
	{ "I32",
	  BYTES("\xff\xff\xff\xff\x01\x00\x00\x01"),
	  { -1, 0x1p24f },
	  "int32",
	  "<i4" },
	{ "U32",
	  BYTES("\xff\xff\xff\xff\x01\x00\x00\x00"),
	  { 0x1p32f, 1 },
	  "uint32",
	  "<u4" },
	{ "F32",
	  BYTES("\x00\x00\x80\x3f\x00\x00\x00\x80"),
	  { 1, -0.0f },
	  "float32",
	  "<f4" },
	{ "C64", BYTES("0123456789abcdef"), { 0 }, "complex64", "<c8" },
	{ "F64",
	  BYTES("\0\0\0\0\0\0\xf0\x3f\x9a\x99\x99\x99\x99\x99\xb9\x3f"),
	  { 1, 0.1f },
	  "float64",
	  "<f8" },
	{ "I64",
	  BYTES("\0\0\0\0\0\0\0\x80\1\0\0\0\0\0\0\0"),
	  { -0x1p63f, 1 },
	  "int64",
	  "<i8" },
	{ "U64",
	  BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\1\0\0\0\0\0\0\0"),
	  { 0x1p64f, 1 },
	  "uint64",
	  "<u8" },
};

static bool is_f6(size_t idx)
{
	return strncmp(types[idx].dtype, "F6_", 3) == 0;
}

static bool has_floats(size_t idx)
{
	return !is_f6(idx) && types[idx].dtype[0] != 'C';
}

/* The model file with a tensor "t.DTYPE" of each; @ret_len: of all of it. */
static uint8_t *write_types(const char *folder, size_t *ret_len)
{
	uint8_t *file = calloc(1, 8192);
	char *header = (char *)file + 8;
	size_t used = (size_t)sprintf(header, "{\"__metadata__\":{\"k\":\"v\"}");
	size_t off = 0;

	for (size_t i = 0; i < TENSORS; i++) {
		used += (size_t)sprintf(header + used,
					",\"t.%s\":[\"%s\",[%d],[%zu,%zu]]",
					types[i].dtype, types[i].dtype, is_f6(i) ? 4 : 2,
					off, off + types[i].raw.len);
		off += types[i].raw.len;
	}
	used += (size_t)sprintf(header + used, "}");
	assert_true(8 + used + off <= 8192);
	file[0] = (uint8_t)used;
	file[1] = (uint8_t)(used >> 8);
	used += 8;
	for (size_t i = 0; i < TENSORS; used += types[i++].raw.len)
		memcpy(file + used, types[i].raw.data, types[i].raw.len);
	write_file(folder, "m", file, used);
	*ret_len = used;
	return file;
}

static struct sft_bytes floats_of(size_t idx, uint8_t out[8])
{
	for (unsigned i = 0; i < 8; i++) {
		uint32_t bits;

		memcpy(&bits, &types[idx].floats[i / 4], 4);
		out[i] = (uint8_t)(bits >> 8 * (i % 4));
	}
	return bytes_at(out, 8);
}

/* A file of a view holds these bytes, all of them and nothing else. */
static void check_bytes_of(const struct sft_model *model, const char *view,
			   const char *name, const char *suffix, struct sft_bytes want)
{
	char path[128];
	char *text;
	size_t len;

	snprintf(path, sizeof(path), ".view/%s%s%s", view, name, suffix);
	text = read_whole(model, path, &len);
	CHECK_BYTES(path, bytes_at(text, len), want);
	free(text);
}

/* The same, behind the header of an array of one dimension. */
static void check_npy_of(const struct sft_model *model, const char *view,
			 const char *name, const char *descr, size_t dim,
			 struct sft_bytes data)
{
	char want[128 + 64] = "\x93NUMPY\x01";
	size_t used = 10 + (size_t)sprintf(want + 10,
					   "{'descr': '%s', 'fortran_order': False, "
					   "'shape': (%zu,), }",
					   descr, dim);

	memset(want + used, ' ', 127 - used);
	want[8] = 118;
	want[127] = '\n';
	memcpy(want + 128, data.data, data.len);
	check_bytes_of(model, view, name, ".npy", bytes_at(want, 128 + data.len));
}

static void check_absent(const struct sft_model *model, const char *folder,
			 const char *name, const char *suffix)
{
	struct sft_ref ref;
	char file[128];

	snprintf(file, sizeof(file), "%s%s", name, suffix);
	CHECK_UINT(file,
		   sft_lookup(model, find_ref(model, folder), file, strlen(file), &ref),
		   false);
}

static void check_type(const struct sft_model *model, size_t idx)
{
	const struct sft_bytes raw = types[idx].raw;
	const char *name = types[idx].dtype;
	const bool is_packed = is_f6(idx) || strcmp(name, "F4") == 0;
	uint8_t floats[8];
	char doc[64];
	char *json;
	size_t len;

	if (has_floats(idx)) {
		check_bytes_of(model, "f32/t/", name, ".bin", floats_of(idx, floats));
		check_npy_of(model, "f32/t/", name, "<f4", 2, floats_of(idx, floats));
	} else {
		check_absent(model, ".view/f32/t", name, ".bin");
		check_absent(model, ".view/f32/t", name, ".npy");
	}
	check_bytes_of(model, "flat/t.", name, ".bin", raw);
	check_npy_of(model, "flat/t.", name, types[idx].npy, is_packed ? raw.len : 2,
		     raw);
	snprintf(doc, sizeof(doc), "t/%s.json", name); /* see test_describe.c */
	json = read_whole(model, doc, &len);
	check_bytes_of(model, "flat/t.", name, ".json", bytes_at(json, len));
	free(json);
	snprintf(doc, sizeof(doc), "t.%s", name);
	if (types[idx].offload != NULL)
		check_bytes_of(model, "offload/", doc, ".dat", raw);
	else
		check_absent(model, ".view/offload", doc, ".dat");
}

static void test_types(void **state)
{
	size_t len;
	uint8_t *file = write_types(*state, &len);
	struct sft_model *model = open_model(*state, "m", NULL);

	for (size_t i = 0; i < TENSORS; i++)
		check_type(model, i);
	check_bytes_of(model, "model/", "model", ".safetensors", bytes_at(file, len));
	sft_close(model);
	free(file);
}

/* ---- files of tensors ---- */

/* The bytes of a tensor, found by name in the model file itself. */
static struct sft_bytes source_of(const struct sft_model *model, char *const *shards,
				  struct sft_bytes name)
{
	for (size_t i = 0; i < model->tensor_count; i++) {
		const struct sft_tensor *tensor = &model->tensors[i];

		if (sft_bytes_equal(sft_model_name(model, tensor), name))
			return bytes_at(shards[tensor->shard] +
						model->shards[tensor->shard].data_off +
						tensor->begin,
					(size_t)(tensor->end - tensor->begin));
	}
	return bytes_at(NULL, 0);
}

static char *read_source(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *bytes = calloc(1, 65536);

	assert_true(file != NULL && bytes != NULL);
	assert_true(fread(bytes, 1, 65536, file) > 0);
	fclose(file);
	return bytes;
}

/*
 * A file that was made of tensors is a good one, holds these, and has their bytes; each
 * is aligned as its elements are, and the first at a page.
 */
static void check_made(const struct sft_model *model, const char *path, const char *want)
{
	char *shards[4] = { NULL };
	struct sft_error err = { .detail = "" };
	struct sft_header header;
	uint64_t header_len;
	size_t len;
	uint8_t *bytes = (uint8_t *)read_whole(model, path, &len);
	char *got;

	for (size_t i = 0; i < model->shard_count; i++)
		shards[i] = read_source(model->shards[i].file.path);
	assert_int_equal(sft_header_decode_len(bytes, len, &header_len, NULL), SFT_OK);
	CHECK_UINT(path, (8 + header_len) % 4096, 0);
	header = header_of(bytes_at(bytes + 8, (size_t)header_len));
	if (sft_header_parse(&header, 0, &err) != SFT_OK ||
	    sft_check(&header, len, &err) != SFT_OK)
		fail_msg("%s: %s", path, err.detail);
	got = header_dump(&header);
	CHECK_TEXT(path, got, want);
	for (size_t i = 0; i < header.tensor_count; i++) {
		const struct sft_tensor *tensor = &header.tensors[i];
		const uint8_t bits = sft_dtype(tensor->dtype)->bits;

		CHECK_UINT(path, tensor->begin * 8 % (bits % 8 == 0 ? bits : 1), 0);
		CHECK_BYTES(path,
			    bytes_at(bytes + 8 + header_len + tensor->begin,
				     (size_t)sft_tensor_len(tensor)),
			    source_of(model, shards, sft_tensor_name(&header, tensor)));
	}
	free(got);
	sft_header_done(&header);
	for (size_t i = 0; i < ARRAY_COUNT(shards); i++)
		free(shards[i]);
	free(bytes);
}

#define W "w: U8 [1] "
#define ABSMAX "w.absmax: F32 [1] "
#define QUANT "w.quant.x: F16 [1] "
#define NP "format = np\n"

static const struct {
	const char *header;
	size_t data_len;
	const char *path, *want;
} parts[] = {
	{ twins, 8, "v", "v: U8 [1] 0-1 in 0\n" NP },
	{ twins, 8, "b", "b.c: U8 [0] 0-0 in 0\n" NP },
	{ twins, 8, "b/c", "b.c: U8 [0] 0-0 in 0\n" NP },
	{ twins, 8, "w", ABSMAX "0-4 in 0\n" QUANT "4-6 in 0\n" W "6-7 in 0\n" NP },
	{ twins, 8, "w/absmax", ABSMAX "0-4 in 0\n" NP },
	{ twins, 8, "w/quant", QUANT "0-2 in 0\n" NP },
	{ twins, 8, "w/quant/x", QUANT "0-2 in 0\n" NP },
	/* A link holds what it stands for, under that name. */
	{ twins, 8, "only/one", W "0-1 in 0\n" NP },
	{ hostile, 12, "%", /* the tensor without a name, and all that begin with a dot */
	  ": U8 [1] 0-1 in 0\n.: U8 [1] 1-2 in 0\n.view: U8 [1] 2-3 in 0\n"
	  "..: U8 [1] 3-4 in 0\nformat = pt\n" },
	{ hostile, 12, "%/%", ".: U8 [1] 0-1 in 0\n..: U8 [1] 1-2 in 0\nformat = pt\n" },
	{ hostile, 12, "%/%/%", "..: U8 [1] 0-1 in 0\nformat = pt\n" },
	{ hostile, 12, "x%00", "x\\u0000: U8 [1] 0-1 in 0\nformat = pt\n" },
	{ hostile, 12, "q\"\\", "q\\\"\\\\: U8 [2, 1] 0-2 in 0\nformat = pt\n" },
	{ hostile, 12, E_ACUTE, E_ACUTE "." SMILE ": BF16 [1] 0-2 in 0\nformat = pt\n" },
};

static void test_parts(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		struct sft_model *model;
		char path[64];

		write_model(*state, "m", parts[i].header, parts[i].data_len);
		model = open_model(*state, "m", NULL);
		snprintf(path, sizeof(path), ".view/safetensors/%s.safetensors",
			 parts[i].path);
		check_made(model, path, parts[i].want);
		sft_close(model);
	}
}

/* Every type, the widest first; those of a width stand in the order of their names. */
static void test_part_of_types(void **state)
{
	static const char *const order[TENSORS] = {
		"C64",     "F64",         "I64",     "U64",         "F32",     "I32",
		"U32",     "BF16",        "F16",     "I16",         "U16",     "BOOL",
		"F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2", "F8_E5M2FNUZ", "F8_E8M0", "I8",
		"U8",      "F6_E2M3",     "F6_E3M2", "F4",
	};
	char want[2048];
	size_t used = 0;
	size_t off = 0;
	size_t len;
	uint8_t *file = write_types(*state, &len);
	struct sft_model *model = open_model(*state, "m", NULL);

	for (size_t i = 0; i < TENSORS; i++) {
		size_t idx = 0;

		while (strcmp(types[idx].dtype, order[i]) != 0)
			idx++;
		used += (size_t)sprintf(want + used, "t.%s: %s [%d] %zu-%zu in 0\n",
					order[i], order[i], is_f6(idx) ? 4 : 2, off,
					off + types[idx].raw.len);
		off += types[idx].raw.len;
	}
	sprintf(want + used, "format = pt\n");
	check_made(model, ".view/safetensors/t.safetensors", want);
	sft_close(model);
	free(file);
}

/* ---- several files as one ---- */

#define FIRST "a: U8 [3] "
#define DUP "dup: U8 [1] "

static const struct {
	const char *what, *first, *second; /* metadata, with a comma behind */
	const char *merged;                /* the metadata of model.safetensors */
	const char *part;                  /* and of a part */
} merges[] = {
	{ "none", "", "", "format = pt\n", "format = pt\n" },
	{ "empty", "\"__metadata__\":{},", "\"__metadata__\":null,", "format = pt\n",
	  "format = pt\n" },
	{ "of the first", "\"__metadata__\":{\"k\":\"v\",\"format\":\"tf\"},", "",
	  "k = v\nformat = tf\n", "format = tf\n" },
	{ "of the second", "", "\"__metadata__\":{\"l\":\"m\"},", "l = m\n",
	  "format = pt\n" },
	{ "of both", "\"__metadata__\":{\"k\":\"v\",\"x\":\"1\"},",
	  "\"__metadata__\":{\"k\":\"w\",\"format\":\"np\",\"l\":\"\\u001b\\\"\"},",
	  "k = v\nx = 1\nformat = np\nl = \\u001b\\\"\n", "format = np\n" },
	{ "aliases are metadata, too", "\"__metadata__\":{\"al.ias\":\"c\"},", "",
	  "al.ias = c\n", "format = pt\n" },
};

static void test_merges(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(merges); i++) {
		struct sft_model *model;
		char header[256], want[256];

		snprintf(header, sizeof(header),
			 "{%s\"a\":[\"U8\",[3],[0,3]],\"b\":[\"F32\",[1],[3,7]],"
			 "\"dup\":[\"U8\",[2],[7,9]]}",
			 merges[i].first);
		write_model(*state, "m-00001-of-00002.safetensors", header, 9);
		snprintf(header, sizeof(header),
			 "{%s\"dup\":[\"U8\",[1],[0,1]],\"c\":[\"F64\",[],[1,9]],"
			 "\"d\":[\"F4\",[2],[9,10]]}",
			 merges[i].second);
		write_model(*state, "m-00002-of-00002.safetensors", header, 10);
		model = open_model(*state, ".", NULL);
		snprintf(want, sizeof(want),
			 "c: F64 [] 0-8 in 0\nb: F32 [1] 8-12 in 0\n" FIRST
			 "12-15 in 0\n" DUP "15-16 in 0\nd: F4 [2] 16-17 in 0\n%s",
			 merges[i].merged);
		check_made(model, ".view/model/model.safetensors", want);
		snprintf(want, sizeof(want), DUP "0-1 in 0\n%s", merges[i].part);
		check_made(model, ".view/safetensors/dup.safetensors", want);
		sft_close(model);
	}
}

/* Names that loaders look for stay what they are. */
static void test_stems(void **state)
{
	static const struct {
		const char *file, *want;
	} stems[] = {
		{ "model", "model.safetensors" },
		{ "weights.bin", "model.safetensors" },
		{ "adapter_model.safetensors", "adapter_model.safetensors" },
		{ "adapter_models.safetensors", "model.safetensors" },
		{ "my_adapter_model.safetensors", "model.safetensors" },
		{ "diffusion_pytorch_model.fp16.safetensors",
		  "diffusion_pytorch_model.safetensors" },
		{ "diffusion_pytorch_model-00001-of-00001.safetensors",
		  "diffusion_pytorch_model.safetensors" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(stems); i++) {
		struct sft_model *model;
		char want[64];
		char *got;

		write_model(*state, stems[i].file, "{}", 0);
		model = open_model(*state, stems[i].file, NULL);
		got = listing(model, ".view/model");
		snprintf(want, sizeof(want), " %s", stems[i].want);
		CHECK_TEXT(stems[i].file, got, want);
		free(got);
		sft_close(model);
	}
}

/* ---- offload ---- */

#define SCALAR "\"shape\": []\n  }"

static const struct {
	const char *what, *header;
	size_t data_len;
	const char *want;
} indices[] = {
	{ "as Python writes it, in the order of the file",
	  "{\"z\":[\"U8\",[],[4,5]],\"s\":[\"BF16\",[1,2],[0,4]],"
	  "\"e\":[\"F32\",[3,0],[5,5]]}",
	  5,
	  "{\n  \"s\": {\n    \"dtype\": \"bfloat16\",\n    \"shape\": [\n      1,\n"
	  "      2\n    ]\n  },\n  \"z\": {\n    \"dtype\": \"uint8\",\n    " SCALAR
	  ",\n  \"e\": {\n    \"dtype\": \"float32\",\n    \"shape\": [\n      3,\n"
	  "      0\n    ]\n  }\n}" },
	{ "quotes, backslashes, and what is no ASCII",
	  "{\"q\\\"\\\\\":[\"I64\",[],[0,8]],\"\\u00e9\\ud83d\\ude00\\uffff~\":"
	  "[\"F8_E4M3\",[],[8,9]],\"\\u001b\":[\"U8\",[],[9,10]]}",
	  10,
	  "{\n  \"q\\\"\\\\\": {\n    \"dtype\": \"int64\",\n    " SCALAR
	  ",\n  \"\\u00e9\\ud83d\\ude00\\uffff~\": {\n    \"dtype\": "
	  "\"float8_e4m3fn\",\n    " SCALAR "\n}" },
};

static void test_indices(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(indices); i++) {
		struct sft_model *model;
		char *got;
		size_t len;

		write_model(*state, "m", indices[i].header, indices[i].data_len);
		model = open_model(*state, "m", NULL);
		got = read_whole(model, ".view/offload/index.json", &len);
		CHECK_TEXT(indices[i].what, got, indices[i].want);
		CHECK_UINT(indices[i].what, strlen(got), len);
		free(got);
		sft_close(model);
	}
}

/* Every type under its name in Accelerate; and a byte of nothing for no elements. */
static void test_offload_types(void **state)
{
	size_t len;
	uint8_t *file = write_types(*state, &len);
	struct sft_model *model = open_model(*state, "m", NULL);
	char *got = read_whole(model, ".view/offload/index.json", &len);
	char *at = got;

	for (size_t i = 0; i < TENSORS; i++) {
		char want[128];

		snprintf(want, sizeof(want), "\"t.%s\": {\n    \"dtype\": \"%s\",",
			 types[i].dtype, types[i].offload);
		if (types[i].offload != NULL) {
			at = strstr(at, want); /* in this order */
			CHECK_UINT(types[i].dtype, at != NULL, true);
		}
	}
	free(got);
	free(file);
	sft_close(model);
	write_model(*state, "m", "{\"a\":[\"F64\",[2,0],[0,0]],\"b\":[\"F64\",[],[0,8]]}",
		    8);
	model = open_model(*state, "m", NULL);
	check_bytes_of(model, "offload/", "a", ".dat", BYTES("\0"));
	check_bytes_of(model, "offload/", "b", ".dat",
		       BYTES("\x03\x0a\x11\x18\x1f\x26\x2d\x34"));
	sft_close(model);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_lists),   IN_FOLDER(test_alias_folders),
		IN_FOLDER(test_roots),   IN_FOLDER(test_types),
		IN_FOLDER(test_parts),   IN_FOLDER(test_part_of_types),
		IN_FOLDER(test_merges),  IN_FOLDER(test_stems),
		IN_FOLDER(test_indices), IN_FOLDER(test_offload_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
