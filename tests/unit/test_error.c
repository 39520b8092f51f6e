// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/test_error.c - every status has its word, and failing fills all of an error
 */
#include <errno.h>

#include "tests/unit/support.h"

static const struct {
	enum sft_status status;
	const char *word;
} words[] = {
	{ SFT_OK, "ok" },
	{ SFT_E_HEADER_TOO_SMALL, "header-too-small" },
	{ SFT_E_HEADER_TOO_LARGE, "header-too-large" },
	{ SFT_E_INVALID_HEADER_LENGTH, "invalid-header-length" },
	{ SFT_E_INVALID_HEADER, "invalid-header" },
	{ SFT_E_INVALID_HEADER_DESERIALIZATION, "invalid-header-deserialization" },
	{ SFT_E_INVALID_OFFSET, "invalid-offset" },
	{ SFT_E_VALIDATION_OVERFLOW, "validation-overflow" },
	{ SFT_E_MISALIGNED_SLICE, "misaligned-slice" },
	{ SFT_E_TENSOR_INVALID_INFO, "tensor-invalid-info" },
	{ SFT_E_METADATA_INCOMPLETE_BUFFER, "metadata-incomplete-buffer" },
	{ SFT_E_IO, "io" },
	{ SFT_E_NO_MEMORY, "no-memory" },
	{ SFT_E_INDEX, "index" },
	{ SFT_E_LIMIT, "limit" },
	{ SFT_E_NAME, "name" },
	{ SFT_E_CHANGED, "changed" },
	{ SFT_E_MOUNT, "mount" },
	{ SFT_E_USAGE, "usage" },
	{ (enum sft_status)(SFT_E_USAGE + 1), "unknown" },
};

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		CHECK_TEXT(words[i].word, sft_status_word(words[i].status),
			   words[i].word);
}

static void test_fail(void **state)
{
	struct sft_error err;

	(void)state;
	memset(&err, 0x55, sizeof(err));
	errno = ENOSPC;
	assert_int_equal(sft_fail(&err, SFT_E_IO, 48, "%d of %s", 3, "four"), SFT_E_IO);
	assert_int_equal(err.status, SFT_E_IO);
	assert_int_equal(err.sys_errno, ENOSPC);
	assert_int_equal(err.pos, 48);
	assert_string_equal(err.file, "");
	assert_string_equal(err.detail, "3 of four");

	errno = ENOSPC;
	assert_int_equal(sft_fail(&err, SFT_E_LIMIT, SFT_POS_NONE, "x"), SFT_E_LIMIT);
	assert_int_equal(err.status, SFT_E_LIMIT);
	assert_int_equal(err.sys_errno, 0); /* it is for SFT_E_IO only */
	assert_true(err.pos == SFT_POS_NONE);

	assert_int_equal(sft_fail(NULL, SFT_E_NAME, 0, "x"), SFT_E_NAME);
	assert_int_equal(sft_fail_memory(NULL), SFT_E_NO_MEMORY);
	assert_int_equal(sft_fail_memory(&err), SFT_E_NO_MEMORY);
	assert_int_equal(err.status, SFT_E_NO_MEMORY);
	assert_string_equal(err.detail, "out of memory");
}

static void test_long_detail(void **state)
{
	char text[2000];
	struct sft_error err;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(sft_fail(&err, SFT_E_NAME, 0, "%s", text), SFT_E_NAME);
	assert_int_equal(strlen(err.detail), sizeof(err.detail) - 1);
	assert_memory_equal(err.detail, text, sizeof(err.detail) - 1);
}

/* The first file that is named stays: it is the one nearest to the trouble. */
static void test_file(void **state)
{
	struct sft_error err;

	(void)state;
	sft_error_file(NULL, "a");
	assert_int_equal(sft_fail(&err, SFT_E_NAME, 0, "x"), SFT_E_NAME);
	sft_error_file(&err, "a\nb");
	assert_string_equal(err.file, "a\\u000ab");
	sft_error_file(&err, "c");
	assert_string_equal(err.file, "a\\u000ab");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_fail),
		cmocka_unit_test(test_long_detail),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
