/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/build.h"
#include "ctl/json.h"
#include "ctl/show_listeners.h"
#include "ctl/show_time.h"

struct counter {                  /* one number of struct ctl_worker */
	const char *name;         /* in JSON */
	const char *label, *unit; /* for people */
	size_t at;                /* offset */
	size_t size;              /* 4 or 8 bytes: size_t is the machine's */
};

#define COUNTER(name, member, label, unit)                                                         \
	{                                                                                          \
		name, label, unit, offsetof(struct ctl_worker, member),                            \
			sizeof(((struct ctl_worker *)0)->member)                                   \
	}

/* First what is now, then what has happened since the start. */
static const struct counter counters[] = {
	COUNTER("devices", relay.devices, "devices", "connected now"),
	COUNTER("registrations", relay.registrations, "registrations", "active now"),
	COUNTER("nosec_sessions", air.sessions, "devices without DTLS",
		"now, over a segment that nothing here protects"),
	COUNTER("associations", dtls.conns, "DTLS associations", "up now"),
	COUNTER("handshakes", dtls.handshakes, "handshakes", "under way now"),
	COUNTER("handshake_bytes", dtls.handshake_bytes, "handshake memory", "bytes now"),
	COUNTER("queued_bytes", relay.queued_bytes, "waiting messages", "bytes now"),
	COUNTER("kept_bytes", relay.kept_bytes, "kept for slow radios", "bytes now"),
	COUNTER("device_handshakes_done", dtls.handshakes_done[DTLS_SERVER], "device handshakes",
		"done"),
	COUNTER("device_handshakes_failed", dtls.handshakes_failed[DTLS_SERVER],
		"device handshakes", "failed"),
	COUNTER("device_handshakes_psk", proofs[CTL_CRED_PSK], "device handshakes",
		"by pre-shared key"),
	COUNTER("device_handshakes_raw_public_key", proofs[CTL_CRED_RAW_KEY], "device handshakes",
		"by raw public key"),
	COUNTER("device_handshakes_certificate", proofs[CTL_CRED_CERTIFICATE], "device handshakes",
		"by certificate"),
	COUNTER("nosec_datagrams_in", air.datagrams, "without DTLS in", "datagrams"),
	COUNTER("nosec_bytes_in", air.octets, "without DTLS in", "bytes of CoAP"),
	COUNTER("nosec_datagrams_out", air.sent, "without DTLS out", "datagrams"),
	COUNTER("nosec_bytes_out", air.sent_octets, "without DTLS out", "bytes of CoAP"),
	COUNTER("nosec_outside", air.outside, "without DTLS, elsewhere", "datagrams dropped"),
	COUNTER("nosec_strangers", air.strangers, "without DTLS, strangers", "refused"),
	COUNTER("nosec_unknown", air.unknown, "without DTLS or session", "messages refused"),
	COUNTER("nosec_challenged", air.challenged, "addresses asked by Echo", "requests"),
	COUNTER("nosec_shown", air.shown, "addresses shown", "since the start"),
	COUNTER("nosec_withheld", air.withheld, "to addresses not shown", "messages not sent"),
	COUNTER("nosec_copies", air.copies, "without DTLS, copies", "messages dropped"),
	COUNTER("nosec_full", air.full, "without DTLS, no room", "requests refused"),
	COUNTER("server_handshakes_done", dtls.handshakes_done[DTLS_CLIENT], "server handshakes",
		"done"),
	COUNTER("server_handshakes_failed", dtls.handshakes_failed[DTLS_CLIENT],
		"server handshakes", "failed"),
	COUNTER("resumed", dtls.resumed, "handshakes resumed", "done, abbreviated"),
	COUNTER("verify_sent", dtls.verify_sent, "HelloVerifyRequests", "sent"),
	COUNTER("records_in", dtls.records_in, "DTLS records in", "records"),
	COUNTER("records_out", dtls.records_out, "DTLS records out", "records"),
	COUNTER("woken", dtls.woken, "associations woken", "since the start"),
	COUNTER("slept", dtls.slept, "associations asleep", "since the start"),
	COUNTER("starved", dtls.starved, "no number to send with", "messages not sent"),
	/* All that came, and what became of it: see dtls/stats. */
	COUNTER("heard", dtls.heard, "DTLS heard", "records, and what is none"),
	COUNTER("taken", dtls.taken, "DTLS taken", "of these"),
	COUNTER("junk", dtls.junk, "no DTLS of ours", "datagrams or records dropped"),
	COUNTER("replayed", dtls.replayed, "DTLS records replayed", "records dropped"),
	COUNTER("forged", dtls.forged, "DTLS records forged", "records dropped"),
	COUNTER("untried", dtls.untried, "DTLS records untried", "records dropped"),
	COUNTER("early", dtls.early, "data before Finished", "records dropped"),
	COUNTER("late", dtls.late, "DTLS records late", "records dropped"),
	COUNTER("beyond", dtls.beyond, "records past the lease", "records dropped"),
	COUNTER("unproven", dtls.unproven, "records, window unknown", "not forwarded"),
	COUNTER("unwoken", dtls.unwoken, "sleepers not woken", "records dropped"),
	COUNTER("unknown_cid", dtls.unknown_cid, "unknown connection ids", "records dropped"),
	COUNTER("stray", dtls.stray, "CID missing, or unwanted", "records dropped"),
	COUNTER("refused_full", dtls.refused_full, "hellos", "refused, too many at once"),
	COUNTER("deferred", dtls.deferred, "hellos", "asked to come again"),
	COUNTER("unanswered", dtls.unanswered, "DTLS not answered", "records dropped"),
	COUNTER("no_memory", dtls.no_memory, "no memory for DTLS", "records dropped"),
	/* Why some of them were for nobody. */
	COUNTER("stale", stale, "replayed to sleepers", "records dropped"),
	COUNTER("slowed", slowed, "senders slowed down", "records dropped"),
	COUNTER("told_lost", dtls.told_lost, "unknown senders told", "alerts sent"),
	COUNTER("moves", dtls.moves, "devices moved", "addresses changed"),
	COUNTER("moves_failed", dtls.moves_failed, "addresses not confirmed",
		"checks without an answer"),
	COUNTER("adrift", dtls.adrift, "addresses lost to others", "times"),
	COUNTER("nowhere", dtls.nowhere, "to devices adrift", "messages not sent"),
	COUNTER("held_lost", held_lost, "no room to wait", "messages dropped"),
	COUNTER("datagrams_in", datagrams_in, "datagrams in", "datagrams"),
	COUNTER("datagrams_out", datagrams_out, "datagrams out", "datagrams"),
	COUNTER("send_failed", send_failed, "datagrams not sent", "datagrams"),
	COUNTER("handed_over", handed_over, "handed to other worker", "datagrams"),
	COUNTER("messages_up", relay.up, "CoAP to the server", "messages"),
	COUNTER("messages_down", relay.down, "CoAP to devices", "messages"),
	COUNTER("messages_refused", relay.refused, "CoAP refused", "answered with 4.xx"),
	COUNTER("messages_failed", relay.failed, "CoAP failed", "answered with 5.xx"),
	COUNTER("messages_malformed", relay.malformed, "CoAP malformed", "messages"),
	COUNTER("messages_dropped", relay.dropped, "CoAP dropped", "messages"),
	COUNTER("messages_reset", relay.reset, "CoAP reset", "answered with RST"),
	COUNTER("copies_suppressed", relay.suppressed, "CoAP copies", "kept from the other side"),
	COUNTER("copies_answered", relay.answered_from_kept, "CoAP copies answered", "as before"),
	COUNTER("messages_repeated", relay.repeated, "CoAP repeated", "by timers of our own"),
	COUNTER("messages_acknowledged", relay.acknowledged, "CoAP acknowledged", "by us"),
	COUNTER("asleep_held", relay.asleep_held, "CoAP to sleepers", "that waited"),
	COUNTER("asleep_refused", relay.asleep_refused, "CoAP to sleepers", "answered with 5.03"),
	COUNTER("registered", relay.registered, "Registers accepted", "by the server"),
	COUNTER("sms_bridges", sms.bridges, "SMS bridges", "connected now"),
	COUNTER("sms_sessions", sms.sessions, "devices by SMS", "sessions, awake"),
	COUNTER("sms_in", sms.in, "SMS taken", "messages"),
	COUNTER("sms_out", sms.out, "SMS given to be sent", "messages"),
	COUNTER("sms_segments", sms.segments, "SMS sent", "segments, as the network counts"),
	COUNTER("sms_forged", sms.forged, "SMS forged", "messages dropped"),
	COUNTER("sms_replayed", sms.replayed, "SMS replayed", "messages dropped"),
	COUNTER("sms_reflected", sms.reflected, "SMS of ours, sent back", "messages dropped"),
	COUNTER("sms_malformed", sms.malformed, "SMS without CoAP", "messages dropped"),
	COUNTER("sms_strangers", sms.strangers, "SMS of strangers", "messages dropped"),
	COUNTER("sms_other", sms.other, "SMS of another kind", "messages dropped"),
	COUNTER("sms_later", sms.later, "SMS left with network", "messages, no room"),
	COUNTER("sms_lost", sms.lost, "SMS not sent", "messages lost"),
	COUNTER("sms_refused", sms.refused, "SMS refused", "by the network"),
	COUNTER("sms_expired", sms.expired, "SMS expired", "not sent in time"),
	COUNTER("sms_triggers", sms.triggers, "SMS to sleepers", "that they are to come"),
	COUNTER("sms_old", sms.old, "SMS under old keys", "messages, 4.00 to requests"),
	COUNTER("sms_proved", sms.proved, "SMS keys", "used for the first time"),
	COUNTER("sms_keys_asked", sms.keys.asked, "SMS keys", "asked for"),
	COUNTER("sms_keys_obtained", sms.keys.obtained, "SMS keys", "obtained"),
	COUNTER("sms_keys_refused", sms.keys.refused, "SMS keys", "not to be had"),
	COUNTER("sms_keys_pushes", sms.keys.pushes, "SMS keys", "messages that deliver them"),
	COUNTER("sms_keys_changes", sms.keys.changes, "SMS keys", "changes stored"),
	COUNTER("sms_keys_failed", sms.keys.failed, "SMS keys", "changes not stored"),
	COUNTER("sms_keys_under_way", sms.keys.under_way, "SMS keys", "changes under way now"),
	COUNTER("sms_key_sets_confirmed", sms.keys.sets[0], "SMS key sets", "confirmed now"),
	COUNTER("sms_key_sets_refreshing", sms.keys.sets[1], "SMS key sets", "refreshing now"),
	COUNTER("sms_key_sets_fresh", sms.keys.sets[2], "SMS key sets", "fresh now"),
	COUNTER("sms_key_sets_delivered", sms.keys.sets[3], "SMS key sets", "delivered now"),
	COUNTER("sms_key_sets_stale", sms.keys.sets[4], "SMS key sets", "stale now"),
	COUNTER("sms_key_sets_expired", sms.keys.sets[5], "SMS key sets", "expired now"),
	COUNTER("sms_key_sets_failed", sms.keys.sets[6], "SMS key sets", "failed now"),
	COUNTER("bsf_asked", sms.bsf.asked, "BSF", "questions"),
	COUNTER("bsf_answered", sms.bsf.answered, "BSF", "answers with keys"),
	COUNTER("bsf_failed", sms.bsf.failed, "BSF", "questions that failed"),
	COUNTER("bsf_tokens", sms.bsf.tokens, "BSF", "tokens"),
	COUNTER("bsf_under_way", sms.bsf.under_way, "BSF", "questions under way now"),
	COUNTER("bsf_waiting", sms.bsf.waiting, "BSF", "questions that wait now"),
};

static uint64_t count_of(const struct ctl_worker *w, const struct counter *c)
{
	const char *at = (const char *)w + c->at;
	uint64_t wide = 0;
	uint32_t narrow = 0;
	if (c->size == sizeof(wide)) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return narrow;
}

static uint64_t total_of(const struct ctl_totals *t, const struct counter *c)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < t->len; i++)
		sum += count_of(&t->workers[i], c);
	return sum;
}

static void status_text(struct ctl_out *o, const struct ctl_totals *t)
{
	char up[CTL_TIME_MAX];
	ctl_out_form(o, "lwgated %s, up %s, %zu worker%s\n\n", LWG_VERSION,
		ctl_time_text(t->uptime_s * 1000, up), t->len, t->len == 1 ? "" : "s");
	ctl_out_form(o, "%-24s %20s  %s\n", "COUNT", "VALUE", "UNIT");
	for (size_t i = 0; i < COUNT_OF(counters); i++)
		ctl_out_form(o, "%-24s %20" PRIu64 "  %s\n", counters[i].label,
			total_of(t, &counters[i]), counters[i].unit);
	if (t->store != NULL)
		ctl_show_store_text(o, t->store);
	if (t->deciding != NULL)
		ctl_show_deciding_text(o, t);
	ctl_show_listeners_text(o, t);
	ctl_out_form(o, "\n%6s %10s %13s %12s %14s %14s\n", "WORKER", "DEVICES", "REGISTRATIONS",
		"ASSOCIATIONS", "DATAGRAMS IN", "DATAGRAMS OUT");
	for (size_t i = 0; i < t->len; i++) {
		const struct ctl_worker *w = &t->workers[i];
		ctl_out_form(o, "%6zu %10zu %13zu %12zu %14" PRIu64 " %14" PRIu64 "\n", i,
			w->relay.devices, w->relay.registrations, w->dtls.conns, w->datagrams_in,
			w->datagrams_out);
	}
}

static void status_json(struct ctl_out *o, const struct ctl_totals *t)
{
	struct ctl_json j = { .out = o };
	ctl_json_begin(&j, '{');
	ctl_json_key(&j, "version");
	ctl_json_text(&j, LWG_VERSION);
	ctl_json_key(&j, "uptime_s");
	ctl_json_number(&j, t->uptime_s);
	ctl_json_key(&j, "total");
	ctl_json_begin(&j, '{');
	for (size_t i = 0; i < COUNT_OF(counters); i++) {
		ctl_json_key(&j, counters[i].name);
		ctl_json_number(&j, total_of(t, &counters[i]));
	}
	ctl_json_end(&j, '}');
	ctl_json_key(&j, "store");
	if (t->store != NULL)
		ctl_show_store_json(&j, t->store);
	else
		ctl_json_null(&j);
	ctl_json_key(&j, "policy");
	ctl_show_deciding_json(&j, t);
	ctl_json_key(&j, "listeners");
	ctl_show_listeners_json(&j, t);
	ctl_json_key(&j, "workers");
	ctl_json_begin(&j, '[');
	for (size_t w = 0; w < t->len; w++) {
		ctl_json_begin(&j, '{');
		for (size_t i = 0; i < COUNT_OF(counters); i++) {
			ctl_json_key(&j, counters[i].name);
			ctl_json_number(&j, count_of(&t->workers[w], &counters[i]));
		}
		ctl_json_end(&j, '}');
	}
	ctl_json_end(&j, ']');
	ctl_json_end(&j, '}');
	ctl_out_text(o, "\n");
}

void ctl_show_status(struct ctl_out *o, enum ctl_form form, const struct ctl_totals *t)
{
	if (form == CTL_JSON)
		status_json(o, t);
	else
		status_text(o, t);
}

void ctl_show_sentence(
	struct ctl_out *o, enum ctl_form form, enum ctl_status status, const char *sentence)
{
	struct ctl_json j = { .out = o };
	if (form == CTL_TEXT) {
		ctl_out_clean(o, sentence);
		ctl_out_text(o, "\n");
		return;
	}
	ctl_json_begin(&j, '{');
	ctl_json_key(&j, status == CTL_DONE ? "done" : "error");
	ctl_json_text(&j, sentence);
	ctl_json_end(&j, '}');
	ctl_out_text(o, "\n");
}
