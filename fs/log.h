/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs/log.h - lines for the person who mounts
 *
 * Every line begins with the program's name. They go to standard error, and in the
 * background, once fs_log_to_syslog() was called, to syslog. A worker's standard error is
 * a pipe to its supervisor, who passes the lines on with fs_log_relay().
 */
#ifndef FS_LOG_H
#define FS_LOG_H

#include <stddef.h>

#include "core/sft.h"

#define FS_PROGRAM "safetensorsfs"

/* Writes one line; text from files must be escaped. Safe from any thread. */
__attribute__((format(printf, 1, 2))) void fs_log(const char *format, ...);

/* Writes what failed: file, byte, what, and the status word. */
void fs_log_error(const struct sft_error *err);

/* The same for something that goes on; fits sft_options.warn. */
void fs_log_warning(void *unused, const struct sft_error *warning);

/* Fails with a line of its own: SFT_E_USAGE is exit status 2, all others 1. */
__attribute__((format(printf, 2, 3))) int fs_log_fail(enum sft_status status,
						      const char *format, ...);

/*
 * From now on a line that nobody reads is dropped, and counted. For processes of a mount:
 * requests and signals must not wait for a reader of messages.
 */
void fs_log_never_wait(void);

/* Passes on a line of a worker, with its newline; it has the program's name already. */
void fs_log_relay(const char *text, size_t len);

/* From now on lines go to syslog. */
void fs_log_to_syslog(void);

#endif /* FS_LOG_H */
