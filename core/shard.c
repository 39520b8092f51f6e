// SPDX-License-Identifier: Apache-2.0
#include "core/shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/sniff.h"

static enum sft_status read_header(struct sft_shard *shard, uint16_t idx,
				   struct sft_spare spare, struct sft_error *err)
{
	struct sft_header *header = &shard->header;
	uint8_t field[SFT_LEN_FIELD_LEN] = { 0 };
	enum sft_status status = SFT_OK;
	uint64_t len;

	if (shard->file.len >= sizeof(field))
		status = sft_read_all(shard->file.fd, field, sizeof(field), 0, err);
	if (status == SFT_OK)
		status = sft_header_decode_len(field, shard->file.len, &len, err);
	if (status != SFT_OK)
		return status;
	header->text_len = (size_t)len; /* has a limit */
	shard->data_off = SFT_LEN_FIELD_LEN + len;
	status = sft_header_read(header, shard->file.fd, SFT_FEED_PIECE, spare, idx, err);
	return status == SFT_OK ? sft_check(header, shard->file.len, err) : status;
}

/* Adds to a message what the file is, if that can be told. */
static void add_hint(const struct sft_shard *shard, struct sft_error *err)
{
	uint8_t head[SFT_SNIFF_LEN];
	const size_t len =
		shard->file.len < sizeof(head) ? (size_t)shard->file.len : sizeof(head);
	const char *hint;
	size_t used;

	if (err == NULL || sft_read_all(shard->file.fd, head, len, 0, NULL) != SFT_OK)
		return;
	hint = sft_sniff(head, len, shard->file.path);
	if (hint == NULL && err->status == SFT_E_INVALID_HEADER_LENGTH)
		hint = "the file was cut short, or is still being downloaded";
	used = strlen(err->detail);
	if (hint != NULL)
		snprintf(err->detail + used, sizeof(err->detail) - used, ": %s", hint);
}

enum sft_status sft_shard_open(struct sft_shard *shard, uint16_t idx, enum sft_io io,
			       struct sft_spare spare, struct sft_error *err)
{
	enum sft_status status;

	shard->file.fd = -1;
	status = sft_backing_open(&shard->file, shard->file.path, err);
	if (status == SFT_OK) {
		status = read_header(shard, idx, spare, err);
		if (status >= SFT_E_HEADER_TOO_SMALL &&
		    status <= SFT_E_INVALID_HEADER_DESERIALIZATION)
			add_hint(shard, err);
		if (status == SFT_OK) /* nobody wrote to it meanwhile */
			status = sft_backing_check(&shard->file, err);
	}
	if (status == SFT_OK)
		status = sft_backing_map(&shard->file, io, err);
	if (status != SFT_OK)
		sft_error_file(err, shard->file.path);
	return status;
}

void sft_shard_close(struct sft_shard *shard)
{
	sft_backing_close(&shard->file);
	sft_header_done(&shard->header);
	free(shard->name);
	*shard = (struct sft_shard){ .file.fd = -1 };
}
