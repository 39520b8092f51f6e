// SPDX-License-Identifier: Apache-2.0
#include "fs/service.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/log.h"

#define WAIT_SECONDS 5 /* for room in the queue of a busy manager */

/* A path, or a name in the abstract namespace, which begins with '@' here. */
static bool fill_address(const char *name, struct sockaddr_un *address,
			 socklen_t *ret_len)
{
	const size_t len = strlen(name);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len >= sizeof(address->sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(address->sun_path, name, len);
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	else if (name[0] == '/')
		*ret_len += 1; /* the NUL belongs to a path */
	else
		errno = EAFNOSUPPORT;
	return name[0] == '@' || name[0] == '/';
}

static bool send_to(const char *name, const char *text)
{
	const struct timeval limit = { .tv_sec = WAIT_SECONDS };
	auto_close_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	socklen_t len;

	return fd >= 0 && fill_address(name, &address, &len) &&
	       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	       sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
		      len) >= 0;
}

static void tell(const char *text)
{
	const char *name = getenv("NOTIFY_SOCKET");

	if (name != NULL && name[0] != '\0' && !send_to(name, text))
		fs_log("cannot tell the service manager, at $NOTIFY_SOCKET: %s",
		       strerror(errno));
}

void fs_service_ready(const char *path, pid_t main_pid)
{
	char shown[512], text[640];
	int len = snprintf(text, sizeof(text), "READY=1\nSTATUS=Mounted on %s",
			   sft_escape(shown, sizeof(shown), path, strlen(path)));

	if (main_pid != 0)
		snprintf(text + len, sizeof(text) - (size_t)len, "\nMAINPID=%ld",
			 (long)main_pid);
	tell(text);
}

void fs_service_stopping(void)
{
	tell("STOPPING=1");
}
