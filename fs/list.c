// SPDX-License-Identifier: Apache-2.0
/*
 * fs/list.c - --list: the tree without a mount, a path a line
 */
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"
#include "fs/offline.h"
#include "fs/opening.h"
#include "fs/path.h"
#include "fs/walk.h"

/* What printing a line of `-l` keeps between lines. */
struct owner {
	uid_t uid;
	gid_t gid;
	char text[96]; /* "user group"; "" until the first line */
};

static void name_owner(struct owner *owner, uid_t uid, gid_t gid)
{
	const struct passwd *user;
	const struct group *group;
	char user_text[40], group_text[40];

	if (owner->text[0] != '\0' && owner->uid == uid && owner->gid == gid)
		return;
	user = getpwuid(uid);
	if (user != NULL)
		snprintf(user_text, sizeof(user_text), "%s", user->pw_name);
	else
		snprintf(user_text, sizeof(user_text), "%u", uid);
	group = getgrgid(gid);
	if (group != NULL)
		snprintf(group_text, sizeof(group_text), "%s", group->gr_name);
	else
		snprintf(group_text, sizeof(group_text), "%u", gid);
	snprintf(owner->text, sizeof(owner->text), "%s %s", user_text, group_text);
	owner->uid = uid;
	owner->gid = gid;
}

/* How lines are printed. */
struct printer {
	const struct sft_model *model;
	bool is_long;
	size_t depth; /* of folders that are entered; 0: all */
	struct owner owner;
};

/* The start of a line of `ls -l`. */
static bool print_attr(struct printer *printer, const struct fs_place *place,
		       struct sft_error *err)
{
	static const char bits[] = "rwxrwxrwx";
	static const char letters[] = {
		[SFT_TYPE_FOLDER] = 'd', [SFT_TYPE_FILE] = '-', [SFT_TYPE_LINK] = 'l'
	};
	struct sft_attr attr;
	char mode[11] = "-";
	char date[32];
	struct tm local;

	if (fs_place_attr(printer->model, place, &attr, err) != SFT_OK)
		return false;
	mode[0] = letters[attr.type];
	for (unsigned i = 0; i < 9; i++)
		mode[i + 1] = (attr.mode & 0400u >> i) != 0 ? bits[i] : '-';
	mode[10] = '\0';
	name_owner(&printer->owner, attr.uid, attr.gid);
	if (localtime_r(&attr.mtime.tv_sec, &local) == NULL ||
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &local) == 0)
		snprintf(date, sizeof(date), "%jd", (intmax_t)attr.mtime.tv_sec);
	printf("%s %" PRIu32 " %s %12" PRIu64 " %s ", mode, attr.link_count,
	       printer->owner.text, attr.len, date);
	return true;
}

/* Prints a line about what stands at @way and @name. */
static bool print_path(struct printer *printer, const char *way, const char *name,
		       const struct fs_place *place, struct sft_error *err)
{
	char target[SFT_LINK_LEN_MAX];
	char note[160];

	if (printer->is_long && !print_attr(printer, place, err))
		return false;
	printf("%s%s%s", way, name, place->type == SFT_TYPE_FOLDER ? "/" : "");
	if (printer->is_long && place->type == SFT_TYPE_LINK) {
		const size_t len = sft_link_target(printer->model, place->ref, target);

		printf(" -> %.*s", (int)len, target);
	} else if (printer->is_long) {
		fs_place_note(printer->model, place, note, sizeof(note));
		printf("%s%s", note[0] != '\0' ? "  " : "", note);
	}
	putchar('\n');
	return true;
}

/* Prints everything below a folder. */
static bool print_tree(struct printer *printer, const struct fs_path *folder,
		       struct sft_error *err)
{
	struct sft_entry entry;
	struct fs_walk walk;

	fs_walk_init(&walk, printer->model, folder->place.ref, folder->text);
	while (fs_walk_next(&walk, &entry)) {
		const struct fs_place place = { .type = entry.type, .ref = entry.ref };

		if (walk.depth == printer->depth)
			fs_walk_skip(&walk);
		if (!print_path(printer, walk.path, entry.name, &place, err))
			return false;
	}
	return true;
}

static int list_path(struct printer *printer, const char *text)
{
	struct fs_path path;
	struct sft_error err;
	int exit_status = fs_path_find(printer->model, text, &path);

	if (exit_status != 0)
		return exit_status;
	if (path.place.type == SFT_TYPE_FOLDER
		    ? !print_tree(printer, &path, &err)
		    : !print_path(printer, "", path.text, &path.place, &err)) {
		fs_log_error(&err);
		exit_status = 1;
	}
	free(path.text);
	return exit_status;
}

int fs_list(const struct fs_options *options)
{
	struct printer printer = { .is_long = options->long_list,
				   .depth = options->depth };
	struct sft_model *model = NULL;
	int exit_status = fs_open_model(options, options->operands[0], &model);

	if (exit_status != 0)
		return exit_status;
	printer.model = model;
	exit_status = list_path(&printer,
				options->operand_count > 1 ? options->operands[1] : "");
	sft_close(model);
	return fs_offline_flush(exit_status);
}
