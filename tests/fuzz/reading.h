/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/reading.h - what holds for every file that can be opened
 */
#ifndef SFT_TESTS_FUZZ_READING_H
#define SFT_TESTS_FUZZ_READING_H

#include "tests/fuzz/fuzz.h"

/**
 * check_reading() - read a file at its edges, in pieces, and by its mapping
 * @file: open
 * @len:  that stat() shows
 *
 * A file reads the same however it is read. Of a long one only the ends are looked at.
 */
void check_reading(const struct sft_model *model, const struct sft_file *file,
		   uint64_t len);

#endif /* SFT_TESTS_FUZZ_READING_H */
