/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/cast_read.h - reading elements of a file as float32
 */
#ifndef SFT_CORE_CAST_READ_H
#define SFT_CORE_CAST_READ_H

#include "core/rows.h"

/**
 * sft_cast_read() - read any part of what a tensor is as float32
 * @raw:   its bytes; of a type under a byte no row ends within one
 * @dtype: of its elements; one that sft_cast_has()
 * @skip:  bytes of the float32 form to skip; need not be a multiple of 4
 * @out:   receives the next @len bytes of it, which have to be there
 *
 * Return: SFT_OK, SFT_E_IO or SFT_E_CHANGED.
 */
SFT_MUST_CHECK enum sft_status sft_cast_read(const struct sft_raw *raw, uint8_t dtype,
					     uint64_t skip, uint8_t *out, size_t len,
					     struct sft_error *err);

#endif /* SFT_CORE_CAST_READ_H */
