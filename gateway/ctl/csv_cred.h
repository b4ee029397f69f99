/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/csv_cred: credentials from and to CSV. The first record names the columns, in any order:
 *
 *   endpoint            required
 *   kind                psk, public_key, certificate, nosec or sms; empty: what the others say
 *   identity            text; or identity_hex; neither: the endpoint's name
 *   key                 hexadecimal
 *   public_key          as conf/spki reads it
 *   certificate         the name that it gives
 *   certificate_pin     as conf/spki reads it
 *   upstream_identity   text; or upstream_identity_hex
 *   upstream_key        hexadecimal
 *   labels              with commas between them; empty: none
 *   valid_until         2027-01-31T00:00:00Z; empty: it does not expire
 *   overlap_s           seconds; empty: not said
 *
 *   purpose             server, bootstrap or any; empty: any
 *   repository          true or false; empty: false
 *   sms                 as conf/cred_sms reads it; then key has KIc's key and KID's
 *
 * Without the columns labels, valid_until, purpose and repository nothing is said of them.
 *
 * One of key, public_key and certificate is required, as a column and in each record, but of kind
 * nosec.
 *
 * Promise: what is read goes to one callback a record. Errors name the line and the column, nothing
 *          of what stands there (I5). Whether a key is good, the gateway says. Who holds the struct
 *          wipes it.
 * Errors:  false with csv.why, or why here; csv_line() says where.
 * Threads: any, one each.
 */
#ifndef LWG_CTL_CSV_CRED_H
#define LWG_CTL_CSV_CRED_H

#include "base/attr.h"
#include "ctl/credential.h"
#include "ctl/csv.h"
#include "ctl/out.h"

#include <stdbool.h>
#include <stddef.h>

enum { CSV_WHY_MAX = 160 };

struct csv_cred {
	/* False: enough; then why is whose it is. */
	bool (*each)(void *ctx, const struct ctl_cred *c);
	void *ctx;
	/* Ours: */
	struct csv csv;
	size_t columns[CSV_FIELDS_MAX]; /* what stands in each */
	size_t columns_len;             /* 0: the first record is to come */
	struct ctl_cred cred;
	bool is_sms;     /* the record has that column filled */
	unsigned proofs; /* fields of the record that say its kind */
	unsigned line;   /* of an error in a record */
	char why[CSV_WHY_MAX];
};

void csv_cred_begin(
	struct csv_cred *c, bool (*each)(void *ctx, const struct ctl_cred *c), void *ctx);
MUST_USE bool csv_cred_feed(struct csv_cred *c, const char *data, size_t len);
MUST_USE bool csv_cred_end(struct csv_cred *c);
/* After false: what is wrong, and in *line where; "" when each() had enough. */
const char *csv_cred_why(const struct csv_cred *c, unsigned *line);

/* The first line, and one of a credential: with keys, what csv_cred reads again; without, what is
   known of it. */
void csv_cred_titles(struct ctl_out *o, bool keys);
void csv_cred_row(struct ctl_out *o, bool keys, const struct ctl_cred *c);

#endif
