// SPDX-License-Identifier: Apache-2.0
/*
 * fs/sum.c - --sum: a digest of each tensor, without a mount
 *
 * The threads of a team take tensors in the order of the list. Lines are printed in that
 * order, as soon as all before them are: the list is the same however many there are.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/log.h"
#include "fs/offline.h"
#include "fs/opening.h"
#include "fs/signals.h"
#include "fs/team.h"

#define LINES_MAX 4096u /* that are begun and wait for one before them */

struct line {
	uint32_t pos; /* where sft_digest_next() has it */
	bool is_done;
	char digest[SFT_DIGEST_TEXT_LEN]; /* "": there is none */
};

struct summing {
	const struct sft_model *model;
	enum sft_digest_kind kind;
	const char *prefix; /* of paths; printable */
	bool shares; /* standard output is a terminal, as that of the progress is */
	struct fs_progress progress;
	struct fs_team team;
	atomic_bool over;       /* set: come to an end */
	atomic_bool failed;     /* some line is not there */
	atomic_ullong read;     /* bytes */
	pthread_mutex_t lock;   /* of standard output, and of all that follows */
	pthread_cond_t printed; /* there is room for another line */
	uint32_t pos;           /* of the next line to begin */
	size_t begun, ended;    /* lines; the latter are printed, if there is something */
	int write_errno;        /* why no more can be printed; or 0 */
	struct line lines[LINES_MAX]; /* those between */
};

static bool is_over(void *arg)
{
	return atomic_load(&((struct summing *)arg)->over);
}

static void count_bytes(void *arg, uint64_t len)
{
	atomic_fetch_add(&((struct summing *)arg)->read, len);
}

static void stop(void *arg)
{
	struct summing *summing = arg;

	atomic_store(&summing->over, true);
	pthread_mutex_lock(&summing->lock);
	pthread_cond_broadcast(&summing->printed);
	pthread_mutex_unlock(&summing->lock);
}

static void draw(void *arg)
{
	struct summing *summing = arg;
	const uint64_t done = atomic_load(&summing->read);

	fs_progress_draw(&summing->progress, done, done);
}

/* ---- lines ---- */

/* Takes the next line. Return: false if nothing is left. */
static bool take(struct summing *summing, struct sft_digest_line *line, size_t *number)
{
	bool taken;

	pthread_mutex_lock(&summing->lock);
	while (summing->begun - summing->ended == LINES_MAX && !is_over(summing))
		pthread_cond_wait(&summing->printed, &summing->lock);
	taken = !is_over(summing) && sft_digest_next(summing->model, summing->pos, line);
	if (taken) {
		*number = summing->begun++;
		summing->lines[*number % LINES_MAX] =
			(struct line){ .pos = summing->pos };
		summing->pos = line->next;
	}
	pthread_mutex_unlock(&summing->lock);
	return taken;
}

/* Prints what is done up to the first that is not. */
static void print_lines(struct summing *summing)
{
	struct sft_digest_line named;
	struct line *line;

	if (summing->shares)
		fs_progress_pause(&summing->progress);
	for (; summing->ended < summing->begun; summing->ended++) {
		line = &summing->lines[summing->ended % LINES_MAX];
		if (!line->is_done)
			break;
		if (line->digest[0] != '\0' &&
		    sft_digest_next(summing->model, line->pos, &named))
			printf("%s  %s%s\n", line->digest, summing->prefix, named.path);
	}
	/* Whoever reads them may want no more. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && summing->write_errno == 0) {
		summing->write_errno = errno;
		atomic_store(&summing->over, true);
	}
	if (summing->shares)
		fs_progress_resume(&summing->progress);
}

/* Gives a line back; NULL: its tensor cannot be read. */
static void give_back(struct summing *summing, size_t number, const char *digest)
{
	struct line *line = &summing->lines[number % LINES_MAX];

	pthread_mutex_lock(&summing->lock);
	line->is_done = true;
	if (digest != NULL)
		strcpy(line->digest, digest);
	if (number == summing->ended)
		print_lines(summing);
	pthread_cond_broadcast(&summing->printed);
	pthread_mutex_unlock(&summing->lock);
}

/* Tells what goes wrong; what concerns all tensors ends the run, and is told once. */
static void tell(struct summing *summing, const struct sft_error *err)
{
	const bool is_general =
		err->status == SFT_E_CHANGED || err->status == SFT_E_NO_MEMORY;

	atomic_store(&summing->failed, true);
	if (is_general ? atomic_exchange(&summing->over, true) : is_over(summing))
		return;
	fs_progress_pause(&summing->progress);
	fs_log_error(err);
	fs_progress_resume(&summing->progress);
}

static void work(void *arg)
{
	struct summing *summing = arg;
	const struct sft_waiter waiter = { is_over, count_bytes, summing };
	char digest[SFT_DIGEST_TEXT_LEN];
	struct sft_digest_line line;
	struct sft_error err;
	size_t number;

	while (take(summing, &line, &number)) {
		const bool is_good =
			sft_tensor_digest(summing->model, line.tensor, summing->kind,
					  &waiter, digest, &err) == SFT_OK;

		if (!is_good)
			tell(summing, &err);
		give_back(summing, number, is_good ? digest : NULL);
	}
}

/* ---- a run ---- */

static uint64_t measure(const struct sft_model *model)
{
	struct sft_digest_line line = { .next = 0 };
	uint64_t total = 0;

	while (sft_digest_next(model, line.next, &line))
		total += line.len; /* all of them are in files of 2^64 bytes together */
	return total;
}

/* What ended the run before all was printed: a signal, or a write that failed; or 0. */
struct ending {
	int signal_number;
	int write_errno;
};

/* Return: the exit status. */
static int run(struct summing *summing, struct ending *ret_ending)
{
	const bool is_shown = fs_progress_is_wanted();
	struct fs_watch watch = {
		.progress = &summing->progress, .draw = draw, .stop = stop, .arg = summing
	};
	int exit_status;

	fs_progress_init(&summing->progress, is_shown,
			 is_shown ? measure(summing->model) : 0);
	pthread_mutex_init(&summing->lock, NULL);
	pthread_cond_init(&summing->printed, NULL);
	watch.signal_fd = fs_signals_watch(0);
	exit_status = fs_team_start(&summing->team, fs_team_size(), work, summing);
	if (exit_status == 0)
		ret_ending->signal_number = fs_team_watch(&summing->team, &watch);
	fs_team_end(&summing->team);
	ret_ending->write_errno = summing->write_errno;
	if (watch.signal_fd >= 0)
		close(watch.signal_fd);
	pthread_cond_destroy(&summing->printed);
	pthread_mutex_destroy(&summing->lock);
	fs_progress_done(&summing->progress);
	return atomic_load(&summing->failed) ? 1 : exit_status;
}

/* What stands before the paths of one of several sources; NULL where memory is short. */
static char *prefix_of(const char *source)
{
	const size_t room = 6 * strlen(source) + 9; /* of \uXXXX, "/", and as sft_escape()
						       wants it */
	char *prefix = malloc(room);

	if (prefix == NULL)
		return NULL;
	sft_escape(prefix, room, source, strlen(source));
	if (source[0] == '\0' || source[strlen(source) - 1] != '/')
		strcat(prefix, "/");
	return prefix;
}

static int sum_source(const struct fs_options *options, const char *source,
		      struct ending *ret_ending)
{
	auto_free struct summing *summing = calloc(1, sizeof(*summing));
	auto_free char *prefix = NULL;
	struct sft_model *model = NULL;
	int exit_status;

	if (options->operand_count > 1)
		prefix = prefix_of(source);
	if (summing == NULL || (options->operand_count > 1 && prefix == NULL))
		return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	exit_status = fs_open_model(options, source, &model);
	if (exit_status != 0)
		return exit_status;
	summing->model = model;
	summing->kind = options->digest;
	summing->prefix = prefix != NULL ? prefix : "";
	summing->shares = isatty(STDOUT_FILENO);
	exit_status = run(summing, ret_ending);
	sft_close(model);
	return exit_status;
}

int fs_sum(const struct fs_options *options)
{
	struct ending ending = { 0, 0 };
	int exit_status = 0;

	for (int i = 0; i < options->operand_count && ending.signal_number == 0 &&
			ending.write_errno == 0;
	     i++) {
		const int one = sum_source(options, options->operands[i], &ending);

		exit_status = one > exit_status ? one : exit_status;
	}
	errno = ending.write_errno; /* there may be nothing left that fails again */
	exit_status = fs_offline_flush(exit_status);
	if (ending.signal_number != 0) /* the caller, perhaps a loop, ends with us */
		raise(ending.signal_number);
	return exit_status;
}
