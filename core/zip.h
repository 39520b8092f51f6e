/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/zip.h - archives whose members are stored, not compressed
 *
 *	| header, name, extra | data | descriptor |  next member ...  | directory | end |
 *	                      ^ a multiple of 64
 *
 * The extra field aligns the data: PyTorch's own block of id "FB", which others skip. The
 * CRC-32 of every member is declared to be 0, for nothing of the data was read: loaders
 * that do not check it get the data alone, for others a member has to end in bytes that
 * make it so (core/crc.h). Sizes and places past 32 bits go into zip64 records.
 * Source of the format: PKWARE's APPNOTE 6.3.
 */
#ifndef SFT_CORE_ZIP_H
#define SFT_CORE_ZIP_H

#include "core/bytes.h"
#include "core/layout.h"

#define SFT_ZIP_CRC 0u /* of every member */
#define SFT_ZIP_NAME_LEN_MAX UINT16_MAX

/* Where writers of archives differ. */
struct sft_zip_style {
	uint16_t made_by;       /* of the directory's entries */
	uint16_t version;       /* needed to extract a member */
	uint16_t version_zip64; /* the same, where it has a zip64 record */
	uint16_t flags;         /* of every member */
	uint16_t date;          /* as DOS has it */
	uint32_t attributes;    /* of the files, for their system */
	/*
	 * The sizes stand behind the data of each member that has any, not before it; a
	 * zip64 record before it tells the length and, past 32 bits, its own place. So
	 * does PyTorch.
	 */
	bool has_descriptors;
	bool has_zip64_end; /* always; else where it is needed */
};

struct sft_zip {
	struct sft_layout *layout;
	const struct sft_zip_style *style;
	struct sft_layout directory; /* its text, so far */
	uint64_t count;
	/* The member that was begun last. */
	struct sft_bytes folder, name;
	uint64_t off, data_off;
	uint16_t flags;
	bool has_zip64; /* in its header */
};

/* Begins an archive at the start of a file; it must not move until sft_zip_end(). */
void sft_zip_init(struct sft_zip *zip, struct sft_layout *layout,
		  const struct sft_zip_style *style);

/**
 * sft_zip_begin() - append a member's header; the caller appends its data then
 * @folder: what its name begins with; may be empty
 * @name:   the rest; together at most SFT_ZIP_NAME_LEN_MAX bytes of UTF-8, which stay
 *          where they are until the member ends
 * @len:    of the data; with descriptors, any below 4 GiB will do for such a length
 */
void sft_zip_begin(struct sft_zip *zip, struct sft_bytes folder, struct sft_bytes name,
		   uint64_t len);

/* Ends the member that was begun. */
void sft_zip_end_member(struct sft_zip *zip);

/* Appends the directory; the archive is complete then, or its layout says why not. */
void sft_zip_end(struct sft_zip *zip);

#endif /* SFT_CORE_ZIP_H */
