// SPDX-License-Identifier: Apache-2.0
/*
 * core/sed.c - reading s/REGEX/REPLACEMENT/FLAGS; the rules are in core/rename.h
 */
#include "core/sed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/text.h"

/* An expression that is being read. */
struct reader {
	const char *expression;
	const char *at;
	char delimiter;
	char *regex; /* for regcomp(): without delimiters; never longer than it was */
	size_t regex_len;
	bool ignore_case;
	const char *group_at; /* the highest group in the replacement */
	struct sft_error *err;
};

__attribute__((format(printf, 3, 4))) static enum sft_status
refuse(const struct reader *in, const char *at, const char *format, ...)
{
	char quoted[512], why[256];
	size_t position = 1;
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	for (const char *p = in->expression; p < at; p++)
		position += ((uint8_t)*p & 0xc0) != 0x80;
	return sft_fail(in->err, SFT_E_USAGE, SFT_POS_NONE,
			"rename \"%s\", character %zu: %s",
			sft_escape(quoted, sizeof(quoted), in->expression,
				   strlen(in->expression)),
			position, why);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether @c is in @set; strchr() would find a NUL in any. */
static bool is_in(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* The control character that a letter behind a backslash means, or NUL. */
static char control_of(char letter)
{
	static const char letters[] = "afnrtv";
	static const char controls[] = "\a\f\n\r\t\v";

	return is_in(letter, letters) ? controls[strchr(letters, letter) - letters]
				      : '\0';
}

static enum sft_status refuse_escape(const struct reader *in)
{
	return refuse(in, in->at, "unknown escape '\\%c'", in->at[1]);
}

/* Refuses text that ends where a delimiter should be, which may be any ASCII character.
 */
static enum sft_status refuse_end(const struct reader *in, const char *before)
{
	char delimiter[8];

	sft_escape(delimiter, sizeof(delimiter), &in->delimiter, 1);
	return refuse(in, in->at, "no '%s' behind the %s", delimiter, before);
}

/* Hands @len bytes of the expression to regcomp(). */
static void take(struct reader *in, size_t len)
{
	memcpy(in->regex + in->regex_len, in->at, len);
	in->regex_len += len;
	in->at += len;
}

/* Reads a backslash and what is behind it, outside of [...]. */
static enum sft_status read_regex_escape(struct reader *in)
{
	const char c = in->at[1];

	if (c == '\0')
		return refuse(in, in->at, "'\\' with nothing behind it");
	if (c == in->delimiter) {
		if (!is_in(c, ".[]()*+?{}^$|"))
			in->at++; /* a backslash would give it a meaning, as in \< */
		take(in, in->at[0] == '\\' ? 2 : 1);
	} else if (control_of(c) != '\0') {
		in->regex[in->regex_len++] = control_of(c);
		in->at += 2;
	} else if (c == '0' || (is_letter(c) && !is_in(c, "wWsSbB"))) {
		/* regcomp() would take \d for a d. */
		return refuse_escape(in);
	} else {
		take(in, 2);
	}
	return SFT_OK;
}

/* Reads [...], where neither the delimiter nor most backslashes mean anything. */
static enum sft_status read_bracket(struct reader *in)
{
	const char *const open = in->at;

	take(in, in->at[1] == '^' ? 2 : 1);
	if (*in->at == ']')
		take(in, 1);
	while (*in->at != ']') {
		const char c = in->at[0];
		const char next = c != '\0' ? in->at[1] : '\0';

		if (c == '[' && is_in(next, ":.=")) {
			const char close[] = { next, ']', '\0' };
			const char *const end = strstr(in->at + 2, close);

			if (end == NULL)
				return refuse(in, open, "'[' without its ']'");
			take(in, (size_t)(end + 2 - in->at));
		} else if (c == '\\' && control_of(next) != '\0') {
			in->regex[in->regex_len++] = control_of(next);
			in->at += 2;
		} else if (c == '\\' && is_letter(next)) {
			return refuse_escape(in);
		} else if (c == '\0') {
			return refuse(in, open, "'[' without its ']'");
		} else {
			take(in, 1);
		}
	}
	take(in, 1);
	return SFT_OK;
}

/* Reads up to the second delimiter. */
static enum sft_status read_regex(struct reader *in)
{
	const char *const begin = in->at;
	size_t depth = 0;

	while (*in->at != in->delimiter) {
		enum sft_status status = SFT_OK;

		if (*in->at == '\0')
			return refuse_end(in, "regular expression");
		/* regcomp() would take it for a character. */
		if (*in->at == ')' && depth == 0)
			return refuse(in, in->at, "')' without its '('");
		depth -= *in->at == ')';
		depth += *in->at == '(';
		if (*in->at == '\\')
			status = read_regex_escape(in);
		else if (*in->at == '[')
			status = read_bracket(in);
		else
			take(in, 1);
		if (status != SFT_OK)
			return status;
	}
	if (in->at == begin)
		return refuse(in, in->at, "the regular expression is empty");
	in->regex[in->regex_len] = '\0';
	in->at++;
	return SFT_OK;
}

/* Adds a group to the replacement. */
static void add_group(struct reader *in, struct sft_rename *rename, size_t group)
{
	rename->pieces[rename->piece_count++] = (uint16_t)(SFT_SED_GROUP + group);
	if (group >= rename->match_count) {
		rename->match_count = group + 1;
		in->group_at = in->at;
	}
}

/* Reads up to the third delimiter. */
static enum sft_status read_replacement(struct reader *in, struct sft_rename *rename)
{
	while (*in->at != in->delimiter) {
		const char c = in->at[0];
		const char next = c != '\0' ? in->at[1] : '\0';
		char byte = c;

		if (c == '\0')
			return refuse_end(in, "replacement");
		if (c == '&') {
			add_group(in, rename, 0);
			in->at++;
			continue;
		}
		if (c == '\\' && next == '\0')
			return refuse(in, in->at, "'\\' with nothing behind it");
		if (c == '\\' && next != in->delimiter) {
			if (next >= '0' && next <= '9') {
				add_group(in, rename, (size_t)(next - '0'));
				in->at += 2;
				continue;
			}
			byte = control_of(next);
			if (byte == '\0' && is_letter(next))
				return refuse_escape(in);
		}
		if (c == '\\' && (byte == '\0' || byte == '\\'))
			byte = next;
		rename->pieces[rename->piece_count++] = (uint8_t)byte;
		in->at += c == '\\' ? 2 : 1;
	}
	in->at++;
	return SFT_OK;
}

static enum sft_status read_flags(struct reader *in, struct sft_rename *rename)
{
	for (; *in->at != '\0'; in->at++) {
		if (*in->at == 'i' || *in->at == 'I')
			in->ignore_case = true;
		else if (*in->at == 'g' && rename->global)
			return refuse(in, in->at, "the flag 'g' twice");
		else if (*in->at == 'g')
			rename->global = true;
		else
			return refuse(in, in->at, "a flag other than 'g' and 'i'");
	}
	return SFT_OK;
}

/* Reads 's' and the first delimiter. */
static enum sft_status read_start(struct reader *in)
{
	const size_t len = strlen(in->expression);
	const size_t valid = sft_utf8_valid_len((const uint8_t *)in->expression, len);

	if (valid < len)
		return refuse(in, in->expression + valid, "not UTF-8");
	if (len > SFT_RENAME_EXPRESSION_MAX)
		return refuse(in, in->expression + SFT_RENAME_EXPRESSION_MAX,
			      "longer than %u bytes", SFT_RENAME_EXPRESSION_MAX);
	if (in->expression[0] != 's')
		return refuse(in, in->expression, "not of the form s/REGEX/REPLACEMENT/");
	in->delimiter = in->expression[1];
	in->at = in->expression + 2;
	if (in->delimiter == '\0')
		return refuse(in, in->expression + 1, "no delimiter behind the 's'");
	if (is_in(in->delimiter, "\\\n") || (uint8_t)in->delimiter >= 0x80)
		return refuse(in, in->expression + 1,
			      "a delimiter that is a backslash, a newline or not ASCII");
	return SFT_OK;
}

static enum sft_status compile(const struct reader *in, struct sft_rename *rename)
{
	const int flags = REG_EXTENDED | (in->ignore_case ? REG_ICASE : 0);
	char why[128];
	locale_t old;
	int code;

	rename->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (rename->locale == (locale_t)0)
		rename->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (rename->locale == (locale_t)0)
		return sft_fail_memory(in->err);
	old = uselocale(rename->locale);
	code = regcomp(&rename->regex, in->regex, flags);
	uselocale(old);
	if (code == REG_ESPACE)
		return sft_fail_memory(in->err);
	if (code != 0) {
		regerror(code, &rename->regex, why, sizeof(why));
		return refuse(in, in->expression + 2, "%s", why);
	}
	rename->compiled = true;
	if (rename->match_count > rename->regex.re_nsub + 1)
		return refuse(in, in->group_at, "no group of that number");
	return SFT_OK;
}

static enum sft_status fill(struct reader *in, struct sft_rename *rename)
{
	enum sft_status status = read_start(in);

	if (status == SFT_OK)
		status = read_regex(in);
	if (status == SFT_OK)
		status = read_replacement(in, rename);
	if (status == SFT_OK)
		status = read_flags(in, rename);
	return status == SFT_OK ? compile(in, rename) : status;
}

enum sft_status sft_rename_new(const char *expression, struct sft_rename **ret_rename,
			       struct sft_error *err)
{
	const size_t len = strlen(expression);
	auto_free char *regex = malloc(len + 1);
	struct sft_rename *rename = calloc(1, sizeof(*rename));
	struct reader in = {
		.expression = expression, .at = expression, .regex = regex, .err = err
	};
	enum sft_status status;

	if (rename != NULL)
		rename->pieces = calloc(len + 1, sizeof(*rename->pieces));
	if (regex == NULL || rename == NULL || rename->pieces == NULL) {
		status = sft_fail_memory(err);
	} else {
		rename->match_count = 1;
		status = fill(&in, rename);
	}
	if (status == SFT_OK)
		*ret_rename = rename;
	else
		sft_rename_free(rename);
	return status;
}

void sft_rename_free(struct sft_rename *rename)
{
	if (rename == NULL)
		return;
	if (rename->compiled)
		regfree(&rename->regex);
	if (rename->locale != (locale_t)0)
		freelocale(rename->locale);
	free(rename->pieces);
	free(rename);
}
