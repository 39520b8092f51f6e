/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/name.h - the name of a tensor as components of a path
 *
 * Names are hostile text; what comes out can stand in any listing. The encoding is
 * injective: two different components never look the same, except where a long one is
 * cut and its 128-bit hash collides.
 *
 *	layers.0.q_proj	    -> layers / 0 / q_proj
 *	a/b		    -> a%2Fb
 *	""		    -> %
 *	(300 bytes)	    -> the first 209 %~ and 32 hex digits
 */
#ifndef SFT_CORE_NAME_H
#define SFT_CORE_NAME_H

#include "core/bytes.h"

/* Bytes of a component: 255 less the longest suffix of a view, ".safetensors". */
#define SFT_COMPONENT_MAX 243u
/* Folders on the way to a tensor; what is left of its name then stays together. */
#define SFT_DEPTH_MAX 32u
/* Bytes of a folder's path below the root, slashes included. */
#define SFT_PATH_MAX 2048u

/**
 * sft_name_is_plain() - whether a component surely stands for itself
 * @raw: a component; may hold dots
 */
bool sft_name_is_plain(struct sft_bytes raw);

/**
 * sft_name_encode() - encode one component
 * @raw:  UTF-8. Dots are kept, and what is between them is encoded piece by piece: the
 *        last component of a name may hold some
 * @max:  at least 64, at most SFT_COMPONENT_MAX; longer results are cut
 * @out:  receives the component, not NUL-terminated
 *
 * Return: its length in bytes, 1 to @max.
 */
size_t sft_name_encode(struct sft_bytes raw, size_t max, char out[SFT_COMPONENT_MAX]);

#endif /* SFT_CORE_NAME_H */
