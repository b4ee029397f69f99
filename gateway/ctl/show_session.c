/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include <inttypes.h>

#include "base/suite.h"
#include "ctl/json.h"
#include "ctl/show_time.h"

static const char *const credential_words[] = { [CTL_CRED_PSK] = "pre-shared key",
	[CTL_CRED_RAW_KEY] = "raw public key",
	[CTL_CRED_CERTIFICATE] = "certificate",
	[CTL_CRED_NOSEC] = "none (NoSec)",
	[CTL_CRED_SMS] = "secured packets" };

static void line(struct ctl_out *o, const char *label, const char *value)
{
	ctl_out_form(o, "%-16s", label);
	ctl_out_clean(o, value);
	ctl_out_text(o, "\n");
}

static void protection_text(struct ctl_out *o, const struct dtls_conn_facts *f)
{
	const struct suite *suite = suite_find(f->suite);
	if (suite == NULL)
		return;
	ctl_out_form(o, "  %-14s%s\n", "suite", suite->name);
	ctl_out_form(o, "  %-14s%s\n", "PFS", suite->ecdsa ? "yes" : "no");
	if (suite->guard == SUITE_CBC)
		ctl_out_form(o, "  %-14s%s\n", "MAC",
			f->encrypt_then_mac ? "encrypt-then-MAC" : "MAC-then-encrypt");
	if (f->fragment_max > 0)
		ctl_out_form(o, "  %-14sat most %u bytes\n", "record", f->fragment_max);
}

static void facts_text(
	struct ctl_out *o, const struct ctl_session *s, const struct dtls_conn_facts *f)
{
	if (s->asleep)
		return;
	protection_text(o, f);
	ctl_out_form(o, "  %-14s%" PRIu64 " records\n", "in", f->records_in);
	ctl_out_form(o, "  %-14s%" PRIu64 " records\n", "out", f->records_out);
	ctl_out_form(o, "  %-14s%u records dropped\n", "forged", f->forged);
}

const char *ctl_cid_text(const uint8_t *cid, size_t len, char out[CTL_CID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	const size_t shown = len < CTL_CID_MAX ? len : CTL_CID_MAX;
	for (size_t i = 0; i < shown; i++) {
		out[2 * i] = digits[cid[i] >> 4];
		out[2 * i + 1] = digits[cid[i] & 15];
	}
	out[2 * shown] = '\0';
	return out;
}

static void cid_text(struct ctl_out *o, const char *label, const uint8_t *cid, size_t len)
{
	char text[CTL_CID_TEXT];
	if (len <= CTL_CID_MAX)
		ctl_out_form(
			o, "  %-14s%s\n", label, len == 0 ? "none" : ctl_cid_text(cid, len, text));
	else
		ctl_out_form(
			o, "  %-14s%s... (%zu octets)\n", label, ctl_cid_text(cid, len, text), len);
}

static void cids_text(struct ctl_out *o, bool asleep, const struct ctl_cids *c)
{
	cid_text(o, "CID in", c->in, c->in_len);
	if (!asleep)
		cid_text(o, "CID out", c->out, c->out_len);
}

/* Where it was, and may be. Without a CID it has one address as long as it is up. */
static void stays_text(struct ctl_out *o, const struct ctl_session *s)
{
	char addr[NET_TEXT_MAX], time[CTL_TIME_MAX];
	if (s->adrift)
		ctl_out_form(o,
			"  %-14sthis address is another device's now; it is reached again "
			"when it speaks\n",
			"adrift");
	if (s->candidate.family != 0)
		ctl_out_form(o, "  %-14s%s, not shown to be right yet\n", "candidate",
			net_addr_text(&s->candidate, addr));
	if (!s->stays_known || s->device_cids.in_len == 0)
		return;
	ctl_out_form(o, "  %-14s%s\n", "there for", ctl_time_text(s->device_since_ms_ago, time));
	ctl_out_form(o, "  %-14s%u\n", "moves", s->moves);
	for (size_t i = 0; i < CTL_STAYS && s->stays[i].peer.family != 0; i++)
		ctl_out_form(o, "  %-14s%s, since %s ago\n", i == 0 ? "earlier" : "",
			net_addr_text(&s->stays[i].peer, addr),
			ctl_time_text(s->stays[i].since_ms_ago, time));
}

static void device_text(struct ctl_out *o, const struct ctl_session *s)
{
	char addr[NET_TEXT_MAX], time[CTL_TIME_MAX];
	if (s->device.family == 0) {
		line(o, "device", "not connected");
		return;
	}
	line(o, "device", net_addr_text(&s->device, addr));
	ctl_out_form(o, "  %-14s%s\n", "up for", ctl_time_text(s->device_up_ms_ago, time));
	if (!s->asleep)
		ctl_out_form(o, "  %-14s%s ago\n", "last heard",
			ctl_time_text(s->device_heard_ms_ago, time));
	stays_text(o, s);
	cids_text(o, s->asleep, &s->device_cids);
	facts_text(o, s, &s->device_facts);
}

static void link_text(struct ctl_out *o, const struct ctl_session *s)
{
	char addr[NET_TEXT_MAX];
	if (s->link_peer.family == 0) {
		line(o, "server", "not connected");
		return;
	}
	line(o, "server", net_addr_text(&s->link_peer, addr));
	ctl_out_form(o, "  %-14s%s\n", "from", net_addr_text(&s->link_local, addr));
	cids_text(o, s->asleep, &s->link_cids);
	facts_text(o, s, &s->link_facts);
}

static void said_text(struct ctl_out *o, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	ctl_out_form(o, "  %-14s", name);
	ctl_out_clean(o, text);
	ctl_out_text(o, "\n");
}

/* In queue mode. */
static void rest_text(struct ctl_out *o, const struct ctl_session *s)
{
	char time[CTL_TIME_MAX];
	if (!s->queues)
		return;
	ctl_out_form(o, "  %-14s", "queue mode");
	if (s->listens_ms > 0)
		ctl_out_form(o, "listens for %s", ctl_time_text(s->listens_ms, time));
	else
		ctl_out_text(o, "sleeps");
	ctl_out_form(
		o, ", %u request%s to it without an answer\n", s->asked, s->asked == 1 ? "" : "s");
}

static void attributes_text(struct ctl_out *o, const struct ctl_session *s)
{
	said_text(o, "binding", s->binding);
	said_text(o, "LwM2M", s->version);
	said_text(o, "MSISDN", s->sms);
}

static void labels_text(struct ctl_out *o, const struct ctl_about *about)
{
	ctl_out_form(o, "%-16s%s", "labels", about->labels_len == 0 ? "none" : "");
	for (size_t i = 0; i < about->labels_len; i++) {
		ctl_out_text(o, i == 0 ? "" : ", ");
		ctl_out_clean(o, about->labels[i]);
	}
	ctl_out_text(o, "\n");
}

/* What was decided of it, by which rule, until when. */
static void verdict_text(struct ctl_out *o, const struct ctl_about *about)
{
	char time[CTL_TIME_MAX];
	const struct ctl_verdict *v = &about->verdict;
	if (!about->decided) {
		line(o, "verdict", "none");
		return;
	}
	ctl_out_form(o, "%-16sdevice %s, upstream %s\n", "verdict", policy_action_word(v->device),
		policy_action_word(v->upstream));
	ctl_out_form(o, "  %-14s", "rule");
	ctl_out_clean(o, v->rule);
	ctl_out_form(o, "\n  %-14s%s, %s ago\n", "event", policy_event_word(v->event),
		ctl_time_text(v->ms_ago, time));
	if (v->bounded)
		ctl_out_form(o, "  %-14s%s%s\n", "ends", v->ends_in_s < 0 ? "" : "in ",
			ctl_left_text(v->ends_in_s, time));
	if (v->until_registration)
		ctl_out_form(o, "  %-14s%s\n", v->bounded ? "or" : "ends", "with the registration");
	if (!v->done)
		ctl_out_form(o, "  %-14swhen the device wakes\n", "carried out");
}

static void session_text(
	struct ctl_out *o, const struct ctl_session *s, const struct ctl_about *about)
{
	char time[CTL_TIME_MAX];
	line(o, "endpoint", s->endpoint);
	line(o, "state", s->asleep ? "asleep" : "awake");
	ctl_out_form(o, "%-16s%u\n", "worker", s->worker);
	ctl_out_form(o, "%-16s%" PRIu64, "generation", s->generation);
	if (about != NULL && about->credential_generation != s->generation)
		ctl_out_form(o, " (its credential has %" PRIu64 ")", about->credential_generation);
	ctl_out_text(o, "\n");
	line(o, "credential", credential_words[s->kind]);
	line(o, "purpose", ctl_purpose_word(s->purpose));
	if (s->upstream[0] != '\0')
		line(o, "upstream", s->upstream);
	device_text(o, s);
	link_text(o, s);
	line(o, "registration", s->registered ? s->location : "none");
	if (s->registered) {
		ctl_out_form(o, "  %-14s%u s\n", "lifetime", s->lifetime_s);
		ctl_out_form(o, "  %-14s%s%s\n", "expires", s->expires_in_s < 0 ? "" : "in ",
			ctl_left_text(s->expires_in_s, time));
		rest_text(o, s);
		attributes_text(o, s);
	}
	if (about != NULL) {
		labels_text(o, about);
		verdict_text(o, about);
	}
}

void ctl_show_session(struct ctl_out *o, enum ctl_form form, const struct ctl_session *s,
	const struct ctl_about *about)
{
	struct ctl_json j = { .out = o };
	if (form == CTL_TEXT) {
		session_text(o, s, about);
		return;
	}
	ctl_show_session_json(&j, s, about);
	ctl_out_text(o, "\n");
}
