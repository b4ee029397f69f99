/* SPDX-License-Identifier: Apache-2.0 */
/* sms/keyset_parts: what the files of sms/keyset share. For them only. */
#ifndef LWG_SMS_KEYSET_PARTS_H
#define LWG_SMS_KEYSET_PARTS_H

#include "sms/keyset.h"

#include <stdint.h>

/* Beside KEYSET_DO_*: what a transition does to the row. */
enum {
	AS_NOW = 8,      /* due at once, where there is something to deliver again */
	AS_AGAIN = 16,   /* the same, but not sooner than retry_ms after the last; else nothing */
	AS_SOON = 32,    /* due as soon as the hour's bound lets */
	AS_NEARER = 64,  /* the same, where a rest was made; a back-off is kept */
	AS_LATER = 128,  /* due after the back-off */
	AS_RETRY = 256,  /* due when the next delivery is */
	AS_LONG = 512,   /* due after the rest */
	AS_EARLY = 1024, /* due before the current ones end */
	AS_WAIT = 2048,  /* nothing is due while the current ones serve */
	AS_REST = 4096,  /* nothing is due */
	AS_PUT = 8192,   /* what has come is the next */
	AS_DROP = 16384, /* the next is stale, too */
	AS_PROMOTE = 32768, /* the next becomes the current, and that one stale */
	AS_END = 65536,     /* the time of the current ones is over now */
};

struct keyset_cell {
	uint8_t to; /* enum keyset_state */
	bool is;    /* else nothing follows, and the state stays */
	uint32_t does;
};
const struct keyset_cell *keyset_cell(uint8_t state, enum keyset_event e);

#endif
