// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/number.c - numbers of fields that nobody reads
 *
 * strtold() is the witness: its range is that of a double ten times over, so it knows how
 * large a number is without rounding it to infinity. Close to the largest double the
 * reference's own arithmetic decides, which the differential test knows.
 */
#include <math.h>
#include <stdlib.h>

#include "core/number.h"
#include "tests/fuzz/fuzz.h"

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static size_t skip_digits(struct sft_bytes text, size_t off)
{
	while (off < text.len && is_digit(text.data[off]))
		off++;
	return off;
}

/* Length of the number that text begins with, by the grammar of RFC 8259; 0: none. */
static size_t grammar_len(struct sft_bytes text)
{
	size_t begin = text.len > 0 && text.data[0] == '-';
	size_t off = skip_digits(text, begin);

	if (off == begin || (text.data[begin] == '0' && off > begin + 1))
		return 0;
	if (off < text.len && text.data[off] == '.') {
		begin = off + 1;
		off = skip_digits(text, begin);
		if (off == begin)
			return 0;
	}
	if (off < text.len && (text.data[off] | 0x20) == 'e') {
		begin = off + 1;
		begin += begin < text.len &&
			 (text.data[begin] == '+' || text.data[begin] == '-');
		off = skip_digits(text, begin);
		if (off == begin)
			return 0;
	}
	return off;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sft_bytes input = { data, size };
	struct fuzz_guarded copy = fuzz_guard(input);
	const size_t want_len = grammar_len(input);
	size_t len = SIZE_MAX;
	const char *why = sft_number_check(copy.data, copy.len, &len);

	if (why == NULL) {
		struct fuzz_guarded text =
			fuzz_guard_text((struct sft_bytes){ data, len });
		const long double value = fabsl(strtold((char *)text.data, NULL));

		MUST(len == want_len && len > 0);
		MUST(value < 1.8e308L); /* the largest double is 1.797...e308 */
		fuzz_unguard(&text);
	} else {
		MUST(why[0] != '\0');
		MUST(len == SIZE_MAX);
	}
	if (why != NULL && want_len > 0) {
		struct fuzz_guarded text =
			fuzz_guard_text((struct sft_bytes){ data, want_len });
		const long double value = fabsl(strtold((char *)text.data, NULL));

		MUST(value > 1.79e308L);
		fuzz_unguard(&text);
	}
	fuzz_unguard(&copy);
	return 0;
}
