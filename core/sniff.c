// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* memmem(), strcasestr() */
#include "core/sniff.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "core/bytes.h"

#define CONVERT "; convert it to safetensors first"
#define DOWNLOAD "; download the model file itself"

/* A file begins with @magic; if @inside is set, it also holds that text soon after. */
static const struct {
	const char *magic;
	size_t magic_len;
	const char *inside;
	const char *what;
} rows[] = {
#define MAGIC(text) text, sizeof(text) - 1
	{ MAGIC("version https://git-lfs.github.com/spec/"), NULL,
	  "this is a Git LFS pointer; fetch the file it stands for with 'git lfs pull'" },
	{ MAGIC("PK\003\004"), "data.pkl", "this is a PyTorch checkpoint (zip)" CONVERT },
	{ MAGIC("PK\003\004"), ".npy", "this is a NumPy .npz archive" CONVERT },
	{ MAGIC("PK\003\004"), NULL, "this is a zip archive; unpack it first" },
	{ MAGIC("\x80\x02"), NULL,
	  "this is a pickle, perhaps an old PyTorch checkpoint" CONVERT },
	{ MAGIC("\x80\x03"), NULL, "this is a pickle" CONVERT },
	{ MAGIC("\x80\x04"), NULL, "this is a pickle" CONVERT },
	{ MAGIC("\x80\x05"), NULL, "this is a pickle" CONVERT },
	{ MAGIC("GGUF"), NULL, "this is a GGUF model, which needs its own tools" },
	{ MAGIC("\x89HDF\r\n\x1a\n"), NULL,
	  "this is an HDF5 file, perhaps a Keras model" CONVERT },
	{ MAGIC("\x93NUMPY"), NULL, "this is a NumPy array (.npy)" CONVERT },
	{ MAGIC("\x1f\x8b"), NULL, "this is compressed with gzip; decompress it first" },
	{ MAGIC("\x28\xb5\x2f\xfd"), NULL,
	  "this is compressed with zstd; decompress it first" },
	{ MAGIC("\xfd"
		"7zXZ"),
	  NULL, "this is compressed with xz; decompress it first" },
	{ MAGIC("BZh"), NULL, "this is compressed with bzip2; decompress it first" },
#undef MAGIC
};

/* The first bytes as lower-case text behind white space, for formats made of text. */
static const char *sniff_text(const uint8_t *head, size_t len)
{
	char text[64];
	size_t begin = 0;
	size_t count = 0;

	if (len >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0)
		begin = 3;
	while (begin < len && head[begin] != '\0' &&
	       strchr(" \t\r\n", head[begin]) != NULL)
		begin++;
	while (begin + count < len && count < sizeof(text) - 1 &&
	       head[begin + count] != '\0') {
		text[count] = (char)head[begin + count];
		count++;
	}
	text[count] = '\0';
	if (strncasecmp(text, "<!doctype html", 14) == 0 ||
	    strncasecmp(text, "<html", 5) == 0)
		return "this is an HTML page, perhaps an error or log-in page" DOWNLOAD;
	if (strncmp(text, "<?xml", 5) == 0)
		return "this is an XML document, perhaps an error message" DOWNLOAD;
	if (text[0] == '{')
		return "this is JSON text; an index has to be named "
		       "*.safetensors.index.json";
	return NULL;
}

/* A length field of at most 4 GiB and an object: a safetensors file, if a broken one. */
static bool is_header(const uint8_t *head, size_t len)
{
	static const uint8_t zeros[4];

	return len > 8 && memcmp(head + 4, zeros, sizeof(zeros)) == 0 && head[8] == '{';
}

static bool is_all_zero(const uint8_t *head, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (head[i] != 0)
			return false;
	return true;
}

const char *sft_sniff(const uint8_t *head, size_t len, const char *name)
{
	const struct sft_bytes file = sft_bytes_of(name);

	if (len == 0)
		return "the file is empty; perhaps its download failed or has not begun";
	if (sft_bytes_end_in(file, ".incomplete") || sft_bytes_end_in(file, ".part") ||
	    sft_bytes_end_in(file, ".crdownload"))
		return "this is an unfinished download; let it finish";
	if (is_header(head, len))
		return NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (len < rows[i].magic_len ||
		    memcmp(head, rows[i].magic, rows[i].magic_len) != 0)
			continue;
		if (rows[i].inside == NULL ||
		    memmem(head, len, rows[i].inside, strlen(rows[i].inside)) != NULL)
			return rows[i].what;
	}
	if (is_all_zero(head, len))
		return "the file begins with zeros; perhaps its download has not "
		       "finished";
	return sniff_text(head, len);
}
