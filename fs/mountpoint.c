// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE /* pipe2() */
#include "fs/mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/log.h"
#include "fs/offline.h"
#include "fs/unmount.h"

#define SHOWN_MAX 512
#define PATIENCE_MILLISECONDS 5000 /* with a server that may be dead */

static const char *show(const char *path, char out[SHOWN_MAX])
{
	return sft_escape(out, SHOWN_MAX, path, strlen(path));
}

/* Attributes may be cached for a day; statvfs() asks the daemon each time. */
static bool gets_no_answer(const char *path)
{
	struct statvfs info;

	return statvfs(path, &info) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

bool fs_mountpoint_is_dead(const char *path)
{
	struct pollfd fd;
	int fds[2];
	char byte;
	pid_t pid;
	bool is_dead;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		/* Somebody may wait for their end, and this process have none. */
		for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
			close(i);
		if (gets_no_answer(path) && write(fds[1], "D", 1) != 1)
			_exit(1);
		_exit(0);
	}
	close(fds[1]);
	fd = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	is_dead = pid > 0 && poll(&fd, 1, PATIENCE_MILLISECONDS) == 1 &&
		  read(fds[0], &byte, 1) == 1;
	close(fds[0]);
	if (pid > 0) {
		/* Not even this ends it where a server has taken its question. */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, fd.revents != 0 ? 0 : WNOHANG);
	}
	return is_dead;
}

bool fs_mountpoint_resolve(const char *name, char out[PATH_MAX])
{
	auto_free char *copy = NULL;
	char folder[PATH_MAX];
	char *base;
	size_t len;

	if (realpath(name, out) != NULL)
		return true;
	if (errno != ENOTCONN)
		return false;
	copy = strdup(name);
	if (copy == NULL)
		return false;
	len = strlen(copy);
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	base = strrchr(copy, '/');
	if (base == NULL)
		return realpath(".", folder) != NULL &&
		       snprintf(out, PATH_MAX, "%s/%s", folder, copy) < PATH_MAX;
	*base++ = '\0';
	if (realpath(copy[0] != '\0' ? copy : "/", folder) == NULL)
		return false;
	return snprintf(out, PATH_MAX, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder,
			base) < PATH_MAX;
}

/* A mount whose daemon is gone: ours is replaced, another's is not ours to touch. */
static int replace_dead(const struct fs_mountpoint *mountpoint)
{
	char shown[SHOWN_MAX], said[SHOWN_MAX];
	struct fs_mount_id id;

	show(mountpoint->path, shown);
	if (!fs_mountinfo_find(mountpoint->path, &id) || strcmp(id.type, FS_TYPE) != 0)
		return fs_log_fail(SFT_E_MOUNT,
				   "%s: a dead mount of another program is in the way; "
				   "unmount it with 'fusermount3 -uz %s'",
				   shown, shown);
	if (fs_unmount_path(mountpoint->path, true, said, sizeof(said)) !=
	    FS_UNMOUNT_DONE)
		return fs_log_fail(SFT_E_MOUNT,
				   "%s: a dead mount is in the way and cannot be "
				   "removed: %s",
				   shown, said);
	fs_log("%s: removed the dead mount of an earlier run", shown);
	return 0;
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool empty = true;

	if (dir == NULL)
		return true; /* not ours to see, then nothing to warn of */
	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 ||
			strcmp(entry->d_name, "..") == 0;
	closedir(dir);
	return empty;
}

int fs_mountpoint_check(const char *name, enum fs_nonempty nonempty,
			struct fs_mountpoint *mountpoint)
{
	char shown[SHOWN_MAX];
	struct fs_mount_id id;
	struct stat info;
	int exit_status;

	*mountpoint = (struct fs_mountpoint){ .made_fd = -1 };
	if (name[0] == '\0')
		return fs_log_fail(SFT_E_USAGE, "the MOUNTPOINT is empty; see --help");
	show(name, shown);
	if (strncmp(name, "/dev/fd/", 8) == 0) {
		mountpoint->is_fd = true;
		snprintf(mountpoint->path, sizeof(mountpoint->path), "%s", name);
		return 0;
	}
	if (!fs_mountpoint_resolve(name, mountpoint->path)) {
		if (errno == ENOENT)
			return fs_log_fail(SFT_E_MOUNT,
					   "%s: no such folder; make it with "
					   "'mkdir -p %s'",
					   shown, shown);
		return fs_log_fail(SFT_E_MOUNT, "%s: cannot be mounted on: %s", shown,
				   strerror(errno));
	}
	if (fs_mountpoint_is_dead(mountpoint->path)) {
		exit_status = replace_dead(mountpoint);
		if (exit_status != 0)
			return exit_status;
	}
	/* Before anything asks it: it may hang. */
	if (fs_mountinfo_find(mountpoint->path, &id) && strcmp(id.type, FS_TYPE) == 0)
		return fs_log_fail(SFT_E_MOUNT,
				   "%s: a model is mounted here already; unmount it "
				   "with '" FS_PROGRAM " -u %s'",
				   shown, shown);
	if (stat(mountpoint->path, &info) != 0)
		return fs_log_fail(SFT_E_MOUNT, "%s: cannot be mounted on: %s", shown,
				   strerror(errno));
	if (!S_ISDIR(info.st_mode))
		return fs_log_fail(SFT_E_MOUNT,
				   "%s: not a folder; a mount point has to be one",
				   shown);
	if (nonempty == FS_NONEMPTY_ALLOW || is_empty(mountpoint->path))
		return 0;
	if (nonempty == FS_NONEMPTY_REFUSE)
		return fs_log_fail(
			SFT_E_MOUNT,
			"%s: is there already, and not empty; give a MOUNTPOINT", shown);
	fs_log("%s: warning: not empty; its files are hidden while mounted (-o "
	       "nonempty "
	       "silences this)",
	       shown);
	return 0;
}

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	auto_free char *copy = strdup(path != NULL ? path : "/usr/bin:/bin");
	char *rest = copy;
	char file[PATH_MAX];

	for (char *dir; copy != NULL && (dir = strsep(&rest, ":")) != NULL;) {
		if (snprintf(file, sizeof(file), "%s/%s", dir, program) <
			    (int)sizeof(file) &&
		    access(file, X_OK) == 0)
			return true;
	}
	return false;
}

int fs_mountpoint_check_system(const struct fs_mountpoint *mountpoint)
{
	char shown[SHOWN_MAX];
	int fd;

	if (mountpoint->is_fd)
		return 0;
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return fs_log_fail(SFT_E_MOUNT,
				   "/dev/fuse cannot be opened: %s; raise the limit with "
				   "'ulimit -n'",
				   strerror(errno));
	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return fs_log_fail(
			SFT_E_MOUNT,
			"/dev/fuse is missing: load it with 'modprobe fuse', or give "
			"the container '--device /dev/fuse --cap-add SYS_ADMIN' (Docker, "
			"Podman) or 'privileged: true' (Kubernetes); " FS_OFFLINE_WORK);
	if (fd < 0)
		return fs_log_fail(SFT_E_MOUNT,
				   "/dev/fuse cannot be opened: %s; ask root for "
				   "read and write access to it",
				   strerror(errno));
	close(fd);
	if (geteuid() == 0)
		return 0;
	if (!in_path("fusermount3"))
		return fs_log_fail(SFT_E_MOUNT,
				   "fusermount3 is missing, and only root can mount "
				   "without: install the package fuse3");
	if (access(mountpoint->path, W_OK) != 0)
		return fs_log_fail(SFT_E_MOUNT,
				   "%s: you may not write to this folder, so you may "
				   "not mount on it; take one of your own",
				   show(mountpoint->path, shown));
	return 0;
}
