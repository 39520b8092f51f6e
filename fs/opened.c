// SPDX-License-Identifier: Apache-2.0
#include "fs/opened.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fs/inode.h"

#define VIEWS (1u << SFT_VIEW_BITS)
#define KINDS (1u << SFT_KIND_BITS)
#define BITS 64u

struct fs_opened {
	const struct sft_model *model;
	size_t node_count; /* above every node of a ref */
	/* By view: a bit for each node and kind, in memory that is zero until touched. */
	_Atomic(uint64_t) *words[VIEWS];
};

static size_t word_count(const struct fs_opened *opened)
{
	return (opened->node_count * KINDS + BITS - 1) / BITS;
}

struct fs_opened *fs_opened_new(const struct sft_model *model)
{
	struct fs_opened *opened = calloc(1, sizeof(*opened));

	if (opened == NULL)
		return NULL;
	opened->model = model;
	opened->node_count = sft_model_totals(model).node_limit;
	for (size_t i = 0; i <= sft_view_count(); i++) {
		/* Large and sparse: calloc() maps it, and pages come as bits are set. */
		opened->words[i] = calloc(word_count(opened), sizeof(*opened->words[i]));
		if (opened->words[i] == NULL) {
			fs_opened_free(opened);
			return NULL;
		}
	}
	return opened;
}

void fs_opened_add(struct fs_opened *opened, struct sft_ref ref)
{
	const uint64_t bit = (uint64_t)ref.node * KINDS + ref.kind;
	_Atomic(uint64_t) *word = &opened->words[ref.view][bit / BITS];
	const uint64_t mask = UINT64_C(1) << (bit % BITS);

	/* Most files are opened again and again: do not write then. */
	if (!(atomic_load_explicit(word, memory_order_relaxed) & mask))
		atomic_fetch_or(word, mask);
}

/* Drops the pages of one word. Return: false where nobody listens. */
static bool drop_word(const struct fs_opened *opened, struct fuse_session *session,
		      uint8_t view, size_t word)
{
	uint64_t bits = atomic_load(&opened->words[view][word]);

	for (; bits != 0; bits &= bits - 1) {
		const uint64_t bit = word * BITS + (unsigned)__builtin_ctzll(bits);
		const struct sft_ref ref = {
			.node = (uint32_t)(bit / KINDS),
			.view = view,
			.kind = (uint8_t)(bit % KINDS),
		};
		int result;

		if (!sft_ref_changed(opened->model, ref))
			continue;
		result = fuse_lowlevel_notify_inval_inode(session, fs_ino_encode(ref), 0,
							  0);
		/* ENOENT: the kernel had forgotten the inode already. */
		if (result != 0 && result != -ENOENT)
			return false;
	}
	return true;
}

bool fs_opened_drop(const struct fs_opened *opened, struct fuse_session *session,
		    bool (*is_over)(const void *arg), const void *arg)
{
	for (size_t view = 0; view <= sft_view_count(); view++)
		for (size_t word = 0; word < word_count(opened); word++)
			if (!drop_word(opened, session, (uint8_t)view, word) ||
			    is_over(arg))
				return false;
	return true;
}

void fs_opened_free(struct fs_opened *opened)
{
	if (opened == NULL)
		return;
	for (size_t i = 0; i < VIEWS; i++)
		free(opened->words[i]);
	free(opened);
}
