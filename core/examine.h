/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/examine.h - what a name of the source's folder is, before anything is opened
 *
 * Opening is an act: a device may do something, a FIFO may wake its writer. So names and
 * kinds are told apart first; that what is opened then is still the same kind has to be
 * asked once more of the open file.
 */
#ifndef SFT_CORE_EXAMINE_H
#define SFT_CORE_EXAMINE_H

#include "core/beneath.h"

/**
 * sft_examine_name() - whether a name can be shown as it is
 * @name: without a slash, one would think; but servers of file systems are hostile, too
 * @why:  the reason if not
 *
 * Return: SFT_OK or SFT_E_NAME.
 */
SFT_MUST_CHECK enum sft_status sft_examine_name(const char *name, struct sft_error *why);

/* Whether a name is that of weights in any format or an index of them, in any case. */
bool sft_examine_is_weights(const char *name);

/**
 * sft_examine_kind() - look at what a path leads to
 * @path:     for sft_beneath_reach()
 * @ret_type: S_IFREG, S_IFDIR, or S_IFLNK for a link to a regular file beneath the base
 * @why:      which other kind it is, or where the link leads
 *
 * Return: SFT_OK or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status sft_examine_kind(const struct sft_beneath *beneath,
						const char *path, mode_t *ret_type,
						struct sft_error *why);

#endif /* SFT_CORE_EXAMINE_H */
