/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor/hello_probe: the first word of a DTLS 1.2 handshake, and what kind of answer it gets. It
 *                     goes no further: nothing is proved, and no identity is told.
 *
 * Promise: pure; the answer's reader is total and bounded (I7).
 * Source:  RFC 6347 4.1, 4.2; RFC 5246 7.4.1.2; RFC 8422 5.1.
 */
#ifndef LWG_DOCTOR_HELLO_PROBE_H
#define LWG_DOCTOR_HELLO_PROBE_H

#include "base/attr.h"

#include <stddef.h>
#include <stdint.h>

enum { HELLO_PROBE_MAX = 256, HELLO_PROBE_RANDOM = 32 };

enum hello_answer {
	HELLO_ANSWER_NONE,  /* it is no DTLS */
	HELLO_ANSWER_OTHER, /* DTLS, but no answer to a hello */
	HELLO_ANSWER_ALERT,
	HELLO_ANSWER_GOOD, /* HelloVerifyRequest or ServerHello */
};

/* Its length. */
MUST_USE size_t hello_probe_write(const uint16_t *suites, size_t suites_len,
	const uint8_t random[HELLO_PROBE_RANDOM], uint8_t out[HELLO_PROBE_MAX]);
/* *alert: its description. */
enum hello_answer hello_probe_read(const uint8_t *data, size_t len, uint8_t *alert);

#endif
