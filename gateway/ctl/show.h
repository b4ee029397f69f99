/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/show: what the gateway knows, as text for people or as JSON for programs.
 *
 * Promise: pure. Text has a header line, aligned columns and units; the JSON's names are documented
 *          in lwgatectl(1). No secret and no PSK identity is shown, only endpoint names (I5).
 * Errors:  latched in the struct ctl_out. Threads: any.
 */
#ifndef LWG_CTL_SHOW_H
#define LWG_CTL_SHOW_H

#include "ctl/control.h"
#include "ctl/out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CTL_IDENTITY_TEXT = 2 * CTL_NAME_MAX + 1, CTL_CID_TEXT = 2 * CTL_CID_MAX + 1 };

struct ctl_json;

struct ctl_totals {
	const struct ctl_worker *workers;
	size_t len;
	uint64_t uptime_s;
	const struct ctl_store_facts *store; /* NULL: not known */
	const struct ctl_deciding *deciding; /* the same; policy is then one, too */
	const struct ctl_policy *policy;
};

void ctl_show_status(struct ctl_out *o, enum ctl_form form, const struct ctl_totals *t);
/* Rows without a title, or members of a JSON array with commas between; sorts s by endpoint.
   widths: of the columns, in and out; they only grow. */
void ctl_show_sessions(struct ctl_out *o, enum ctl_form form, struct ctl_session *s, size_t len,
	uint8_t widths[CTL_WIDTHS]);
/* The line above the rows. */
void ctl_show_titles(struct ctl_out *o, const uint8_t widths[CTL_WIDTHS]);
/* about NULL: that is not known, and not shown. */
void ctl_show_session(struct ctl_out *o, enum ctl_form form, const struct ctl_session *s,
	const struct ctl_about *about);
/* The same as a member of an array, or by itself. */
void ctl_show_session_json(
	struct ctl_json *j, const struct ctl_session *s, const struct ctl_about *about);
/* In hex, of at most CTL_CID_MAX octets. Returns out. */
const char *ctl_cid_text(const uint8_t *cid, size_t len, char out[CTL_CID_TEXT]);
void ctl_show_store(struct ctl_out *o, enum ctl_form form, const struct ctl_store_facts *f);
/* The same as a member of an object that is being written. */
void ctl_show_store_json(struct ctl_json *j, const struct ctl_store_facts *f);
void ctl_show_store_text(struct ctl_out *o, const struct ctl_store_facts *f);
/* The same of what is decided of sessions; NULL: JSON has null. */
void ctl_show_deciding_json(struct ctl_json *j, const struct ctl_totals *t);
void ctl_show_deciding_text(struct ctl_out *o, const struct ctl_totals *t);
/* Never its keys. */
void ctl_show_cred(struct ctl_out *o, enum ctl_form form, const struct ctl_cred *c);
/* One of a list, a row or a member of a JSON array. */
void ctl_show_cred_row(struct ctl_out *o, enum ctl_form form, const struct ctl_cred *c);
void ctl_show_cred_titles(struct ctl_out *o);
/* An identity as an operator would write it: printable UTF-8 as it is, the rest in hex. Returns
   whether it is text. */
bool ctl_identity_text(const uint8_t *identity, size_t len, char out[CTL_IDENTITY_TEXT]);
/* One sentence, ours: done, or what is wrong and the remedy. */
void ctl_show_sentence(
	struct ctl_out *o, enum ctl_form form, enum ctl_status status, const char *sentence);

#endif
