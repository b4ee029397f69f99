/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include "base/suite.h"
#include "ctl/json.h"

static void json_number(struct ctl_json *j, const char *key, uint64_t n)
{
	ctl_json_key(j, key);
	ctl_json_number(j, n);
}

static void json_addr(struct ctl_json *j, const char *key, const struct net_addr *a)
{
	char text[NET_TEXT_MAX];
	ctl_json_key(j, key);
	ctl_json_text(j, net_addr_text(a, text));
}

/* What is not known is null: of a sleeper, what only memory knows. */
static void json_known(struct ctl_json *j, const char *key, bool unknown, uint64_t n)
{
	ctl_json_key(j, key);
	if (unknown)
		ctl_json_null(j);
	else
		ctl_json_number(j, n);
}

static const char *const credentials[] = { [CTL_CRED_PSK] = "psk",
	[CTL_CRED_RAW_KEY] = "raw_public_key",
	[CTL_CRED_CERTIFICATE] = "certificate",
	[CTL_CRED_NOSEC] = "nosec",
	[CTL_CRED_SMS] = "sms" };

/* How the records are protected. What of it only memory knows is null of a sleeper. */
static void json_protection(struct ctl_json *j, bool asleep, const struct dtls_conn_facts *f)
{
	const struct suite *suite = asleep ? NULL : suite_find(f->suite);
	ctl_json_key(j, "suite");
	if (suite == NULL)
		ctl_json_null(j);
	else
		ctl_json_text(j, suite->name);
	ctl_json_key(j, "forward_secret"); /* */
	if (suite == NULL)
		ctl_json_null(j);
	else
		ctl_json_bool(j, suite->ecdsa);
	ctl_json_key(j, "encrypt_then_mac");
	if (suite == NULL)
		ctl_json_null(j);
	else
		ctl_json_bool(j, f->encrypt_then_mac);
	json_known(j, "max_fragment_length", asleep || f->fragment_max == 0, f->fragment_max);
}

static void json_facts(struct ctl_json *j, bool asleep, const struct dtls_conn_facts *f)
{
	json_known(j, "records_in", asleep, f->records_in);
	json_known(j, "records_out", asleep, f->records_out);
	json_known(j, "forged", asleep, f->forged);
	json_protection(j, asleep, f);
}

/* null: there is none. */
static void json_place(struct ctl_json *j, const char *key, const struct net_addr *a)
{
	if (a->family != 0) {
		json_addr(j, key, a);
		return;
	}
	ctl_json_key(j, key);
	ctl_json_null(j);
}

/* null: there is none, or it is not known. */
static void json_cid(struct ctl_json *j, const char *key, const uint8_t *cid, size_t len)
{
	char text[CTL_CID_TEXT];
	ctl_json_key(j, key);
	if (len == 0)
		ctl_json_null(j);
	else
		ctl_json_text(j, ctl_cid_text(cid, len, text));
}

static void json_cids(struct ctl_json *j, bool asleep, const struct ctl_cids *c)
{
	ctl_json_key(j, "connection_id");
	ctl_json_begin(j, '{');
	json_cid(j, "in", c->in, c->in_len);
	json_cid(j, "out", c->out, asleep ? 0 : c->out_len);
	json_known(j, "out_octets", asleep, c->out_len);
	ctl_json_end(j, '}');
}

/* Where it is, was and may be. What the store was not asked for is null. */
static void json_stays(struct ctl_json *j, const struct ctl_session *s)
{
	json_known(j, "address_since_ms", !s->stays_known, s->device_since_ms_ago);
	json_known(j, "moves", !s->stays_known, s->moves);
	ctl_json_key(j, "earlier");
	if (!s->stays_known) {
		ctl_json_null(j);
	} else {
		ctl_json_begin(j, '[');
		for (size_t i = 0; i < CTL_STAYS && s->stays[i].peer.family != 0; i++) {
			ctl_json_begin(j, '{');
			json_addr(j, "address", &s->stays[i].peer);
			json_number(j, "since_ms_ago", s->stays[i].since_ms_ago);
			ctl_json_end(j, '}');
		}
		ctl_json_end(j, ']');
	}
	json_place(j, "candidate", &s->candidate);
	ctl_json_key(j, "adrift");
	ctl_json_bool(j, s->adrift);
}

static void json_device(struct ctl_json *j, const struct ctl_session *s)
{
	ctl_json_key(j, "device");
	if (s->device.family == 0) {
		ctl_json_null(j);
		return;
	}
	ctl_json_begin(j, '{');
	json_addr(j, "address", &s->device);
	json_number(j, "up_ms", s->device_up_ms_ago);
	json_known(j, "heard_ms_ago", s->asleep, s->device_heard_ms_ago);
	json_facts(j, s->asleep, &s->device_facts);
	json_cids(j, s->asleep, &s->device_cids);
	json_stays(j, s);
	ctl_json_end(j, '}');
}

static void json_link(struct ctl_json *j, const struct ctl_session *s)
{
	ctl_json_key(j, "link");
	if (s->link_peer.family == 0) {
		ctl_json_null(j);
		return;
	}
	ctl_json_begin(j, '{');
	json_addr(j, "local", &s->link_local);
	json_addr(j, "peer", &s->link_peer);
	json_facts(j, s->asleep, &s->link_facts);
	json_cids(j, s->asleep, &s->link_cids);
	ctl_json_end(j, '}');
}

/* Null: the device has not said it. */
static void json_said(struct ctl_json *j, const char *key, const char *text)
{
	ctl_json_key(j, key);
	if (text[0] != '\0')
		ctl_json_text(j, text);
	else
		ctl_json_null(j);
}

static void json_rest(struct ctl_json *j, const struct ctl_session *s)
{
	ctl_json_key(j, "queue_mode");
	if (!s->queues) {
		ctl_json_null(j);
		return;
	}
	ctl_json_begin(j, '{');
	ctl_json_key(j, "asleep");
	ctl_json_bool(j, s->listens_ms == 0);
	json_number(j, "listens_ms", s->listens_ms);
	json_number(j, "waiting", s->asked);
	ctl_json_end(j, '}');
}

static void json_registration(struct ctl_json *j, const struct ctl_session *s)
{
	ctl_json_key(j, "registration");
	if (!s->registered) {
		ctl_json_null(j);
		return;
	}
	ctl_json_begin(j, '{');
	ctl_json_key(j, "location");
	ctl_json_text(j, s->location);
	json_number(j, "lifetime_s", s->lifetime_s);
	ctl_json_key(j, "expires_in_s");
	ctl_json_signed(j, s->expires_in_s);
	json_rest(j, s);
	json_said(j, "binding", s->binding);
	json_said(j, "lwm2m", s->version);
	json_said(j, "sms", s->sms);
	ctl_json_end(j, '}');
}

static void json_word(struct ctl_json *j, const char *key, const char *word)
{
	ctl_json_key(j, key);
	ctl_json_text(j, word);
}

static void json_verdict(struct ctl_json *j, const struct ctl_verdict *v)
{
	ctl_json_begin(j, '{');
	json_word(j, "event", policy_event_word(v->event));
	json_word(j, "rule", v->rule);
	json_word(j, "device", policy_action_word(v->device));
	json_word(j, "upstream", policy_action_word(v->upstream));
	json_number(j, "ms_ago", v->ms_ago);
	ctl_json_key(j, "ends_in_s");
	if (v->bounded)
		ctl_json_signed(j, v->ends_in_s);
	else
		ctl_json_null(j);
	ctl_json_key(j, "until_registration");
	ctl_json_bool(j, v->until_registration);
	ctl_json_key(j, "done");
	ctl_json_bool(j, v->done);
	ctl_json_end(j, '}');
}

static void json_about(struct ctl_json *j, const struct ctl_about *about)
{
	json_number(j, "credential_generation", about->credential_generation);
	ctl_json_key(j, "labels");
	ctl_json_begin(j, '[');
	for (size_t i = 0; i < about->labels_len; i++)
		ctl_json_text(j, about->labels[i]);
	ctl_json_end(j, ']');
	ctl_json_key(j, "verdict");
	if (about->decided)
		json_verdict(j, &about->verdict);
	else
		ctl_json_null(j);
}

void ctl_show_session_json(
	struct ctl_json *j, const struct ctl_session *s, const struct ctl_about *about)
{
	ctl_json_begin(j, '{');
	ctl_json_key(j, "endpoint");
	ctl_json_text(j, s->endpoint);
	json_number(j, "worker", s->worker);
	ctl_json_key(j, "state");
	ctl_json_text(j, s->asleep ? "asleep" : "awake");
	json_number(j, "generation", s->generation);
	ctl_json_key(j, "credential");
	ctl_json_text(j, credentials[s->kind]);
	ctl_json_key(j, "purpose");
	ctl_json_text(j, ctl_purpose_word(s->purpose));
	if (s->upstream[0] != '\0')
		json_said(j, "upstream", s->upstream);
	json_device(j, s);
	json_link(j, s);
	json_registration(j, s);
	if (about != NULL)
		json_about(j, about);
	ctl_json_end(j, '}');
}
