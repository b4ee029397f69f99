/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/show_listeners: what came and went by each listener, with DTLS and without.
 *
 * Promise: nothing where there is none, but for an empty array of JSON.
 * Errors:  latched in the output. Threads: any.
 */
#ifndef LWG_CTL_SHOW_LISTENERS_H
#define LWG_CTL_SHOW_LISTENERS_H

struct ctl_json;
struct ctl_out;
struct ctl_totals;

void ctl_show_listeners_text(struct ctl_out *o, const struct ctl_totals *t);
void ctl_show_listeners_json(struct ctl_json *j, const struct ctl_totals *t);

#endif
