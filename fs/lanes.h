/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/lanes.h - who waits for a device holds up nobody else
 *
 * A disk or a server that does not answer keeps the threads that ask it. Each device of
 * the source has a lane for opening files and one for reading them, with room for a few
 * threads. What finds its lane full waits there, without a thread, until one comes free.
 * So the other threads go on to answer what is asked about everything else.
 */
#ifndef FS_LANES_H
#define FS_LANES_H

#include <fuse_lowlevel.h>
#include <sys/types.h>

#define FS_LANE_DEVICES 8u /* the last is for all others, too */
#define FS_LANE_OPENS 4u   /* threads: these ask for a file's state, which is quick */
#define FS_LANE_READS 12u

/* Threads that may all be waiting for devices. */
#define FS_LANE_THREADS (FS_LANE_DEVICES * (FS_LANE_OPENS + FS_LANE_READS))

enum fs_lane {
	FS_LANE_OPEN,
	FS_LANE_READ,
};

/* A request that may have to wait for a device. */
struct fs_request {
	void (*answer)(const struct fs_request *request); /* replies */
	fuse_req_t req;
	fuse_ino_t ino;
	size_t size; /* of reads, as @off is */
	off_t off;
	struct fuse_file_info fi;
};

struct fs_lanes;

/* Return: NULL where memory is short. */
struct fs_lanes *fs_lanes_new(void);

/* NULL is fine. No request may be waiting: see fs_lanes_answer(). */
void fs_lanes_free(struct fs_lanes *lanes);

/**
 * fs_lanes_answer() - answer a request when it is its turn
 * @kind:   of lane
 * @device: that it may have to wait for
 * @request:    copied where it has to wait
 *
 * Safe from any thread. Returns when the request was answered, or waits for a thread that
 * will answer it before that returns from here. May reply ENOMEM itself.
 */
void fs_lanes_answer(struct fs_lanes *lanes, enum fs_lane kind, dev_t device,
		     const struct fs_request *request);

#endif /* FS_LANES_H */
