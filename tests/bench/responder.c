// SPDX-License-Identifier: Apache-2.0
/*
 * tests/bench/responder.c - a FUSE server that does nothing: what the kernel takes itself
 *
 *	bench-responder MOUNTPOINT LENGTH [user]
 *
 * Mounts a folder with one file, `file`, of LENGTH bytes, and answers every read of it
 * from the same buffer in memory. It speaks the kernel's protocol (linux/fuse.h) with
 * nothing between, asks for the same requests as safetensorsfs does (pages kept, and a
 * megabyte of read-ahead, or what a mount of a user has), and so shows what reading
 * through FUSE costs before a server has done anything. Needs root. Runs in the
 * foreground and ends with its mount.
 */
#define _GNU_SOURCE /* O_CLOEXEC and others */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_LEN (1u << 20)
#define ROOM (READ_LEN + 65536u) /* of a request */
#define THREADS 4u
#define FILE_INO 2u
#define YEAR UINT64_C(31536000) /* seconds that the kernel may believe an answer */

struct server {
	int fd;
	uint64_t len; /* of the file */
	char *data;   /* of every reply */
};

static void reply(const struct server *server, uint64_t unique, int error,
		  const void *body, size_t len)
{
	struct fuse_out_header header = { .len = (uint32_t)(sizeof(header) + len),
					  .error = -error,
					  .unique = unique };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)body, len } };

	/* Who asked may be gone by now: that is no failure of ours. */
	if (writev(server->fd, parts, 2) < 0 && errno != ENOENT)
		warn("a reply of %zu bytes", len);
}

static struct fuse_attr attr_of(const struct server *server, uint64_t ino)
{
	const bool is_file = ino == FILE_INO;

	return (struct fuse_attr){
		.ino = ino,
		.size = is_file ? server->len : 0,
		.blocks = is_file ? server->len / 512 : 0,
		.mode = is_file ? S_IFREG | 0444 : S_IFDIR | 0555,
		.nlink = 1,
		.blksize = 4096,
	};
}

static void answer_init(const struct server *server, uint64_t unique,
			const struct fuse_init_in *in)
{
	const struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = READ_LEN,
		.flags = in->flags & (FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS |
				      FUSE_MAX_PAGES | FUSE_NO_OPENDIR_SUPPORT),
		.max_background = 1024,
		.congestion_threshold = 768,
		.max_write = READ_LEN,
		.max_pages = READ_LEN / 4096,
		.time_gran = 1,
	};

	reply(server, unique, 0, &out, sizeof(out));
}

static void answer_lookup(const struct server *server, uint64_t unique, const char *name)
{
	const struct fuse_entry_out out = {
		.nodeid = FILE_INO,
		.entry_valid = YEAR,
		.attr_valid = YEAR,
		.attr = attr_of(server, FILE_INO),
	};

	if (strcmp(name, "file") == 0)
		reply(server, unique, 0, &out, sizeof(out));
	else
		reply(server, unique, ENOENT, NULL, 0);
}

static void answer_getattr(const struct server *server, uint64_t unique, uint64_t ino)
{
	const struct fuse_attr_out out = {
		.attr_valid = YEAR,
		.attr = attr_of(server, ino),
	};

	reply(server, unique, 0, &out, sizeof(out));
}

static void answer_read(const struct server *server, uint64_t unique,
			const struct fuse_read_in *in)
{
	const uint64_t left = in->offset < server->len ? server->len - in->offset : 0;

	reply(server, unique, 0, server->data, in->size < left ? in->size : (size_t)left);
}

static void answer(const struct server *server, const struct fuse_in_header *header)
{
	static const struct fuse_open_out open_out = { .open_flags = FOPEN_KEEP_CACHE };
	static const struct fuse_statfs_out statfs_out = { .st = { .namelen = 255 } };
	const void *body = header + 1;
	const uint64_t unique = header->unique;

	switch (header->opcode) {
	case FUSE_INIT:
		answer_init(server, unique, body);
		break;
	case FUSE_LOOKUP:
		answer_lookup(server, unique, body);
		break;
	case FUSE_GETATTR:
		answer_getattr(server, unique, header->nodeid);
		break;
	case FUSE_OPEN:
		reply(server, unique, 0, &open_out, sizeof(open_out));
		break;
	case FUSE_READ:
		answer_read(server, unique, body);
		break;
	case FUSE_STATFS:
		reply(server, unique, 0, &statfs_out, sizeof(statfs_out));
		break;
	case FUSE_RELEASE:
	case FUSE_FLUSH:
		reply(server, unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		reply(server, unique, ENOSYS, NULL, 0);
	}
}

static void *serve(void *arg)
{
	const struct server *server = arg;
	char *request = malloc(ROOM);

	if (request == NULL)
		errx(1, "memory");
	for (;;) {
		const ssize_t len = read(server->fd, request, ROOM);

		if (len > 0)
			answer(server, (const struct fuse_in_header *)request);
		else if (errno != EINTR && errno != ENOENT && errno != EAGAIN)
			break; /* ENODEV: unmounted */
	}
	free(request);
	return NULL;
}

/* The same read-ahead as ours: see fs/mount.c. Of a mount that nobody has touched yet. */
static void raise_read_ahead(const char *point)
{
	char line[1024], path[64], where[512];
	unsigned major, minor;
	FILE *mounts = fopen("/proc/self/mountinfo", "re");

	while (mounts != NULL && fgets(line, sizeof(line), mounts) != NULL) {
		if (sscanf(line, "%*d %*d %u:%u %*s %511s", &major, &minor, where) != 3 ||
		    strcmp(where, point) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major,
			 minor);
		FILE *file = fopen(path, "we");

		if (file == NULL || fprintf(file, "%u", READ_LEN / 1024) < 0 ||
		    fclose(file) != 0)
			err(1, "%s", path);
		break;
	}
	if (mounts != NULL)
		fclose(mounts);
}

int main(int argc, char **argv)
{
	struct server server = { .fd = open("/dev/fuse", O_RDWR | O_CLOEXEC) };
	pthread_t threads[THREADS];
	char options[128];

	if (argc != 3 && (argc != 4 || strcmp(argv[3], "user") != 0))
		errx(2, "usage: %s MOUNTPOINT LENGTH [user]", argv[0]);
	server.len = strtoull(argv[2], NULL, 10);
	server.data = malloc(READ_LEN);
	if (server.fd < 0 || server.data == NULL)
		err(1, "/dev/fuse");
	memset(server.data, 'x', READ_LEN);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,max_read=%u,allow_other",
		 server.fd, READ_LEN);
	if (mount("responder", argv[1], "fuse.responder",
		  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOATIME, options) != 0)
		err(1, "%s: cannot mount", argv[1]);
	if (argc == 3)
		raise_read_ahead(argv[1]);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, serve, &server) != 0)
			errx(1, "cannot start a thread");
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	free(server.data);
	return 0;
}
