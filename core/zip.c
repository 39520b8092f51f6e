// SPDX-License-Identifier: Apache-2.0
#include "core/zip.h"

#include <assert.h>

#define DATA_ALIGN 64u
#define FULL_16 UINT64_C(0xffff)     /* see the zip64 record */
#define FULL_32 UINT64_C(0xffffffff) /* the same */

#define SIGNATURE_MEMBER 0x04034b50u
#define SIGNATURE_DESCRIPTOR 0x08074b50u
#define SIGNATURE_ENTRY 0x02014b50u
#define SIGNATURE_END 0x06054b50u
#define SIGNATURE_END_64 0x06064b50u
#define SIGNATURE_LOCATOR_64 0x07064b50u
#define ID_ZIP64 0x0001u
#define ID_PADDING 0x4246u /* "FB" */

#define HEADER_LEN 30u
#define EXTRA_HEAD_LEN 4u
#define END_64_LEN 56u

#define FLAG_DESCRIPTOR 0x0008u
#define FLAG_UTF8 0x0800u

/* What PyTorch writes there: 3.0 on Unix; and the version that has zip64. */
#define END_MADE_BY 0x031eu
#define END_VERSION 45u

/* ---- records ---- */

/* Fixed-width fields, little-endian, one after the other. */
struct record {
	size_t len;
	uint8_t bytes[80]; /* the longest is the end of zip64 */
};

static void put(struct record *record, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		record->bytes[record->len++] = (uint8_t)(value >> 8 * i);
}

/* A value, or that a wider record has it. */
static void put_or_full(struct record *record, uint64_t value, uint64_t full,
			unsigned width)
{
	put(record, value < full ? value : full, width);
}

static void append(struct sft_layout *layout, const struct record *record)
{
	sft_layout_literal(layout, record->bytes, record->len);
}

static void append_name(const struct sft_zip *zip, struct sft_layout *layout)
{
	sft_layout_literal(layout, zip->folder.data, zip->folder.len);
	sft_layout_literal(layout, zip->name.data, zip->name.len);
}

/* The head of a zip64 record with so many of the values that did not fit. */
static void put_zip64(struct record *record, unsigned values)
{
	if (values == 0)
		return;
	put(record, ID_ZIP64, 2);
	put(record, UINT64_C(8) * values, 2);
}

/* ---- members ---- */

static bool is_ascii(struct sft_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

static uint16_t flags_of(const struct sft_zip *zip, uint64_t len)
{
	unsigned flags = zip->style->flags;

	if (zip->style->has_descriptors && len > 0)
		flags |= FLAG_DESCRIPTOR;
	if (!is_ascii(zip->folder) || !is_ascii(zip->name))
		flags |= FLAG_UTF8;
	return (uint16_t)flags;
}

void sft_zip_init(struct sft_zip *zip, struct sft_layout *layout,
		  const struct sft_zip_style *style)
{
	*zip = (struct sft_zip){ .layout = layout, .style = style };
	sft_layout_init(&zip->directory, layout->measures);
}

/* The zip64 record before the data; what it holds is what PyTorch needs of it. */
static void put_extra(const struct sft_zip *zip, struct record *extra, uint64_t len)
{
	const bool has_descriptor = zip->style->has_descriptors;
	const bool is_long = len >= FULL_32;
	const bool is_far = has_descriptor && zip->off >= FULL_32;

	put_zip64(extra, (is_long ? 2u : 0u) + (is_far ? 1u : 0u));
	if (is_long) {
		put(extra, len, 8);
		put(extra, has_descriptor ? 0 : len, 8);
	}
	if (is_far)
		put(extra, zip->off, 8);
}

/* Adds a block after which the data begins at a multiple of DATA_ALIGN. */
static size_t put_padding(struct record *extra, uint64_t off)
{
	const uint64_t end = off + extra->len + EXTRA_HEAD_LEN;
	const size_t len = (size_t)((DATA_ALIGN - end % DATA_ALIGN) % DATA_ALIGN);

	put(extra, ID_PADDING, 2);
	put(extra, len, 2);
	return len;
}

void sft_zip_begin(struct sft_zip *zip, struct sft_bytes folder, struct sft_bytes name,
		   uint64_t len)
{
	static const uint8_t filler[] = "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"
					"ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";
	const struct sft_zip_style *style = zip->style;
	const size_t name_len = folder.len + name.len;
	const uint64_t header_len = style->has_descriptors ? 0 : len;
	struct record header = { 0 };
	struct record extra = { 0 };
	size_t padding;

	assert(name_len <= SFT_ZIP_NAME_LEN_MAX);
	zip->folder = folder;
	zip->name = name;
	zip->off = zip->layout->len;
	zip->flags = flags_of(zip, len);
	put_extra(zip, &extra, len);
	zip->has_zip64 = extra.len > 0;
	padding = put_padding(&extra, zip->off + HEADER_LEN + name_len);
	put(&header, SIGNATURE_MEMBER, 4);
	put(&header, zip->has_zip64 ? style->version_zip64 : style->version, 2);
	put(&header, zip->flags, 2);
	put(&header, 0, 4); /* stored; midnight */
	put(&header, style->date, 2);
	put(&header, SFT_ZIP_CRC, 4);
	put_or_full(&header, header_len, FULL_32, 4); /* compressed, and not */
	put_or_full(&header, header_len, FULL_32, 4);
	put(&header, name_len, 2);
	put(&header, extra.len + padding, 2);
	append(zip->layout, &header);
	append_name(zip, zip->layout);
	append(zip->layout, &extra);
	sft_layout_literal(zip->layout, filler, padding);
	zip->data_off = zip->layout->len;
}

static void append_descriptor(struct sft_zip *zip, uint64_t len)
{
	const unsigned width = zip->has_zip64 ? 8 : 4;
	struct record record = { 0 };

	put(&record, SIGNATURE_DESCRIPTOR, 4);
	put(&record, SFT_ZIP_CRC, 4);
	put(&record, len, width);
	put(&record, len, width);
	append(zip->layout, &record);
}

/* Adds an entry to the directory. */
static void add_entry(struct sft_zip *zip, uint64_t len)
{
	const struct sft_zip_style *style = zip->style;
	struct record entry = { 0 };
	struct record extra = { 0 };

	put_zip64(&extra, (len >= FULL_32 ? 2u : 0u) + (zip->off >= FULL_32 ? 1u : 0u));
	if (len >= FULL_32) {
		put(&extra, len, 8);
		put(&extra, len, 8);
	}
	if (zip->off >= FULL_32)
		put(&extra, zip->off, 8);
	put(&entry, SIGNATURE_ENTRY, 4);
	put(&entry, style->made_by, 2);
	put(&entry, extra.len > 0 ? style->version_zip64 : style->version, 2);
	put(&entry, zip->flags, 2);
	put(&entry, 0, 4); /* stored; midnight */
	put(&entry, style->date, 2);
	put(&entry, SFT_ZIP_CRC, 4);
	put_or_full(&entry, len, FULL_32, 4); /* compressed, and not */
	put_or_full(&entry, len, FULL_32, 4);
	put(&entry, zip->folder.len + zip->name.len, 2);
	put(&entry, extra.len, 2);
	put(&entry, 0, 6); /* no comment; the first disk; binary */
	put(&entry, style->attributes, 4);
	put_or_full(&entry, zip->off, FULL_32, 4);
	append(&zip->directory, &entry);
	append_name(zip, &zip->directory);
	append(&zip->directory, &extra);
	zip->count++;
}

void sft_zip_end_member(struct sft_zip *zip)
{
	const uint64_t len = zip->layout->len - zip->data_off;

	if (zip->flags & FLAG_DESCRIPTOR)
		append_descriptor(zip, len);
	add_entry(zip, len);
}

/* ---- the end ---- */

static void append_zip64_end(struct sft_zip *zip, uint64_t directory_off)
{
	const uint64_t end_off = zip->layout->len;
	struct record record = { 0 };

	put(&record, SIGNATURE_END_64, 4);
	put(&record, END_64_LEN - 12, 8); /* of what follows this field */
	put(&record, END_MADE_BY, 2);
	put(&record, END_VERSION, 2);
	put(&record, 0, 8); /* the first disk */
	put(&record, zip->count, 8);
	put(&record, zip->count, 8);
	put(&record, zip->directory.len, 8);
	put(&record, directory_off, 8);
	put(&record, SIGNATURE_LOCATOR_64, 4);
	put(&record, 0, 4); /* the first disk */
	put(&record, end_off, 8);
	put(&record, 1, 4); /* disks */
	append(zip->layout, &record);
}

void sft_zip_end(struct sft_zip *zip)
{
	struct sft_layout *layout = zip->layout;
	const uint64_t off = layout->len;
	const uint64_t len = zip->directory.len;
	struct record end = { 0 };

	if (layout->status == SFT_OK)
		layout->status = zip->directory.status;
	sft_layout_literal(layout, zip->directory.text, len);
	if (zip->style->has_zip64_end || zip->count >= FULL_16 || len >= FULL_32 ||
	    off >= FULL_32)
		append_zip64_end(zip, off);
	put(&end, SIGNATURE_END, 4);
	put(&end, 0, 4); /* the first disk */
	put_or_full(&end, zip->count, FULL_16, 2);
	put_or_full(&end, zip->count, FULL_16, 2);
	put_or_full(&end, len, FULL_32, 4);
	put_or_full(&end, off, FULL_32, 4);
	put(&end, 0, 2); /* no comment */
	append(layout, &end);
	sft_layout_done(&zip->directory);
}
