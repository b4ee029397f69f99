/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/proto: what lwgatectl and lwgated say to each other over nng (req/rep, ipc): one request, one
 * answer.
 *
 * Request: u8 version (1), u8 form (enum ctl_form), u8 verb (enum ctl_verb), u8 argument length,
 *          argument (UTF-8, no NUL), then a body for the verbs that have one:
 *          SESSIONS        u32 from, 9 octets widths of columns
 *          SESSION, CLOSE, CRED_REVOKE, CRED_SHOW  u8 enum ctl_purpose, or nothing
 *          CRED_ADD, CRED_REPLACE  one credential (ctl/credential)
 *          CRED_PAGE       u32 from, u8 with keys
 *          IMPORT_BEGIN    u8 CTL_IMPORT_REPLACE, CTL_IMPORT_DRY
 *          IMPORT_STAGE    credentials
 *          STORE_REWRAP    u8 enum ctl_kek, for CTL_KEK_KEY 32 octets
 *          POLICY_TEXT     u32 from, an octet of the text
 *          POLICY_FACTS    u64 from; the argument is an endpoint, then from is an enum
 *                          ctl_purpose, or "": all
 *          TRACE           u64 after, u8 with payload
 *          EVENTS, HAPPENED  u64 from
 * Answer:  u8 version (1), u8 status (enum ctl_status), then the text in the form that was asked
 *          for; but of status CTL_DONE, and for these verbs:
 *          SESSIONS        u32 from (of the next page; 0: there is none), 9 octets widths, text:
 *                          rows, or members of a JSON array
 *          CRED_SHOW       one credential
 *          CRED_PAGE       u32 from (of the next page; 0: there is none), credentials
 *          POLICY_TEXT     u32 octets of all of it, u64 a digest of all of it, which tells whether
 *                          two pages are of one text, u16 length of its name, name, text from
 *                          there: at least an octet if there is one
 *          POLICY_FACTS    u64 from (of the next page; 0: there is none), facts (ctl/facts)
 *          IMPORT_TRY      what would be done with each, see ctl/tried; nothing is
 *          UPGRADING       text: "none", "tried" or "refused", the run of the store, the version
 *          TRACE, EVENTS, HAPPENED  u64 after or from (of the next question), u64 lost, text:
 *                          lines
 *
 * Promise: pure, total, bounded (I7). No answer holds a secret (I5) but CRED_PAGE with keys, which
 *          is wiped, as every request with a body is.
 * Threads: any.
 */
#ifndef LWG_CTL_PROTO_H
#define LWG_CTL_PROTO_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CTL_VERSION = 1,
	CTL_ARG_MAX = 255,
	CTL_BODY_MAX = 16384,
	CTL_REQUEST_MAX = 4 + CTL_ARG_MAX + CTL_BODY_MAX,
	CTL_WIDTHS = 9,        /* columns of a list of sessions */
	CTL_TEXT_PAGE = 65536, /* octets of a policy's text */
};
enum ctl_form { CTL_TEXT, CTL_JSON };
enum ctl_verb {
	CTL_STATUS,
	CTL_SESSIONS,
	CTL_SESSION,
	CTL_CLOSE,
	CTL_CRED_ADD,
	CTL_CRED_REPLACE,
	CTL_CRED_REVOKE,
	CTL_CRED_SHOW,
	CTL_CRED_PAGE,
	CTL_IMPORT_BEGIN,
	CTL_IMPORT_STAGE,
	CTL_IMPORT_COMMIT,
	CTL_STORE_STATUS,
	CTL_STORE_REWRAP,
	CTL_STORE_ROTATE,
	CTL_UPGRADE,
	CTL_RELOAD,
	CTL_POLICY_TEXT,
	CTL_POLICY_FACTS,
	CTL_SMS_KEYS,
	CTL_SMS_REFRESH,
	CTL_TRACE,
	CTL_EVENTS,
	CTL_IMPORT_TRY,
	CTL_HAPPENED,
	CTL_UPGRADING,
	CTL_VERBS
};
enum { CTL_IMPORT_REPLACE = 1, CTL_IMPORT_DRY = 2 };
enum ctl_status { CTL_DONE, CTL_UNKNOWN_ENDPOINT, CTL_BAD_REQUEST, CTL_FAILED };

struct ctl_request {
	enum ctl_form form;
	enum ctl_verb verb;
	char arg[CTL_ARG_MAX + 1]; /* the endpoint, a name, or "" */
	const uint8_t *body;       /* borrowed; may hold secrets */
	size_t body_len;
};

/* Length written, or 0 when it does not fit. */
MUST_USE size_t ctl_request_write(const struct ctl_request *q, uint8_t *out, size_t cap);
MUST_USE bool ctl_request_parse(const uint8_t *data, size_t len, struct ctl_request *out);

#endif
