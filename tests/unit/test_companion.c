// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_companion.c - what of the source's folder is passed through, what is
 * not
 *
 * A folder is made, and all that comes of it is compared as text: "+ path=contents" for
 * what was opened, "- path: reason" for what was left out. What has to be tried by a
 * process of less rights, or with mounts of its own, is tried in a thread, since these
 * belong to the thread: it takes them along when it ends.
 */
#define _GNU_SOURCE /* mknod(), unshare() */
#include "core/companion.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/unit/support.h"

/* ---- what comes of a folder ---- */

static const struct sft_names none;

static void dump_file(FILE *out, const char *folder, const struct sft_companion *file)
{
	char text[32] = "";
	size_t len = file->file.len < sizeof(text) - 1 ? (size_t)file->file.len
						       : sizeof(text) - 1;
	const size_t folder_len = folder[0] != '\0' ? strlen(folder) + 1 : 0;

	if (sft_read_all(file->file.fd, text, len, 0, NULL) != SFT_OK)
		fprintf(out, "(cannot read) ");
	if (file->file.map != NULL || fcntl(file->file.fd, F_GETFD) != FD_CLOEXEC)
		fprintf(out, "(mapped or inherited) ");
	if (strncmp(file->file.path, folder, strlen(folder)) != 0 ||
	    strcmp(file->file.path + folder_len, file->path) != 0)
		fprintf(out, "(path %s) ", file->file.path);
	fprintf(out, "+ %s=%s\n", file->path, text);
}

/* May run in any thread, so it checks nothing itself. */
static char *dump(const char *folder)
{
	struct sft_companions all;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	if (sft_companions_open(&all, folder, &none, NULL) != SFT_OK)
		fprintf(out, "failed\n");
	for (size_t i = 0; i < all.count; i++)
		dump_file(out, folder, &all.files[i]);
	for (size_t i = 0; i < all.left_out_count; i++)
		fprintf(out, "- %s: %s\n", all.left_out[i].path, all.left_out[i].why);
	if (all.left_out_more > 0)
		fprintf(out, "and %u more\n", (unsigned)all.left_out_more);
	sft_companions_done(&all);
	fclose(out);
	return text;
}

static void check(const char *row, const char *folder, const char *want)
{
	char *got = dump(folder);

	CHECK_TEXT(row, got, want);
	free(got);
}

/* ---- in a thread of its own ---- */

typedef bool prepare_fn(const char *folder);

struct run {
	const char *folder;
	prepare_fn *first, *second; /* what the thread does to itself before; or NULL */
	char *text;                 /* NULL where that is not possible here */
};

static void *run_thread(void *arg)
{
	struct run *run = arg;

	if ((run->first == NULL || run->first(run->folder)) &&
	    (run->second == NULL || run->second(run->folder)))
		run->text = dump(run->folder);
	return NULL;
}

static void check_in_thread(const char *row, const char *folder, prepare_fn *first,
			    prepare_fn *second, const char *want)
{
	struct run run = { folder, first, second, NULL };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run_thread, &run), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (run.text == NULL)
		print_message("[%s] not possible here: left out\n", row);
	else
		CHECK_TEXT(row, run.text, want);
	free(run.text);
}

static bool have_openat2(void)
{
	struct open_how how = { .flags = O_PATH };
	const int fd = (int)syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool forbid_openat2(uint32_t sys_errno)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | sys_errno),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { ARRAY_COUNT(code), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
	       !have_openat2();
}

static bool without_openat2(const char *folder)
{
	(void)folder;
	return forbid_openat2(ENOSYS);
}

static bool with_old_filter(const char *folder)
{
	(void)folder;
	return forbid_openat2(EPERM);
}

/* ---- names ---- */

static void write_text(const char *folder, const char *name)
{
	write_file(folder, name, "text", 4);
}

static void test_names(void **state)
{
	static const char want[] = "+ a-b=text\n"
				   "+ a.json=text\n"
				   "+ a/model.bin=text\n"
				   "+ a/x.index.json=text\n"
				   "+ bin=text\n"
				   "+ m.bin.json=text\n"
				   "+ na\xc3\xafve \\\"=text\n"
				   "- .cache: its name begins with a dot\n"
				   "- .gitattributes: its name begins with a dot\n"
				   "- a/.x: its name begins with a dot\n"
				   "- dir.bin: other weights, or an index of them\n";
	const char *folder = *state;

	write_text(folder, "a.json");
	write_text(folder, "a-b");
	write_text(folder, "bin");
	write_text(folder, "m.bin.json");
	write_text(folder, "na\xc3\xafve \\\"");
	write_text(folder, "a/model.bin");
	write_text(folder, "a/x.index.json");
	write_text(folder, "a/.x");
	write_text(folder, "dir.bin/x");
	write_text(folder, ".gitattributes");
	write_text(folder, ".cache/huggingface/x");
	check("at once", folder, want);
	check_in_thread("by steps", folder, without_openat2, NULL, want);
}

static void test_weights(void **state)
{
	static const char *const names[] = {
		"m.safetensors", "m.bin",  "m.pt",         "m.pth",
		"m.ckpt",        "m.h5",   "m.msgpack",    "m.npz",
		"m.gguf",        "m.onnx", "m.index.json", "M.SafeTensors",
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char *path = path_in(*state, names[i]);
		char want[96];

		write_text(*state, names[i]);
		snprintf(want, sizeof(want), "- %s: other weights, or an index of them\n",
			 names[i]);
		check(names[i], *state, want);
		assert_int_equal(unlink(path), 0);
		free(path);
	}
}

#define UNSAFE                                                                           \
	"its name holds a control character or one that changes the direction of text\n"

static void test_bad_names(void **state)
{
	write_text(*state, "a\x1b[31m");
	write_text(*state, "b\xff");
	write_text(*state, "c\xe2\x80\xae/x");
	write_text(*state, "d/\xed\xa0\x80");
	write_text(*state, "e\n");
	check("bad names", *state,
	      "- a\x1b[31m: " UNSAFE "- b\xff: its name is not UTF-8\n"
	      "- c\xe2\x80\xae: " UNSAFE "- d/\xed\xa0\x80: its name is not UTF-8\n"
	      "- e\n: " UNSAFE);
}

/* The path in messages is as short as the person's. */
static void test_current_folder(void **state)
{
	char *before = getcwd(NULL, 0);

	write_text(*state, "sub/a");
	assert_int_equal(chdir(*state), 0);
	check("the current one", "", "+ sub/a=text\n");
	check("by its name", ".", "+ sub/a=text\n");
	assert_int_equal(chdir(before), 0);
	free(before);
	check("none", "/dev/null/x", "- .: cannot open: Not a directory\n");
}

/* ---- kinds ---- */

/* Return: false where one may not make such files. */
static bool make_node(const char *folder, const char *name, mode_t type)
{
	char *path = path_in(folder, name);
	const bool made =
		mknod(path, type | 0666, S_ISCHR(type) ? makedev(1, 3) : 0) == 0;

	if (!made && errno != EPERM)
		fail_msg("%s: %s", name, strerror(errno));
	free(path);
	return made;
}

static void make_link(const char *folder, const char *name, const char *target)
{
	char *path = path_in(folder, name);

	assert_int_equal(symlink(target, path), 0);
	free(path);
}

static void test_kinds(void **state)
{
	static const char want[] = "+ x=text\n"
				   "- fifo: not a regular file but a FIFO\n"
				   "- socket: not a regular file but a socket\n";

	assert_true(make_node(*state, "fifo", S_IFIFO));
	assert_true(make_node(*state, "socket", S_IFSOCK));
	write_text(*state, "x");
	check("at once", *state, want);
	check_in_thread("by steps", *state, with_old_filter, NULL, want);
}

static void test_device(void **state)
{
	if (make_node(*state, "null", S_IFCHR))
		check("a device", *state, "- null: not a regular file but a device\n");
}

static void make_links(const char *folder)
{
	char *inside = path_in(folder, "m/x");

	write_text(folder, "secret");
	write_text(folder, "m/x");
	write_text(folder, "m/sub/y");
	assert_true(make_node(folder, "m/sub/fifo", S_IFIFO));
	make_link(folder, "m/inside", "x");
	make_link(folder, "m/twice", "./sub/../inside");
	make_link(folder, "m/sub/up", "../x");
	make_link(folder, "m/sub/out", "../../secret");
	make_link(folder, "m/absolute", inside);
	make_link(folder, "m/dead", "nothing");
	make_link(folder, "m/fifo", "sub/fifo");
	make_link(folder, "m/folder", "sub");
	make_link(folder, "m/sub/loop", "..");
	make_link(folder, "m/itself", "itself");
	make_link(folder, "m/passwd", "/etc/passwd");
	make_link(folder, "m/proc", "/proc/self/fd/0");
	make_link(folder, "m/under", "x/y");
	make_link(folder, "m/model.bin", "x");
	free(inside);
}

#define OUT "a symbolic link that leads out of the folder or to another mount\n"
#define TO_KIND "a symbolic link to what is not a regular file but "

static void test_links(void **state)
{
	char *folder = path_in(*state, "m");

	make_links(*state);
	if (have_openat2())
		check("links", folder,
		      "+ inside=text\n"
		      "+ sub/up=text\n"
		      "+ sub/y=text\n"
		      "+ twice=text\n"
		      "+ x=text\n"
		      "- absolute: " OUT
		      "- dead: a symbolic link to a file that does not exist\n"
		      "- fifo: " TO_KIND "a FIFO\n"
		      "- folder: " TO_KIND "a folder\n"
		      "- itself: a symbolic link that leads back to itself\n"
		      "- model.bin: other weights, or an index of them\n"
		      "- passwd: " OUT "- proc: " OUT
		      "- sub/fifo: not a regular file but a FIFO\n"
		      "- sub/loop: " TO_KIND "a folder\n"
		      "- sub/out: " OUT "- under: cannot open: Not a directory\n");
	free(folder);
}

static void test_links_by_steps(void **state)
{
	static const char want[] =
		"+ x=text\n"
		"- link: a symbolic link, which is not safe to follow without "
		"openat2()\n";

	write_text(*state, "x");
	make_link(*state, "link", "x");
	check_in_thread("no openat2", *state, without_openat2, NULL, want);
	check_in_thread("not allowed", *state, with_old_filter, NULL, want);
}

/* ---- a cache ---- */

static void check_cached(const char *parent, const char *name, const char *want)
{
	char *folder = path_in(parent, name);

	check(name, folder, want);
	free(folder);
}

static void test_cache(void **state)
{
#define MODEL "models--org--name/"
#define SNAPSHOT MODEL "snapshots/0123/"
	write_text(*state, "secret");
	write_text(*state, MODEL "blobs/4567");
	write_text(*state, SNAPSHOT "sub/own");
	make_link(*state, SNAPSHOT "config.json", "../../blobs/4567");
	make_link(*state, SNAPSHOT "sub/config.json", "../../../blobs/4567");
	make_link(*state, SNAPSHOT "secret", "../../../secret");
	make_link(*state, MODEL "snapshots/link", "../blobs/4567");
	make_link(*state, "elsewhere", SNAPSHOT);
	make_link(*state, "self", "models--org--name");
	if (!have_openat2())
		return;
#define WANT                                                                             \
	"+ config.json=text\n"                                                           \
	"+ sub/config.json=text\n"                                                       \
	"+ sub/own=text\n"                                                               \
	"- secret: " OUT
	check_cached(*state, "models--org--name/snapshots/0123", WANT);
	check_cached(*state, "models--org--name/snapshots/0123/", WANT);
	check_cached(*state, "elsewhere", WANT);
	check_cached(*state, "self/snapshots/../snapshots/0123", WANT);
	/* A part of a snapshot is beneath the snapshots, too. */
	check_cached(*state, "models--org--name/snapshots/0123/sub",
		     "+ config.json=text\n+ own=text\n");
	/* The snapshots themselves are not. */
	check_cached(*state, "models--org--name/snapshots",
		     "+ 0123/sub/own=text\n"
		     "- 0123/config.json: " OUT "- 0123/secret: " OUT
		     "- 0123/sub/config.json: " OUT "- link: " OUT);
}

/* Names that only look alike. */
static void test_no_cache(void **state)
{
	static const char *const models[] = { "models-a/snapshots",
					      "xmodels--a/snapshots",
					      "models--a/snapshot",
					      "models--a/x/snapshots" };

	write_text(*state, "blobs/4567");
	for (size_t i = 0; i < ARRAY_COUNT(models) && have_openat2(); i++) {
		char *folder = path_in(*state, models[i]);

		write_text(folder, "0123/x");
		make_link(folder, "0123/y", "../x");
		write_text(folder, "x");
		check_cached(folder, "0123", "+ x=text\n- y: " OUT);
		free(folder);
	}
}

/* ---- limits ---- */

static void test_depth(void **state)
{
	write_text(*state, "a/b/c/d/file");
	write_text(*state, "a/b/c/d/e/f/file");
	check("depth", *state,
	      "+ a/b/c/d/file=text\n"
	      "- a/b/c/d/e: more than 4 folders deep\n");
}

/* The top level comes first, whatever the names. */
static void test_count(void **state)
{
	struct sft_companions all;
	struct rlimit files;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_cur < 2000 && files.rlim_max >= 2000)
		files.rlim_cur = 2000;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (unsigned i = 0; i < 1000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%s%03u", i < 10 ? "a/" : "b", i);
		write_file(*state, name, "", 0);
	}
	assert_int_equal(sft_companions_open(&all, *state, &none, NULL), SFT_OK);
	assert_int_equal(all.count, 1000);
	assert_int_equal(all.left_out_count, 0);
	assert_string_equal(all.files[0].path, "a/000");
	sft_companions_done(&all);
	assert_null(all.files);

	write_file(*state, "z", "", 0);
	assert_int_equal(sft_companions_open(&all, *state, &none, NULL), SFT_OK);
	assert_int_equal(all.count, 1000);
	assert_int_equal(all.left_out_count, 1);
	assert_string_equal(all.files[999].path, "z");
	assert_string_equal(all.left_out[0].path, "a/009");
	assert_string_equal(all.left_out[0].why, "more than 1000 files");
	sft_companions_done(&all);
}

static void test_left_out(void **state)
{
	struct sft_companions all;

	write_text(*state, "x");
	make_many(*state, ".", "", 1100); /* hidden */
	assert_int_equal(sft_companions_open(&all, *state, &none, NULL), SFT_OK);
	assert_int_equal(all.count, 1);
	assert_int_equal(all.left_out_count, 1000);
	assert_int_equal(all.left_out_more, 100);
	assert_string_equal(all.left_out[999].path, ".000999");
	sft_companions_done(&all);
}

static void test_endless(void **state)
{
	struct sft_companions all;

	make_many(*state, ".", "", 100001);
	assert_int_equal(sft_companions_open(&all, *state, &none, NULL), SFT_OK);
	assert_int_equal(all.count, 0);
	assert_string_equal(all.left_out[0].path, ".");
	assert_string_equal(all.left_out[0].why,
			    "more than 100000 names in all; the rest was not looked at");
	assert_int_equal(all.left_out_count, 1000);
	assert_int_equal(all.left_out_more, 100001 - 999);
	sft_companions_done(&all);
}

/* Descriptors for one file, and what the mount needs beside. */
static void test_descriptors(void **state)
{
	struct rlimit before, low;
	const int first = dup(2); /* the base's; the next is that of a file */
	char *got;

	write_text(*state, "a");
	write_text(*state, "b");
	write_text(*state, "c/x");
	assert_true(first >= 0);
	close(first);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){ (rlim_t)first + 66, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	got = dump(*state);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	CHECK_TEXT("one left", got,
		   "+ a=text\n"
		   "- b: too many open files\n"
		   "- c/x: too many open files\n");
	free(got);
}

/* ---- rights ---- */

static void set_mode(const char *folder, const char *name, mode_t mode)
{
	char *path = path_in(folder, name);

	assert_int_equal(chmod(path, mode), 0);
	free(path);
}

/* Lets the thread be nobody, where it was root. */
static bool without_rights(const char *folder)
{
	(void)folder;
	if (geteuid() != 0)
		return true;
	setfsuid(65534);
	return setfsuid((uid_t)-1) == 65534;
}

static void test_rights(void **state)
{
#define DENIED ": cannot open: Permission denied\n"
	write_text(*state, "closed/x");
	write_text(*state, "listed/x");
	write_text(*state, "secret");
	write_text(*state, "x");
	set_mode(*state, "closed", 0);
	set_mode(*state, "listed", 0444);
	set_mode(*state, "secret", 0);
	set_mode(*state, ".", 0755);
	check_in_thread("no rights", *state, without_rights, NULL,
			"+ x=text\n- closed" DENIED "- listed/x" DENIED
			"- secret" DENIED);
	set_mode(*state, ".", 0100);
	check_in_thread("not even to list", *state, without_rights, NULL, "- ." DENIED);
	set_mode(*state, ".", 0700);
	set_mode(*state, "closed", 0700);
	set_mode(*state, "listed", 0700);
}

/* ---- mounts ---- */

static bool mount_at(const char *folder, const char *name, const char *source,
		     const char *type, unsigned long flags, const char *options)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return mount(source, path, type, flags, options) == 0;
}

/* Mounts another file system, and a part of the same; they end with the thread. */
static bool with_mounts(const char *folder)
{
	char inside[256];

	snprintf(inside, sizeof(inside), "%s/y", folder);
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount_at(folder, "tmpfs", "none", "tmpfs", 0, NULL) &&
	       mount_at(folder, "bound", inside, "none", MS_BIND, NULL);
}

static void test_mounts(void **state)
{
	write_text(*state, "tmpfs/x");
	write_text(*state, "bound");
	write_text(*state, "y");
	make_link(*state, "z", "bound");
	if (have_openat2())
		check_in_thread("mounts", *state, with_mounts, NULL,
				"+ y=text\n- bound: a mount point\n"
				"- tmpfs: a mount point\n- z: " OUT);
	check_in_thread("by steps", *state, with_mounts, without_openat2,
			"+ bound=text\n+ y=text\n- tmpfs: a mount point\n"
			"- z: a symbolic link, which is not safe to follow without "
			"openat2()\n");
}

/* Mounts what never answers. */
static bool with_dead_mount(const char *folder)
{
	const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[96];

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0",
		 fd);
	/* The descriptor stays open until the process ends, or requests would fail. */
	return fd >= 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount_at(folder, "dead", "none", "fuse", MS_NODEV | MS_NOSUID, options);
}

static void test_dead_mount(void **state)
{
	char *path = path_in(*state, "dead");

	assert_int_equal(mkdir(path, 0700), 0);
	write_text(*state, "y");
	make_link(*state, "z", "dead/x");
	if (have_openat2())
		check_in_thread("dead", *state, with_dead_mount, NULL,
				"+ y=text\n- dead: a mount point\n- z: " OUT);
	check_in_thread("dead, by steps", *state, with_dead_mount, without_openat2,
			"+ y=text\n- dead: a mount point\n"
			"- z: a symbolic link, which is not safe to follow without "
			"openat2()\n");
	free(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_names),       IN_FOLDER(test_weights),
		IN_FOLDER(test_bad_names),   IN_FOLDER(test_current_folder),
		IN_FOLDER(test_kinds),       IN_FOLDER(test_device),
		IN_FOLDER(test_links),       IN_FOLDER(test_links_by_steps),
		IN_FOLDER(test_cache),       IN_FOLDER(test_no_cache),
		IN_FOLDER(test_depth),       IN_FOLDER(test_count),
		IN_FOLDER(test_left_out),    IN_MEMORY(test_endless),
		IN_FOLDER(test_descriptors), IN_FOLDER(test_rights),
		IN_FOLDER(test_mounts),      IN_FOLDER(test_dead_mount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
