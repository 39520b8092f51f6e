// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* O_PATH */
#include "core/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/backing.h"
#include "core/cleanup.h"
#include "core/text.h"

#define NAME_LEN_MAX 255u /* of an entry that we can list */

static enum sft_status refuse_name(struct sft_error *why, const char *reason)
{
	return sft_fail(why, SFT_E_NAME, SFT_POS_NONE, "%s", reason);
}

enum sft_status sft_examine_name(const char *name, struct sft_error *why)
{
	const size_t len = strlen(name);
	uint32_t cp = 0;

	if (name[0] == '.')
		return refuse_name(why, "its name begins with a dot");
	if (len > NAME_LEN_MAX) /* as some servers of file systems have them */
		return refuse_name(why, "its name is longer than 255 bytes");
	for (size_t off = 0; off < len;) {
		const size_t taken =
			sft_utf8_decode((const uint8_t *)name + off, len - off, &cp);

		if (taken == 0)
			return refuse_name(why, "its name is not UTF-8");
		if (sft_text_is_unsafe(cp))
			return refuse_name(why,
					   "its name holds a control character or one "
					   "that changes the direction of text");
		if (cp == '/') /* Linux checks what servers say since 5.5 only */
			return refuse_name(why, "its name holds a slash");
		off += taken;
	}
	return SFT_OK;
}

bool sft_examine_is_weights(const char *name)
{
	static const char suffixes[][16] = {
		".safetensors", ".bin", ".pt",   ".pth",  ".ckpt",       ".h5",
		".msgpack",     ".npz", ".gguf", ".onnx", ".index.json",
	};
	const size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const size_t suffix_len = strlen(suffixes[i]);

		if (len > suffix_len &&
		    strcasecmp(name + len - suffix_len, suffixes[i]) == 0)
			return true;
	}
	return false;
}

/* Checks that what was opened, perhaps only to look at it, is a regular file. */
static enum sft_status check_regular(int *fd, struct sft_error *why)
{
	struct sft_backing probe;
	enum sft_status status;

	sft_backing_init(&probe);
	status = sft_backing_take(&probe, fd, why);
	sft_backing_close(&probe);
	return status;
}

static enum sft_status check_target(const struct sft_beneath *beneath, const char *path,
				    struct sft_error *why)
{
	auto_close_fd int fd = -1;
	struct sft_error kind;
	enum sft_status status = sft_beneath_reach(beneath, path, O_PATH, &fd, why);

	if (status != SFT_OK)
		return status;
	status = check_regular(&fd, &kind);
	if (status != SFT_OK)
		return sft_fail(why, status, SFT_POS_NONE,
				"a symbolic link to what is %.512s", kind.detail);
	return SFT_OK;
}

enum sft_status sft_examine_kind(const struct sft_beneath *beneath, const char *path,
				 mode_t *ret_type, struct sft_error *why)
{
	auto_close_fd int fd = -1;
	struct stat info;
	enum sft_status status =
		sft_beneath_reach(beneath, path, O_PATH | O_NOFOLLOW, &fd, why);

	if (status != SFT_OK)
		return status;
	if (fstat(fd, &info) != 0)
		return sft_fail(why, SFT_E_IO, SFT_POS_NONE, "cannot open: %s",
				strerror(errno));
	if (S_ISLNK(info.st_mode))
		status = check_target(beneath, path, why);
	else if (!S_ISDIR(info.st_mode))
		status = check_regular(&fd, why);
	if (status == SFT_OK)
		*ret_type = info.st_mode & S_IFMT;
	return status;
}
