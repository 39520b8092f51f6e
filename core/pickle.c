// SPDX-License-Identifier: Apache-2.0
#include "core/pickle.h"

#include <assert.h>

/* Opcodes that arguments follow, little-endian. */
enum opcode {
	PROTO = 0x80,
	GLOBAL = 'c',
	GET = 'h',
	PUT = 'q',
	GET_4 = 'j',
	PUT_4 = 'r',
	TEXT = 'X',
	UINT_1 = 'K',
	UINT_2 = 'M',
	INT_4 = 'J',
	LONG = 0x8a,
};

#define PROTOCOL 2u

static void append_op(struct sft_pickle *pickle, enum opcode opcode, uint64_t argument,
		      unsigned width)
{
	uint8_t bytes[1 + sizeof(argument)] = { (uint8_t)opcode };

	for (unsigned i = 0; i < width; i++)
		bytes[1 + i] = (uint8_t)(argument >> 8 * i);
	sft_layout_literal(pickle->layout, bytes, 1 + width);
}

void sft_pickle_begin(struct sft_pickle *pickle, struct sft_layout *layout)
{
	*pickle = (struct sft_pickle){ .layout = layout };
	append_op(pickle, PROTO, PROTOCOL, 1);
}

void sft_pickle_op(struct sft_pickle *pickle, enum sft_pickle_op op)
{
	const uint8_t byte = (uint8_t)op;

	sft_layout_literal(pickle->layout, &byte, 1);
}

/* An integer of any length, two's complement, in as few bytes as it takes. */
static void append_long(struct sft_pickle *pickle, uint64_t value)
{
	uint8_t bytes[9] = {
		0
	}; /* the last is a sign, where the eighth looks like one */
	uint8_t len = 0;

	for (uint64_t left = value; left > 0; left >>= 8)
		bytes[len++] = (uint8_t)left;
	len += (uint8_t)(bytes[len - 1] >> 7);
	append_op(pickle, LONG, len, 1);
	sft_layout_literal(pickle->layout, bytes, len);
}

void sft_pickle_uint(struct sft_pickle *pickle, uint64_t value)
{
	if (value <= UINT8_MAX)
		append_op(pickle, UINT_1, value, 1);
	else if (value <= UINT16_MAX)
		append_op(pickle, UINT_2, value, 2);
	else if (value <= INT32_MAX)
		append_op(pickle, INT_4, value, 4);
	else
		append_long(pickle, value);
}

void sft_pickle_text(struct sft_pickle *pickle, struct sft_bytes text)
{
	append_op(pickle, TEXT, text.len, 4);
	sft_layout_literal(pickle->layout, text.data, text.len);
}

/* Gets what was put into a slot; or has the caller make it, and the reader keep it. */
static bool is_known(struct sft_pickle *pickle, unsigned slot)
{
	assert(slot < SFT_PICKLE_SLOTS);
	if ((pickle->known & UINT64_C(1) << slot) == 0)
		return false;
	append_op(pickle, GET, slot, 1);
	return true;
}

static void remember(struct sft_pickle *pickle, unsigned slot)
{
	pickle->known |= UINT64_C(1) << slot;
	append_op(pickle, PUT, slot, 1);
}

void sft_pickle_word(struct sft_pickle *pickle, unsigned slot, const char *word)
{
	if (is_known(pickle, slot))
		return;
	sft_pickle_text(pickle, sft_bytes_of(word));
	remember(pickle, slot);
}

void sft_pickle_global(struct sft_pickle *pickle, unsigned slot, const char *module,
		       const char *name)
{
	if (is_known(pickle, slot))
		return;
	append_op(pickle, GLOBAL, 0, 0);
	sft_layout_literal(pickle->layout, module, strlen(module));
	sft_layout_literal(pickle->layout, "\n", 1);
	sft_layout_literal(pickle->layout, name, strlen(name));
	sft_layout_literal(pickle->layout, "\n", 1);
	remember(pickle, slot);
}

void sft_pickle_put(struct sft_pickle *pickle, uint32_t idx)
{
	assert(idx >= SFT_PICKLE_SLOTS);
	append_op(pickle, PUT_4, idx, 4);
}

void sft_pickle_get(struct sft_pickle *pickle, uint32_t idx)
{
	assert(idx >= SFT_PICKLE_SLOTS);
	append_op(pickle, GET_4, idx, 4);
}
