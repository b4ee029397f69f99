/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show_listeners.h"

#include <inttypes.h>

#include "ctl/control.h"
#include "ctl/json.h"
#include "ctl/out.h"
#include "ctl/show.h"

/* All workers have the same ones, in the same order. */
static struct ctl_listener sum_of(const struct ctl_totals *t, size_t number)
{
	struct ctl_listener sum = t->workers[0].listeners[number];
	for (size_t i = 1; i < t->len; i++) {
		const struct ctl_listener *const l = &t->workers[i].listeners[number];
		sum.datagrams_in += l->datagrams_in;
		sum.octets_in += l->octets_in;
		sum.datagrams_out += l->datagrams_out;
		sum.octets_out += l->octets_out;
		sum.handshakes += l->handshakes;
	}
	return sum;
}

static size_t count(const struct ctl_totals *t)
{
	return t->len > 0 ? t->workers[0].listeners_len : 0;
}

void ctl_show_listeners_text(struct ctl_out *o, const struct ctl_totals *t)
{
	char text[NET_TEXT_MAX];
	if (count(t) == 0)
		return;
	ctl_out_form(o, "\n%-24s %8s %12s %14s %14s\n", "LISTENER", "SECURITY", "HANDSHAKES",
		"BYTES IN", "BYTES OUT");
	for (size_t i = 0; i < count(t); i++) {
		const struct ctl_listener l = sum_of(t, i);
		ctl_out_form(o, "%-24s %8s %12" PRIu64 " %14" PRIu64 " %14" PRIu64 "\n",
			net_addr_text(&l.address, text), l.is_bare ? "nosec" : "dtls", l.handshakes,
			l.octets_in, l.octets_out);
	}
}

static void number(struct ctl_json *j, const char *key, uint64_t n)
{
	ctl_json_key(j, key);
	ctl_json_number(j, n);
}

void ctl_show_listeners_json(struct ctl_json *j, const struct ctl_totals *t)
{
	char text[NET_TEXT_MAX];
	ctl_json_begin(j, '[');
	for (size_t i = 0; i < count(t); i++) {
		const struct ctl_listener l = sum_of(t, i);
		ctl_json_begin(j, '{');
		ctl_json_key(j, "address");
		ctl_json_text(j, net_addr_text(&l.address, text));
		ctl_json_key(j, "security");
		ctl_json_text(j, l.is_bare ? "nosec" : "dtls");
		number(j, "datagrams_in", l.datagrams_in);
		number(j, "bytes_in", l.octets_in);
		number(j, "datagrams_out", l.datagrams_out);
		number(j, "bytes_out", l.octets_out);
		number(j, "handshakes", l.handshakes);
		ctl_json_end(j, '}');
	}
	ctl_json_end(j, ']');
}
