// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *sft_status_word(enum sft_status status)
{
	switch (status) {
	case SFT_OK:
		return "ok";
	case SFT_E_HEADER_TOO_SMALL:
		return "header-too-small";
	case SFT_E_HEADER_TOO_LARGE:
		return "header-too-large";
	case SFT_E_INVALID_HEADER_LENGTH:
		return "invalid-header-length";
	case SFT_E_INVALID_HEADER:
		return "invalid-header";
	case SFT_E_INVALID_HEADER_DESERIALIZATION:
		return "invalid-header-deserialization";
	case SFT_E_INVALID_OFFSET:
		return "invalid-offset";
	case SFT_E_VALIDATION_OVERFLOW:
		return "validation-overflow";
	case SFT_E_MISALIGNED_SLICE:
		return "misaligned-slice";
	case SFT_E_TENSOR_INVALID_INFO:
		return "tensor-invalid-info";
	case SFT_E_METADATA_INCOMPLETE_BUFFER:
		return "metadata-incomplete-buffer";
	case SFT_E_IO:
		return "io";
	case SFT_E_NO_MEMORY:
		return "no-memory";
	case SFT_E_INDEX:
		return "index";
	case SFT_E_LIMIT:
		return "limit";
	case SFT_E_NAME:
		return "name";
	case SFT_E_CHANGED:
		return "changed";
	case SFT_E_MOUNT:
		return "mount";
	case SFT_E_USAGE:
		return "usage";
	}
	return "unknown";
}

enum sft_status sft_fail(struct sft_error *err, enum sft_status status, uint64_t pos,
			 const char *format, ...)
{
	const int sys_errno = errno;
	va_list args;

	if (err == NULL)
		return status;
	err->status = status;
	err->sys_errno = status == SFT_E_IO ? sys_errno : 0;
	err->pos = pos;
	err->file[0] = '\0';
	va_start(args, format);
	vsnprintf(err->detail, sizeof(err->detail), format, args);
	va_end(args);
	return status;
}

enum sft_status sft_fail_memory(struct sft_error *err)
{
	return sft_fail(err, SFT_E_NO_MEMORY, SFT_POS_NONE, "out of memory");
}

void sft_error_file(struct sft_error *err, const char *path)
{
	if (err != NULL && err->file[0] == '\0')
		sft_escape(err->file, sizeof(err->file), path, strlen(path));
}
