// SPDX-License-Identifier: Apache-2.0
/*
 * tests/fuzz/rename.c - expressions that rename tensors
 *
 * The input is an expression, a byte FF, and a name. The expression is the person's own,
 * the name is the file's. regcomp() and regexec() of the C library take what time and
 * memory a REGEX asks for, so those that ask for much are passed over.
 */
#include "core/rename.h"
#include "core/text.h"
#include "tests/fuzz/fuzz.h"

#define EXPRESSION_LEN_MAX 64u
#define NAME_LEN_MAX 128u

/* Repetitions multiply, and references to groups are matched by trying. */
static bool is_costly(struct sft_bytes expression)
{
	unsigned repeats = 0;

	if (expression.len > EXPRESSION_LEN_MAX)
		return true;
	for (size_t i = 0; i < expression.len; i++) {
		const uint8_t byte = expression.data[i];

		repeats += byte == '{' || byte == '*' || byte == '+';
		if (i > 0 && expression.data[i - 1] == '\\' && byte >= '1' && byte <= '9')
			repeats += 2;
	}
	return repeats > 3;
}

static void try_name(const struct sft_rename *rename, struct sft_bytes name)
{
	struct fuzz_guarded copy = fuzz_guard(name);
	const struct sft_bytes text = { copy.data, copy.len };
	char out[SFT_PATTERN_NAME_MAX];
	struct sft_error err = { 0 };
	size_t len = SIZE_MAX;
	bool changed = false;
	const enum sft_status status =
		sft_rename_apply(rename, text, out, &len, &changed, &err);

	if (status == SFT_OK && changed)
		MUST(len <= sizeof(out) &&
		     sft_utf8_valid_len((uint8_t *)out, len) == len);
	else
		MUST(len == SIZE_MAX);
	if (status != SFT_OK) {
		MUST(status == SFT_E_LIMIT);
		fuzz_check_error(&err, status, 0);
	}
	fuzz_unguard(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sft_bytes name = { data, size };
	struct sft_bytes before;
	struct sft_rename *rename = NULL;
	struct fuzz_guarded expression;
	struct sft_error err = { 0 };
	enum sft_status status;

	if (!fuzz_take_part(&name, 0xff, &before) || is_costly(before) ||
	    name.len > NAME_LEN_MAX || sft_utf8_valid_len(name.data, name.len) < name.len)
		return 0;
	expression = fuzz_guard_text(before);
	status = sft_rename_new((char *)expression.data, &rename, &err);
	if (status == SFT_OK) {
		try_name(rename, name);
	} else {
		MUST(status == SFT_E_USAGE && rename == NULL);
		fuzz_check_error(&err, status, 0);
	}
	sft_rename_free(rename);
	fuzz_unguard(&expression);
	return 0;
}
