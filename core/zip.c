// SPDX-License-Identifier: Apache-2.0
#include "core/zip.h"

#include <assert.h>

#define LOCAL_LEN 30u      /* of a local header without name and extra */
#define CENTRAL_LEN 46u    /* of a directory entry without name and extra */
#define END_64_LEN 56u     /* of the zip64 end record */
#define LOCATOR_LEN 20u    /* of what says where that is */
#define END_LEN 22u        /* of the end record */
#define DESCRIPTOR_MAX 24u /* with lengths of 64 bits */
#define EXTRA_64_MAX 28u   /* id, length, two lengths and an offset */
#define WIDE UINT32_MAX    /* "see the zip64 extra" */
#define VERSION_64 45u
#define MADE_BY 0x031eu /* Unix, 3.0: what PyTorch's writer says */
#define FLAG_DESCRIPTOR 0x0008u
#define FLAG_UTF8 0x0800u

/* A record, filled from left to right. */
struct record {
	uint8_t bytes[END_64_LEN];
	size_t len;
};

static void put(struct record *record, uint64_t value, unsigned width)
{
	assert(record->len + width <= sizeof(record->bytes));
	for (unsigned i = 0; i < width; i++)
		record->bytes[record->len++] = (uint8_t)(value >> (8 * i));
}

static uint32_t narrow(uint64_t value)
{
	return value < WIDE ? (uint32_t)value : WIDE;
}

static void append(struct sft_layout *layout, const struct record *record)
{
	sft_layout_literal(layout, record->bytes, record->len);
}

void sft_zip_begin(struct sft_zip *zip, const struct sft_zip_style *style,
		   struct sft_layout *layout)
{
	assert(layout->len == 0);
	*zip = (struct sft_zip){ .style = style, .layout = layout };
	sft_layout_init(&zip->central, layout->measures);
}

/* What does not fit 32 bits; empty if all does. */
static struct record extra_64(uint64_t len, uint64_t off)
{
	struct record extra = { .len = 0 };
	const unsigned lens_len = len >= WIDE ? 16 : 0;
	const unsigned off_len = off >= WIDE ? 8 : 0;

	if (lens_len + off_len == 0)
		return extra;
	put(&extra, 1, 2);
	put(&extra, lens_len + off_len, 2);
	put(&extra, len, lens_len / 2);
	put(&extra, len, lens_len / 2);
	put(&extra, off, off_len);
	return extra;
}

/* The directory's entry of a member that begins at @off. */
static void add_entry(struct sft_zip *zip, struct sft_bytes name, uint64_t off,
		      uint16_t flags)
{
	const struct record extra = extra_64(zip->payload_len, off);
	struct record entry = { .len = 0 };

	put(&entry, 0x02014b50, 4);
	put(&entry, zip->style->always_zip64 ? 0 : MADE_BY, 2);
	put(&entry, extra.len > 0 ? VERSION_64 : zip->style->version, 2);
	put(&entry, flags, 2);
	put(&entry, 0, 2); /* stored */
	put(&entry, 0, 2); /* time */
	put(&entry, zip->style->date, 2);
	put(&entry, zip->crc, 4);
	put(&entry, narrow(zip->payload_len), 4);
	put(&entry, narrow(zip->payload_len), 4);
	put(&entry, name.len, 2);
	put(&entry, extra.len, 2);
	put(&entry, 0, 2); /* comment */
	put(&entry, 0, 2); /* disk */
	put(&entry, 0, 2); /* attributes */
	put(&entry, 0, 4);
	put(&entry, narrow(off), 4);
	append(&zip->central, &entry);
	sft_layout_literal(&zip->central, name.data, name.len);
	append(&zip->central, &extra);
}

/* The extra field that moves the payload to where it is aligned. */
static void append_padding(struct sft_layout *layout, size_t padding)
{
	struct record extra = { .len = 0 };

	put(&extra, 'F' | 'B' << 8, 2);
	put(&extra, padding, 2);
	append(layout, &extra);
	while (padding > 0) {
		static const char fill[] = "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";
		const size_t part =
			padding < sizeof(fill) - 1 ? padding : sizeof(fill) - 1;

		sft_layout_literal(layout, fill, part);
		padding -= part;
	}
}

static bool is_ascii(struct sft_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] > 0x7f)
			return false;
	return true;
}

void sft_zip_member(struct sft_zip *zip, struct sft_bytes name, uint64_t len,
		    uint32_t crc, size_t align)
{
	const bool has_descriptor = zip->style->has_descriptors && len > 0;
	const uint16_t flags =
		(uint16_t)(zip->style->flags | (is_ascii(name) ? 0 : FLAG_UTF8) |
			   (has_descriptor ? FLAG_DESCRIPTOR : 0));
	const uint64_t off = zip->layout->len;
	/* Where the offset has no place in the local header, there is none in its extra.
	 */
	const struct record extra = extra_64(len, zip->style->has_descriptors ? off : 0);
	const uint64_t begin = off + LOCAL_LEN + name.len + extra.len + 4;
	const size_t padding = (size_t)(-begin % align);
	const uint32_t shown = has_descriptor && extra.len == 0 ? 0 : narrow(len);
	struct record local = { .len = 0 };

	assert(name.len <= SFT_ZIP_NAME_LEN_MAX);
	zip->payload_len = len;
	zip->is_wide = extra.len > 0;
	zip->crc = crc;
	zip->count++;
	put(&local, 0x04034b50, 4);
	put(&local, extra.len > 0 ? VERSION_64 : zip->style->version, 2);
	put(&local, flags, 2);
	put(&local, 0, 2); /* stored */
	put(&local, 0, 2); /* time */
	put(&local, zip->style->date, 2);
	put(&local, has_descriptor ? 0 : crc, 4);
	put(&local, shown, 4);
	put(&local, shown, 4);
	put(&local, name.len, 2);
	put(&local, extra.len + 4 + padding, 2);
	append(zip->layout, &local);
	sft_layout_literal(zip->layout, name.data, name.len);
	append(zip->layout, &extra);
	append_padding(zip->layout, padding);
	add_entry(zip, name, off, flags);
}

void sft_zip_member_end(struct sft_zip *zip)
{
	const unsigned width = zip->is_wide ? 8 : 4;
	struct record descriptor = { .len = 0 };

	if (!zip->style->has_descriptors || zip->payload_len == 0)
		return;
	put(&descriptor, 0x08074b50, 4);
	put(&descriptor, zip->crc, 4);
	put(&descriptor, zip->payload_len, width);
	put(&descriptor, zip->payload_len, width);
	append(zip->layout, &descriptor);
}

/* The record for what the end record has no room for, and where it is. */
static void append_end_64(struct sft_zip *zip, uint64_t central_off, uint64_t central_len)
{
	const uint64_t off = zip->layout->len;
	struct record end = { .len = 0 };
	struct record locator = { .len = 0 };

	put(&end, 0x06064b50, 4);
	put(&end, END_64_LEN - 12, 8);
	put(&end, MADE_BY, 2);
	put(&end, VERSION_64, 2);
	put(&end, 0, 4);
	put(&end, 0, 4);
	put(&end, zip->count, 8);
	put(&end, zip->count, 8);
	put(&end, central_len, 8);
	put(&end, central_off, 8);
	append(zip->layout, &end);
	put(&locator, 0x07064b50, 4);
	put(&locator, 0, 4);
	put(&locator, off, 8);
	put(&locator, 1, 4);
	append(zip->layout, &locator);
}

void sft_zip_end(struct sft_zip *zip)
{
	struct sft_layout *layout = zip->layout;
	const uint64_t off = layout->len;
	const uint64_t len = zip->central.len;
	const uint64_t count = zip->count < UINT16_MAX ? zip->count : UINT16_MAX;
	struct record end = { .len = 0 };

	if (zip->central.status != SFT_OK && layout->status == SFT_OK)
		layout->status = zip->central.status;
	sft_layout_literal(layout, zip->central.text, len);
	if (zip->style->always_zip64 || count == UINT16_MAX || off >= WIDE || len >= WIDE)
		append_end_64(zip, off, len);
	put(&end, 0x06054b50, 4);
	put(&end, 0, 2);
	put(&end, 0, 2);
	put(&end, count, 2);
	put(&end, count, 2);
	put(&end, narrow(len), 4);
	put(&end, narrow(off), 4);
	put(&end, 0, 2);
	append(layout, &end);
	sft_layout_done(&zip->central);
}
