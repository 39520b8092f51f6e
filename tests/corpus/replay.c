// SPDX-License-Identifier: Apache-2.0
/*
 * tests/corpus/replay.c - every file of the corpus gets the reference's verdict
 *
 *	replay FOLDER
 *
 * FOLDER/verdicts.tsv has a line for each file: name, OK or ERR, and the reference's name
 * of the error or `-`, separated by tabs; `A|B` allows either. Every *.safetensors of the
 * folder has to be listed. Prints what differs; exits with 1 if anything does. Knows
 * nothing of core but its public interface.
 */
#define _GNU_SOURCE /* asprintf() */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sft.h"

struct replay {
	const char *folder;
	unsigned listed, warnings, differences;
};

static void differ(struct replay *replay, const char *file, const char *got,
		   const char *want)
{
	replay->differences++;
	printf("%s: got %s, want %s\n", file, got, want);
}

static char *path_in(const char *folder, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		abort();
	return path;
}

/* All of a text file; NULL if it cannot be read. */
static char *read_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	/* A NUL is nowhere in it, so this "line" is all of it. */
	if (file != NULL && getdelim(&text, &room, '\0', file) < 0) {
		free(text);
		text = NULL;
	}
	if (file != NULL)
		fclose(file);
	return text;
}

/* ---- one file ---- */

/* Whether a word in kebab-case is what a name in CamelCase says. */
static bool spells(const char *word, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && isupper((unsigned char)name[i]) && *word++ != '-')
			return false;
		if (*word++ != tolower((unsigned char)name[i]))
			return false;
	}
	return *word == '\0';
}

/* Whether a status is what a line of the table allows. */
static bool is_allowed(enum sft_status status, const char *verdict, const char *names)
{
	const char *word = sft_status_word(status);

	if (strcmp(verdict, "OK") == 0)
		return status == SFT_OK && strcmp(names, "-") == 0;
	if (strcmp(verdict, "ERR") != 0)
		return false;
	for (;;) {
		const size_t len = strcspn(names, "|");

		if (spells(word, names, len))
			return true;
		if (names[len] == '\0')
			return false;
		names += len + 1;
	}
}

static void count_warning(void *arg, const struct sft_error *warning)
{
	struct replay *replay = arg;

	replay->warnings++;
	if (warning->pos < 8 || warning->detail[0] == '\0')
		differ(replay, warning->file, "a warning without a place", "one");
}

/* A message is one line, and about this file. */
static void check_message(struct replay *replay, const char *name, const char *path,
			  enum sft_status status, const struct sft_error *err)
{
	if (err->status != status || err->detail[0] == '\0' ||
	    strchr(err->detail, '\n') != NULL || strcmp(err->file, path) != 0)
		differ(replay, name, err->detail, "a line about this file");
}

static void check_file(struct replay *replay, const char *name, const char *verdict,
		       const char *names)
{
	char *path = path_in(replay->folder, name);
	struct sft_model *model = NULL;
	struct sft_error err = { .detail = "" };
	const enum sft_status status = sft_open(path, NULL, &model, &err);

	if (!is_allowed(status, verdict, names))
		differ(replay, name, sft_status_word(status),
		       strcmp(names, "-") == 0 ? "ok" : names);
	if (status != SFT_OK)
		check_message(replay, name, path, status, &err);
	else if (sft_lint(model, count_warning, replay, &err) != SFT_OK)
		differ(replay, name, err.detail, "warnings, or none");
	sft_close(model);
	free(path);
}

/* ---- all of them ---- */

static void check_table(struct replay *replay, const char *table)
{
	for (const char *line = table; *line != '\0'; line += *line == '\n') {
		char name[256], verdict[8], names[256];

		if (*line != '#' && *line != '\n') {
			replay->listed++;
			if (sscanf(line, "%255[^\t\n]\t%7[^\t\n]\t%255[^\t\n]", name,
				   verdict, names) == 3)
				check_file(replay, name, verdict, names);
			else
				differ(replay, "verdicts.tsv", "a line without 3 columns",
				       "name, verdict, error");
		}
		line += strcspn(line, "\n");
	}
}

static bool is_listed(const char *table, const char *name)
{
	const size_t len = strlen(name);

	for (const char *at = table; (at = strstr(at, name)) != NULL; at += len)
		if ((at == table || at[-1] == '\n') && at[len] == '\t')
			return true;
	return false;
}

/* Files that nobody listed would be checked by nobody. */
static void check_folder(struct replay *replay, const char *table)
{
	DIR *dir = opendir(replay->folder);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot != NULL && strcmp(dot, ".safetensors") == 0 &&
		    !is_listed(table, entry->d_name))
			differ(replay, entry->d_name, "no line in verdicts.tsv", "one");
	}
	if (dir == NULL)
		differ(replay, replay->folder, "no folder", "one");
	else
		closedir(dir);
}

int main(int argc, char **argv)
{
	struct replay replay = { .folder = argc == 2 ? argv[1] : "" };
	char *table_path = path_in(replay.folder, "verdicts.tsv");
	char *table = argc == 2 ? read_text(table_path) : NULL;

	if (table != NULL) {
		check_table(&replay, table);
		check_folder(&replay, table);
	} else {
		fprintf(stderr, "usage: replay FOLDER, with a verdicts.tsv in it\n");
	}
	printf("%u files, %u warnings, %u differences\n", replay.listed, replay.warnings,
	       replay.differences);
	free(table);
	free(table_path);
	return replay.listed > 0 && replay.differences == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
