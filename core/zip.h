/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/zip.h - a zip archive of stored members, as a layout
 *
 *	| local header, name, extra | payload | descriptor |  ... next member
 *	| central directory | zip64 end and its locator | end |
 *
 * Payloads are aligned, to 64 at least. The extra field that sees to it is the one that
 * PyTorch's writer uses (id "FB"), by the same rule: its reader can compute where records
 * lie. Source: APPNOTE.TXT 6.3.10; PyTorch, caffe2/serialize/inline_container.cc.
 */
#ifndef SFT_CORE_ZIP_H
#define SFT_CORE_ZIP_H

#include "core/bytes.h"
#include "core/layout.h"

#define SFT_ZIP_ALIGN 64u
#define SFT_ZIP_NAME_LEN_MAX 65535u

/* In what two writers differ. */
struct sft_zip_style {
	bool has_descriptors; /* behind payloads, with the lengths; then not before them
			       */
	bool always_zip64;    /* end records for zip64 even in a small archive */
	uint16_t version;     /* needed to extract a member */
	uint16_t flags;       /* of every member; one for names in UTF-8 is added */
	uint16_t date;        /* in the form of MS-DOS */
};

struct sft_zip {
	const struct sft_zip_style *style;
	struct sft_layout *layout;
	struct sft_layout central; /* the directory so far */
	uint64_t count;
	uint64_t payload_len; /* of the last member */
	bool is_wide;         /* its descriptor is */
	uint32_t crc;
};

/* Begins an archive at the start of an empty layout. */
void sft_zip_begin(struct sft_zip *zip, const struct sft_zip_style *style,
		   struct sft_layout *layout);

/**
 * sft_zip_member() - append what stands before a payload
 * @name: at most SFT_ZIP_NAME_LEN_MAX bytes
 * @len:  bytes of the payload, which the caller appends then
 * @crc:  of the payload, or a zero that its readers do not check
 * @align: where the payload begins is a multiple of it; SFT_ZIP_ALIGN to 32768
 */
void sft_zip_member(struct sft_zip *zip, struct sft_bytes name, uint64_t len,
		    uint32_t crc, size_t align);

/* Appends what stands behind the payload. */
void sft_zip_member_end(struct sft_zip *zip);

/* Appends the directory and frees what was needed for it. */
void sft_zip_end(struct sft_zip *zip);

#endif /* SFT_CORE_ZIP_H */
