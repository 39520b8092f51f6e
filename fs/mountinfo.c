// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* statx() */
#include "fs/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cleanup.h"

/*
 * Of linux/stat.h and linux/mount.h, which on most machines are older than the kernel.
 * From 424 on calls are numbered alike on all architectures, from where its own begin.
 */
#define MASK_OF_UNIQUE 0x4000u
#define STATMOUNT (SYS_openat2 - 437 + 457)

struct statmount_request {
	uint32_t size, spare;
	uint64_t mount, wanted;
};

/* Undoes the kernel's \ooo escapes (proc(5)), in place. */
static void unescape(char *text)
{
	char *out = text;

	while (*text != '\0') {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' &&
		    text[2] >= '0' && text[2] <= '7' && text[3] >= '0' &&
		    text[3] <= '7') {
			*out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
					(text[3] - '0'));
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

/* One line: 36 35 98:0 /root /mount/point options fields - type source options */
static bool parse_line(char *line, struct fs_mount_id *id, const char **ret_path)
{
	char *fields[6]; /* the first ones; only spaces part them */
	char *field;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		fields[i] = strsep(&line, " ");
		if (fields[i] == NULL)
			return false;
	}
	do {
		field = strsep(&line, " ");
	} while (field != NULL && strcmp(field, "-") != 0);
	field = strsep(&line, " ");
	if (field == NULL || sscanf(fields[2], "%u:%u", &id->major, &id->minor) != 2)
		return false;
	id->unique = 0;
	id->id = strtoul(fields[0], NULL, 10);
	snprintf(id->type, sizeof(id->type), "%s", field);
	unescape(fields[4]);
	*ret_path = fields[4];
	return true;
}

/* Walks the table; keeps the last line that has the path, or the id where that is given.
 */
static bool find(const char *path, const struct fs_mount_id *wanted,
		 struct fs_mount_id *ret_id, char ret_path[PATH_MAX])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	auto_free char *line = NULL;
	bool found = false;
	size_t room = 0;

	if (file == NULL)
		return false;
	while (getline(&line, &room, file) > 0) {
		struct fs_mount_id id;
		const char *at;

		line[strcspn(line, "\n")] = '\0';
		if (!parse_line(line, &id, &at))
			continue;
		if (path != NULL && strcmp(at, path) != 0)
			continue;
		if (wanted != NULL &&
		    (id.id != wanted->id || strcmp(id.type, wanted->type) != 0))
			continue;
		*ret_id = id; /* the last line of a path is the one on top */
		if (ret_path != NULL)
			snprintf(ret_path, PATH_MAX, "%s", at);
		found = true;
	}
	fclose(file);
	return found;
}

bool fs_mountinfo_find(const char *path, struct fs_mount_id *ret_id)
{
	return find(path, NULL, ret_id, NULL);
}

/* Return: 0, ENOENT for none, or why the kernel cannot be asked. */
static int look_for(uint64_t unique)
{
	const struct statmount_request request = {
		.size = sizeof(request),
		.mount = unique,
	};
	uint64_t answer[64]; /* to no question */

	return syscall(STATMOUNT, &request, answer, sizeof(answer), 0) == 0 ? 0 : errno;
}

void fs_mountinfo_distinguish(const char *path, struct fs_mount_id *id)
{
	const int error = look_for(0);
	struct statx info;

	/* Kernels that are old enough would ask the server, in spite of the flag. */
	if (error == ENOSYS || error == EPERM)
		return;
	if (statx(AT_FDCWD, path,
		  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		  MASK_OF_UNIQUE, &info) == 0 &&
	    (info.stx_mask & MASK_OF_UNIQUE) != 0)
		id->unique = info.stx_mnt_id;
}

bool fs_mountinfo_where(const struct fs_mount_id *id, char ret_path[PATH_MAX])
{
	struct fs_mount_id unused;

	if (id->unique != 0 && look_for(id->unique) == ENOENT)
		return false;
	return find(NULL, id, &unused, ret_path);
}
