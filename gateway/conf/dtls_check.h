/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/dtls_check: what must fit together in the settings of DTLS at one place.
 *
 * Promise: looks at settings alone, at no file.
 * Errors:  false with *error filled: the line, and what would be right. Threads: any.
 */
#ifndef LWG_CONF_DTLS_CHECK_H
#define LWG_CONF_DTLS_CHECK_H

#include "base/attr.h"
#include "conf/draft.h"
#include "conf/dtls.h"

#include <stdbool.h>
#include <stddef.h>

/* What a listener and the upstream both have. */
enum conf_part {
	CONF_PART_SUITES,
	CONF_PART_KEY,
	CONF_PART_CERTIFICATE,
	CONF_PART_ANCHORS,
	CONF_PART_CRL,
	CONF_PART_CLOCK,
	CONF_PART_MTE,
	CONF_PART_CID,
	CONF_PARTS
};

struct conf_place { /* whose settings these are */
	const struct conf_draft *d;
	size_t number; /* of the listener, or of the upstream */
	bool is_upstream;
	bool is_rfc7925;
};

/* The key's path, for people. */
const char *conf_place_path(const struct conf_place *p, enum conf_part part);
const struct conf_value *conf_place_value(const struct conf_place *p, enum conf_part part);

MUST_USE bool conf_check_listener(const struct conf_place *p, const struct conf_dtls *c);
MUST_USE bool conf_check_upstream(const struct conf_place *p, const struct conf_dtls *c);

#endif
