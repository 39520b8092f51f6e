// SPDX-License-Identifier: Apache-2.0
/*
 * fs/help.c - the text of --help
 */
#include <stdio.h>

#include "fs/log.h"
#include "fs/options.h"

static void print_usage(void)
{
	printf("usage: " FS_PROGRAM " [options] SOURCE [MOUNTPOINT]\n"
	       "       " FS_PROGRAM " -u [-z] MOUNTPOINT...\n"
	       "       " FS_PROGRAM " --info [--json] SOURCE...\n"
	       "       " FS_PROGRAM " --check SOURCE...\n"
	       "       " FS_PROGRAM " --list [-l] [--depth N] SOURCE [PATH]\n"
	       "       " FS_PROGRAM " --cat SOURCE PATH...\n"
	       "       " FS_PROGRAM " --extract [--force] SOURCE DIR [PATH...]\n"
	       "       " FS_PROGRAM " --sum[=KIND] SOURCE...\n"
	       "\n"
	       "Shows the tensors of a safetensors model as read-only files.\n"
	       "\n"
	       "SOURCE is a .safetensors file, a .safetensors.index.json, or a folder "
	       "with\n"
	       "one of them. Without a MOUNTPOINT a folder is made for it, here, and "
	       "its name\n"
	       "printed: FILE for FILE.safetensors, else NAME.mnt. It is removed at the "
	       "end.\n"
	       "\n"
	       "    -f               stay in the foreground\n"
	       "    -d               the same, and print every request\n"
	       "    -s               serve with a single thread\n"
	       "    -v, --verbose    say what was opened and how long it took\n"
	       "    -o OPT[,OPT...]  mount options, see below\n"
	       "    -u, --unmount    unmount what " FS_PROGRAM " mounted\n"
	       "    -z, --lazy       with -u: even if it is in use, and let its users "
	       "finish\n"
	       "    --info           show on one screen what a model is; of several, in "
	       "what\n"
	       "                     they differ from the first, and exit with 1 if they "
	       "do\n"
	       "                     and 2 if that cannot be told; mount nothing\n"
	       "    --json           with --info: all of it, for programs\n"
	       "    --check          check models; mount nothing\n"
	       "    --list           print the paths of the tree; mount nothing\n"
	       "    -l               with --list: modes, sizes, dates, dtypes and "
	       "shapes\n"
	       "    --depth N        with --list: no further down than N folders\n"
	       "    --cat            write files of the tree to standard output; mount "
	       "nothing\n"
	       "    --extract        write the tree, or parts of it, below DIR; mount "
	       "nothing\n"
	       "    --force          with --extract: write again what is there\n"
	       "    --sum[=KIND]     print a digest of each tensor, for xxhsum -c or, "
	       "with\n"
	       "                     KIND sha256, for sha256sum -c; mount nothing\n"
	       "    --include GLOB   show only tensors of such names; '*' matches dots, "
	       "too\n"
	       "    --exclude GLOB   leave out tensors of such names\n"
	       "    --rename s/REGEX/REPLACEMENT/FLAGS\n"
	       "                     rename what is left, as sed -E does; all three may "
	       "be\n"
	       "                     repeated, and stand in -o as include= and so on\n"
	       "    -h, --help       print this\n"
	       "    -V, --version    print the version\n");
}

static void print_mountopts(void)
{
	printf("\n"
	       "mount options:\n"
	       "    view=NAME        what the root shows (default: %s):\n",
	       sft_view_name(0));
	for (size_t i = 0; i < sft_view_count(); i++)
		printf("      %-12s %s\n", sft_view_name(i), sft_view_about(i));
	printf("                     all of them are below MOUNTPOINT/.view as well\n"
	       "    io=auto          map files on local disks, read() others (default)\n"
	       "    io=map           map files: fastest\n"
	       "    io=pread         read(): shows no byte of a change even in flight\n"
	       "    direct           keep no second copy of what is read in the page "
	       "cache:\n"
	       "                     large reads are faster, repeated and small ones "
	       "slower\n"
	       "    xattr            tell of tensors in attributes "
	       "user.safetensors.*\n"
	       "    missing=error    refuse a model whose shards are not all there "
	       "(default)\n"
	       "    missing=skip     mount what is there of a partial download\n"
	       "    sandbox=on       the serving process gives up all that it does not "
	       "need\n"
	       "                     (default); a warning where the system lacks a part "
	       "of it\n"
	       "    sandbox=require  no mount where the system lacks a part of it\n"
	       "    sandbox=off      it keeps what the caller may do\n"
	       "    idle=SECONDS     unmount when nobody used it for so long (default: "
	       "0, never)\n"
	       "    nonempty         no warning if MOUNTPOINT is not empty\n"
	       "    uid=N, gid=N     owner of all files (default: the model file's)\n"
	       "    umask=M          octal; files get mode 0444 less M, folders 0555 "
	       "less M\n"
	       "                     (default: what the model file's mode lets read)\n"
	       "    allow_other      let other users in, as far as the modes do\n"
	       "    ...              others of mount.fuse(8); always read-only\n");
}

void fs_options_help(void)
{
	print_usage();
	print_mountopts();
}
