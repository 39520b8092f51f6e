/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/facts.h - what there is to say of a tensor's file, each in a short text
 *
 * Part of the public interface: core/sft.h includes it. Facts are of the tensor, or of
 * the slice of it, whose file it is, whatever form a view shows it in. Files of other
 * kinds, and folders, have none. All of this is safe from any thread.
 */
#ifndef SFT_CORE_FACTS_H
#define SFT_CORE_FACTS_H

#include <stddef.h>

#include "digest.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sft_model;
struct sft_ref;
struct sft_slice;

enum sft_fact {
	SFT_FACT_DTYPE,  /* as the format spells it, e.g. "BF16" */
	SFT_FACT_SHAPE,  /* e.g. "[4096, 64]"; "[]" of a scalar */
	SFT_FACT_FILE,   /* the name of the shard's file, as the system spells it */
	SFT_FACT_OFFSET, /* of the first byte in there; a slice in pieces has none */
};

#define SFT_FACT_COUNT 4u

/* "dtype", "shape", "file" or "offset". Static. */
const char *sft_fact_name(enum sft_fact fact);

/**
 * sft_ref_fact() - a fact about a tensor's file
 * @ref:   valid; of a link: about its tensor
 * @slice: from sft_slice_lookup(), and @ref is its file; NULL: about all of it
 * @out:   receives the text, not NUL-terminated; undefined if that is longer than @cap
 * @cap:   bytes; a shape may need many
 *
 * Return: length of the text in bytes; 0: there is no such fact.
 */
size_t sft_ref_fact(const struct sft_model *model, struct sft_ref ref,
		    const struct sft_slice *slice, enum sft_fact fact, char *out,
		    size_t cap);

/**
 * sft_ref_digest() - the XXH128 of a tensor's bytes, or of those of a slice
 * @ref:    valid, and there are facts about it
 * @slice:  as above
 * @waiter: or NULL
 * @out:    as sft_tensor_digest()
 * @err:    may be NULL
 *
 * Reads the bytes; that of a whole tensor is kept.
 *
 * Return: SFT_OK, SFT_E_CHANGED, or SFT_E_IO: with EINTR if the waiter left.
 */
SFT_MUST_CHECK enum sft_status
sft_ref_digest(const struct sft_model *model, struct sft_ref ref,
	       const struct sft_slice *slice, const struct sft_waiter *waiter,
	       char out[SFT_DIGEST_TEXT_LEN], struct sft_error *err);

#ifdef __cplusplus
}
#endif

#endif /* SFT_CORE_FACTS_H */
