// SPDX-License-Identifier: Apache-2.0
#include "fs/offline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fs/log.h"
#include "fs/opening.h"

int fs_offline_flush(int exit_status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_status;
	return fs_log_fail(SFT_E_IO, "cannot write to standard output: %s",
			   strerror(errno));
}

static bool check_one(const struct fs_options *options, const char *source)
{
	struct fs_options names = *options;
	struct sft_model *model = NULL;
	struct sft_error err;
	char shown[1024];
	uint64_t count;
	bool good;

	names.model.names_only = options->view == NULL; /* most of the time */
	if (fs_open_model(&names, source, &model) != 0)
		return false;
	count = sft_model_totals(model).tensor_count;
	good = sft_lint(model, fs_log_warning, NULL, &err) == SFT_OK;
	if (good)
		printf("%s: ok, %" PRIu64 " tensor%s\n",
		       sft_escape(shown, sizeof(shown), source, strlen(source)), count,
		       count == 1 ? "" : "s");
	else
		fs_log_error(&err);
	fflush(stdout); /* in step with the messages */
	sft_close(model);
	return good;
}

int fs_check(const struct fs_options *options)
{
	bool good = true;

	for (int i = 0; i < options->operand_count; i++)
		good = check_one(options, options->operands[i]) && good;
	return fs_offline_flush(good ? 0 : 1);
}
