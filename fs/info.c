// SPDX-License-Identifier: Apache-2.0
#include "fs/info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/log.h"
#include "fs/offline.h"
#include "fs/opening.h"
#include "fs/progress.h"

#define WARNINGS_MAX 100u /* that are kept; a header has few rules to break */

/* As diff(1) has them, where there is something to compare. */
#define EXIT_DIFFERENT 1
#define EXIT_TROUBLE 2

static void keep_warning(void *arg, const struct sft_error *warning)
{
	struct fs_subject *subject = arg;

	if (subject->warning_count < WARNINGS_MAX)
		subject->warnings[subject->warning_count++] = *warning;
	else
		subject->dropped_count++;
}

/* Opens a model, and keeps what there is to warn of; false after a message. */
static bool open_subject(const struct fs_options *options, const char *path,
			 struct fs_subject *subject)
{
	struct sft_options model_options = options->model;
	enum sft_status status = SFT_OK;
	struct timespec begin;
	struct sft_error err;

	*subject = (struct fs_subject){
		.path = path,
		.warnings = calloc(WARNINGS_MAX, sizeof(*subject->warnings)),
	};
	if (subject->warnings == NULL)
		status = sft_fail_memory(&err);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	model_options.names_only = true;
	model_options.warn = keep_warning;
	model_options.warn_arg = subject;
	if (status == SFT_OK)
		status = sft_open(path, &model_options, &subject->model, &err);
	if (status == SFT_OK && options->verbose)
		fs_report_opened(path, subject->model, fs_seconds_since(&begin));
	if (status == SFT_OK)
		status = sft_lint(subject->model, keep_warning, subject, &err);
	if (status != SFT_OK)
		fs_log_error(&err);
	return status == SFT_OK;
}

static void close_subject(struct fs_subject *subject)
{
	sft_close(subject->model);
	free(subject->warnings);
}

static struct sft_told told_of(const struct fs_subject *subject)
{
	return (struct sft_told){ subject->path, subject->warnings,
				  subject->warning_count };
}

/* What is lost is told at the end: see fs_offline_flush(). */
static void write_out(void *unused, const char *text, size_t len)
{
	(void)unused;
	fwrite(text, 1, len, stdout);
}

static int show_one(const struct fs_options *options, const struct fs_screen *screen)
{
	struct fs_subject subject;
	struct sft_error err;
	bool shown = open_subject(options, options->operands[0], &subject);

	if (shown) {
		const struct sft_told told = told_of(&subject);
		const enum sft_status status =
			options->json ? sft_model_json(subject.model, &told, write_out,
						       NULL, &err)
				      : fs_info_model(screen, &subject, &err);

		shown = status == SFT_OK;
		if (!shown)
			fs_log_error(&err);
	}
	close_subject(&subject);
	return shown ? 0 : 1;
}

/* Shows in what two models differ. Return: 0, EXIT_DIFFERENT or EXIT_TROUBLE. */
static int show_pair(const struct fs_options *options, const struct fs_screen *screen,
		     const struct fs_subject subjects[2])
{
	const struct sft_told told[2] = { told_of(&subjects[0]), told_of(&subjects[1]) };
	struct sft_comparison *comparison = NULL;
	struct sft_differences differences;
	struct sft_error err;
	enum sft_status status =
		sft_compare(subjects[0].model, subjects[1].model, &comparison, &err);

	if (status == SFT_OK)
		status = options->json
				 ? sft_comparison_json(comparison, told, write_out, NULL,
						       &err)
				 : fs_info_compare(screen, subjects, comparison, &err);
	if (status != SFT_OK) {
		fs_log_error(&err);
		sft_comparison_free(comparison);
		return EXIT_TROUBLE;
	}
	differences = sft_comparison_differences(comparison);
	sft_comparison_free(comparison);
	return differences.only_first + differences.only_second +
				       differences.other_dtype + differences.other_shape >
			       0
		       ? EXIT_DIFFERENT
		       : 0;
}

/* Compares the first source with each of the others, in turn. */
static int compare_all(const struct fs_options *options, const struct fs_screen *screen)
{
	struct fs_subject subjects[2];
	int exit_status = 0;

	if (!open_subject(options, options->operands[0], &subjects[0]))
		exit_status = EXIT_TROUBLE;
	for (int i = 1; subjects[0].model != NULL && i < options->operand_count; i++) {
		int one = EXIT_TROUBLE;

		if (i > 1 && !options->json)
			putchar('\n');
		if (open_subject(options, options->operands[i], &subjects[1]))
			one = show_pair(options, screen, subjects);
		close_subject(&subjects[1]);
		exit_status = one > exit_status ? one : exit_status;
	}
	close_subject(&subjects[0]);
	return exit_status;
}

int fs_info(const struct fs_options *options)
{
	struct fs_screen screen;
	int exit_status;

	fs_screen_init(&screen);
	if (options->operand_count == 1)
		return fs_offline_flush(show_one(options, &screen));
	exit_status = compare_all(options, &screen);
	return fs_offline_flush(0) == 0 ? exit_status : EXIT_TROUBLE;
}
