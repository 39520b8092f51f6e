// SPDX-License-Identifier: Apache-2.0
#include "fs/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/inode.h"
#include "fs/reply.h"

/*
 * Listings need no state. ENOSYS says so: the kernel then opens folders by itself, caches
 * their listings, and sends neither opendir nor releasedir again, which halves the
 * requests of a walk through many small folders. Replies: ENOSYS, or fuse_reply_open to a
 * kernel before 5.1, which takes that for an error.
 */
void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if (fs_context_of(req)->needs_opendir) {
		fi->cache_readdir = 1;
		fi->keep_cache = 1;
		fuse_reply_open(req, fi);
	} else {
		fuse_reply_err(req, ENOSYS);
	}
}

/* "." and ".." are positions 0 and 1; sft_list() counts from there. */
#define DOT_COUNT 2u

static bool list_entry(const struct sft_model *model, struct sft_ref folder, uint64_t pos,
		       struct sft_entry *entry)
{
	if (pos >= DOT_COUNT) {
		if (!sft_list(model, folder, pos - DOT_COUNT, entry))
			return false;
		entry->next += DOT_COUNT;
		return true;
	}
	strcpy(entry->name, pos == 0 ? "." : "..");
	entry->ref = pos == 0 ? folder : sft_parent(model, folder);
	entry->type = SFT_TYPE_FOLDER;
	entry->next = pos + 1;
	return true;
}

/*
 * Whether the kernel is left to ask for what an entry is. The dots are names, and no
 * lookup is counted for them. How long a file about the whole model is takes long to
 * find, and who only lists names does not want to know.
 */
static bool is_bare(const struct sft_entry *entry)
{
	return entry->next <= DOT_COUNT || entry->ref.kind == SFT_KIND_TOP;
}

/* Adds an entry to a listing. Return: bytes it takes, 0 after an error. */
static size_t add_entry(fuse_req_t req, char *buf, size_t room,
			const struct sft_entry *entry, bool plus, int *error)
{
	struct fuse_entry_param param = { 0 }; /* inode 0: a name */

	if (!plus || is_bare(entry)) {
		param.attr.st_ino = fs_ino_encode(entry->ref);
		param.attr.st_mode = fs_type_of(entry->type);
		if (!plus)
			return fuse_add_direntry(req, buf, room, entry->name, &param.attr,
						 (off_t)entry->next);
	} else {
		*error = fs_entry_of_ref(fs_context_of(req), entry->ref, &param);
		if (*error != 0)
			return 0;
	}
	return fuse_add_direntry_plus(req, buf, room, entry->name, &param,
				      (off_t)entry->next);
}

/* What the C library asks for at a time; more is taken from the heap. */
#define LISTING_LEN 32768u

static void reply_listing(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			  bool plus)
{
	const struct sft_model *model = fs_context_of(req)->model;
	char small[LISTING_LEN];
	auto_free char *large = size > sizeof(small) ? malloc(size) : NULL;
	char *buf = size > sizeof(small) ? large : small;
	struct sft_entry entry;
	struct sft_ref folder;
	uint64_t pos = (uint64_t)off;
	size_t used = 0;
	int error = 0;

	if (!fs_take_ref(req, ino, ENOTDIR, &folder))
		return;
	if (buf == NULL || !sft_ref_is_folder(folder)) {
		fuse_reply_err(req, buf == NULL ? ENOMEM : ENOTDIR);
		return;
	}
	while (list_entry(model, folder, pos, &entry)) {
		const size_t len =
			add_entry(req, buf + used, size - used, &entry, plus, &error);

		if (error != 0 || len > size - used)
			break; /* full: the kernel goes on from the last entry's position
				*/
		used += len;
		pos = entry.next;
	}
	if (error != 0 && used == 0)
		fuse_reply_err(req, error);
	else
		fuse_reply_buf(req, buf, used);
}

/* Replies: fuse_reply_buf, or ENOTDIR, ESTALE, ENOMEM. */
void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		   struct fuse_file_info *fi)
{
	(void)fi;
	reply_listing(req, ino, size, off, false);
}

/* The same with attributes, so that `ls -l` asks once for many files. */
void fs_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)fi;
	reply_listing(req, ino, size, off, true);
}
