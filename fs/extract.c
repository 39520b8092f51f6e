// SPDX-License-Identifier: Apache-2.0
/*
 * fs/extract.c - --extract: the tree, or parts of it, as files below a folder
 *
 * The crew's threads do the work (fs/crew.h). This one watches.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/crew.h"
#include "fs/figure.h"
#include "fs/log.h"
#include "fs/offline.h"
#include "fs/opening.h"
#include "fs/signals.h"

struct extraction {
	const struct fs_options *options;
	struct fs_plan plan;
	struct fs_progress progress;
	struct fs_crew crew;
	struct timespec begin;
	int signal_number; /* that ended the run; or 0 */
};

/* Bytes of all files. What cannot be measured is told of when its turn comes. */
static uint64_t measure(const struct fs_plan *plan)
{
	struct fs_cursor cursor;
	uint64_t total = 0;

	fs_cursor_init(&cursor, plan);
	while (fs_cursor_next(&cursor)) {
		struct sft_attr attr;

		if (cursor.place.type == SFT_TYPE_FILE &&
		    fs_place_attr(plan->model, &cursor.place, &attr, NULL) == SFT_OK &&
		    __builtin_add_overflow(total, attr.len, &total))
			total = UINT64_MAX; /* views of views of exabytes */
	}
	return total;
}

static bool is_interrupted(void *crew)
{
	return atomic_load(&((struct fs_crew *)crew)->copying.over);
}

static void draw(void *arg)
{
	struct extraction *extraction = arg;
	const uint64_t written = atomic_load(&extraction->crew.copying.written);

	fs_progress_draw(&extraction->progress,
			 written + atomic_load(&extraction->crew.tally.there), written);
}

static void stop(void *arg)
{
	fs_crew_stop(&((struct extraction *)arg)->crew);
}

/* ---- what is said at the end ---- */

static void print_summary(const struct extraction *extraction)
{
	const char *dir = extraction->options->operands[1];
	const struct fs_tally *tally = &extraction->crew.tally;
	const uint64_t written = atomic_load(&extraction->crew.copying.written);
	const double seconds = fs_seconds_since(&extraction->begin);
	const unsigned long long files = atomic_load(&tally->files);
	const unsigned long long links = atomic_load(&tally->links);
	char shown[1024], size[FS_FIGURE_MAX], rate[FS_FIGURE_MAX];

	sft_escape(shown, sizeof(shown), dir, strlen(dir));
	printf("%s: %llu file%s and %llu link%s written, %s at %s/s; %llu kept", shown,
	       files, files == 1 ? "" : "s", links, links == 1 ? "" : "s",
	       fs_figure_bytes(size, written),
	       fs_figure_bytes(rate, seconds > 0 ? (uint64_t)((double)written / seconds)
						 : written),
	       atomic_load(&tally->kept));
	if (atomic_load(&tally->failed) > 0)
		printf("; %llu failed", atomic_load(&tally->failed));
	putchar('\n');
	fflush(stdout); /* in step with the messages */
	if (atomic_load(&tally->absent) > 0)
		fs_log("%llu files are absent: their view has no form for what they "
		       "would hold; .view/tensors/__metadata__.json says why",
		       atomic_load(&tally->absent));
	if (extraction->signal_number != 0)
		fs_log("stopped by a signal; the same command goes on from here");
}

/* ---- the run ---- */

static int run(struct extraction *extraction)
{
	const struct fs_options *options = extraction->options;
	const bool is_shown = fs_progress_is_wanted();
	struct fs_watch watch = { .progress = &extraction->progress,
				  .draw = draw,
				  .stop = stop,
				  .arg = extraction };
	int exit_status;

	fs_progress_init(&extraction->progress, is_shown,
			 is_shown ? measure(&extraction->plan) : 0);
	watch.signal_fd = fs_signals_watch(0);
	exit_status =
		fs_crew_start(&extraction->crew, &extraction->plan, options->operands[1],
			      options->force, &extraction->progress);
	if (exit_status == 0) {
		extraction->signal_number = fs_team_watch(&extraction->crew.team, &watch);
		fs_crew_end(&extraction->crew);
		if (atomic_load(&extraction->crew.tally.failed) > 0)
			exit_status = 1;
	}
	fs_progress_done(&extraction->progress);
	if (watch.signal_fd >= 0)
		close(watch.signal_fd);
	return exit_status;
}

static int extract(const struct fs_options *options, struct sft_model *model,
		   int *ret_signal)
{
	struct extraction extraction = { .options = options };
	int exit_status;

	clock_gettime(CLOCK_MONOTONIC, &extraction.begin);
	exit_status = fs_plan_init(&extraction.plan, model, options->operands + 2,
				   options->operand_count - 2);
	if (exit_status == 0) {
		sft_model_watch(model, is_interrupted, &extraction.crew);
		exit_status = run(&extraction);
		if (extraction.crew.team.count > 0)
			print_summary(&extraction);
	}
	fs_plan_done(&extraction.plan);
	*ret_signal = extraction.signal_number;
	return exit_status;
}

int fs_extract(const struct fs_options *options)
{
	struct sft_model *model = NULL;
	int signal_number = 0;
	int exit_status;

	signal(SIGXFSZ, SIG_IGN); /* a file that is too large is an error with words */
	exit_status = fs_open_model(options, options->operands[0], &model);
	if (exit_status != 0)
		return exit_status;
	exit_status = extract(options, model, &signal_number);
	sft_close(model);
	exit_status = fs_offline_flush(exit_status);
	if (signal_number != 0) /* the caller, a loop of a shell perhaps, ends with us */
		raise(signal_number);
	return exit_status;
}
