/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/proxy/kit: CoAP messages built by hand, channels that remember, and a relay with a
 * fake clock between them.
 */
#ifndef LWG_TESTS_PROXY_KIT_H
#define LWG_TESTS_PROXY_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/coap.h"
#include "proxy/relay.h"

enum { KIT_MESSAGE_MAX = 480, KIT_SENT_MAX = 64 };

/* --- messages, by a builder of their own ---------------------------------------------------- */

struct build {
	uint8_t data[KIT_MESSAGE_MAX];
	size_t len;
	unsigned number; /* of the last option */
};

static inline void build_byte(struct build *b, unsigned v)
{
	assert_true(b->len < sizeof(b->data));
	b->data[b->len++] = (uint8_t)v;
}

static inline void build_bytes(struct build *b, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		build_byte(b, ((const uint8_t *)p)[i]);
}

static inline struct build build_start(
	enum pdu_type type, unsigned code, uint16_t mid, const char *token)
{
	struct build b = { .len = 0 };
	build_byte(&b, 0x40U | (unsigned)type << 4 | (unsigned)strlen(token));
	build_byte(&b, code);
	build_byte(&b, mid >> 8);
	build_byte(&b, mid & 0xffU);
	build_bytes(&b, token, strlen(token));
	return b;
}

static inline unsigned build_nibble(size_t v)
{
	if (v < 13)
		return (unsigned)v;
	return v < 269 ? 13 : 14;
}

static inline void build_extended(struct build *b, size_t v)
{
	if (v >= 269) {
		build_byte(b, (unsigned)((v - 269) >> 8));
		build_byte(b, (unsigned)((v - 269) & 0xff));
	} else if (v >= 13) {
		build_byte(b, (unsigned)(v - 13));
	}
}

static inline void build_option(struct build *b, unsigned number, const void *value, size_t len)
{
	const unsigned delta = number - b->number;
	build_byte(b, build_nibble(delta) << 4 | build_nibble(len));
	build_extended(b, delta);
	build_extended(b, len);
	build_bytes(b, value, len);
	b->number = number;
}

static inline void build_text(struct build *b, unsigned number, const char *text)
{
	build_option(b, number, text, strlen(text));
}

static inline void build_payload(struct build *b, const char *text)
{
	build_byte(b, 0xff);
	build_bytes(b, text, strlen(text));
}

/* path and query are separated by '/' and '&'; NULL: none. */
static inline void build_parts(struct build *b, unsigned number, const char *parts, char separator)
{
	while (parts && *parts) {
		const char *const end = strchr(parts, separator);
		const size_t n = end ? (size_t)(end - parts) : strlen(parts);
		build_option(b, number, parts, n);
		parts += n + (end ? 1 : 0);
	}
}

struct want { /* a request in one line */
	enum pdu_type type;
	unsigned code;
	uint16_t mid;
	const char *token, *path, *query;
};

static inline struct build build_request(const struct want *w)
{
	struct build b = build_start(w->type, w->code, w->mid, w->token);
	build_parts(&b, PDU_URI_PATH, w->path, '/');
	build_parts(&b, PDU_URI_QUERY, w->query, '&');
	return b;
}

static inline struct build build_created(
	enum pdu_type type, uint16_t mid, const char *token, const char *location)
{
	struct build b = build_start(type, PDU_CREATED, mid, token);
	build_parts(&b, PDU_LOCATION_PATH, location, '/');
	return b;
}

/* The same, as one that the device has numbered in a channel goes over the link, or by -channel as
   what is said of it there comes back (proxy/shift). */
static inline struct build in_channel(const struct build *b, int channel)
{
	enum { STEP = 14201 };
	struct build c = *b;
	const unsigned mid = ((unsigned)b->data[2] << 8 | b->data[3]) + (unsigned)(channel * STEP);
	c.data[2] = (uint8_t)(mid >> 8);
	c.data[3] = (uint8_t)mid;
	return c;
}

/* --- channels ------------------------------------------------------------------------------- */

struct wire {
	struct channel base;
	uint8_t *sent[KIT_SENT_MAX];
	size_t len[KIT_SENT_MAX];
	unsigned count, seen; /* messages sent; those that the test has looked at */
	bool broken;
	size_t max; /* what is longer does not fit */
	unsigned closed;
	enum channel_reason why;
};

static inline bool wire_send(struct channel *c, const uint8_t *msg, size_t len)
{
	struct wire *const w = (struct wire *)(void *)c;
	assert_true(len <= w->max);
	if (w->broken)
		return false;
	assert_true(w->count < KIT_SENT_MAX);
	w->sent[w->count] = malloc(len);
	assert_non_null(w->sent[w->count]);
	memcpy(w->sent[w->count], msg, len);
	w->len[w->count++] = len;
	return true;
}

static inline size_t wire_room(struct channel *c)
{
	return ((const struct wire *)(void *)c)->max;
}

static inline void wire_close(struct channel *c, enum channel_reason why)
{
	struct wire *const w = (struct wire *)(void *)c;
	w->closed++;
	w->why = why;
}

static inline struct channel *wire_init(struct wire *w)
{
	static const struct channel_ops ops = {
		.room = wire_room, .send = wire_send, .close = wire_close
	};
	memset(w, 0, sizeof(*w));
	w->base.ops = &ops;
	w->max = SIZE_MAX;
	return &w->base;
}

static inline void wire_fini(struct wire *w)
{
	for (unsigned i = 0; i < w->count; i++)
		free(w->sent[i]);
}

/* Nothing was sent that the test has not looked at. */
static inline void expect_silence(const struct wire *w)
{
	assert_int_equal(w->count, w->seen);
}

/* The next message, byte for byte. */
static inline void expect_bytes(struct wire *w, const uint8_t *data, size_t len)
{
	assert_true(w->seen < w->count);
	assert_int_equal(w->len[w->seen], len);
	assert_memory_equal(w->sent[w->seen], data, len);
	w->seen++;
}

static inline void expect_same(struct wire *w, const struct build *b)
{
	expect_bytes(w, b->data, b->len);
}

/* The next message, parsed. */
static inline struct pdu expect_pdu(struct wire *w)
{
	struct pdu m;
	assert_true(w->seen < w->count);
	assert_int_equal(pdu_parse(w->sent[w->seen], w->len[w->seen], &m), PDU_OK);
	w->seen++;
	return m;
}

static inline void expect_answer(
	struct wire *w, enum pdu_type type, unsigned code, int mid, const char *token)
{
	const struct pdu m = expect_pdu(w);
	assert_int_equal(m.type, type);
	assert_int_equal(m.code, code);
	if (mid >= 0)
		assert_int_equal(m.mid, mid);
	assert_true(pdu_same_token(&m, (const uint8_t *)token, strlen(token)));
}

/* --- a relay with one device ---------------------------------------------------------------- */

struct world {
	struct relay *relay;
	struct relay_device *d;
	struct wire device, server;
	uint64_t now_ms;
	unsigned opened, cancelled, changed;
	uint16_t mid;
	bool at_once; /* the link is up before open() returns */
	bool never;   /* it fails before open() returns, with `end` */
	enum relay_link_end end;
	unsigned told[RELAY_BOOTSTRAP_ENDS + 1]; /* by enum relay_bootstrap */
	bool bootstrapping;                      /* begun, and not ended */
	struct relay_objection objection;        /* to what the server asks */
	uint16_t told_mid;                       /* of the last message */
	unsigned wanted;
};

static inline void world_open(void *ctx, struct relay_device *d)
{
	struct world *const w = ctx;
	w->opened++;
	if (w->at_once)
		relay_link_up(d, &w->server.base, w->now_ms);
	if (w->never)
		relay_link_down(d, w->end, w->now_ms);
}

static inline void world_cancel(void *ctx, struct relay_device *d)
{
	(void)d;
	((struct world *)ctx)->cancelled++;
}

static inline void world_changed(void *ctx, struct relay_device *d)
{
	(void)d;
	((struct world *)ctx)->changed++;
}

static inline uint16_t world_mid(void *ctx)
{
	return ((struct world *)ctx)->mid++;
}

static inline struct relay_objection world_bootstrap(
	void *ctx, struct relay_device *d, enum relay_bootstrap what, const struct pdu *m)
{
	struct world *const w = ctx;
	assert_true(w->d == NULL || w->d == d);
	w->told[what]++;
	/* Each begins and ends once, and between is what it is about. */
	assert_int_equal(w->bootstrapping, what != RELAY_BOOTSTRAP_BEGINS);
	w->bootstrapping = what != RELAY_BOOTSTRAP_ENDS;
	assert_int_equal(
		m != NULL, what == RELAY_BOOTSTRAP_ASKED || what == RELAY_BOOTSTRAP_ANSWERED);
	if (m)
		w->told_mid = m->mid;
	return what == RELAY_BOOTSTRAP_ASKED ? w->objection : (struct relay_objection){ .code = 0 };
}

static inline void world_wanted(void *ctx, struct relay_device *d)
{
	struct world *const w = ctx;
	assert_true(w->d == d);
	assert_true(relay_device_rest(d, w->now_ms).asleep);
	w->wanted++;
}

static inline void world_begin(struct world *w, const struct relay_settings *settings)
{
	const struct relay_settings usual = relay_settings_default();
	memset(w, 0, sizeof(*w));
	w->now_ms = 1000000;
	w->mid = 0xf000;
	w->at_once = true;
	const struct relay_owner owner = {
		.ctx = w,
		.open = world_open,
		.cancel = world_cancel,
		.changed = world_changed,
		.message_id = world_mid,
		.bootstrap = world_bootstrap,
		.wanted = world_wanted,
	};
	w->relay = relay_new(settings ? settings : &usual, &owner, w->now_ms);
	assert_non_null(w->relay);
	(void)wire_init(&w->server);
	w->d = relay_device_up(w->relay, "urn:dev:1", w, wire_init(&w->device));
	assert_non_null(w->d);
}

/* Good until the next call: it is too large for a test's frame to have it at each place. */
__attribute__((noinline, unused)) static const struct relay_stats *counted(const struct world *w)
{
	static struct relay_stats stats;
	stats = relay_stats(w->relay);
	return &stats;
}

static inline void world_end(struct world *w)
{
	relay_free(w->relay);
	wire_fini(&w->device);
	wire_fini(&w->server);
}

static inline void up(struct world *w, const struct build *b)
{
	relay_from_device(w->d, b->data, b->len, w->now_ms);
}

static inline void down(struct world *w, const struct build *b)
{
	relay_from_server(w->d, b->data, b->len, w->now_ms);
}

static inline void later(struct world *w, uint64_t ms)
{
	w->now_ms += ms;
	relay_tick(w->relay, w->now_ms);
}

static inline struct build reg(uint16_t mid, const char *token)
{
	return build_request(&(struct want){
		PDU_CON, PDU_POST, mid, token, "rd", "ep=urn:dev:1&lt=300&lwm2m=1.1&b=U" });
}

static inline struct build update(uint16_t mid, const char *token, const char *path)
{
	return build_request(&(struct want){ PDU_CON, PDU_POST, mid, token, path, NULL });
}

static inline const struct relay_registration *registration_of(const struct world *w)
{
	return relay_device_registration(w->d);
}

/* Registers at rd/5a3f for 300 s. */
static inline void world_register(struct world *w)
{
	const struct build r = reg(1, "t1");
	const struct build created = build_created(PDU_ACK, 1, "t1", "rd/5a3f");
	up(w, &r);
	expect_same(&w->server, &r);
	down(w, &created);
	expect_same(&w->device, &created);
	assert_true(registration_of(w)->active);
}

#endif
