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

#include <stddef.h>
#include <stdint.h>

struct ctl_totals {
	const struct ctl_worker *workers;
	size_t len;
	uint64_t uptime_s;
};

void ctl_show_status(struct ctl_out *o, enum ctl_form form, const struct ctl_totals *t);
/* Sorts s by endpoint. */
void ctl_show_sessions(struct ctl_out *o, enum ctl_form form, struct ctl_session *s, size_t len);
void ctl_show_session(struct ctl_out *o, enum ctl_form form, const struct ctl_session *s);
/* One sentence, ours: done, or what is wrong and the remedy. */
void ctl_show_sentence(
	struct ctl_out *o, enum ctl_form form, enum ctl_status status, const char *sentence);

#endif
