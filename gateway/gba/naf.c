/* SPDX-License-Identifier: Apache-2.0 */
#include "gba/naf.h"

#include "base/wr.h"

#include <string.h>

enum { LABEL_MAX = 63 };

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

bool gba_fqdn_is_good(const char *fqdn)
{
	size_t label = 0, len = 0;
	for (; len <= GBA_FQDN_MAX && fqdn[len] != '\0'; len++) {
		const bool dot = fqdn[len] == '.';
		if (dot ? label == 0 : !is_letter(fqdn[len]) || label == LABEL_MAX)
			return false;
		label = dot ? 0 : label + 1;
	}
	return label > 0 && len <= GBA_FQDN_MAX;
}

size_t gba_naf_id(const char *fqdn, const uint8_t ua[GBA_UA], uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	if (!gba_fqdn_is_good(fqdn))
		return 0;
	wr_bytes(&w, fqdn, strlen(fqdn));
	wr_bytes(&w, ua, GBA_UA);
	return wr_ok(&w) ? w.len : 0;
}
