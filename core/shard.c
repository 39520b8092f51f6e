// SPDX-License-Identifier: Apache-2.0
#include "core/shard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/sniff.h"

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
			return sft_fail(err, SFT_E_IO, off + done, "cannot read: %s",
					strerror(errno));
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

static enum sft_status open_regular(const char *path, int *ret_fd, struct stat *ret_stat,
				    struct sft_error *err)
{
	auto_close_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat info = { 0 };

	if (fd < 0 && errno == ENXIO) /* a socket, or a device without a driver */
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "not a regular file");
	if (fd < 0 || fstat(fd, &info) != 0)
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "cannot open: %s",
				strerror(errno));
	if (!S_ISREG(info.st_mode)) {
		errno = EINVAL;
		return sft_fail(err, SFT_E_IO, SFT_POS_NONE, "not a regular file but %s",
				kind_of(info.st_mode));
	}
	*ret_stat = info;
	*ret_fd = steal_fd(&fd);
	return SFT_OK;
}

enum sft_status sft_open_regular(const char *path, int *ret_fd, uint64_t *ret_len,
				 struct sft_error *err)
{
	struct stat info = { 0 };
	const enum sft_status status = open_regular(path, ret_fd, &info, err);

	if (status == SFT_OK)
		*ret_len = (uint64_t)info.st_size;
	return status;
}

static enum sft_status read_header(struct sft_shard *shard, uint16_t idx,
				   struct sft_error *err)
{
	struct sft_header *header = &shard->header;
	uint8_t field[SFT_LEN_FIELD_LEN] = { 0 };
	enum sft_status status = SFT_OK;
	uint64_t len;

	if (shard->len >= sizeof(field))
		status = sft_read_all(shard->fd, field, sizeof(field), 0, err);
	if (status == SFT_OK)
		status = sft_header_decode_len(field, shard->len, &len, err);
	if (status != SFT_OK)
		return status;
	header->text =
		malloc(len + 1); /* + 1: an empty header is no failure to allocate */
	if (header->text == NULL)
		return sft_fail(err, SFT_E_NO_MEMORY, SFT_POS_NONE,
				"out of memory for a header of %" PRIu64 " bytes", len);
	header->text_len = (size_t)len;
	shard->data_off = SFT_LEN_FIELD_LEN + len;
	status = sft_read_all(shard->fd, header->text, header->text_len,
			      SFT_LEN_FIELD_LEN, err);
	if (status == SFT_OK)
		status = sft_header_parse(header, idx, err);
	if (status == SFT_OK)
		status = sft_check(header, shard->len, err);
	if (status == SFT_OK)
		sft_header_pack(header);
	return status;
}

/* Adds to a message what the file is, if that can be told. */
static void add_hint(const struct sft_shard *shard, struct sft_error *err)
{
	uint8_t head[SFT_SNIFF_LEN];
	const size_t len = shard->len < sizeof(head) ? (size_t)shard->len : sizeof(head);
	const char *hint;
	size_t used;

	if (err == NULL || sft_read_all(shard->fd, head, len, 0, NULL) != SFT_OK)
		return;
	hint = sft_sniff(head, len, shard->path);
	if (hint == NULL && err->status == SFT_E_INVALID_HEADER_LENGTH)
		hint = "the file was cut short, or is still being downloaded";
	used = strlen(err->detail);
	if (hint != NULL)
		snprintf(err->detail + used, sizeof(err->detail) - used, ": %s", hint);
}

static enum sft_status map_shard(struct sft_shard *shard, enum sft_io io,
				 struct sft_error *err)
{
	void *map;

	if (io == SFT_IO_PREAD || (io == SFT_IO_AUTO && is_remote(shard->fd)))
		return SFT_OK;
	map = shard->len > SIZE_MAX ? MAP_FAILED
				    : mmap(NULL, (size_t)shard->len, PROT_READ,
					   MAP_SHARED, shard->fd, 0);
	if (map != MAP_FAILED)
		shard->map = map;
	else if (io == SFT_IO_MAP)
		return sft_fail(err, SFT_E_NO_MEMORY, SFT_POS_NONE,
				"cannot map %" PRIu64
				" bytes: %s; io=pread needs no mapping",
				shard->len, strerror(errno));
	return SFT_OK;
}

enum sft_status sft_shard_open(struct sft_shard *shard, uint16_t idx, enum sft_io io,
			       struct sft_error *err)
{
	enum sft_status status;
	struct stat info = { 0 };

	shard->fd = -1;
	status = open_regular(shard->path, &shard->fd, &info, err);
	if (status == SFT_OK) {
		shard->len = (uint64_t)info.st_size;
		shard->mtime = info.st_mtim;
		shard->mode = info.st_mode & 07777;
		shard->uid = info.st_uid;
		shard->gid = info.st_gid;
		status = read_header(shard, idx, err);
		if (status >= SFT_E_HEADER_TOO_SMALL &&
		    status <= SFT_E_INVALID_HEADER_DESERIALIZATION)
			add_hint(shard, err);
		if (status == SFT_OK) /* nobody wrote to it meanwhile */
			status = sft_shard_check(shard, err);
	}
	if (status == SFT_OK)
		status = map_shard(shard, io, err);
	if (status != SFT_OK)
		sft_error_file(err, shard->path);
	return status;
}

void sft_shard_close(struct sft_shard *shard)
{
	if (shard->map != NULL)
		munmap((void *)shard->map, (size_t)shard->len);
	if (shard->fd >= 0)
		close(shard->fd);
	sft_header_done(&shard->header);
	free(shard->name);
	free(shard->path);
	*shard = (struct sft_shard){ .fd = -1 };
}

enum sft_status sft_shard_check(const struct sft_shard *shard, struct sft_error *err)
{
	struct stat info = { 0 };

	if (fstat(shard->fd, &info) != 0)
		return sft_fail(err, errno == ESTALE ? SFT_E_CHANGED : SFT_E_IO,
				SFT_POS_NONE, "cannot ask for its state: %s",
				strerror(errno));
	if ((uint64_t)info.st_size == shard->len &&
	    info.st_mtim.tv_sec == shard->mtime.tv_sec &&
	    info.st_mtim.tv_nsec == shard->mtime.tv_nsec)
		return SFT_OK;
	return sft_fail(err, SFT_E_CHANGED, SFT_POS_NONE,
			"the file changed after it was opened: %" PRIu64
			" bytes then, %jd now",
			shard->len, (intmax_t)info.st_size);
}
