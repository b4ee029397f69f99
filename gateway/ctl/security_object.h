/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/security_object: credentials from the resources of LwM2M Security Objects (/0), one instance
 *                      a record of CSV. The first record names the columns, in any order:
 *
 *   endpoint            of the device; or said for the whole file
 *   certificate_name    that the gateway finds in the certificate; without: its common name
 *   upstream_identity   that the gateway shows to the server for it; with upstream_key
 *   upstream_key
 *   labels, valid_until, overlap_s, repository   as ctl/csv_cred has them
 *   sms_number          the device's own, where it is reached by short messages; then resources 6
 *                       to 8 are read (conf/sms_object), and the record is a credential of that
 *                       kind, too. With Security Mode 3 it is of that kind alone
 *   N or /0/I/N         resource N of the object; any instance number I
 *
 * Resources: 0 LwM2M Server URI, 1 Bootstrap-Server (which is what the credential is for; without
 * the column nothing is said of it), 2 Security Mode, 3 Public Key or Identity, 5 Secret Key,
 * 10 Short Server ID; 6 SMS Security Mode, 7 its key parameters, 8 its keys. All others (4, the
 * server's key, too) may be there, and nothing becomes of them. Resources 3, 5, 7 and 8, and what
 * goes upstream, are octets: hexadecimal, or "base64:..." or "text:...".
 *
 * Promise: what is read goes to one callback a credential. Bounded like ctl/csv. Of modes 1, 2 and
 *          4 the secret key is the device's own: it is counted and goes nowhere. Errors name line
 *          and column, nothing of what stands there (I5). Who holds the struct wipes it.
 * Errors:  false with csv.why, or why here.
 * Threads: any, one each.
 * Source:  OMA LwM2M Core 1.1 appendix E.1.
 */
#ifndef LWG_CTL_SECURITY_OBJECT_H
#define LWG_CTL_SECURITY_OBJECT_H

#include "base/attr.h"
#include "ctl/credential.h"
#include "ctl/csv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECURITY_WHY_MAX = 240, SECURITY_COLUMNS = 20 };

struct security_object {
	/* False: enough; then why is whose it is. */
	bool (*each)(void *ctx, const struct ctl_cred *c);
	void *ctx;
	const char *endpoint; /* of all records; NULL: they say it */
	size_t private_keys;  /* of devices, that were there and not taken */
	/* Ours: */
	struct csv csv;
	uint8_t columns[CSV_FIELDS_MAX]; /* what stands in each */
	size_t columns_len;              /* 0: the first record is to come */
	struct ctl_cred cred;
	uint8_t octets[CSV_RECORD_MAX];
	unsigned line; /* of an error in a record */
	char why[SECURITY_WHY_MAX];
};

/* endpoint: NULL, or borrowed. */
void security_object_begin(struct security_object *s, const char *endpoint,
	bool (*each)(void *ctx, const struct ctl_cred *c), void *ctx);
MUST_USE bool security_object_feed(struct security_object *s, const char *data, size_t len);
MUST_USE bool security_object_end(struct security_object *s);
/* After false: what is wrong, and in *line where; "" when each() had enough. */
const char *security_object_why(const struct security_object *s, unsigned *line);

#endif
