// SPDX-License-Identifier: Apache-2.0
#include "core/rename.h"

#include "core/sed.h"
#include "core/text.h"

/* A new name that is being written. */
struct result {
	char *out;
	size_t len;
	bool too_long;
	bool matched;
};

static void put(struct result *result, const char *text, size_t len)
{
	if (result->too_long || len > SFT_PATTERN_NAME_MAX - result->len) {
		result->too_long = true;
		return;
	}
	memcpy(result->out + result->len, text, len);
	result->len += len;
}

static void put_replacement(struct result *result, const struct sft_rename *rename,
			    const char *text, const regmatch_t *match)
{
	for (size_t i = 0; i < rename->piece_count && !result->too_long; i++) {
		const uint16_t piece = rename->pieces[i];
		const regmatch_t group =
			match[piece < SFT_SED_GROUP ? 0 : piece - SFT_SED_GROUP];
		const char byte = (char)piece;

		if (piece < SFT_SED_GROUP)
			put(result, &byte, 1);
		else if (group.rm_so >= 0) /* a group of another branch is not set */
			put(result, text + group.rm_so,
			    (size_t)(group.rm_eo - group.rm_so));
	}
}

/* Length of the character at @off. */
static size_t step_at(const char *text, size_t len, size_t off)
{
	uint32_t cp;
	const size_t step = sft_utf8_decode((const uint8_t *)text + off, len - off, &cp);

	return step > 0 ? step : 1;
}

/*
 * The next match from @off on. Groups are asked for where there is one only: they take
 * glibc a time that is more than linear in a name, and most names do not match.
 */
static int search(const struct sft_rename *rename, const char *text, size_t off,
		  size_t len, regmatch_t *match)
{
	const regmatch_t where = { .rm_so = (regoff_t)off, .rm_eo = (regoff_t)len };
	int code;

	match[0] = where;
	code = regexec(&rename->regex, text, 1, match, REG_STARTEND);
	if (code != 0 || rename->match_count == 1)
		return code;
	match[0] = where;
	return regexec(&rename->regex, text, rename->match_count, match, REG_STARTEND);
}

/*
 * Writes the text with its matches replaced. REG_STARTEND starts a search in the middle
 * with all of the text in view, so that ^ and \b know what stands before.
 */
static int substitute(const struct sft_rename *rename, const char *text, size_t len,
		      struct result *result)
{
	regmatch_t match[SFT_SED_GROUPS_MAX];
	size_t done = 0; /* up to here, the text was written */
	size_t off = 0;
	int code = 0;

	while (off <= len && !result->too_long) {
		size_t begin, end;

		code = search(rename, text, off, len, match);
		if (code != 0)
			break;
		begin = (size_t)match[0].rm_so;
		end = (size_t)match[0].rm_eo;
		/* An empty match does not count where another has just ended. */
		if (end > begin || begin > done || !result->matched) {
			put(result, text + done, begin - done);
			put_replacement(result, rename, text, match);
			result->matched = true;
			done = end;
		}
		if (!rename->global)
			break;
		off = end > begin || end == len ? end : end + step_at(text, len, end);
		if (end == begin && end == len)
			break;
	}
	put(result, text + done, len - done);
	return code == REG_NOMATCH ? 0 : code;
}

enum sft_status sft_rename_apply(const struct sft_rename *rename, struct sft_bytes name,
				 char out[SFT_PATTERN_NAME_MAX], size_t *ret_len,
				 bool *ret_changed, struct sft_error *err)
{
	char text[SFT_PATTERN_NAME_MAX + 1]; /* with the NUL that regexec() may want */
	struct result result = { .out = out };
	char quoted[512];
	locale_t old;
	int code;

	if (name.len > SFT_PATTERN_NAME_MAX ||
	    (name.len > 0 && memchr(name.data, '\0', name.len) != NULL)) {
		*ret_changed = false;
		return SFT_OK;
	}
	if (name.len > 0)
		memcpy(text, name.data, name.len);
	text[name.len] = '\0';
	old = uselocale(rename->locale);
	code = substitute(rename, text, name.len, &result);
	uselocale(old);
	if (code != 0)
		return sft_fail_memory(err);
	if (result.too_long)
		return sft_fail(err, SFT_E_LIMIT, SFT_POS_NONE,
				"\"%s\" becomes a name of more than %u bytes",
				sft_escape(quoted, sizeof(quoted), text, name.len),
				SFT_PATTERN_NAME_MAX);
	if (result.matched &&
	    sft_utf8_valid_len((const uint8_t *)out, result.len) < result.len)
		return sft_fail(err, SFT_E_USAGE, SFT_POS_NONE,
				"\"%s\" becomes a name that is not UTF-8",
				sft_escape(quoted, sizeof(quoted), text, name.len));
	if (result.matched)
		*ret_len = result.len;
	*ret_changed = result.matched;
	return SFT_OK;
}
