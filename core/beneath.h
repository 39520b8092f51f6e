/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/beneath.h - reach what lies beneath a folder, and nothing else
 *
 * The folder is as hostile as what is in it: it holds links to elsewhere, FIFOs, and
 * mounts whose server is dead. A path is therefore resolved by openat2() in one go,
 * beneath one base, never into another mount. The base is the folder itself; in a Hugging
 * Face cache it is the models--* folder around it, where the links of a snapshot lead:
 *
 *	models--org--name/snapshots/REV/config.json -> ../../blobs/SHA
 *	^ base		  ^ prefix	^ path
 *
 * Where there is no openat2() (before Linux 5.6, or filtered away) a path is walked one
 * component at a time. Links are then not followed, and another mount is told by its
 * device number, so that one of the same file system goes unnoticed.
 */
#ifndef SFT_CORE_BENEATH_H
#define SFT_CORE_BENEATH_H

#include "core/sft.h"

struct sft_beneath {
	int fd;       /* of the base, O_PATH */
	char *prefix; /* the folder's path below the base, "" or with a slash at its end
		       */
	bool by_steps;
	dev_t dev; /* the folder's; set if @by_steps */
};

/**
 * sft_beneath_open() - choose and open the base
 * @beneath: filled; closed by the caller with sft_beneath_close() after success only
 * @folder:  links in this path are followed; "" is the current folder
 *
 * Return: SFT_OK, SFT_E_IO or SFT_E_NO_MEMORY.
 */
SFT_MUST_CHECK enum sft_status
sft_beneath_open(struct sft_beneath *beneath, const char *folder, struct sft_error *err);

void sft_beneath_close(struct sft_beneath *beneath);

/**
 * sft_beneath_reach() - open what a path leads to, without waiting for anything
 * @path:   relative to the folder, "." for itself; no component of it is ".."
 * @flags:  O_PATH to look at it only, which asks no device, no FIFO and no server of
 *          another mount; O_DIRECTORY; O_NOFOLLOW refuses links anywhere in @path, but
 *          with O_PATH the last component may be one, and is opened itself
 * @ret_fd: the caller's
 * @err:    one that says why a link or a mount point was refused
 *
 * Return: SFT_OK or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status sft_beneath_reach(const struct sft_beneath *beneath,
						 const char *path, int flags, int *ret_fd,
						 struct sft_error *err);

/**
 * sft_beneath_lets() - whom the folders between the base and a file let through to it
 * @fd:  of a file that was reached beneath the base
 * @uid: the file's owner
 * @gid: the file's group
 *
 * Who opened the file may be root, and a folder may keep others out whom the file itself
 * does not. Of a link it is the way to its target that counts. Where folder and file have
 * other owners or groups, these are others to the folder.
 *
 * Return: 0444, less the bits of those of whom any of the folders keeps somebody out.
 */
mode_t sft_beneath_lets(const struct sft_beneath *beneath, int fd, uid_t uid, gid_t gid);

#endif /* SFT_CORE_BENEATH_H */
