// SPDX-License-Identifier: Apache-2.0
#include "fs/opening.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fs/figure.h"
#include "fs/log.h"
#include "fs/progress.h"

void fs_report_opened(const char *source, const struct sft_model *model, double seconds)
{
	const struct sft_totals totals = sft_model_totals(model);
	char shown[512];
	char figure[FS_FIGURE_MAX], size[FS_FIGURE_MAX + 4] = "";

	if (totals.len >= 1000) /* below, it would be the same again */
		snprintf(size, sizeof(size), " (%s)",
			 fs_figure_bytes(figure, totals.len));

	fs_log("%s: %" PRIu64 " tensor%s in %" PRIu64 " file%s of %" PRIu64
	       " bytes%s, opened in %.3f s",
	       sft_escape(shown, sizeof(shown), source, strlen(source)),
	       totals.tensor_count, totals.tensor_count == 1 ? "" : "s",
	       totals.shard_count, totals.shard_count == 1 ? "" : "s", totals.len, size,
	       seconds);
}

int fs_open_model(const struct fs_options *options, const char *source,
		  struct sft_model **ret_model)
{
	struct sft_model *model;
	struct timespec begin;
	struct sft_error err;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (sft_open(source, &options->model, &model, &err) != SFT_OK) {
		fs_log_error(&err);
		return 1;
	}
	if (options->view != NULL && !sft_view_use(model, options->view)) {
		sft_close(model);
		return fs_log_fail(SFT_E_USAGE, "no view %s", options->view);
	}
	if (options->verbose)
		fs_report_opened(source, model, fs_seconds_since(&begin));
	*ret_model = model;
	return 0;
}
