// SPDX-License-Identifier: Apache-2.0
/*
 * fs/static_names.c - where a program without shared libraries looks up users and groups
 *
 * The C library would load modules for that, as nsswitch.conf says, which have to be of
 * its own version: on another system they are not. The files of /etc need none. Built
 * with -Dstatic=true only; others ask whom the system asks.
 */
#define _GNU_SOURCE /* __nss_configure_lookup() */
#include <nss.h>

__attribute__((constructor)) static void use_files(void)
{
	__nss_configure_lookup("passwd", "files");
	__nss_configure_lookup("group", "files");
}
