// SPDX-License-Identifier: Apache-2.0
/*
 * tests/faults/faultfs.c - a folder, shown by a server that fails when it is told to
 *
 *	faultfs [FUSE options] FOLDER SWITCH MOUNTPOINT
 *
 * Shows the files of one flat folder, read-only and never from the kernel's cache: every
 * read and every question of its clients gets here, and meets the fault that the switch
 * says. Stands for NFS, or any other file system whose server can go away.
 */
#include <dirent.h>
#include <errno.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/faults/switch.h"

struct faultfs {
	int folder;
	struct fault_switch *faults;
	_Atomic(unsigned) reads, asks;
};

static struct faultfs *self(void)
{
	return fuse_get_context()->private_data;
}

static bool is_faulty(const char *name)
{
	return self()->faults->name[0] == '\0' || strcmp(self()->faults->name, name) == 0;
}

/* Return: 0, or the negative errno of a fault; *cut: bytes that are withheld. */
static int meet(const char *name, _Atomic(char) *fault, _Atomic(unsigned) *count,
		size_t size, size_t *cut)
{
	*cut = 0;
	if (!is_faulty(name))
		return 0;
	switch (switch_meet(self()->faults, fault, count)) {
	case 'e':
		return -EIO;
	case 's':
		return -ESTALE;
	case 'i':
		return -EINTR;
	case '0':
		*cut = size;
		break;
	case '1':
		*cut = 1;
		break;
	}
	return 0;
}

static int do_getattr(const char *path, struct stat *info, struct fuse_file_info *fi)
{
	size_t cut;
	int error;

	(void)fi;
	if (strcmp(path, "/") == 0)
		return fstat(self()->folder, info) == 0 ? 0 : -errno;
	error = meet(path + 1, &self()->faults->ask, &self()->asks, 0, &cut);
	if (error != 0)
		return error;
	return fstatat(self()->folder, path + 1, info, AT_SYMLINK_NOFOLLOW) == 0 ? 0
										 : -errno;
}

static int do_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off,
		      struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	DIR *folder = fdopendir(dup(self()->folder));
	const struct dirent *entry;

	(void)path, (void)off, (void)fi, (void)flags;
	if (folder == NULL)
		return -errno;
	rewinddir(folder);
	while ((entry = readdir(folder)) != NULL)
		fill(buf, entry->d_name, NULL, 0, 0);
	closedir(folder);
	return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
	const int fd = openat(self()->folder, path + 1, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	fi->fh = (uint64_t)fd;
	fi->direct_io = 1;
	return 0;
}

static int do_read(const char *path, char *buf, size_t size, off_t off,
		   struct fuse_file_info *fi)
{
	size_t cut;
	const int error =
		meet(path + 1, &self()->faults->read, &self()->reads, size, &cut);
	const ssize_t len = error == 0 ? pread((int)fi->fh, buf, size - cut, off) : 0;

	return error != 0 ? error : len < 0 ? -errno : (int)len;
}

static int do_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	close((int)fi->fh);
	return 0;
}

static void *do_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
	(void)conn;
	config->attr_timeout = 0;
	config->entry_timeout = 3600; /* or looking up names would meet the faults, too */
	return self();
}

int main(int argc, char **argv)
{
	static const struct fuse_operations operations = {
		.init = do_init,
		.getattr = do_getattr,
		.readdir = do_readdir,
		.open = do_open,
		.read = do_read,
		.release = do_release,
	};
	struct faultfs faultfs = { .folder = -1 };

	if (argc < 4) {
		fprintf(stderr, "usage: %s [OPTION...] FOLDER SWITCH MOUNTPOINT\n",
			argv[0]);
		return 2;
	}
	faultfs.folder = open(argv[argc - 3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	faultfs.faults = switch_open(argv[argc - 2]);
	if (faultfs.folder < 0 || faultfs.faults == NULL) {
		perror(argv[0]);
		return 1;
	}
	argv[argc - 3] = argv[argc - 1];
	argv[argc - 2] = NULL;
	return fuse_main(argc - 2, argv, &operations, &faultfs);
}
