// SPDX-License-Identifier: Apache-2.0
#include "core/cast_read.h"

#include <string.h>

#include "core/cast.h"
#include "core/dtype.h"

#define FLOAT_LEN sizeof(float)
/* Bytes of source at a time: they are still in the first cache when they are cast. */
#define CHUNK_LEN 16384u

/* Elements [first, first + count), which begin and end on a byte, to @out. */
static enum sft_status cast_chunk(const struct sft_raw *raw, uint8_t dtype,
				  uint64_t first, size_t count, uint8_t *out,
				  struct sft_error *err)
{
	const uint8_t bits = sft_dtype(dtype)->bits;
	const size_t len = count * bits / 8;
	uint8_t chunk[CHUNK_LEN];
	enum sft_status status = sft_raw_read(raw, first * bits / 8, chunk, len, err);

	if (status == SFT_OK)
		sft_cast(dtype, chunk, out, count);
	return status;
}

enum sft_status sft_cast_read(const struct sft_raw *raw, uint8_t dtype, uint64_t skip,
			      uint8_t *out, size_t len, struct sft_error *err)
{
	const uint8_t bits = sft_dtype(dtype)->bits;
	const size_t unit = bits < 8 ? 8u / bits : 1; /* elements that end on a byte */
	const size_t chunk = CHUNK_LEN * 8u / bits;   /* elements */
	enum sft_status status = SFT_OK;

	while (status == SFT_OK && len > 0) {
		const uint64_t begin = skip / FLOAT_LEN / unit * unit;
		const size_t before = (size_t)(skip - begin * FLOAT_LEN);
		uint8_t few[2 * FLOAT_LEN];
		size_t count = len / FLOAT_LEN / unit * unit;
		size_t done;

		if (before == 0 && count > 0) {
			if (count > chunk)
				count = chunk;
			done = count * FLOAT_LEN;
			status = cast_chunk(raw, dtype, begin, count, out, err);
		} else { /* an edge: whole elements, of which a part is wanted */
			status = cast_chunk(raw, dtype, begin, unit, few, err);
			done = unit * FLOAT_LEN - before;
			if (done > len)
				done = len;
			if (status == SFT_OK)
				memcpy(out, few + before, done);
		}
		out += done;
		skip += done;
		len -= done;
	}
	return status;
}
