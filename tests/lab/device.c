/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/device.h"

#include <stdio.h>
#include <string.h>

enum { MAX_RETRANSMIT = 4 }; /* RFC 7252 section 4.8 */

static const char links[] = "</>;rt=\"oma.lwm2m\",</1/0>,</3/0>";

void device_init(
	struct device *d, const struct device_owner *owner, const char *endpoint, uint64_t seed)
{
	*d = (struct device){ .owner = owner, .endpoint = endpoint, .rng = { seed } };
	d->next_id = (uint16_t)rng_next(&d->rng); /* 4.4: begins at random */
	d->lifetime_s = owner->settings->lifetime_s;
}

static void send_now(struct device *d, const uint8_t *msg, size_t len)
{
	d->owner->send(d->owner->ctx, d, msg, len);
}

static void send_empty(struct device *d, enum lab_type type, uint16_t id)
{
	uint8_t buffer[LAB_HEADER];
	struct lab_out o;
	lab_out_begin(&o, buffer, sizeof(buffer), &(struct lab_head){ .type = type, .id = id });
	send_now(d, buffer, lab_out_end(&o));
}

/* RFC 7641 section 4.5: the numbers of a relation rise; 24 bits. */
static void begin_note(struct device *d, struct lab_out *o, uint8_t *buffer,
	const struct lab_head *head, uint64_t now_ms)
{
	char value[24];
	const size_t len = device_value(d, value, sizeof(value), now_ms);
	lab_out_begin(o, buffer, DEVICE_TX_MAX, head);
	lab_out_uint(o, LAB_OPT_OBSERVE, ++d->observe_number & 0xffffff);
	lab_out_uint(o, LAB_OPT_FORMAT, LAB_TEXT);
	lab_out_payload(o, value, len);
}

static struct lab_head own_head(struct device *d, enum lab_type type, enum lab_code code)
{
	struct lab_head h = {
		.type = type, .code = (uint8_t)code, .id = d->next_id++, .token_len = 4
	};
	const uint64_t token = rng_next(&d->rng);
	memcpy(h.token, &token, h.token_len);
	return h;
}

static struct device_tx *open_tx(
	struct device *d, enum device_exchange what, const struct lab_head *head)
{
	d->tx = (struct device_tx){
		.active = true, .what = what, .head = *head, .con = head->type == LAB_CON
	};
	d->owner->counts->begun[what]++;
	return &d->tx;
}

/* Sends what is in tx.msg for the first time. */
static void launch(struct device *d, const struct lab_out *o, uint64_t now_ms)
{
	struct device_tx *t = &d->tx;
	const struct device_settings *s = d->owner->settings;
	t->len = (uint16_t)lab_out_end(o);
	/* 4.2: the first wait is ACK_TIMEOUT .. ACK_TIMEOUT * ACK_RANDOM_FACTOR (1.5). */
	t->timeout_ms =
		rng_between(&d->rng, s->ack_timeout_ms, s->ack_timeout_ms + s->ack_timeout_ms / 2);
	t->due_ms = now_ms + t->timeout_ms;
	/* 4.8.2: MAX_TRANSMIT_WAIT = ACK_TIMEOUT * (2^(MAX_RETRANSMIT+1) - 1) *
	   ACK_RANDOM_FACTOR. */
	t->give_up_ms = now_ms + (uint64_t)s->ack_timeout_ms * 31 * 3 / 2;
	if (!t->con)
		t->due_ms = t->give_up_ms = now_ms + s->load_wait_ms;
	send_now(d, t->msg, t->len);
}

static void begin_register(struct device *d, uint64_t now_ms)
{
	char query[LAB_QUERY_MAX];
	(void)snprintf(query, sizeof(query), "ep=%s&lt=%u&lwm2m=1.1&b=U%s", d->endpoint,
		(unsigned)d->lifetime_s, d->owner->settings->queue_mode ? "&Q" : "");
	const struct lab_head head = own_head(d, LAB_CON, LAB_POST);
	struct device_tx *t = open_tx(d, DEVICE_REGISTER, &head);
	struct lab_out o;
	lab_out_begin(&o, t->msg, sizeof(t->msg), &head);
	lab_out_parts(&o, LAB_OPT_PATH, "rd", '/');
	lab_out_uint(&o, LAB_OPT_FORMAT, LAB_LINKS);
	lab_out_parts(&o, LAB_OPT_QUERY, query, '&');
	lab_out_payload(&o, links, sizeof(links) - 1);
	d->state = DEVICE_REGISTERING;
	d->update_ms = 0;
	launch(d, &o, now_ms);
}

/* Update or De-register: a request to the location that Register gave. */
static void begin_at_location(
	struct device *d, enum device_exchange what, enum lab_code code, uint64_t now_ms)
{
	char query[24];
	const struct lab_head head = own_head(d, LAB_CON, code);
	struct device_tx *t = open_tx(d, what, &head);
	struct lab_out o;
	lab_out_begin(&o, t->msg, sizeof(t->msg), &head);
	lab_out_parts(&o, LAB_OPT_PATH, d->location, '/');
	if (what == DEVICE_UPDATE) {
		(void)snprintf(query, sizeof(query), "lt=%u", (unsigned)d->lifetime_s);
		lab_out_parts(&o, LAB_OPT_QUERY, query, '&');
	}
	launch(d, &o, now_ms);
}

static void begin_notify(struct device *d, uint64_t now_ms)
{
	const struct device_settings *s = d->owner->settings;
	const bool con = s->con_every > 0 && (d->observe_number + 1) % s->con_every == 0;
	struct lab_head head = d->observer;
	head.type = con ? LAB_CON : LAB_NON;
	head.code = LAB_CONTENT;
	head.id = d->next_id++;
	d->owner->counts->notes++;
	d->notified++;
	d->notify_ms = now_ms + s->notify_ms;
	d->note_ids[d->note_at] = head.id;
	d->note_at = (uint8_t)((d->note_at + 1) % DEVICE_NOTES);
	if (d->note_len < DEVICE_NOTES)
		d->note_len++;
	struct lab_out o;
	if (con) {
		struct device_tx *t = open_tx(d, DEVICE_NOTIFY, &head);
		begin_note(d, &o, t->msg, &head, now_ms);
		launch(d, &o, now_ms);
		return;
	}
	uint8_t msg[DEVICE_TX_MAX];
	begin_note(d, &o, msg, &head, now_ms);
	send_now(d, msg, lab_out_end(&o));
}

static void stop_observation(struct device *d)
{
	d->observed = false;
	d->note_len = 0;
}

static void tx_ended(struct device *d, enum device_outcome how)
{
	const enum device_exchange what = d->tx.what;
	d->tx.active = false;
	d->owner->counts->ended[what][how]++;
	if (d->owner->ended)
		d->owner->ended(d->owner->ctx, d, what, how);
}

static bool notifies(const struct device *d)
{
	const struct device_settings *s = d->owner->settings;
	return d->observed && s->notify_ms > 0 &&
	       (s->notes_most == 0 || d->notified < s->notes_most);
}

/* Begins what is due, one thing at a time. */
static void proceed(struct device *d, uint64_t now_ms)
{
	if (d->tx.active || d->state != DEVICE_REGISTERED)
		return;
	if (d->leave && d->owner->settings->no_register) {
		d->state = DEVICE_GONE;
		return;
	}
	if (d->leave) {
		d->state = DEVICE_LEAVING;
		stop_observation(d);
		begin_at_location(d, DEVICE_DEREGISTER, LAB_DELETE, now_ms);
		return;
	}
	if (d->update_ms != 0 && d->update_ms <= now_ms) {
		d->update_ms = 0;
		begin_at_location(d, DEVICE_UPDATE, LAB_POST, now_ms);
		return;
	}
	if (notifies(d) && d->notify_ms <= now_ms)
		begin_notify(d, now_ms);
}

static void registered(struct device *d, const struct lab_msg *m, uint64_t now_ms)
{
	const uint32_t update_ms = d->owner->settings->update_ms;
	memcpy(d->location, m->location, sizeof(d->location));
	d->state = DEVICE_REGISTERED;
	/* Spread, or all devices of a fleet would update at one moment. */
	d->update_ms = update_ms ? now_ms + rng_between(&d->rng, update_ms / 2, update_ms) : 0;
}

static bool answer_accepted(enum device_exchange what, uint8_t code)
{
	if (what == DEVICE_REGISTER)
		return code == LAB_CREATED;
	return code >> 5 == 2;
}

static void answered(struct device *d, const struct lab_msg *m, uint64_t now_ms)
{
	const enum device_exchange what = d->tx.what;
	const bool good = answer_accepted(what, m->head.code);
	const uint32_t update_ms = d->owner->settings->update_ms;
	if (what == DEVICE_REGISTER && good)
		registered(d, m, now_ms);
	else if (what == DEVICE_REGISTER)
		d->state = DEVICE_LOST;
	else if (what == DEVICE_DEREGISTER)
		d->state = DEVICE_GONE;
	else if (what == DEVICE_UPDATE && good && update_ms)
		d->update_ms = now_ms + update_ms;
	tx_ended(d, good ? DEVICE_ANSWERED : DEVICE_REFUSED);
	/* LwM2M Core 6.2.2: the server does not know us (any more). */
	if (what == DEVICE_UPDATE && !good)
		begin_register(d, now_ms);
}

/* Reset or timeout. */
static void broke_off(struct device *d, enum device_outcome how)
{
	const enum device_exchange what = d->tx.what;
	if (what == DEVICE_NOTIFY)
		stop_observation(d); /* RFC 7641 section 4.5 and 3.6 */
	else if (what == DEVICE_DEREGISTER)
		d->state = DEVICE_GONE; /* the lifetime will end it */
	else if (what != DEVICE_LOAD)
		d->state = DEVICE_LOST;
	tx_ended(d, how);
}

void device_start(struct device *d, uint64_t now_ms)
{
	device_link_lost(d);
	if (d->owner->settings->no_register)
		d->state = DEVICE_REGISTERED;
	else
		begin_register(d, now_ms);
}

void device_link_lost(struct device *d)
{
	stop_observation(d);
	d->seen_len = d->seen_at = 0;
	d->answer_len = 0;
	d->update_ms = 0;
	d->state = d->state == DEVICE_LEAVING || d->state == DEVICE_GONE ? DEVICE_GONE : DEVICE_OFF;
	if (d->tx.active)
		tx_ended(d, DEVICE_ABANDONED);
}

void device_stop(struct device *d, uint64_t now_ms)
{
	d->leave = true;
	proceed(d, now_ms);
}

/* The end of the payload, and so of the message, is how often it was sent before. */
static size_t put_serial(struct device *d, uint8_t *payload, size_t len)
{
	struct wr w = wr_into(payload, DEVICE_SERIAL);
	wr_bytes(&w, DEVICE_SERIAL_MARK, sizeof(DEVICE_SERIAL_MARK) - 1);
	wr_u32(&w, ++d->serial);
	if (len < DEVICE_SERIAL)
		len = DEVICE_SERIAL;
	payload[len - 1] = 0;
	return len;
}

static void write_load(struct device *d, struct lab_out *o)
{
	const struct device_settings *s = d->owner->settings;
	uint8_t payload[DEVICE_PAYLOAD_MAX];
	size_t len = s->load_bytes;
	if (s->load_get && !s->load_proxy)
		lab_out_parts(o, LAB_OPT_PATH, s->load_get, '/');
	else if (!s->load_proxy)
		lab_out_parts(o, LAB_OPT_PATH, "dp", '/'); /* LwM2M 1.1 Send */
	if (!s->load_get)
		lab_out_uint(o, LAB_OPT_FORMAT, LAB_OCTETS);
	if (s->load_proxy)
		lab_out_option(o, LAB_OPT_PROXY_URI, s->load_proxy, strlen(s->load_proxy));
	if (s->load_get)
		return;
	if (len > sizeof(payload))
		len = sizeof(payload);
	memset(payload, 'u', len);
	if (s->load_serial)
		len = put_serial(d, payload, len);
	lab_out_payload(o, payload, len);
}

bool device_load(struct device *d, bool con, uint64_t now_ms)
{
	const struct device_settings *s = d->owner->settings;
	if (d->tx.active || d->state != DEVICE_REGISTERED)
		return false;
	const struct lab_head head =
		own_head(d, con ? LAB_CON : LAB_NON, s->load_get ? LAB_GET : LAB_POST);
	struct device_tx *t = open_tx(d, DEVICE_LOAD, &head);
	struct lab_out o;
	lab_out_begin(&o, t->msg, sizeof(t->msg), &head);
	write_load(d, &o);
	launch(d, &o, now_ms);
	return true;
}

static bool seen_before(struct device *d, uint16_t id)
{
	for (uint8_t i = 0; i < d->seen_len; i++) {
		if (d->seen[i] == id)
			return true;
	}
	d->seen[d->seen_at] = id;
	d->seen_at = (uint8_t)((d->seen_at + 1) % DEVICE_SEEN);
	if (d->seen_len < DEVICE_SEEN)
		d->seen_len++;
	return false;
}

/* RFC 7252 section 4.5: one answer is kept; what changes nothing may be done again to have it. */
static bool may_repeat(const struct lab_msg *m)
{
	return m->head.code == LAB_GET && m->observe == LAB_ABSENT;
}

static void take_request(struct device *d, const struct lab_msg *m, uint64_t now_ms)
{
	if (d->owner->asked)
		d->owner->asked(d->owner->ctx, d, &m->head);
	const bool again = seen_before(d, m->head.id);
	d->owner->counts->duplicates += again;
	if (again && m->head.id == d->answer_id) {
		if (d->answer_len > 0)
			send_now(d, d->answer, d->answer_len);
		return;
	}
	if (again && !may_repeat(m))
		return;
	d->answer_id = m->head.id;
	d->answer_len = (uint16_t)device_serve(d, m, now_ms);
	if (d->answer_len > 0)
		send_now(d, d->answer, d->answer_len);
}

static void take_response(struct device *d, const struct lab_msg *m, uint64_t now_ms)
{
	const struct device_tx *t = &d->tx;
	const bool ours = t->active && t->what != DEVICE_NOTIFY &&
			  lab_token_same(&t->head, &m->head) &&
			  (m->head.type != LAB_ACK || m->head.id == t->head.id);
	if (!ours) {
		d->owner->counts->strangers++;
		/* 4.2: a confirmable message that cannot be processed is rejected. An answer that
		   comes again
		   after its ACK was lost must not be: repeat the ACK. */
		if (m->head.type == LAB_CON)
			send_empty(d, lab_token_same(&t->head, &m->head) ? LAB_ACK : LAB_RST,
				m->head.id);
		return;
	}
	if (m->head.type == LAB_CON)
		send_empty(d, LAB_ACK, m->head.id);
	answered(d, m, now_ms);
}

static void take_empty(struct device *d, const struct lab_head *h)
{
	struct device_tx *t = &d->tx;
	const bool ours = t->active && t->con && t->head.id == h->id;
	if (h->type == LAB_CON) { /* 4.3: a ping */
		send_empty(d, LAB_RST, h->id);
		return;
	}
	if (h->type == LAB_ACK && ours && t->what == DEVICE_NOTIFY) {
		tx_ended(d, DEVICE_ANSWERED);
		return;
	}
	if (h->type == LAB_ACK && ours) {
		t->acked = true;
		t->due_ms = t->give_up_ms;
		return;
	}
	if (h->type != LAB_RST)
		return;
	for (uint8_t i = 0; i < d->note_len; i++) {
		if (d->observed && d->note_ids[i] == h->id) {
			d->owner->counts->served[DEVICE_CANCEL]++;
			stop_observation(d); /* RFC 7641 section 3.6 */
			break;
		}
	}
	if (ours)
		broke_off(d, DEVICE_RESET);
}

void device_input(struct device *d, const uint8_t *msg, size_t len, uint64_t now_ms)
{
	struct lab_msg m;
	if (!lab_msg_parse(&m, msg, len)) {
		d->owner->counts->malformed++;
		return;
	}
	if (lab_is_request(m.head.code) && (m.head.type == LAB_CON || m.head.type == LAB_NON))
		take_request(d, &m, now_ms);
	else if (lab_is_response(m.head.code) && m.head.type != LAB_RST)
		take_response(d, &m, now_ms);
	else if (m.head.code == LAB_EMPTY)
		take_empty(d, &m.head);
	else
		d->owner->counts->malformed++;
	proceed(d, now_ms);
}

static void tx_due(struct device *d, uint64_t now_ms)
{
	struct device_tx *t = &d->tx;
	if (!t->con || t->acked || t->tries == MAX_RETRANSMIT) {
		broke_off(d, DEVICE_TIMEOUT);
		return;
	}
	t->tries++;
	t->timeout_ms *= 2;
	t->due_ms = now_ms + t->timeout_ms;
	d->owner->counts->retransmitted++;
	if (t->what == DEVICE_LOAD && d->owner->settings->load_serial)
		t->msg[t->len - 1] = t->tries;
	send_now(d, t->msg, t->len);
}

void device_tick(struct device *d, uint64_t now_ms)
{
	if (d->tx.active && d->tx.due_ms <= now_ms)
		tx_due(d, now_ms);
	proceed(d, now_ms);
}

uint64_t device_next_ms(const struct device *d)
{
	uint64_t next = UINT64_MAX;
	if (d->tx.active)
		return d->tx.due_ms;
	if (d->state != DEVICE_REGISTERED)
		return next;
	if (d->update_ms != 0)
		next = d->update_ms;
	if (notifies(d) && d->notify_ms < next)
		next = d->notify_ms;
	return next;
}
