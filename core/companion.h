/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/companion.h - the other files of the source's folder: config.json, tokenizers ...
 *
 * All of them are opened once, so that a later read needs no path. Regular files only,
 * and links to such beneath the folder (core/beneath.h); what is not taken is told with
 * the reason. Names that begin with a dot are not taken, nor are, at the top level,
 * weights in any format and indexes of them: *.safetensors *.bin *.pt *.pth *.ckpt *.h5
 * *.msgpack *.npz *.gguf *.onnx *.index.json, in upper case, too, since a loader on
 * another system may take MODEL.BIN for model.bin.
 *
 * Folders are gone through level by level, each in byte order: where a limit is reached
 * it is the deeper files that are left out.
 */
#ifndef SFT_CORE_COMPANION_H
#define SFT_CORE_COMPANION_H

#include "core/backing.h"
#include "core/names.h"

#define SFT_COMPANIONS_MAX 1000u        /* files that are opened */
#define SFT_COMPANION_DEPTH_MAX 4u      /* folders on the way to a file */
#define SFT_COMPANION_NAMES_MAX 100000u /* looked at in all folders together */
#define SFT_LEFT_OUT_MAX 1000u          /* files that are left out with a reason */

struct sft_companion {
	char *path;              /* relative to the folder; safe UTF-8 */
	struct sft_backing file; /* its path is that of the folder and @path */
};

/* A file, or a folder with all in it, that was not taken; both strings malloc()ed. */
struct sft_left_out {
	char *path; /* relative to the folder, "." for itself; any bytes but NUL */
	char *why;  /* printable; no file is named */
};

struct sft_companions {
	struct sft_companion *files;   /* sorted by path in byte order, each path once */
	size_t count;                  /* at most SFT_COMPANIONS_MAX */
	struct sft_left_out *left_out; /* sorted likewise */
	size_t left_out_count;         /* at most SFT_LEFT_OUT_MAX */
	uint64_t left_out_more;        /* names that are left out without a reason */
};

/**
 * sft_companions_open() - open the other files of a folder, and never wait for anything
 * @companions: filled; freed by the caller with sft_companions_done(); empty on failure
 * @folder:     path of the folder; "" is the current one
 * @own:        sorted paths below it of what the model itself is made of: not looked at
 *
 * A file that cannot be opened, or a folder that cannot be listed, is left out. Names
 * past SFT_COMPANION_NAMES_MAX count in @left_out_more, up to ten times as many; the
 * folders that hold them have an entry that says so. No file is mapped. Files stop being
 * opened some descriptors before the limit: raise it before. A file's mode lets nobody
 * read it whom the folders on the way to it do not let through.
 *
 * Return: SFT_OK or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status sft_companions_open(struct sft_companions *companions,
						   const char *folder,
						   const struct sft_names *own,
						   struct sft_error *err);

/* Closes and frees all; leaves an empty one. */
void sft_companions_done(struct sft_companions *companions);

#endif /* SFT_CORE_COMPANION_H */
