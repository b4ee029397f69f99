/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/cred_renew: how the device of a credential for short messages gets its next keys: checked,
 *                  and as a part of the text that conf/cred_sms reads.
 *
 * renew       never (the default), gba-push, smartcard, udp (its bootstrap server writes them)
 * subscriber  of gba-push: who is asked for at the BSF, an IMPI or a URI; none: the number
 * gba         of gba-push: me (the default: keys of the device) or u (of the UICC)
 * ota_*       of smartcard: how the card's file is reached: key (KIc's, then KID's), kic, kid, tar,
 *             spi2, cc_len, file (path in hexadecimal), format (compact, expanded, indefinite)
 *
 * Promise: nothing is said that goes with another way to renew. The key is in no text and no error.
 * Errors:  a sentence with what would be right; NULL: none.
 * Memory:  the struct has octets only, no padding. Who holds one wipes it: it may have a key.
 * Threads: any.
 * Source:  the change request 7.2.2.1; TS 102 225 5.1.
 */
#ifndef LWG_CONF_CRED_RENEW_H
#define LWG_CONF_CRED_RENEW_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cred_renew_how {
	CRED_RENEW_NEVER,
	CRED_RENEW_GBA_PUSH,
	CRED_RENEW_SMARTCARD,
	CRED_RENEW_UDP,
	CRED_RENEWS
};
enum cred_gba { CRED_GBA_ME, CRED_GBA_U, CRED_GBAS };
enum { CRED_OTA_COMPACT, CRED_OTA_EXPANDED, CRED_OTA_INDEFINITE, CRED_OTA_FORMATS };
enum {
	CRED_SUBSCRIBER_MAX = 63,
	CRED_OTA_KEY = 64,
	CRED_OTA_PATH = 16,
	CRED_OTA_TAR = 3,
	CRED_RENEW_TEXT = 256,
};

struct cred_ota {
	uint8_t spi2, kic, kid, cc_len;
	uint8_t tar[CRED_OTA_TAR];
	uint8_t key_len; /* both together; 0: none is said */
	uint8_t key[CRED_OTA_KEY];
	uint8_t path_len; /* octets; 0: none is said */
	uint8_t path[CRED_OTA_PATH];
	uint8_t format;
};
struct cred_renew {
	uint8_t how; /* enum cred_renew_how */
	uint8_t gba; /* enum cred_gba */
	char subscriber[CRED_SUBSCRIBER_MAX + 1];
	struct cred_ota ota; /* zero unless it is by smartcard */
};

/* "never", "gba-push", "smartcard", "udp" */
const char *cred_renew_word(uint8_t how);
/* "me", "u" */
const char *cred_gba_word(uint8_t gba);
const char *cred_ota_format_word(uint8_t format);
/* Its path and its TAR in hexadecimal. */
void cred_ota_text(
	const struct cred_ota *o, char path[2 * CRED_OTA_PATH + 1], char tar[2 * CRED_OTA_TAR + 1]);
/* One name and its value. *mine: false, it is a name of something else. */
const char *cred_renew_take(const char *name, const char *value, struct cred_renew *x, bool *mine);
/* What was not said gets its default. */
void cred_renew_complete(struct cred_renew *x);
/* What is wrong with it all together, after cred_renew_complete(). */
const char *cred_renew_wrong(const struct cred_renew *x, bool allow_key_unsaid);
/* ",renew=gba-push,gba=me" or so; "" of never. Without the key. Returns out. */
const char *cred_renew_text(const struct cred_renew *x, char out[CRED_RENEW_TEXT]);

#endif
