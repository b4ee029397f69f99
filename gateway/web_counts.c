/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web_counts.h"

#include "base/histogram.h"
#include "ctl/control.h"

#include <string.h>

#define AT(member) offsetof(struct ctl_worker, member), sizeof(((struct ctl_worker *)0)->member)
#define GAUGE(name, unit, help)                                                                    \
	{                                                                                          \
		name, OM_GAUGE, unit, help                                                         \
	}
#define COUNTER(name, unit, help)                                                                  \
	{                                                                                          \
		name, OM_COUNTER, unit, help                                                       \
	}
#define MORE                                                                                       \
	{                                                                                          \
		NULL, OM_GAUGE, NULL, NULL                                                         \
	}
#define ONE(family, member)                                                                        \
	{                                                                                          \
		family, { { NULL, NULL } }, AT(member)                                             \
	}
#define BY(family, label, value, member)                                                           \
	{                                                                                          \
		family, { { label, value } }, AT(member)                                           \
	}
#define BY2(family, l1, v1, l2, v2, member)                                                        \
	{                                                                                          \
		family, { { l1, v1 }, { l2, v2 } }, AT(member)                                     \
	}
#define DROP(reason, member)                                                                       \
	{                                                                                          \
		MORE, { { "reason", reason } }, AT(member)                                         \
	}

static const struct gw_web_count counts[] = {
	ONE(GAUGE("lwgate_devices", NULL, "Devices that are connected and awake"), relay.devices),
	ONE(GAUGE("lwgate_registrations", NULL, "Registrations of those"), relay.registrations),
	ONE(GAUGE("lwgate_associations", NULL, "DTLS associations that are awake, of both legs"),
		dtls.conns),
	ONE(GAUGE("lwgate_nosec_sessions", NULL, "Sessions of devices without DTLS"), air.sessions),
	ONE(GAUGE("lwgate_handshakes_under_way", NULL, "Handshakes that are under way"),
		dtls.handshakes),
	ONE(GAUGE("lwgate_handshake_memory_bytes", "bytes", "Memory of those"),
		dtls.handshake_bytes),
	BY(GAUGE("lwgate_waiting_bytes", "bytes", "CoAP messages that wait"), "for", "link",
		relay.queued_bytes),
	BY(MORE, "for", "radio", relay.kept_bytes),

	BY2(COUNTER("lwgate_handshakes", NULL, "Handshakes that have ended"), "with", "device",
		"outcome", "done", dtls.handshakes_done[DTLS_SERVER]),
	BY2(MORE, "with", "device", "outcome", "failed", dtls.handshakes_failed[DTLS_SERVER]),
	BY2(MORE, "with", "server", "outcome", "done", dtls.handshakes_done[DTLS_CLIENT]),
	BY2(MORE, "with", "server", "outcome", "failed", dtls.handshakes_failed[DTLS_CLIENT]),
	ONE(COUNTER("lwgate_handshakes_resumed", NULL, "Of those that were done: abbreviated"),
		dtls.resumed),
	BY(COUNTER("lwgate_device_proofs", NULL, "Handshakes of devices, by what they proved"),
		"kind", "psk", proofs[CTL_CRED_PSK]),
	BY(MORE, "kind", "raw_public_key", proofs[CTL_CRED_RAW_KEY]),
	BY(MORE, "kind", "certificate", proofs[CTL_CRED_CERTIFICATE]),
	BY(COUNTER("lwgate_hellos", NULL, "Hellos that were not taken at once"), "answer", "cookie",
		dtls.verify_sent),
	BY(MORE, "answer", "later", dtls.deferred),
	BY(MORE, "answer", "full", dtls.refused_full),

	BY(COUNTER("lwgate_datagrams", NULL, "Datagrams of devices and servers"), "direction", "in",
		datagrams_in),
	BY(MORE, "direction", "out", datagrams_out),
	BY(MORE, "direction", "failed", send_failed),
	BY(COUNTER("lwgate_records", NULL, "Protected DTLS records"), "direction", "in",
		dtls.records_in),
	BY(MORE, "direction", "out", dtls.records_out),
	ONE(COUNTER("lwgate_datagrams_handed_over", NULL, "Datagrams that were another worker's"),
		handed_over),
	ONE(COUNTER("lwgate_records_heard", NULL,
		    "Records, and datagrams that are none: taken and dropped"),
		dtls.heard),
	ONE(COUNTER("lwgate_records_taken", NULL, "Of these: what had an effect"), dtls.taken),
	BY(COUNTER("lwgate_records_dropped", NULL, "Of these: the rest, by reason"), "reason",
		"junk", dtls.junk),
	DROP("replayed", dtls.replayed),
	DROP("forged", dtls.forged),
	DROP("untried", dtls.untried),
	DROP("early", dtls.early),
	DROP("late", dtls.late),
	DROP("beyond", dtls.beyond),
	DROP("unproven", dtls.unproven),
	DROP("unwoken", dtls.unwoken),
	DROP("unknown-cid", dtls.unknown_cid),
	DROP("stray", dtls.stray),
	DROP("full", dtls.refused_full),
	DROP("deferred", dtls.deferred),
	DROP("unanswered", dtls.unanswered),
	DROP("no-memory", dtls.no_memory),
	BY(COUNTER("lwgate_asleep_dropped", NULL, "Records for sleepers that woke nobody"),
		"reason", "replayed", stale),
	DROP("slowed", slowed),
	ONE(COUNTER("lwgate_held_dropped", NULL, "Messages for which there was no room to wait"),
		held_lost),
	BY(COUNTER("lwgate_associations_moved", NULL, "Between memory and the store"), "to",
		"memory", dtls.woken),
	BY(MORE, "to", "store", dtls.slept),
	BY(COUNTER("lwgate_not_sent", NULL, "Messages to peers that were not sent"), "reason",
		"no-number", dtls.starved),
	BY(MORE, "reason", "adrift", dtls.nowhere),
	BY(COUNTER("lwgate_addresses", NULL, "What became of new addresses of devices"), "outcome",
		"moved", dtls.moves),
	BY(MORE, "outcome", "not-confirmed", dtls.moves_failed),
	BY(MORE, "outcome", "lost", dtls.adrift),
	ONE(COUNTER("lwgate_unknown_told", NULL, "Senders who were told that nobody knows them"),
		dtls.told_lost),

	BY(COUNTER("lwgate_messages", NULL, "CoAP messages that were relayed"), "direction", "up",
		relay.up),
	BY(MORE, "direction", "down", relay.down),
	BY(COUNTER("lwgate_messages_ended", NULL, "CoAP messages that ended here"), "how",
		"refused", relay.refused),
	BY(MORE, "how", "failed", relay.failed),
	BY(MORE, "how", "malformed", relay.malformed),
	BY(MORE, "how", "dropped", relay.dropped),
	BY(MORE, "how", "reset", relay.reset),
	BY(MORE, "how", "copy", relay.suppressed),
	BY(MORE, "how", "copy-answered", relay.answered_from_kept),
	BY(MORE, "how", "asleep-refused", relay.asleep_refused),
	BY(COUNTER("lwgate_messages_own", NULL, "CoAP messages that the gateway has added"), "what",
		"repeated", relay.repeated),
	BY(MORE, "what", "acknowledged", relay.acknowledged),
	ONE(COUNTER("lwgate_requests_held", NULL, "Requests that waited for a sleeping device"),
		relay.asleep_held),
	ONE(COUNTER("lwgate_registers", NULL, "Registers that a server has accepted"),
		relay.registered),

	BY(COUNTER("lwgate_nosec_datagrams", NULL, "Datagrams without DTLS"), "direction", "in",
		air.datagrams),
	BY(MORE, "direction", "out", air.sent),
	BY(COUNTER("lwgate_nosec_bytes", "bytes", "The same in octets"), "direction", "in",
		air.octets),
	BY(MORE, "direction", "out", air.sent_octets),
	BY(COUNTER("lwgate_nosec_dropped", NULL, "What came, or was to go, without DTLS in vain"),
		"reason", "outside", air.outside),
	DROP("stranger", air.strangers),
	DROP("unknown", air.unknown),
	DROP("copy", air.copies),
	DROP("full", air.full),
	DROP("withheld", air.withheld),
	BY(COUNTER("lwgate_nosec_echo", NULL, "Addresses without DTLS"), "what", "asked",
		air.challenged),
	BY(MORE, "what", "shown", air.shown),

	ONE(GAUGE("lwgate_sms_bridges", NULL, "Bridges for short messages that are connected"),
		sms.bridges),
	ONE(GAUGE("lwgate_sms_sessions", NULL, "Sessions by short messages that are awake"),
		sms.sessions),
	BY(COUNTER("lwgate_sms_messages", NULL, "Messages by SMS"), "direction", "in", sms.in),
	BY(MORE, "direction", "out", sms.out),
	ONE(COUNTER("lwgate_sms_segments", NULL, "Short messages that the network has counted"),
		sms.segments),
	BY(COUNTER("lwgate_sms_dropped", NULL, "Messages by SMS that came to nothing"), "reason",
		"forged", sms.forged),
	DROP("replayed", sms.replayed),
	DROP("reflected", sms.reflected),
	DROP("malformed", sms.malformed),
	DROP("stranger", sms.strangers),
	DROP("other", sms.other),
	DROP("later", sms.later),
	DROP("lost", sms.lost),
	DROP("refused", sms.refused),
	DROP("expired", sms.expired),
	DROP("old-keys", sms.old),
	ONE(COUNTER("lwgate_sms_triggers", NULL, "Sleepers who were told by SMS to come"),
		sms.triggers),
	BY(COUNTER("lwgate_sms_keys", NULL, "Key sets of devices by SMS"), "event", "asked",
		sms.keys.asked),
	BY(MORE, "event", "obtained", sms.keys.obtained),
	BY(MORE, "event", "refused", sms.keys.refused),
	BY(MORE, "event", "pushed", sms.keys.pushes),
	BY(MORE, "event", "proved", sms.proved),
	BY(MORE, "event", "stored", sms.keys.changes),
	BY(MORE, "event", "not-stored", sms.keys.failed),
	BY(GAUGE("lwgate_sms_key_sets", NULL,
		   "Devices whose keys are renewed, by state, as counted in the last round"),
		"state", "confirmed", sms.keys.sets[0]),
	BY(MORE, "state", "refreshing", sms.keys.sets[1]),
	BY(MORE, "state", "fresh", sms.keys.sets[2]),
	BY(MORE, "state", "delivered", sms.keys.sets[3]),
	BY(MORE, "state", "stale", sms.keys.sets[4]),
	BY(MORE, "state", "expired", sms.keys.sets[5]),
	BY(MORE, "state", "failed", sms.keys.sets[6]),
	ONE(GAUGE("lwgate_sms_keys_under_way", NULL, "Changes of key sets that are under way"),
		sms.keys.under_way),
	BY(COUNTER("lwgate_bsf_questions", NULL, "Questions to the bootstrapping server function"),
		"outcome", "asked", sms.bsf.asked),
	BY(MORE, "outcome", "answered", sms.bsf.answered),
	BY(MORE, "outcome", "failed", sms.bsf.failed),
	BY(MORE, "outcome", "token", sms.bsf.tokens),
	BY(GAUGE("lwgate_bsf_waiting", NULL, "Questions to it now"), "state", "under-way",
		sms.bsf.under_way),
	BY(MORE, "state", "waiting", sms.bsf.waiting),
};

const struct gw_web_count *gw_web_counts(size_t *len)
{
	*len = COUNT_OF(counts);
	return counts;
}

static uint64_t value_of(const struct gw_web_count *c, const struct ctl_worker *w)
{
	uint32_t four;
	uint64_t eight;
	const uint8_t *const from = (const uint8_t *)w + c->at;
	if (c->size == sizeof(four)) {
		memcpy(&four, from, sizeof(four));
		return four;
	}
	memcpy(&eight, from, sizeof(eight));
	return eight;
}

void gw_web_counts_write(const struct om *o, const struct ctl_worker *w)
{
	const struct om_family *f = NULL;
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		const struct gw_web_count *const c = &counts[i];
		size_t labels = 0;
		if (c->family.name) {
			f = &c->family;
			om_begin(o, f);
		}
		while (labels < GW_COUNT_LABELS && c->labels[labels].name)
			labels++;
		om_count(o, f, c->labels, labels, value_of(c, w));
	}
}

void gw_web_counts_sum(struct ctl_worker *sum, const struct ctl_worker *w)
{
	/* A number may be in two families; the offsets tell. */
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		const struct gw_web_count *const c = &counts[i];
		bool again = false;
		for (size_t n = 0; n < i && !again; n++)
			again = counts[n].at == c->at;
		if (again)
			continue;
		const uint64_t value = value_of(c, sum) + value_of(c, w);
		const uint32_t four = (uint32_t)value;
		uint8_t *const to = (uint8_t *)sum + c->at;
		memcpy(to, c->size == sizeof(four) ? (const void *)&four : (const void *)&value,
			c->size);
	}
}
