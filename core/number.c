// SPDX-License-Identifier: Apache-2.0
#include "core/number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

/* Verdicts hang on each rounding: doubles must not be computed with more bits. */
_Static_assert(FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 1, "x87? use -mfpmath=sse");

#define EXP_MAX 308 /* of a power of ten that a double holds */

/* The ten powers 1e@t0 to 1e@t9. */
#define TEN(t)                                                                           \
	1e##t##0, 1e##t##1, 1e##t##2, 1e##t##3, 1e##t##4, 1e##t##5, 1e##t##6, 1e##t##7,  \
		1e##t##8, 1e##t##9

static const double powers[EXP_MAX + 1] = {
	TEN(0),  TEN(1),  TEN(2),  TEN(3),  TEN(4),  TEN(5),  TEN(6),  TEN(7),
	TEN(8),  TEN(9),  TEN(10), TEN(11), TEN(12), TEN(13), TEN(14), TEN(15),
	TEN(16), TEN(17), TEN(18), TEN(19), TEN(20), TEN(21), TEN(22), TEN(23),
	TEN(24), TEN(25), TEN(26), TEN(27), TEN(28), TEN(29), 1e300,   1e301,
	1e302,   1e303,   1e304,   1e305,   1e306,   1e307,   1e308,
};

struct cursor {
	const uint8_t *at, *end;
};

/* Consumes a digit. */
static bool take_digit(struct cursor *text, unsigned *ret_digit)
{
	if (text->at == text->end || *text->at < '0' || *text->at > '9')
		return false;
	*ret_digit = *text->at++ - (unsigned)'0';
	return true;
}

/* Consumes @a or @b. */
static bool take_either(struct cursor *text, uint8_t a, uint8_t b)
{
	if (text->at == text->end || (*text->at != a && *text->at != b))
		return false;
	text->at++;
	return true;
}

/* Appends a digit to the significand unless it would not fit 64 bits any more. */
static bool push(uint64_t *sig, unsigned digit)
{
	uint64_t next;

	if (__builtin_mul_overflow(*sig, 10u, &next) ||
	    __builtin_add_overflow(next, digit, &next))
		return false;
	*sig = next;
	return true;
}

/* The number is sig * 10^exp; it fails where the reference's multiplication does. */
static const char *check_value(uint64_t sig, int64_t exp)
{
	static const char out_of_range[] = "number out of range";

	if (sig == 0 || exp < 0)
		return NULL;
	if (exp > EXP_MAX || isinf((double)sig * powers[exp]))
		return out_of_range;
	return NULL;
}

/* The part behind 'e'; adds to @exp, within 32 bits as the reference does. */
static const char *take_exponent(struct cursor *text, uint64_t sig, int64_t *exp)
{
	bool negative = false;
	int64_t value = 0;
	unsigned digit;

	if (text->at < text->end && (*text->at == '+' || *text->at == '-'))
		negative = *text->at++ == '-';
	if (!take_digit(text, &digit))
		return "exponent without a digit";
	do {
		if (value <= INT32_MAX)
			value = value * 10 + (int64_t)digit;
	} while (take_digit(text, &digit));
	if (value > INT32_MAX && sig != 0 && !negative)
		return "number out of range";
	*exp += negative ? -value : value;
	return NULL;
}

const char *sft_number_check(const uint8_t *text, size_t len, size_t *ret_len)
{
	struct cursor cursor = { text, text + len };
	const char *why = NULL;
	uint64_t sig = 0;
	int64_t exp = 0;
	unsigned digit;
	bool full = false; /* the significand holds no further digit */

	take_either(&cursor, '-', '-');
	if (!take_digit(&cursor, &digit))
		return "number without a digit";
	if (digit == 0 && cursor.at < cursor.end && *cursor.at >= '0' &&
	    *cursor.at <= '9')
		return "number with a leading zero";
	do {
		full = full || !push(&sig, digit);
		exp += full;
	} while (take_digit(&cursor, &digit));

	if (take_either(&cursor, '.', '.')) {
		if (!take_digit(&cursor, &digit))
			return "decimal point without a digit behind it";
		/* A digit before the point that did not fit says nothing here. */
		full = false;
		do {
			full = full || !push(&sig, digit);
			exp -= !full;
		} while (take_digit(&cursor, &digit));
	}
	if (take_either(&cursor, 'e', 'E'))
		why = take_exponent(&cursor, sig, &exp);
	if (why == NULL)
		why = check_value(sig, exp);
	if (why == NULL)
		*ret_len = (size_t)(cursor.at - text);
	return why;
}
