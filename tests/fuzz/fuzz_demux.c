/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole engine, both roles, under a stranger's datagrams.
 *
 * Input: a byte that says how far a real handshake between the two engines has come (modulo 8), and
 * of which kind it is (above that), then steps:
 *   how (1), length (2), bytes
 * how: bit 0 the side that is addressed; bits 1-2: 0 = a datagram as it is, 1 = bytes are a type
 *      and a plaintext that get sealed with the peer's key where there is one, 2 = deliver that
 *      many datagrams that the engines themselves sent, 3 = that much time passes (256 ms each);
 *      bit 3: what comes, comes from another address than the peer's; bit 4: before it, the side
 *      asks its peer whether it is there (bit 3: the old address first).
 *
 * Beyond memory errors: no message but what was sealed arrives (I3), an association ends only by
 * what was sealed, all that came is accounted for, and when everything has timed out no
 * handshake is left (I9).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/engine.h"
#include "dtls/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SERVER, CLIENT, QUEUE_MAX = 64, ROOM = 17000, PROBES_MAX = 8 };

struct world;

struct end {
	struct world *w;
	unsigned id;
	struct dtls_engine *e;
	struct dtls_conn *conn;
	uint8_t room[ROOM];
	size_t cap;
	uint8_t rng;
};

struct world {
	struct end end[2];
	uint64_t now_ms;
	struct dgram {
		uint8_t *data;
		size_t len;
		unsigned to;
	} queue[QUEUE_MAX];
	size_t first, count;
	size_t sealed; /* records that were made with a key */
	size_t messages, downs, probes;
};

static bool end_psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	(void)ctx;
	assert(len > 0 && len <= DTLS_IDENTITY_MAX);
	if (len != 1 || identity[0] != 'i')
		return false;
	*out = (struct dtls_psk){ .key = { 1, 2, 3 }, .len = 3, .cred = 5 };
	return true;
}

static bool end_raw_key(void *ctx, const uint8_t digest[32], struct dtls_known *out)
{
	(void)ctx;
	(void)digest;
	*out = (struct dtls_known){ .cred = 6 };
	return true;
}

/* --- the kinds: made once, as a worker's are ------------------------------------------------- */

enum {
	KIND_CCM_8,
	KIND_CBC,
	KIND_RAW_CCM_8,
	KIND_RAW_CBC,
	KIND_CID_CCM_8,
	KIND_CID_CBC,
	KIND_CID_SEND, /* the client gives none, as modems do: its check comes in classic records */
	KINDS,
	RECORD_MAX = 4096 + 256
};

static struct dtls_profile *profiles[KINDS];
static struct dtls_profile *sending; /* the client's of KIND_CID_SEND */
static unsigned kind;

static bool is_raw(void)
{
	return kind == KIND_RAW_CCM_8 || kind == KIND_RAW_CBC;
}

static struct dtls_profile *end_profile(void *ctx, const struct net_path *path)
{
	(void)ctx;
	(void)path;
	return profiles[kind];
}

/* Both sides have the same key. */
static void make_profiles(void)
{
	static const uint16_t numbers[KINDS] = { 0xc0a8, 0x00ae, 0xc0ae, 0xc023, 0xc0a8, 0x00ae,
		0xc0a8 };
	EVP_PKEY *const key = EVP_EC_gen("P-256");
	assert(key);
	for (unsigned i = 0; i < KINDS; i++) {
		struct dtls_profile_settings s = dtls_profile_settings_default();
		const char *error = NULL;
		const bool raw = i == KIND_RAW_CCM_8 || i == KIND_RAW_CBC;
		if (raw && !dtls_profile_can_raw())
			continue;
		s.suites[0] = numbers[i];
		s.suites_len = 1;
		s.key = raw ? key : NULL;
		s.raw_public_key = raw;
		s.pins_len = 1;
		s.cid = i >= KIND_CID_CCM_8 ? DTLS_CID_BOTH : DTLS_CID_NEVER;
		s.routability = i >= KIND_CID_CCM_8;
		const bool known = dtls_key_digest(key, s.pins[0]);
		profiles[i] = dtls_profile_new(&s, &error);
		assert(known && profiles[i]);
		s.cid = DTLS_CID_SEND;
		if (i == KIND_CID_SEND)
			sending = dtls_profile_new(&s, &error);
	}
	assert(sending);
	EVP_PKEY_free(key);
}

static uint8_t *end_room(void *ctx, const struct net_path *path, size_t cap)
{
	struct end *const e = ctx;
	(void)path;
	assert(cap <= sizeof(e->room));
	e->cap = cap;
	return e->room;
}

static void end_sent(void *ctx, size_t len)
{
	struct end *const e = ctx;
	struct world *const w = e->w;
	assert(len <= e->cap);
	if (len == 0 || w->count == QUEUE_MAX)
		return;
	struct dgram *const d = &w->queue[(w->first + w->count++) % QUEUE_MAX];
	*d = (struct dgram){ .data = malloc(len), .len = len, .to = 1 - e->id };
	assert(d->data);
	memcpy(d->data, e->room, len);
}

static void end_up(void *ctx, struct dtls_conn *c)
{
	struct end *const e = ctx;
	e->conn = c;
}

static void end_message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct end *const e = ctx;
	e->w->messages++;
	assert(len > 0);
	if (msg[0] == 'e' && e->id == SERVER) /* echo */
		assert(dtls_send(e->e, c, msg, len) != DTLS_BROKEN);
	if (msg[0] == 'c') {
		e->conn = NULL;
		dtls_close(e->e, c);
	}
}

static void end_down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct end *const e = ctx;
	e->w->downs += why != DTLS_END_REPLACED;
	if (e->conn == c)
		e->conn = NULL;
}

static void end_failed(void *ctx, const struct dtls_failure *f)
{
	(void)ctx;
	assert(f->path && f->identity_len <= DTLS_IDENTITY_MAX);
	assert(dtls_cause_text(f->cause) && dtls_alert_text(f->alert));
}

static void end_random(void *ctx, uint8_t *out, size_t len)
{
	struct end *const e = ctx;
	for (size_t i = 0; i < len; i++)
		out[i] = e->rng++;
}

/* An address changes only for what was sealed with a key (S26); who may then be asked there is
   answered, or not. */
static void end_moved(void *ctx, struct dtls_conn *c, const struct net_path *from)
{
	struct end *const e = ctx;
	assert(e->w->sealed > 0 && !net_path_same(dtls_conn_path(c), from));
}

static enum dtls_moving end_moving(void *ctx, struct dtls_conn *c, const struct net_path *to)
{
	struct end *const e = ctx;
	assert(e->w->sealed > 0 && net_path_same(dtls_conn_candidate(c), to));
	static const uint8_t probe[] = { 0x40 };
	/* Two that both ask, and never believe, would go on for ever. */
	if (e->w->probes++ < PROBES_MAX)
		(void)!dtls_send_to(e->e, c, to, probe, sizeof(probe));
	return (enum dtls_moving)(e->rng++ % (DTLS_MOVE_TRUST + 1));
}

static void end_unmoved(void *ctx, struct dtls_conn *c)
{
	const struct end *const e = ctx;
	assert(e->w->sealed > 0 && !dtls_conn_candidate(c));
}

/* Only who has nobody here is told. */
static bool end_lost(void *ctx, enum dtls_role role, const struct net_path *path,
	const uint8_t *cid, size_t cid_len)
{
	struct end *const e = ctx;
	assert(role == DTLS_SERVER && e->id == SERVER && (cid != NULL) == (cid_len > 0));
	assert(!e->conn || !net_path_same(dtls_conn_path(e->conn), path));
	return e->rng++ % 2;
}

static struct net_path path_to(unsigned side)
{
	struct net_path p;
	memset(&p, 0, sizeof(p));
	p.peer.family = NET_IPV4;
	p.peer.ip[0] = 192;
	p.peer.ip[3] = (uint8_t)side;
	p.peer.port = 5684;
	return p;
}

static void begin(struct world *w)
{
	const struct dtls_settings set = dtls_settings_default();
	w->now_ms = 8000;
	for (unsigned i = 0; i < 2; i++) {
		struct end *const e = &w->end[i];
		const struct dtls_owner owner = {
			.ctx = e,
			.psk = end_psk,
			.profile = end_profile,
			.raw_key = end_raw_key,
			.room = end_room,
			.sent = end_sent,
			.up = end_up,
			.message = end_message,
			.down = end_down,
			.failed = end_failed,
			.random = end_random,
			.moving = end_moving,
			.moved = end_moved,
			.unmoved = end_unmoved,
			.lost = end_lost,
		};
		e->w = w;
		e->id = i;
		e->e = dtls_engine_new(&set, &owner, w->now_ms);
		assert(e->e);
	}
	static const uint8_t key[] = { 1, 2, 3 };
	const struct dtls_peer peer = {
		.path = path_to(SERVER),
		.identity = (const uint8_t *)"i",
		.identity_len = 1,
		.key = key,
		.key_len = is_raw() ? 0 : sizeof(key),
		.profile = kind == KIND_CID_SEND ? sending : profiles[kind],
	};
	const enum dtls_result r = dtls_connect(w->end[CLIENT].e, &peer, w->now_ms);
	assert(r == DTLS_OK);
}

/* The engine gets a block of exactly that size. */
static void input(struct world *w, unsigned to, const uint8_t *data, size_t len, bool elsewhere)
{
	uint8_t *const copy = malloc(len ? len : 1);
	assert(copy);
	if (len > 0)
		memcpy(copy, data, len);
	struct net_path path = path_to(1 - to);
	path.peer.port = elsewhere ? 1 : path.peer.port;
	const struct dtls_datagram arrived = { .path = &path, .data = copy, .len = len };
	dtls_input(w->end[to].e, to == SERVER ? DTLS_SERVER : DTLS_CLIENT, &arrived, 1, w->now_ms);
	free(copy);
}

static void deliver(struct world *w, size_t n)
{
	while (n-- > 0 && w->count > 0) {
		const struct dgram d = w->queue[w->first];
		w->first = (w->first + 1) % QUEUE_MAX;
		w->count--;
		input(w, d.to, d.data, d.len, false);
		free(d.data);
	}
}

/* The keys that the peer of `to` writes with: of its association, or of a handshake that has come
   so far. */
static struct dtls_assoc *keys_towards(struct world *w, unsigned to)
{
	const struct end *const from = &w->end[1 - to];
	if (from->conn)
		return &from->conn->assoc;
	struct dtls_node *const n = dtls_table_any(&from->e->handshakes);
	struct dtls_handshake *const h = n ? CONTAINER_OF(n, struct dtls_handshake, node) : NULL;
	return h && h->have_keys ? &h->assoc : NULL;
}

static void sealed(struct world *w, unsigned to, const uint8_t *data, size_t len, bool elsewhere)
{
	struct dtls_assoc *const a = keys_towards(w, to);
	if (!a || len < 1 || len > 4096)
		return;
	uint8_t out[RECORD_MAX];
	memcpy(out + dtls_assoc_before(a), data + 1, len - 1);
	const size_t whole = dtls_assoc_seal(a, &w->end[1 - to].e->sealer, data[0], out, len - 1);
	if (whole == 0)
		return;
	w->sealed++;
	input(w, to, out, whole, elsewhere);
}

static void pass(struct world *w, uint64_t ms)
{
	w->now_ms += ms;
	for (unsigned i = 0; i < 2; i++)
		dtls_tick(w->end[i].e, w->now_ms);
}

static void ask(struct world *w, uint8_t how)
{
	const struct end *const e = &w->end[how & 1];
	if (!e->conn)
		return;
	const bool candidate = dtls_conn_candidate(e->conn);
	const bool old_first = how & 8;
	const enum dtls_checking c = dtls_check(e->e, e->conn, old_first, w->now_ms);
	assert((c != DTLS_CHECK_NONE) == candidate);
}

static void assert_accounted(const struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct dtls_stats s = dtls_stats(w->end[i].e);
		assert(s.heard == s.taken + dtls_dropped(&s));
	}
}

static void step(struct world *w, uint8_t how, const uint8_t *data, size_t len)
{
	if (how & 16)
		ask(w, how);
	switch (how >> 1 & 3) {
	case 0:
		input(w, how & 1, data, len, how & 8);
		return;
	case 1:
		sealed(w, how & 1, data, len, how & 8);
		return;
	case 2:
		deliver(w, len);
		return;
	default:
		pass(w, (len & 255) * 256);
	}
}

static void finish(struct world *w)
{
	/* Twice: an engine may answer what it heard last. */
	for (int i = 0; i < 2; i++) {
		while (w->count > 0)
			deliver(w, 1);
		pass(w, 300000);
	}
	for (unsigned i = 0; i < 2; i++) {
		const struct dtls_stats s = dtls_stats(w->end[i].e);
		assert(s.handshakes == 0 && s.handshake_bytes == 0);
	}
	for (; w->count > 0; w->count--) {
		free(w->queue[w->first].data);
		w->first = (w->first + 1) % QUEUE_MAX;
	}
	dtls_engine_free(w->end[SERVER].e);
	dtls_engine_free(w->end[CLIENT].e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_from(data, size);
	struct world *const w = calloc(1, sizeof(*w));
	assert(w);
	if (!profiles[KIND_CCM_8])
		make_profiles();
	const uint8_t first = rd_u8(&r);
	kind = first / 8 % KINDS;
	if (!profiles[kind])
		kind = KIND_CCM_8;
	begin(w);
	deliver(w, first % 8); /* 0 = a fresh engine, 6 or 7 = both sides are up */
	while (r.left >= 3) {
		const uint8_t how = rd_u8(&r);
		const size_t want = rd_u16(&r);
		/* For what carries bytes the length is what there is. */
		const size_t len = (how & 4) || want <= r.left ? want : r.left;
		const uint8_t *const bytes = how & 4 ? data : rd_bytes(&r, len);
		const size_t messages = w->messages, downs = w->downs, before = w->sealed;
		step(w, how, bytes, len);
		/* What the two engines send each other, and time, may do anything; a stranger's
		   bytes may not. */
		assert_accounted(w);
		if (!(how & 4) && w->sealed == before)
			assert(w->messages == messages && w->downs == downs);
	}
	finish(w);
	free(w);
	return 0;
}
