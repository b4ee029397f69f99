/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many exchanges over a radio that loses a fifth of all messages each way and takes 3 to 10 s for a
 * round trip, with the governor and without. The server repeats by the timers of RFC 7252, the
 * device by those of its radio. Time is told: the days that these exchanges take are over at once.
 *
 * What can be hoped for: a try succeeds with 0.8 * 0.8, and costs a request and 0.8 answers. Five
 * tries, one at a time, are 1.8 / 0.64 * (1 - 0.36^5) = 2.80 datagrams, and answer 99.4 of 100.
 */
#include <stdio.h>

#include "tests/unit/proxy/slow.h"

enum {
	EXCHANGES = 10000,
	HOPED_FOR = 28000, /* datagrams */
	FLIGHTS_MAX = 64,
	RADIO_LOSS = 20, /* per cent */
	TRIP_MIN_MS = 3000,
	TRIP_MAX_MS = 10000,
	WIRE_MS = 10,         /* one way */
	PATIENCE_MS = 247000, /* EXCHANGE_LIFETIME: so long the asker waits for a separate answer */
};

struct leg;

struct message { /* on its way */
	uint64_t at_ms;
	const struct leg *leg;
	bool down;
	size_t len;
	uint8_t data[64];
};

struct leg {
	struct channel base; /* what the relay sends on */
	struct lossy *world;
	uint32_t loss;
	bool radio;
};

struct asker { /* RFC 7252 section 4.2, of who asks: the server, or the device */
	struct build request;
	uint64_t begun_ms, due_ms;
	uint32_t timeout_ms;
	uint32_t first_ms; /* ACK_TIMEOUT */
	unsigned sent;
	bool acked, answered, over;
};

struct lossy {
	struct relay *relay;
	struct relay_device *d;
	struct leg radio, wire;
	struct message flights[FLIGHTS_MAX];
	unsigned flying;
	uint64_t now_ms, random;
	struct asker asker;
	bool by_device;   /* the device asks */
	uint32_t trip_ms; /* there and back, by radio: as the cell has it for a while */
	uint16_t last_mid;
	uint64_t copy_ms;  /* when the last copy went over the radio; 0: none yet */
	uint64_t least_ms; /* between two of them, ever */
	unsigned datagrams, answered;
};

/* splitmix64 */
static uint32_t draw(struct lossy *w, uint32_t below)
{
	uint64_t z = (w->random += 0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) >> 32) % below;
}

static void note_copy(struct lossy *w, bool down, const uint8_t *data)
{
	const bool request = data[1] == GET && down && !w->by_device;
	if (!request)
		return;
	if (w->copy_ms != 0 && w->now_ms - w->copy_ms < w->least_ms)
		w->least_ms = w->now_ms - w->copy_ms;
	w->copy_ms = w->now_ms;
}

static void put(const struct leg *leg, bool down, const uint8_t *data, size_t len)
{
	struct lossy *const w = leg->world;
	if (leg->radio) {
		w->datagrams++;
		note_copy(w, down, data);
	}
	if (draw(w, 100) < leg->loss)
		return;
	assert_true(w->flying < FLIGHTS_MAX && len <= sizeof(w->flights[0].data));
	struct message *const m = &w->flights[w->flying++];
	*m = (struct message){ .leg = leg, .down = down, .len = len };
	m->at_ms = w->now_ms + (leg->radio ? w->trip_ms / 2 : WIRE_MS);
	memcpy(m->data, data, len);
}

static bool leg_send(struct channel *c, const uint8_t *msg, size_t len)
{
	const struct leg *const leg = (const struct leg *)(void *)c;
	put(leg, leg->radio, msg, len);
	return true;
}

static size_t leg_room(struct channel *c)
{
	(void)c;
	return SIZE_MAX;
}

static void leg_close(struct channel *c, enum channel_reason why)
{
	(void)c;
	(void)why;
}

static void lossy_open(void *ctx, struct relay_device *d)
{
	struct lossy *const w = ctx;
	relay_link_up(d, &w->wire.base, w->now_ms);
}

static void lossy_nothing(void *ctx, struct relay_device *d)
{
	(void)ctx;
	(void)d;
}

static uint16_t lossy_random(void *ctx)
{
	return (uint16_t)draw(ctx, 1 << 16);
}

/* --- the two ends ---------------------------------------------------------------------------- */

static void end_send(struct lossy *w, bool by_device, const struct build *b)
{
	put(by_device ? &w->radio : &w->wire, !by_device, b->data, b->len);
}

static void ask(struct lossy *w)
{
	struct asker *const a = &w->asker;
	a->timeout_ms = a->sent == 0 ? a->first_ms + draw(w, a->first_ms / 2) : 2 * a->timeout_ms;
	a->due_ms = w->now_ms + a->timeout_ms;
	a->sent++;
	end_send(w, w->by_device, &a->request);
}

static void asker_due(struct lossy *w)
{
	struct asker *const a = &w->asker;
	if (a->acked || a->sent > 4)
		a->over = true; /* nobody answered */
	else
		ask(w);
}

static void asker_hears(struct lossy *w, const struct pdu *m)
{
	struct asker *const a = &w->asker;
	if (m->type == PDU_CON) {
		const struct build ack = empty(PDU_ACK, m->mid);
		end_send(w, w->by_device, &ack);
	}
	if (m->code == PDU_EMPTY && m->mid == w->last_mid && !a->acked) {
		a->acked = true;
		a->due_ms = a->begun_ms + PATIENCE_MS;
	}
	if (m->code == PDU_EMPTY || a->over ||
		!pdu_same_token(m, &a->request.data[4], a->request.data[0] & 15U))
		return;
	a->over = true;
	a->answered = m->code >> 5 == 2;
}

/* Whoever is asked answers at once, each copy. */
static void asked_hears(struct lossy *w, const struct pdu *m)
{
	if (!pdu_is_request(m))
		return;
	struct build b = build_start(PDU_ACK, m->code == GET ? CONTENT : PDU_CHANGED, m->mid, "");
	b.data[0] |= m->token_len;
	build_bytes(&b, m->token, m->token_len);
	end_send(w, !w->by_device, &b);
}

static void arrive(struct lossy *w, const struct message *m)
{
	struct pdu p;
	const bool at_device = m->leg->radio && m->down, at_server = !m->leg->radio && !m->down;
	if (!at_device && !at_server) {
		if (m->leg->radio)
			relay_from_device(w->d, m->data, m->len, w->now_ms);
		else
			relay_from_server(w->d, m->data, m->len, w->now_ms);
		return;
	}
	assert_int_equal(pdu_parse(m->data, m->len, &p), PDU_OK);
	if (at_device == w->by_device)
		asker_hears(w, &p);
	else
		asked_hears(w, &p);
}

/* --- time ------------------------------------------------------------------------------------ */

static unsigned next_flight(const struct lossy *w)
{
	unsigned best = 0;
	for (unsigned i = 1; i < w->flying; i++) {
		if (w->flights[i].at_ms < w->flights[best].at_ms)
			best = i;
	}
	return best;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void turn(struct lossy *w)
{
	const unsigned i = next_flight(w);
	const uint64_t flight_ms = w->flying > 0 ? w->flights[i].at_ms : UINT64_MAX;
	const uint64_t asker_ms = w->asker.over ? UINT64_MAX : w->asker.due_ms;
	const uint64_t relay_ms = relay_next_ms(w->relay);
	const uint64_t next_ms = least(flight_ms, least(asker_ms, relay_ms));
	w->now_ms = next_ms > w->now_ms ? next_ms : w->now_ms;
	if (next_ms == flight_ms) {
		const struct message m = w->flights[i];
		w->flights[i] = w->flights[--w->flying];
		arrive(w, &m);
	} else if (next_ms == asker_ms) {
		asker_due(w);
	} else {
		relay_tick(w->relay, w->now_ms);
	}
}

static void exchange(struct lossy *w, uint16_t mid)
{
	char token[PDU_TOKEN_MAX];
	(void)snprintf(token, sizeof(token), "%u", (unsigned)mid);
	struct asker *const a = &w->asker;
	*a = (struct asker){ .begun_ms = w->now_ms };
	a->first_ms = w->by_device ? FIRST_MIN_MS : 2000;
	a->request = w->by_device ? update(mid, token, "rd/5a3f") : get(PDU_CON, mid, token);
	w->last_mid = mid;
	w->copy_ms = 0;
	w->trip_ms = TRIP_MIN_MS + draw(w, TRIP_MAX_MS - TRIP_MIN_MS + 1);
	ask(w);
	while (!a->over || w->flying > 0)
		turn(w);
	w->answered += a->answered ? 1 : 0;
}

/* --- runs ------------------------------------------------------------------------------------ */

struct setting {
	enum relay_radio_class radio;
	bool by_device;
	uint32_t wire_loss; /* per cent */
};

static void lossy_begin(struct lossy *w, const struct setting *set)
{
	static const struct channel_ops ops = {
		.room = leg_room, .send = leg_send, .close = leg_close
	};
	const struct relay_owner owner = { .ctx = w,
		.open = lossy_open,
		.cancel = lossy_nothing,
		.changed = lossy_nothing,
		.message_id = lossy_random };
	const struct relay_settings s = relay_settings_default();
	memset(w, 0, sizeof(*w));
	w->now_ms = 1000;
	w->random = 7;
	w->least_ms = UINT64_MAX;
	w->radio = (struct leg){ { &ops }, w, RADIO_LOSS, true };
	w->wire = (struct leg){ { &ops }, w, set->wire_loss, false };
	w->relay = relay_new(&s, &owner, w->now_ms);
	assert_non_null(w->relay);
	w->d = relay_device_up_radio(
		w->relay, "urn:dev:1", w, &w->radio.base, relay_radio_of(set->radio));
	assert_non_null(w->d);
	const struct relay_registration reg = {
		.active = true, .location = "rd/5a3f", .expires_ms = UINT64_MAX
	};
	relay_device_adopt(w->d, &reg);
	relay_link_up(w->d, &w->wire.base, w->now_ms);
}

struct outcome {
	unsigned answered, datagrams; /* these on the radio */
	uint64_t least_ms;
};

static struct outcome run(const struct setting *set)
{
	struct lossy *const w = malloc(sizeof(*w));
	assert_non_null(w);
	lossy_begin(w, set);
	w->by_device = set->by_device;
	for (int i = 0; i < EXCHANGES; i++) {
		exchange(w, (uint16_t)i);
		while (!relay_device_is_idle(w->d) || w->flying > 0)
			turn(w);
	}
	w->now_ms += LIFETIME_MS;
	relay_tick(w->relay, w->now_ms);
	assert_int_equal(relay_stats(w->relay).kept_bytes, 0);
	relay_free(w->relay);
	const struct outcome o = { w->answered, w->datagrams, w->least_ms };
	free(w);
	return o;
}

static struct outcome run_as(enum relay_radio_class radio, bool by_device, uint32_t wire_loss)
{
	const struct setting set = { radio, by_device, wire_loss };
	const struct outcome o = run(&set);
	print_message("# %s, asked by the %s, %u%% lost on the wire: %u of %u answered, %u "
		      "datagrams\n",
		relay_radio_name(radio), by_device ? "device" : "server", wire_loss, o.answered,
		EXCHANGES, o.datagrams);
	return o;
}

static void test_R231_what_the_server_asks_costs_the_radio_no_more_than_it_must(void **state)
{
	(void)state;
	const struct outcome without = run_as(RELAY_ETHERNET, false, 2);
	const struct outcome with = run_as(RELAY_NB_IOT, false, 2);
	assert_true(with.answered >= without.answered);
	assert_true(100 * with.datagrams <= 101 * HOPED_FOR);
	assert_true(100 * with.datagrams <= 61 * without.datagrams);
	assert_true(with.least_ms >= FIRST_MIN_MS);
	assert_true(without.least_ms < 3000); /* the radio would have had them */
}

/* What one leg loses the other one does not repeat. */
static void test_R231_a_wire_that_loses_costs_the_radio_nothing(void **state)
{
	(void)state;
	const struct outcome without = run_as(RELAY_ETHERNET, false, 20);
	const struct outcome with = run_as(RELAY_NB_IOT, false, 20);
	assert_true(with.answered > without.answered + EXCHANGES / 20);
	assert_true(100 * with.datagrams <= 101 * HOPED_FOR);
	assert_true(with.least_ms >= FIRST_MIN_MS);
}

static void test_R239_what_the_device_asks_costs_no_more_than_before(void **state)
{
	(void)state;
	const struct outcome without = run_as(RELAY_ETHERNET, true, 2);
	const struct outcome with = run_as(RELAY_NB_IOT, true, 2);
	assert_true(with.answered >= without.answered);
	/* Of a hundred answers some are so late that the device is told to wait. */
	assert_true(100 * with.datagrams <= 103 * without.datagrams);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_R231_what_the_server_asks_costs_the_radio_no_more_than_it_must),
		cmocka_unit_test(test_R231_a_wire_that_loses_costs_the_radio_nothing),
		cmocka_unit_test(test_R239_what_the_device_asks_costs_no_more_than_before),
	};
	return cmocka_run_group_tests_name("proxy/governor: loss", tests, NULL, NULL);
}
