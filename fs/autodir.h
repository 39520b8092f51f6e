/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/autodir.h - the folder that is made where no MOUNTPOINT is given
 *
 * It is in the current folder and named after the source: FILE for FILE.safetensors,
 * NAME.mnt for all else. Who made it removes it at the end of the mount, if it still is
 * that folder, and empty. Until then its maker holds a lock on it, so that whoever
 * unmounts, or mounts again, can wait for the end.
 */
#ifndef FS_AUTODIR_H
#define FS_AUTODIR_H

#include "fs/mountpoint.h"

/**
 * fs_autodir_prepare() - make a mount point for a source, or take one that is there
 * @source:     as the person wrote it; it could be opened
 * @mountpoint: filled, as by fs_mountpoint_check()
 *
 * A folder of the name is taken if it is empty, and is not removed then.
 *
 * Return: 0, or the exit status after a message.
 */
int fs_autodir_prepare(const char *source, struct fs_mountpoint *mountpoint);

/* Prints where that is, on standard output. */
void fs_autodir_announce(const struct fs_mountpoint *mountpoint);

/* Removes the folder if it was made for this mount; once. Nothing may be mounted on it.
 */
void fs_autodir_remove(struct fs_mountpoint *mountpoint);

/* For a process that will not do that. */
void fs_autodir_leave(struct fs_mountpoint *mountpoint);

/* Waits for a mount that has just gone from @path to be over, for three seconds at most.
 */
void fs_autodir_wait(const char *path);

#endif /* FS_AUTODIR_H */
