/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_dtls.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/clock.h"
#include "gateway/sms_op.h"
#include "gateway/sms_parts.h"
#include "gateway/worker.h"
#include "sms-bridge/wire/wire.h"
#include "store/sms.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	DCS = 0xf5,    /* 8-bit, class 1: for the device, not its card (TS 23.038 4) */
	TYPE_MIN = 20, /* of a record: change_cipher_spec ... */
	TYPE_MAX = 27, /* ... return_routability_check (RFC 9853) */
	VERSION_AT = 1,
	VERSION = 0xfe,
	RECORD_HEADER = 13,
	EPOCH_AT = 3,
};

/* --- whose number it is ----------------------------------------------------------------------- */

static size_t digits_of(const struct net_path *path, char out[NET_DIGITS_MAX + 1])
{
	uint8_t type;
	return net_number_read(path->peer.ip, &type, out);
}

/* The credential that names a number for this; the holder wipes it. */
static bool find(struct gw_worker *w, const struct net_path *path, struct store_cred *out)
{
	char digits[NET_DIGITS_MAX + 1];
	const size_t len = digits_of(path, digits);
	memset(out, 0, sizeof(*out));
	return len >= GW_SMS_DIGITS_MIN &&
	       store_find_identity(w->reader, STORE_CRED_SMS, (const uint8_t *)digits, len, out) ==
		       STORE_OK &&
	       out->state == STORE_CRED_ACTIVE && out->kind == STORE_CRED_SMS &&
	       out->sms.profile == STORE_SMS_DTLS &&
	       (out->until_ms == 0 || gw_clock_wall_ms() < out->until_ms);
}

bool gw_sms_dtls_is_its(struct gw_worker *w, const struct net_path *path, const char *endpoint)
{
	struct store_cred c;
	const bool its = w->smses && find(w, path, &c) && strcmp(c.endpoint, endpoint) == 0;
	wipe(&c, sizeof(c));
	return its;
}

bool gw_sms_dtls_may(const struct gw_worker *w, const struct store_cred *c)
{
	return !w->smses || !w->smses->looked_at || strcmp(w->smses->looked_at, c->endpoint) == 0;
}

/* --- in --------------------------------------------------------------------------------------- */

bool gw_sms_dtls_is(const struct wire_text *t)
{
	return t->marker == 0 && sms_profile_takes(t->dcs) && t->id != 0 &&
	       t->len >= RECORD_HEADER && t->len <= GW_SMS_MO_MAX && t->data[0] >= TYPE_MIN &&
	       t->data[0] <= TYPE_MAX && t->data[VERSION_AT] == VERSION;
}

bool gw_sms_dtls_path(const struct wire_text *t, struct net_path *out)
{
	*out = (struct net_path){ .peer = { .family = NET_SMS } };
	return net_number_write(t->peer.type, t->peer.digits, t->peer.len, out->peer.ip) &&
	       net_number_write(t->own.type, t->own.digits, t->own.len, out->local_ip);
}

static bool find_listener(const struct gw_worker *w, uint32_t *sock)
{
	for (uint32_t i = 0; i < w->listeners_len; i++) {
		*sock = i;
		if (w->bound[i].family == NET_SMS)
			return true;
	}
	return false;
}

void gw_sms_dtls_received(struct gw_worker *w, const struct gw_sms_mo *m)
{
	struct wire_text t = { .peer = m->peer, .own = m->own };
	struct net_path path;
	struct store_cred c;
	uint8_t data[GW_SMS_MO_MAX];
	store_reader_rest(w->reader);
	if (gw_sms_dtls_path(&t, &path) && find_listener(w, &path.sock) && find(w, &path, &c)) {
		memcpy(data, m->data, m->len);
		const struct dtls_datagram d = { .path = &path, .data = data, .len = m->len };
		w->traffic[path.sock].datagrams_in++;
		w->smses->stats.dtls_in++;
		w->traffic[path.sock].octets_in += m->len;
		w->smses->looked_at = c.endpoint;
		dtls_input(w->dtls, DTLS_SERVER, &d, 1, w->now_ms);
		w->smses->looked_at = NULL;
	} else {
		w->smses->stats.dtls_strangers++;
	}
	wipe(&c, sizeof(c));
	/* What it was for is done, or is lost as a datagram is: nobody needs it again. */
	gw_sms_answer(w, m->id, WIRE_TAKEN);
}

/* --- out -------------------------------------------------------------------------------------- */

struct spent { /* one more short message */
	struct gw_sms_op base;
	uint32_t cred;
};

static struct spent *of(struct gw_sms_op *base)
{
	return CONTAINER_OF(base, struct spent, base);
}

static enum store_result run(struct store_txn *t, struct store_op *op)
{
	return store_sms_spend(t, of(CONTAINER_OF(op, struct gw_sms_op, op))->cred, 1);
}

static void finish(struct gw_sms_op *base, enum store_result r)
{
	(void)r; /* it has gone: what it has cost is not known then */
	store_reader_rest(base->worker->reader); /* the next look finds it there */
	free(of(base));
}

/* That have gone out and are not counted in the store yet. */
static uint32_t under_way(const struct gw_worker *w, uint32_t cred)
{
	uint32_t n = 0;
	for (struct gw_sms_op *i = w->smses->under_way; i; i = i->next)
		n += i->finish == finish && of(i)->cred == cred;
	return n;
}

/* May one more go out today? */
static bool spend(struct gw_worker *w, uint32_t cred)
{
	const uint32_t most = w->shared->conf->sms.segments_a_day;
	struct store_sms_counters n;
	if (most == 0)
		return true;
	const enum store_result r = store_sms_read(w->reader, cred, &n);
	const bool today = n.day == store_sms_day(store_time(w->shared->store, w->now_ms));
	const uint32_t spent = (today ? n.segments : 0) + under_way(w, cred);
	if ((r != STORE_OK && r != STORE_NONE) || spent >= most)
		return false;
	struct spent *const s = calloc(1, sizeof(*s));
	if (!s)
		return false;
	s->base.op = (struct store_op){ .run = run };
	s->base.worker = w;
	s->base.finish = finish;
	s->cred = cred;
	gw_sms_op_submit(&s->base);
	return true;
}

uint8_t *gw_sms_dtls_room(struct gw_worker *w, const struct net_path *path, size_t cap)
{
	struct gw_smses *const x = w->smses;
	struct store_cred c;
	if (!x || !w->shared->sms)
		return NULL;
	const bool good = find(w, path, &c) && cap <= DTLS_SMS_MAX;
	x->said_cred = good ? c.number : 0;
	wipe(&c, sizeof(c));
	x->said_to = *path;
	x->stats.dtls_lost += !good;
	return good ? x->said : NULL;
}

/* A number of ours, which no message in the store has: the bridge knows its doubles by it. */
static uint64_t next_id(struct gw_worker *w)
{
	uint64_t id;
	gw_worker_random(w, (uint8_t *)&id, sizeof(id));
	return id | GW_SMS_DATAGRAM;
}

static void number_of(const uint8_t ip[16], struct wire_number *out)
{
	*out = (struct wire_number){ .len = 0 };
	out->len = (uint8_t)net_number_read(ip, &out->type, out->digits);
}

/* A flight: until it is repeated. What else belongs to a handshake is of no use after its peer has
   repeated itself; the rest is an application's. */
static uint32_t valid_s(const struct gw_worker *w)
{
	const struct gw_smses *const x = w->smses;
	const struct conf_gateway *const conf = w->shared->conf;
	const uint32_t repeats_ms = dtls_repeats_ms(w->dtls);
	const bool plain = (x->said[EPOCH_AT] | x->said[EPOCH_AT + 1]) == 0;
	if (repeats_ms > 0)
		return (repeats_ms + 999) / 1000;
	return plain ? conf->listener_dtls[x->said_to.sock].max_ms / 1000 : conf->sms.valid_s;
}

void gw_sms_dtls_sent(struct gw_worker *w, size_t len)
{
	struct gw_smses *const x = w->smses;
	uint8_t frame[DTLS_SMS_MAX + 256];
	struct wire_message m = { .type = WIRE_MT };
	if (len == 0)
		return;
	m.mt.valid_s = valid_s(w);
	m.mt.text = (struct wire_text){ .id = next_id(w), .dcs = DCS, .data = x->said, .len = len };
	number_of(x->said_to.peer.ip, &m.mt.text.peer);
	number_of(x->said_to.local_ip, &m.mt.text.own);
	const size_t size = wire_write(&m, frame, sizeof(frame));
	if (size > 0 && spend(w, x->said_cred) &&
		inbox_post(w->shared->sms, INBOX_LOSSY, GW_DESK_DATAGRAM, frame, size))
		x->stats.dtls_out++;
	else
		x->stats.dtls_lost++;
}
