// SPDX-License-Identifier: Apache-2.0
#include "fs/notify.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fs/inode.h"
#include "fs/log.h"

struct fs_notifier {
	const struct sft_model *model;
	struct fs_opened *opened;
	struct fs_slices *slices;
	struct fuse_session *session;
	atomic_uint handled; /* changes of the source whose pages are dropped, or about to
				be */
	atomic_uint dropped; /* of these: by the thread, which alone writes it */
	atomic_bool stop;
	sem_t wake;
	pthread_t thread;
	bool started;
};

struct fs_notifier *fs_notifier_new(const struct sft_model *model,
				    struct fs_opened *opened, struct fs_slices *slices)
{
	struct fs_notifier *notifier = calloc(1, sizeof(*notifier));

	if (notifier == NULL)
		return NULL;
	sem_init(&notifier->wake, 0, 0);
	notifier->model = model;
	notifier->opened = opened;
	notifier->slices = slices;
	return notifier;
}

static bool is_over(const void *arg)
{
	const struct fs_notifier *notifier = arg;

	return atomic_load(&notifier->stop);
}

/* Drops the pages of slices of a changed source. Return: false where nobody listens. */
static bool drop_slices(const struct fs_notifier *notifier)
{
	size_t at = 0;
	fuse_ino_t ino;

	/* All tensors are of the shards, which have one latch together. */
	if (!sft_ref_changed(notifier->model, SFT_REF_ROOT))
		return true;
	while ((ino = fs_slices_next_open(notifier->slices, &at)) != 0) {
		const int result =
			fuse_lowlevel_notify_inval_inode(notifier->session, ino, 0, 0);

		/* ENOENT: the kernel had forgotten the inode already. */
		if ((result != 0 && result != -ENOENT) || is_over(notifier))
			return false;
	}
	return true;
}

/* Gives names of slices back. Return: false where nobody listens. */
static bool give_back(const struct fs_notifier *notifier)
{
	struct fs_slice_name name;

	while (!is_over(notifier) && fs_slices_next_gone(notifier->slices, &name)) {
		const int result = fuse_lowlevel_notify_inval_entry(
			notifier->session, fs_ino_encode(name.folder), name.text,
			strlen(name.text));

		/* ENOENT: as above. ENOTDIR: it was never a folder of the kernel's. */
		if (result != 0 && result != -ENOENT && result != -ENOTDIR)
			return false;
	}
	return true;
}

static void *run(void *arg)
{
	struct fs_notifier *notifier = arg;
	bool listens = true;

	while (listens) {
		const unsigned handled = atomic_load(&notifier->handled);

		if (handled != atomic_load(&notifier->dropped)) {
			atomic_store(&notifier->dropped, handled);
			listens = fs_opened_drop(notifier->opened, notifier->session,
						 is_over, notifier) &&
				  drop_slices(notifier);
		}
		listens = listens && give_back(notifier) && !is_over(notifier);
		while (listens && sem_wait(&notifier->wake) != 0)
			; /* interrupted */
	}
	return NULL;
}

bool fs_notifier_start(struct fs_notifier *notifier, struct fuse_session *session)
{
	notifier->session = session;
	notifier->started = pthread_create(&notifier->thread, NULL, run, notifier) == 0;
	return notifier->started;
}

void fs_notifier_changed(struct fs_notifier *notifier)
{
	const unsigned changes = sft_model_changes(notifier->model);

	if (atomic_exchange(&notifier->handled, changes) == changes)
		return;
	fs_log("%s 'stale file handle' from now on (changed)",
	       sft_ref_changed(notifier->model, SFT_REF_ROOT)
		       ? "the source changed: its files answer"
		       : "a file beside the source changed: it answers");
	fs_notifier_wake(notifier);
}

void fs_notifier_wake(struct fs_notifier *notifier)
{
	sem_post(&notifier->wake);
}

void fs_notifier_stop(struct fs_notifier *notifier)
{
	if (!notifier->started)
		return;
	atomic_store(&notifier->stop, true);
	sem_post(&notifier->wake);
	pthread_join(notifier->thread, NULL);
	notifier->started = false;
}

void fs_notifier_free(struct fs_notifier *notifier)
{
	if (notifier == NULL)
		return;
	sem_destroy(&notifier->wake);
	free(notifier);
}
