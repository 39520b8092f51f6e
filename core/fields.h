/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/fields.h - what a header says of one tensor: the value behind its name
 */
#ifndef SFT_CORE_FIELDS_H
#define SFT_CORE_FIELDS_H

#include "core/header.h"

/**
 * sft_fields_parse() - consume a tensor's dtype, shape and data_offsets
 * @scan:   with a feed, which keeps the text of the shape
 * @tensor: all but its name and shard is filled in
 */
SFT_MUST_CHECK enum sft_status sft_fields_parse(struct sft_scan *scan,
						struct sft_tensor *tensor);

#endif /* SFT_CORE_FIELDS_H */
