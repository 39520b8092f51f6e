/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/passthrough.h - files that the kernel reads from the source without asking us
 *
 * Some files of a mount are a file of the source, byte for byte: model.safetensors of a
 * model that is one file, and what is passed through of the source's folder. The kernel
 * can be given the descriptor, once, and then reads and maps as fast as the file itself.
 * It takes Linux 6.9, a libfuse that knows of it, and CAP_SYS_ADMIN; where one is
 * missing, such files are read as all others.
 *
 * Such a file shows what the source shows, later changes too: nobody asks us.
 */
#ifndef FS_PASSTHROUGH_H
#define FS_PASSTHROUGH_H

#include <stdint.h>

#include "core/sft.h"

struct fs_passthrough;

/**
 * fs_passthrough_new() - find what could be passed through
 * @model: outlives it
 *
 * Return: NULL where memory is short.
 */
struct fs_passthrough *fs_passthrough_new(const struct sft_model *model);

/* NULL is fine. What the kernel was given goes with the connection. */
void fs_passthrough_free(struct fs_passthrough *passthrough);

/**
 * fs_passthrough_register() - give the kernel the files
 * @session_fd: of a mount whose first request was answered, passing through agreed on
 *
 * Call while this process has its rights, before other threads use the table.
 *
 * Return: how many it took.
 */
size_t fs_passthrough_register(struct fs_passthrough *passthrough, int session_fd);

/**
 * fs_passthrough_find() - what to answer an open with
 * @file: of the model
 *
 * Safe from any thread. Return: the kernel's number, or 0: the file is read as others.
 */
int32_t fs_passthrough_find(const struct fs_passthrough *passthrough,
			    const struct sft_file *file);

#endif /* FS_PASSTHROUGH_H */
