/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/sft.h - safetensors models as trees of files: the public interface
 *
 * Open a model once, then look up names, list folders and read files. All checks of the
 * hostile input happen in sft_open(); what it returns is immutable, so every function
 * that takes a `const struct sft_model *` may run on any number of threads at once.
 *
 *	SOURCE -sft_open()-> model -sft_lookup()-> ref -sft_file_open()-> bytes
 *
 * Conventions: a function that can fail returns `enum sft_status`, writes `ret_*` only on
 * success and @err (which may be NULL) only on failure. Numbers without a unit in their
 * name are bytes. Pointers that accessors return are borrowed until sft_close().
 */
#ifndef SFT_CORE_SFT_H
#define SFT_CORE_SFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "digest.h"
#include "error.h"
#include "facts.h"
#include "filtering.h"
#include "info.h"
#include "tensors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- opening ---- */

/* How bytes of the source are fetched. */
enum sft_io {
	SFT_IO_AUTO,  /* map local files, pread the rest */
	SFT_IO_MAP,   /* replies point into a mapping: no copy in this process */
	SFT_IO_PREAD, /* no byte of a change in flight is ever shown */
};

struct sft_options {
	enum sft_io io;
	const struct sft_filter *filter; /* NULL: all tensors under their own names */
	bool skip_missing; /* open a partial download: what is absent is a warning */
	/*
	 * Open sooner, and without the other files of the folder: for what core/info.h
	 * has, sft_model_totals() and sft_lint() alone. There is no tree, and no file.
	 */
	bool names_only;
	/* Called for what is worth a line and no failure; may be NULL. */
	void (*warn)(void *arg, const struct sft_error *warning);
	void *warn_arg;
};

struct sft_model;

/**
 * sft_open() - open a model and check everything in it
 * @source:    a safetensors file, an *.safetensors.index.json, or a folder of either
 * @options:   NULL for the defaults
 * @ret_model: the caller's, to be closed with sft_close()
 * @err:       names the file and, where it is known, the byte
 *
 * Every shard is opened, and stays open; later reads need no path. Starts threads of its
 * own, which are gone when it returns. Raises the soft limit of open files.
 *
 * Return: SFT_OK or any of the statuses down to SFT_E_CHANGED.
 */
SFT_MUST_CHECK enum sft_status sft_open(const char *source,
					const struct sft_options *options,
					struct sft_model **ret_model,
					struct sft_error *err);

/* Closes files and frees everything that accessors lent out; NULL is fine. */
void sft_close(struct sft_model *model);

/**
 * sft_lint() - report what the written specification forbids and every reader accepts
 * @model:   an open model
 * @warn:    called once for each rule that a shard breaks, with the first place
 * @arg:     passed to @warn
 * @err:     names the file
 *
 * Reads each header again.
 *
 * Return: SFT_OK, SFT_E_IO, SFT_E_NO_MEMORY or SFT_E_CHANGED.
 */
SFT_MUST_CHECK enum sft_status sft_lint(const struct sft_model *model,
					void (*warn)(void *arg,
						     const struct sft_error *warning),
					void *arg, struct sft_error *err);

struct sft_totals {
	uint64_t tensor_count;
	uint64_t shard_count;
	uint64_t len;      /* bytes of all shards, headers included */
	size_t node_limit; /* above the node of every ref */
};

/* Counts of the model. */
struct sft_totals sft_model_totals(const struct sft_model *model);

/*
 * Files and folders that the root view lists, of a model that was not opened with
 * names_only. The first call counts them: O(n).
 */
uint64_t sft_model_file_count(const struct sft_model *model);

/**
 * sft_model_watch() - have long computations ask whether anybody still waits for them
 * @is_over: called with @arg now and then, from any thread; true ends them with SFT_E_IO
 *
 * Call before the first read. Reads of checksums may take as long as reading a tensor.
 */
void sft_model_watch(const struct sft_model *model, bool (*is_over)(void *arg),
		     void *arg);

/* How many changes of the source were seen. The files of each answer SFT_E_CHANGED. */
unsigned sft_model_changes(const struct sft_model *model);

/*
 * Whether a file, by its st_dev and st_ino, is one of those that the model was opened
 * from: who writes files must not put one in its place.
 */
bool sft_model_holds(const struct sft_model *model, dev_t device, ino_t inode);

/* ---- the tree ---- */

/*
 * A place in the tree: which view shows it, which node of the tree it belongs to, and
 * what of the node it is. Refs are the same at every opening of the same model.
 */
struct sft_ref {
	uint32_t node; /* index in the sorted tree */
	uint8_t view;  /* 0: the view shown at the root; else sft_view_find() */
	uint8_t kind;  /* enum sft_kind, or SFT_KIND_FILE + index of the view's file */
};

enum sft_kind {
	SFT_KIND_FOLDER, /* a folder of the view */
	SFT_KIND_VIEWS,  /* the folder `.view`, which is never listed */
	SFT_KIND_TOP,    /* a file of the view's root; node is its index */
	SFT_KIND_FILE,   /* the first file of a tensor, and the others after it */
};

#define SFT_VIEW_BITS 5u /* view < 32 */
#define SFT_KIND_BITS 4u /* kind < 16 */

static const struct sft_ref SFT_REF_ROOT = { 0, 0, SFT_KIND_FOLDER };

enum sft_type {
	SFT_TYPE_FOLDER,
	SFT_TYPE_FILE,
	SFT_TYPE_LINK, /* symbolic */
};

struct sft_attr {
	enum sft_type type;
	uint32_t link_count;
	uint64_t len; /* bytes; of a link: of its target's path; 0 for a folder */
	mode_t mode;  /* permission bits: the source's read bits, x for folders; 0777 of a
			 link */
	uid_t uid;    /* the source's */
	gid_t gid;    /* the source's */
	struct timespec mtime; /* the source's */
};

#define SFT_NAME_LEN_MAX 255u /* bytes of a name in a folder, of a slice's too */

struct sft_entry {
	struct sft_ref ref;
	enum sft_type type;
	uint64_t next;                   /* position of the entry after this one */
	char name[SFT_NAME_LEN_MAX + 1]; /* NUL-terminated, printable */
};

/**
 * sft_view_count() / sft_view_name() / sft_view_about() - the table of views
 * @idx: 0-based, below sft_view_count()
 *
 * Return: the count; the name, e.g. "npy"; one line on what it shows. Static.
 */
size_t sft_view_count(void);
const char *sft_view_name(size_t idx);
const char *sft_view_about(size_t idx);

/**
 * sft_view_use() - choose the view that is shown at the root; `tensors` until then
 * @model: before anything was looked up
 * @name:  NUL-terminated
 *
 * Return: false if there is no view of that name; nothing changed.
 */
SFT_MUST_CHECK bool sft_view_use(struct sft_model *model, const char *name);

/**
 * sft_ref_valid() - check a ref that came from outside, from an inode number for example
 *
 * Return: true if the ref denotes something of this model.
 */
bool sft_ref_valid(const struct sft_model *model, struct sft_ref ref);

/* True for the refs that can be listed. */
bool sft_ref_is_folder(struct sft_ref ref);

/* What a valid ref is. */
enum sft_type sft_ref_type(const struct sft_model *model, struct sft_ref ref);

/**
 * sft_lookup() - find a name in a folder
 * @model:   an open model
 * @folder:  a valid ref of a folder
 * @name:    @len bytes, compared exactly with the encoded names
 * @len:     bytes
 * @ret_ref: what is there
 *
 * Cost: O(log n) in the entries of the folder.
 *
 * Return: false if the folder holds no such name.
 */
SFT_MUST_CHECK bool sft_lookup(const struct sft_model *model, struct sft_ref folder,
			       const char *name, size_t len, struct sft_ref *ret_ref);

/**
 * sft_list() - the entry of a folder at a position, in an order that never changes
 * @model:     an open model
 * @folder:    a valid ref of a folder
 * @pos:       0 for the first entry, else the `next` of an entry of this folder
 * @ret_entry: filled
 *
 * Every folder is listed without "." and "..". Any @pos is safe.
 *
 * Return: false at the end.
 */
SFT_MUST_CHECK bool sft_list(const struct sft_model *model, struct sft_ref folder,
			     uint64_t pos, struct sft_entry *ret_entry);

/* Bytes of the longest target of a link: 32 times up, 2,048 down, and a name. */
#define SFT_LINK_LEN_MAX 4000u

/**
 * sft_link_target() - where a symbolic link points to: another name of the same tensor
 * @ref: valid, and a link
 * @out: receives a relative path within the view, not NUL-terminated
 *
 * Return: its length in bytes.
 */
size_t sft_link_target(const struct sft_model *model, struct sft_ref ref,
		       char out[SFT_LINK_LEN_MAX]);

/* The file that a link leads to, in the same view. */
struct sft_ref sft_link_follow(const struct sft_model *model, struct sft_ref ref);

/* The folder that holds a ref; the root's is the root. */
struct sft_ref sft_parent(const struct sft_model *model, struct sft_ref ref);

/**
 * sft_attr() - what stat() shows of a ref
 * @model:    an open model
 * @ref:      valid
 * @ret_attr: filled
 * @err:      may be NULL
 *
 * Return: SFT_OK, SFT_E_NO_MEMORY or SFT_E_LIMIT.
 */
SFT_MUST_CHECK enum sft_status sft_attr(const struct sft_model *model, struct sft_ref ref,
					struct sft_attr *ret_attr, struct sft_error *err);

/**
 * sft_ref_note() - a few words on what a tensor's file holds, e.g. "BF16 [4096, 4096]"
 * @out: receives NUL-terminated text, cut where it is too long; "" for other refs
 * @cap: size of @out in bytes
 */
void sft_ref_note(const struct sft_model *model, struct sft_ref ref, char *out,
		  size_t cap);

/**
 * sft_folder_absents() - count what a view cannot show in a folder
 * @folder: a valid ref of a folder
 *
 * Return: the files that the children of the folder would have, were it not for their
 * type, shape or length. Links to such are not counted.
 */
uint64_t sft_folder_absents(const struct sft_model *model, struct sft_ref folder);

/* ---- slices ---- */

/* Bytes of the longest text of a slice: 64 dimensions, two numbers each. */
#define SFT_SLICE_LEN_MAX 2700u

/*
 * A part of a tensor's file, which has a name, NAME[SLICE].SUFFIX, and is never listed.
 * The text is canonical: however a slice is written, it is the same for the same part.
 */
struct sft_slice {
	/* The file of the whole tensor; not valid where a folder's file has its name. */
	struct sft_ref ref;
	uint64_t id;                  /* a hash of all this, the same at every opening */
	size_t len;                   /* bytes of @text, at least 1 */
	char text[SFT_SLICE_LEN_MAX]; /* not NUL-terminated */
};

/**
 * sft_slice_lookup() - find a slice by its name, where sft_lookup() finds nothing
 * @folder:    a valid ref of a folder
 * @name:      @len bytes
 * @ret_slice: what is meant; a slice of an alias is that of its tensor
 *
 * SLICE is Python's basic slicing, the step absent or 1: "5", "-1", "0:128", ":,0:64",
 * "...,0". As in numpy, bounds are clamped and an index has to be inside. Of types under
 * a byte only what begins and ends on bytes can be a slice, and only tensors of at most
 * 64 dimensions have any.
 *
 * Return: false if the view has no slices, there is no such tensor, the text is none, or
 * the name is longer than SFT_NAME_LEN_MAX.
 */
SFT_MUST_CHECK bool sft_slice_lookup(const struct sft_model *model, struct sft_ref folder,
				     const char *name, size_t len,
				     struct sft_slice *ret_slice);

/* As sft_attr() and sft_ref_note(), of a slice from sft_slice_lookup(). */
SFT_MUST_CHECK enum sft_status sft_slice_attr(const struct sft_model *model,
					      const struct sft_slice *slice,
					      struct sft_attr *ret_attr,
					      struct sft_error *err);
void sft_slice_note(const struct sft_model *model, const struct sft_slice *slice,
		    char *out, size_t cap);

/* ---- files ---- */

struct sft_file;

/*
 * True once a change was seen of what a valid ref depends on: of any shard, or, for a
 * file that is passed through, of that file. Then it cannot be read any more.
 */
bool sft_ref_changed(const struct sft_model *model, struct sft_ref ref);

/*
 * The device (st_dev) of the files of the source that a valid ref depends on: who opens
 * or reads it may have to wait for that, and for no other. 0: there are several.
 */
dev_t sft_ref_device(const struct sft_model *model, struct sft_ref ref);

/**
 * sft_file_open() - prepare a file for reading
 * @model:    an open model that outlives the file
 * @ref:      a valid ref of a file
 * @ret_file: the caller's, to be closed with sft_file_close()
 * @err:      may be NULL
 *
 * Return: SFT_OK, SFT_E_CHANGED, SFT_E_IO, SFT_E_NO_MEMORY or SFT_E_LIMIT.
 */
SFT_MUST_CHECK enum sft_status sft_file_open(const struct sft_model *model,
					     struct sft_ref ref,
					     struct sft_file **ret_file,
					     struct sft_error *err);

/* The same for a slice from sft_slice_lookup(). */
SFT_MUST_CHECK enum sft_status sft_slice_open(const struct sft_model *model,
					      const struct sft_slice *slice,
					      struct sft_file **ret_file,
					      struct sft_error *err);

/* NULL is fine. */
void sft_file_close(struct sft_file *file);

/* Length of the file. */
uint64_t sft_file_len(const struct sft_file *file);

/*
 * A hash of what a file is made of, the same at every opening and with all options that
 * make the same file. It says nothing of the bytes in the source.
 */
uint64_t sft_file_id(const struct sft_file *file);

/* sft_ref_device() of what was opened. */
dev_t sft_file_device(const struct sft_file *file);

/* Files of the source that bytes come from. A value: it may outlive the file. */
struct sft_home {
	size_t first, count;
};

/* Those of all bytes of a file. */
struct sft_home sft_file_home(const struct sft_file *file);

/**
 * sft_home_check() - see whether the source of bytes is still what was opened
 * @model: an open model
 * @home:  from sft_file_map() or sft_file_home()
 * @err:   may be NULL
 *
 * One fstat() for each file of the source. A change is remembered for ever: of a shard
 * for the whole model, of another file for that alone. Safe from any thread.
 *
 * Return: SFT_OK, SFT_E_CHANGED, or SFT_E_IO if a file cannot be asked.
 */
SFT_MUST_CHECK enum sft_status sft_home_check(const struct sft_model *model,
					      struct sft_home home,
					      struct sft_error *err);

/**
 * sft_file_map() - say where the bytes of a read lie in memory
 * @file:      an open file
 * @off:       first byte wanted
 * @len:       bytes wanted; shortened at the end of the file
 * @ret_iov:   set in reading order; borrowed until sft_close(), so it outlives the file
 * @max:       entries that @ret_iov has
 * @ret_count: entries set; 0 at or past the end
 * @ret_home:  what to give to sft_home_check()
 *
 * The memory may be a mapping of the source, whose pages can be gone: hand it to a system
 * call and let the kernel do the copying, which fails with EFAULT where this process
 * would get SIGBUS. Call sft_home_check() before and after. Safe from any thread.
 *
 * Return: false if the source is not mapped, @max is too small, or some of the bytes have
 * to be computed or belong to the open file itself (a header, a document): use
 * sft_file_read().
 */
SFT_MUST_CHECK bool sft_file_map(const struct sft_file *file, uint64_t off, size_t len,
				 struct iovec *ret_iov, size_t max, size_t *ret_count,
				 struct sft_home *ret_home);

/**
 * sft_file_read() - read bytes, all of them or none
 * @file:    an open file
 * @off:     first byte wanted; any value
 * @buf:     receives the bytes; its content is undefined on failure
 * @len:     bytes wanted; shortened at the end of the file
 * @ret_len: bytes read; 0 at or past the end
 * @err:     may be NULL
 *
 * Nothing is returned that was read after a change of the source. Safe from any thread.
 *
 * Return: SFT_OK, SFT_E_CHANGED or SFT_E_IO.
 */
SFT_MUST_CHECK enum sft_status sft_file_read(const struct sft_file *file, uint64_t off,
					     void *buf, size_t len, size_t *ret_len,
					     struct sft_error *err);

/* Bytes that stand in a file of the source as they are. */
struct sft_span {
	int fd;       /* the model's: neither to be closed nor moved */
	uint64_t off; /* of the first, in that file */
	uint64_t len; /* at least 1 */
};

/**
 * sft_file_span() - where bytes of a file stand in the source, for the kernel to copy
 * @file:     an open file
 * @off:      of the first byte wanted
 * @ret_span: from that byte on, as far as they go on in one piece
 *
 * Ask sft_home_check() with sft_file_home() after copying. Safe from any thread.
 *
 * Return: false at or past the end, and where the byte is made, converted or gathered:
 * use sft_file_read(), for this byte at least.
 */
SFT_MUST_CHECK bool sft_file_span(const struct sft_file *file, uint64_t off,
				  struct sft_span *ret_span);

/**
 * sft_model_whole() - the files of the source that some view shows as they are
 * @idx:      0-based, in no particular order
 * @ret_span: all of the file, from 0 on; of an empty one @len is 0
 *
 * A file of the tree is such a one if sft_file_span() says the same of its first byte.
 *
 * Return: false past the last.
 */
SFT_MUST_CHECK bool sft_model_whole(const struct sft_model *model, size_t idx,
				    struct sft_span *ret_span);

#ifdef __cplusplus
}
#endif

#endif /* SFT_CORE_SFT_H */
