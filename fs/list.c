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
#include "fs/path.h"

/* Deeper than any folder of a tree: 32 levels, the root, `.view` and its views. */
#define DEPTH_MAX 40

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

/* The start of a line of `ls -l`. */
static bool print_attr(const struct sft_model *model, struct sft_ref ref,
		       struct owner *owner, struct sft_error *err)
{
	static const char bits[] = "rwxrwxrwx";
	static const char letters[] = {
		[SFT_TYPE_FOLDER] = 'd', [SFT_TYPE_FILE] = '-', [SFT_TYPE_LINK] = 'l'
	};
	struct sft_attr attr;
	char mode[11] = "-";
	char date[32];
	struct tm local;

	if (sft_attr(model, ref, &attr, err) != SFT_OK)
		return false;
	mode[0] = letters[attr.type];
	for (unsigned i = 0; i < 9; i++)
		mode[i + 1] = attr.mode & 0400u >> i ? bits[i] : '-';
	mode[10] = '\0';
	name_owner(owner, attr.uid, attr.gid);
	if (localtime_r(&attr.mtime.tv_sec, &local) == NULL ||
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &local) == 0)
		snprintf(date, sizeof(date), "%jd", (intmax_t)attr.mtime.tv_sec);
	printf("%s %" PRIu32 " %s %12" PRIu64 " %s ", mode, attr.link_count, owner->text,
	       attr.len, date);
	return true;
}

/* Where a listing is. */
struct walk {
	const struct sft_model *model;
	bool is_long;
	struct owner owner;
	char *path; /* of the folder, with a slash at the end, or "" */
	size_t path_len, path_room;
	struct {
		struct sft_ref folder;
		uint64_t pos;
		size_t path_len;
	} stack[DEPTH_MAX];
	size_t depth;
};

static bool print_entry(struct walk *walk, const char *name, struct sft_ref ref,
			struct sft_error *err)
{
	char target[SFT_LINK_LEN_MAX];
	char note[160];

	if (walk->is_long && !print_attr(walk->model, ref, &walk->owner, err))
		return false;
	printf("%s%s%s", walk->path, name, sft_ref_is_folder(ref) ? "/" : "");
	if (walk->is_long && sft_ref_type(walk->model, ref) == SFT_TYPE_LINK) {
		const size_t len = sft_link_target(walk->model, ref, target);

		printf(" -> %.*s", (int)len, target);
	} else if (walk->is_long) {
		sft_ref_note(walk->model, ref, note, sizeof(note));
		printf("%s%s", note[0] != '\0' ? "  " : "", note);
	}
	putchar('\n');
	return true;
}

/* Appends a folder's name and a slash to the path. */
static bool append_path(struct walk *walk, const char *name, size_t len)
{
	if (walk->path_room - walk->path_len < len + 2) {
		const size_t room = (walk->path_room + len + 2) * 2;
		char *grown = realloc(walk->path, room);

		if (grown == NULL)
			return false;
		walk->path = grown;
		walk->path_room = room;
	}
	memcpy(walk->path + walk->path_len, name, len);
	walk->path_len += len;
	if (len > 0)
		walk->path[walk->path_len++] = '/';
	walk->path[walk->path_len] = '\0';
	return true;
}

static bool enter(struct walk *walk, struct sft_ref folder)
{
	if (walk->depth == DEPTH_MAX)
		return false; /* cannot be */
	walk->stack[walk->depth].folder = folder;
	walk->stack[walk->depth].pos = 0;
	walk->stack[walk->depth].path_len = walk->path_len;
	walk->depth++;
	return true;
}

/* Prints everything below the folder on the stack. */
static int walk_tree(struct walk *walk)
{
	struct sft_error err;
	struct sft_entry entry;

	while (walk->depth > 0) {
		const size_t top = walk->depth - 1;

		walk->path_len = walk->stack[top].path_len;
		walk->path[walk->path_len] = '\0';
		if (!sft_list(walk->model, walk->stack[top].folder, walk->stack[top].pos,
			      &entry)) {
			walk->depth--;
			continue;
		}
		walk->stack[top].pos = entry.next;
		if (!print_entry(walk, entry.name, entry.ref, &err)) {
			fs_log_error(&err);
			return 1;
		}
		if (entry.type == SFT_TYPE_FOLDER &&
		    (!append_path(walk, entry.name, strlen(entry.name)) ||
		     !enter(walk, entry.ref)))
			return fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	}
	return 0;
}

static int list_path(struct walk *walk, const char *text)
{
	struct fs_path path;
	struct sft_error err;
	int exit_status = fs_path_find(walk->model, text, &path);

	if (exit_status != 0)
		return exit_status;
	if (sft_ref_is_folder(path.ref)) {
		if (append_path(walk, path.text, strlen(path.text)) &&
		    enter(walk, path.ref))
			exit_status = walk_tree(walk);
		else
			exit_status = fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	} else if (!append_path(walk, path.text,
				path.name_off > 0 ? path.name_off - 1 : 0)) {
		exit_status = fs_log_fail(SFT_E_NO_MEMORY, "out of memory");
	} else if (!print_entry(walk, path.text + path.name_off, path.ref, &err)) {
		fs_log_error(&err);
		exit_status = 1;
	}
	free(path.text);
	return exit_status;
}

int fs_list(const struct fs_options *options)
{
	struct walk walk = { .is_long = options->long_list };
	struct sft_model *model = NULL;
	struct sft_error err;
	int exit_status;

	if (sft_open(options->operands[0], &options->model, &model, &err) != SFT_OK) {
		fs_log_error(&err);
		return 1;
	}
	if (options->view != NULL && !sft_view_use(model, options->view))
		exit_status = fs_log_fail(SFT_E_USAGE, "no view %s", options->view);
	else {
		walk.model = model;
		exit_status = list_path(
			&walk, options->operand_count > 1 ? options->operands[1] : "");
	}
	free(walk.path);
	sft_close(model);
	return fs_offline_flush(exit_status);
}
