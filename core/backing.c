// SPDX-License-Identifier: Apache-2.0
#include "core/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/cleanup.h"

/*
 * File systems whose server can go away: a mapped page would then hang or raise SIGBUS
 * in whoever touches it, where pread() returns an error. Numbers of linux/magic.h and of
 * the file systems outside the kernel.
 */
static const unsigned long remote_systems[] = {
	0x00006969, /* NFS */
	0x0000517b, /* SMB */
	0xfe534d42, /* SMB2 */
	0xff534d42, /* CIFS */
	0x65735546, /* FUSE */
	0x01021997, /* 9p */
	0x00c36400, /* Ceph */
	0x5346414f, /* AFS */
	0x6b414653, /* kAFS */
	0x73757245, /* Coda */
	0x01161970, /* GFS2 */
	0x7461636f, /* OCFS2 */
	0x0bd00bd0, /* Lustre */
	0x19830326, /* BeeGFS */
	0x47504653, /* GPFS */
	0x786f4256, /* VirtualBox folders */
};

static bool is_remote(int fd)
{
	struct statfs info;

	if (fstatfs(fd, &info) != 0)
		return true;
	for (size_t i = 0; i < sizeof(remote_systems) / sizeof(remote_systems[0]); i++)
		if (remote_systems[i] == ((unsigned long)info.f_type & 0xffffffffUL))
			return true;
	return false;
}

enum sft_status sft_read_all(int fd, void *buf, size_t len, uint64_t off,
			     struct sft_error *err)
{
	size_t done = 0;

	while (done < len) {
		const ssize_t got =
			pread(fd, (uint8_t *)buf + done, len - done, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return sft_fail(err, errno == ESTALE ? SFT_E_CHANGED : SFT_E_IO,
					off + done, "cannot read: %s", strerror(errno));
		if (got == 0) {
			errno = 0;
			return sft_fail(err, SFT_E_IO, off + done,
					"the file ends here, %zu bytes too early",
					len - done);
		}
		done += (size_t)got;
	}
	return SFT_OK;
}

/* What a file is that is no regular one. */
static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a folder";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "something else";
	}
}

void sft_backing_init(struct sft_backing *backing)
{
	*backing = (struct sft_backing){ .fd = -1 };
}

enum sft_status sft_backing_take(struct sft_backing *backing, int *fd,
				 struct sft_error *err)
{
	struct stat info = { 0 };

	if (fstat(*fd, &info) != 0)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "cannot open: %s",
				strerror(errno));
	if (!S_ISREG(info.st_mode)) {
		errno = EINVAL;
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "not a regular file but %s",
				kind_of(info.st_mode));
	}
	backing->len = (uint64_t)info.st_size;
	backing->mtime = info.st_mtim;
	backing->mode = info.st_mode & 07777;
	backing->uid = info.st_uid;
	backing->gid = info.st_gid;
	backing->device = info.st_dev;
	backing->inode = info.st_ino;
	backing->fd = steal_fd(fd);
	return SFT_OK;
}

enum sft_status sft_backing_open(struct sft_backing *backing, const char *path,
				 struct sft_error *err)
{
	auto_close_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && errno == ENXIO) /* a socket, or a device without a driver */
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "not a regular file");
	if (fd < 0)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "cannot open: %s",
				strerror(errno));
	return sft_backing_take(backing, &fd, err);
}

enum sft_status sft_backing_map(struct sft_backing *backing, enum sft_io io,
				struct sft_error *err)
{
	void *map = MAP_FAILED;

	if (backing->len == 0 || io == SFT_IO_PREAD ||
	    (io == SFT_IO_AUTO && is_remote(backing->fd)))
		return SFT_OK;
	errno = ENOMEM; /* where the length is too much for a size_t */
	if (backing->len <= SIZE_MAX)
		map = mmap(NULL, (size_t)backing->len, PROT_READ, MAP_SHARED, backing->fd,
			   0);
	if (map != MAP_FAILED)
		backing->map = map;
	else if (io == SFT_IO_MAP)
		return sft_fail(err, SFT_E_NO_MEMORY, SFT_POS_NONE,
				"cannot map %" PRIu64
				" bytes: %s; io=pread needs no mapping",
				backing->len, strerror(errno));
	return SFT_OK;
}

void sft_backing_close(struct sft_backing *backing)
{
	if (backing->map != NULL)
		munmap((void *)backing->map, (size_t)backing->len);
	if (backing->fd >= 0)
		close(backing->fd);
	free(backing->path);
	sft_backing_init(backing);
}

enum sft_status sft_backing_check(const struct sft_backing *backing,
				  struct sft_error *err)
{
	struct stat info = { 0 };

	if (fstat(backing->fd, &info) != 0)
		return sft_fail(err, errno == ESTALE ? SFT_E_CHANGED : SFT_E_IO,
				SFT_POS_NONE, "cannot ask for its state: %s",
				strerror(errno));
	if ((uint64_t)info.st_size == backing->len &&
	    info.st_mtim.tv_sec == backing->mtime.tv_sec &&
	    info.st_mtim.tv_nsec == backing->mtime.tv_nsec)
		return SFT_OK;
	return sft_fail(err, SFT_E_CHANGED, SFT_POS_NONE,
			"the file changed after it was opened: %" PRIu64
			" bytes then, %jd now",
			backing->len, (intmax_t)info.st_size);
}
