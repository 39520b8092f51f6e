// SPDX-License-Identifier: Apache-2.0
/*
 * tests/bench/reader.c - read files one way, and say how long it took
 *
 *	bench-reader WAY FILE[:OFFSET[:LENGTH]]...
 *
 * WAY is what a program does that wants bytes:
 *
 *	read:BLOCK        read() into one warm buffer of BLOCK bytes
 *
 *	fresh             read() into memory that was never touched, as numpy.load() does
 *
 *	direct:BLOCK      as read, opened with O_DIRECT
 *
 *	map               copy a new shared mapping, a megabyte at a time
 *
 *	random:SIZE:COUNT pread() SIZE bytes at COUNT places, the same at each run
 *
 *	maprandom:SIZE:COUNT
 *	                  copy from as many places of a mapping
 *
 * Several files are read by a thread each, all at once. Prints nanoseconds from the first
 * open to the last byte, without the start of this process and of its threads.
 *
 * A virtual machine gives free memory back to its host, and to get it again takes longer
 * than to read a file: so as much memory as is going to be used is touched, and freed,
 * before the clock starts.
 */
#define _GNU_SOURCE /* O_DIRECT */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define PAGE 4096u

struct task {
	const char *path;
	uint64_t off, len;
	const struct way *way;
	uint64_t size, count; /* of WAY */
	char *buf;
	uint64_t seed;
	pthread_barrier_t *start;
};

struct way {
	const char *name;
	void (*run)(struct task *task, int fd);
	int flags;        /* of open() */
	bool takes_fresh; /* memory for all of the file */
};

static void read_exactly(int fd, char *buf, uint64_t len, uint64_t off, const char *path)
{
	while (len > 0) {
		const ssize_t got = pread(fd, buf, (size_t)len, (off_t)off);

		if (got <= 0)
			err(1, "%s: at %" PRIu64, path, off);
		buf += got;
		off += (uint64_t)got;
		len -= (uint64_t)got;
	}
}

static void run_read(struct task *task, int fd)
{
	for (uint64_t done = 0; done < task->len; done += task->size) {
		const uint64_t left = task->len - done;

		read_exactly(fd, task->buf, left < task->size ? left : task->size,
			     task->off + done, task->path);
	}
}

/* The last block of an O_DIRECT file may be longer than what is left of it. */
static void run_direct(struct task *task, int fd)
{
	for (uint64_t done = 0; done < task->len; done += task->size)
		if (pread(fd, task->buf, (size_t)task->size, (off_t)(task->off + done)) <=
		    0)
			err(1, "%s", task->path);
}

static char *map_memory(uint64_t len)
{
	char *memory = mmap(NULL, (size_t)len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "memory");
	return memory;
}

static void run_fresh(struct task *task, int fd)
{
	char *memory = map_memory(task->len);

	read_exactly(fd, memory, task->len, task->off, task->path);
	munmap(memory, (size_t)task->len);
}

/* Maps the file from its beginning: a tensor begins anywhere in a page. */
static char *map_file(const struct task *task, int fd)
{
	char *area =
		mmap(NULL, (size_t)(task->off + task->len), PROT_READ, MAP_SHARED, fd, 0);

	if (area == MAP_FAILED)
		err(1, "%s: cannot be mapped", task->path);
	return area;
}

static void run_map(struct task *task, int fd)
{
	char *area = map_file(task, fd);

	for (uint64_t done = 0; done < task->len; done += MIB) {
		const uint64_t left = task->len - done;

		memcpy(task->buf, area + task->off + done,
		       (size_t)(left < MIB ? left : MIB));
	}
	munmap(area, (size_t)(task->off + task->len));
}

/* A place that begins at a multiple of the size: SplitMix64 of its number. */
static uint64_t place_of(struct task *task)
{
	uint64_t z = task->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % (task->len / task->size) * task->size;
}

static void run_random(struct task *task, int fd)
{
	for (uint64_t i = 0; i < task->count; i++)
		read_exactly(fd, task->buf, task->size, task->off + place_of(task),
			     task->path);
}

static void run_map_random(struct task *task, int fd)
{
	char *area = map_file(task, fd);

	for (uint64_t i = 0; i < task->count; i++)
		memcpy(task->buf, area + task->off + place_of(task), (size_t)task->size);
	munmap(area, (size_t)(task->off + task->len));
}

static const struct way ways[] = {
	{ "read", run_read, 0, false },     { "direct", run_direct, O_DIRECT, false },
	{ "fresh", run_fresh, 0, true },    { "map", run_map, 0, false },
	{ "random", run_random, 0, false }, { "maprandom", run_map_random, 0, false },
};

/* ---- the command line ---- */

static uint64_t number(char **text, uint64_t otherwise)
{
	char *word = strsep(text, ":");

	return word != NULL ? strtoull(word, NULL, 10) : otherwise;
}

static void parse_way(struct task *task, char *text)
{
	const char *name = strsep(&text, ":");

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(ways[i].name, name) == 0)
			task->way = &ways[i];
	if (task->way == NULL)
		errx(2, "no such way: %s", name);
	task->size = number(&text, MIB);
	task->count = number(&text, 1);
}

static void parse_file(struct task *task, char *text)
{
	struct stat info;

	task->path = strsep(&text, ":");
	task->off = number(&text, 0);
	if (stat(task->path, &info) != 0)
		err(1, "%s", task->path);
	task->len = number(&text, (uint64_t)info.st_size - task->off);
}

static void touch(char *memory, uint64_t len)
{
	for (uint64_t i = 0; i < len; i += PAGE)
		((volatile char *)memory)[i] = 1;
}

/* Memory for the process and for the page cache that it is going to fill. */
static void warm(const struct task *tasks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t len = tasks[i].len * (tasks[i].way->takes_fresh ? 2 : 1);
		char *memory = map_memory(len);

		touch(memory, len);
		munmap(memory, (size_t)len);
	}
}

static void *run_task(void *arg)
{
	struct task *task = arg;
	int fd;

	pthread_barrier_wait(task->start);
	fd = open(task->path, O_RDONLY | O_CLOEXEC | task->way->flags);
	if (fd < 0)
		err(1, "%s", task->path);
	task->way->run(task, fd);
	close(fd);
	return NULL;
}

static uint64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t run_all(struct task *tasks, size_t count)
{
	pthread_t *threads = calloc(count, sizeof(*threads));
	pthread_barrier_t start;
	uint64_t begin;

	pthread_barrier_init(&start, NULL, (unsigned)count + 1);
	for (size_t i = 0; i < count; i++) {
		tasks[i].start = &start;
		if (pthread_create(&threads[i], NULL, run_task, &tasks[i]) != 0)
			errx(1, "cannot start a thread");
	}
	begin = nanoseconds();
	pthread_barrier_wait(&start);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	begin = nanoseconds() - begin;
	pthread_barrier_destroy(&start);
	free(threads);
	return begin;
}

int main(int argc, char **argv)
{
	const size_t count = argc > 2 ? (size_t)argc - 2 : 0;
	struct task *tasks = calloc(count + 1, sizeof(*tasks));

	if (count == 0 || tasks == NULL)
		errx(2, "usage: %s WAY FILE[:OFFSET[:LENGTH]]...", argv[0]);
	for (size_t i = 0; i < count; i++) {
		char *way = strdup(argv[1]);
		uint64_t room;

		parse_way(&tasks[i], way);
		parse_file(&tasks[i], argv[i + 2]);
		free(way);
		tasks[i].seed = i;
		room = tasks[i].size > MIB ? tasks[i].size : MIB;
		tasks[i].buf = map_memory(room);
		touch(tasks[i].buf, room);
	}
	warm(tasks, count);
	printf("%" PRIu64 "\n", run_all(tasks, count));
	free(tasks);
	return 0;
}
