/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/json: writes JSON; commas and escapes are its matter.
 *
 * Promise: as long as every begin has its end and each member of an object its key, the output is
 *          JSON of ASCII letters only, whatever the texts hold: what is no UTF-8 becomes U+FFFD,
 *          one for each octet.
 * Errors:  latched in the struct ctl_out. Threads: any, one each.
 * Source:  RFC 8259; numbers beyond 2^53 are written exactly, readers may round them (section 6).
 */
#ifndef LWG_CTL_JSON_H
#define LWG_CTL_JSON_H

#include "ctl/out.h"

#include <stdbool.h>
#include <stdint.h>

struct ctl_json {
	struct ctl_out *out;
	bool comma; /* one is due before the next value */
};

/* bracket is '{' or '['. */
void ctl_json_begin(struct ctl_json *j, char bracket);
void ctl_json_end(struct ctl_json *j, char bracket);
/* key is one of ours: plain ASCII. */
void ctl_json_key(struct ctl_json *j, const char *key);
void ctl_json_text(struct ctl_json *j, const char *text);
void ctl_json_number(struct ctl_json *j, uint64_t n);
void ctl_json_signed(struct ctl_json *j, int64_t n);
void ctl_json_bool(struct ctl_json *j, bool b);
void ctl_json_null(struct ctl_json *j);
/* A key and its text; null for "". */
void ctl_json_pair(struct ctl_json *j, const char *key, const char *text);

#endif
