/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/pattern.h"

#include <string.h>

void policy_pattern_tidy(char *pattern)
{
	char *to = pattern;
	for (const char *at = pattern; *at != '\0';) {
		bool star = false;
		/* The run is over when neither of the two follows; each is written no later than it
		   was read. */
		for (; *at == '*' || *at == '?'; at++) {
			star = star || *at == '*';
			if (*at == '?')
				*to++ = '?';
		}
		if (star)
			*to++ = '*';
		while (*at != '\0' && *at != '*' && *at != '?')
			*to++ = *at++;
	}
	*to = '\0';
}

/* May `symbol` of the pattern stand for the one character `c` of the text? Where the text is a
   pattern itself, its '*' is only within a '*', and its '?' not within a letter. */
static bool takes(char symbol, char c, bool symbolic)
{
	if (symbol == '?')
		return !symbolic || c != '*';
	return symbol == c && (!symbolic || c != '*');
}

/* The greedy way: when it fails, the last '*' takes one more. That is enough: what an earlier '*'
   could give, the last one can take. */
static bool fits(const char *pattern, const char *text, bool symbolic)
{
	const char *star = NULL, *from = NULL;
	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
		} else if (*pattern != '\0' && takes(*pattern, *text, symbolic)) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool policy_pattern_fits(const char *pattern, const char *text)
{
	return fits(pattern, text, false);
}

bool policy_pattern_holds(const char *outer, const char *inner)
{
	return fits(outer, inner, true);
}

bool policy_pattern_sample(const char *pattern, char fill, size_t run, char *out, size_t cap)
{
	size_t len = 0;
	for (const char *at = pattern; *at != '\0'; at++) {
		const size_t n = *at == '*' ? run : 1;
		if (n >= cap - len)
			return false;
		memset(out + len, *at == '*' || *at == '?' ? fill : *at, n);
		len += n;
	}
	out[len] = '\0';
	return true;
}
