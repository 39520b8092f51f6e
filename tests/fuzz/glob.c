// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/glob.c - patterns that choose tensors
 *
 * The input is a pattern, a byte FF, and a name. In ASCII fnmatch(3) is the witness.
 */
#include <fnmatch.h>

#include "core/glob.h"
#include "core/text.h"
#include "tests/fuzz/fuzz.h"

static bool is_ascii(struct sft_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == 0 || text.data[i] > 0x7f)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sft_bytes name = { data, size };
	struct sft_bytes before;
	struct fuzz_guarded pattern, text;
	struct sft_error err = { 0 };
	enum sft_status status;

	if (!fuzz_take_part(&name, 0xff, &before) ||
	    sft_utf8_valid_len(name.data, name.len) < name.len)
		return 0;
	pattern = fuzz_guard_text(before);
	text = fuzz_guard(name);
	status = sft_glob_check((char *)pattern.data, &err);
	if (status == SFT_OK) {
		const struct sft_bytes copy = { text.data, text.len };
		const bool matches = sft_glob_match((char *)pattern.data, copy);

		if (is_ascii(before) && is_ascii(name) &&
		    name.len <= SFT_PATTERN_NAME_MAX) {
			struct fuzz_guarded twin = fuzz_guard_text(name);

			MUST(matches ==
			     (fnmatch((char *)pattern.data, (char *)twin.data, 0) == 0));
			fuzz_unguard(&twin);
		}
	} else {
		fuzz_check_error(&err, SFT_E_USAGE, 0);
	}
	fuzz_unguard(&pattern);
	fuzz_unguard(&text);
	return 0;
}
