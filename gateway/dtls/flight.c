/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/flight.h"

#include "base/wipe.h"
#include "base/wr.h"
#include "dtls/assoc.h"
#include "dtls/guard.h"
#include "dtls/record.h"

#include <stdlib.h>
#include <string.h>

enum {
	ROOM_FIRST = 256, /* of the heap block; doubled when it is full */
	FRAGMENT_HEADERS = DTLS_RECORD_HEADER + DTLS_HS_HEADER,
	FRAGMENT_LEAST = 32, /* octets: less of a message is not worth the headers; it waits */
};

/* --- what is kept ---------------------------------------------------------------------------- */

void dtls_flight_clear(struct dtls_flight *f)
{
	if (f->bytes)
		wipe(f->bytes, f->room);
	free(f->bytes);
	*f = (struct dtls_flight){ .count = 0 };
}

/* Not realloc(), which leaves a copy behind. */
static bool grow(struct dtls_flight *f, size_t more)
{
	if (more > DTLS_FLIGHT_MAX - f->used)
		return false;
	size_t room = f->room > 0 ? f->room : ROOM_FIRST;
	while (room < f->used + more)
		room *= 2;
	if (room == f->room)
		return true;
	uint8_t *const bytes = malloc(room);
	if (!bytes)
		return false;
	if (f->bytes) {
		memcpy(bytes, f->bytes, f->used);
		wipe(f->bytes, f->room);
	}
	free(f->bytes);
	f->bytes = bytes;
	f->room = room;
	return true;
}

static void put(struct dtls_flight *f, const void *data, size_t len)
{
	if (len > 0)
		memcpy(f->bytes + f->used, data, len);
	f->used += len;
}

static bool is_message(const struct dtls_item *i)
{
	return i->type == DTLS_HANDSHAKE;
}

static struct dtls_item *last_item(struct dtls_flight *f)
{
	return f->count > 0 ? &f->items[f->count - 1] : NULL;
}

bool dtls_flight_is_whole(const struct dtls_flight *f)
{
	return f->count == 0 || f->items[f->count - 1].len == f->items[f->count - 1].whole;
}

static bool begin(struct dtls_flight *f, const struct dtls_record *r, size_t whole, size_t len)
{
	if (f->count == DTLS_FLIGHT_ITEMS || whole > DTLS_FLIGHT_MAX - f->used || !grow(f, len))
		return false;
	f->items[f->count++] = (struct dtls_item){
		.type = r->type,
		.epoch = (uint8_t)r->epoch,
		.version = r->version,
		.at = (uint16_t)f->used,
		.len = (uint16_t)len,
		.whole = (uint16_t)whole,
	};
	return true;
}

/* The header of a message as if it were in one piece (RFC 6347 4.2.6). */
static void message_header(uint8_t out[DTLS_HS_HEADER], const struct dtls_fragment *f)
{
	struct wr w = wr_into(out, DTLS_HS_HEADER);
	wr_u8(&w, f->type);
	wr_u24(&w, f->total);
	wr_u16(&w, f->message_seq);
	wr_u24(&w, 0);
	wr_u24(&w, f->total);
}

static bool add_message(
	struct dtls_flight *f, const struct dtls_record *r, const struct dtls_fragment *m)
{
	if (!dtls_flight_is_whole(f) || m->offset != 0)
		return false;
	if (!begin(f, r, DTLS_HS_HEADER + (size_t)m->total, DTLS_HS_HEADER + m->len))
		return false;
	uint8_t header[DTLS_HS_HEADER];
	message_header(header, m);
	put(f, header, sizeof(header));
	put(f, m->body, m->len);
	return true;
}

/* Is it the next piece of the message that is not whole? */
static bool goes_on(const struct dtls_flight *f, const struct dtls_item *i,
	const struct dtls_record *r, const struct dtls_fragment *m)
{
	uint8_t header[DTLS_HS_HEADER];
	message_header(header, m);
	return is_message(i) && i->epoch == r->epoch && i->len < i->whole &&
	       m->offset == i->len - (size_t)DTLS_HS_HEADER &&
	       memcmp(f->bytes + i->at, header, sizeof(header)) == 0;
}

static bool add_fragment(
	struct dtls_flight *f, const struct dtls_record *r, const struct dtls_fragment *m)
{
	struct dtls_item *const last = last_item(f);
	if (!last || !goes_on(f, last, r, m))
		return add_message(f, r, m);
	if (!grow(f, m->len))
		return false;
	put(f, m->body, m->len);
	last->len = (uint16_t)(last->len + m->len);
	return true;
}

bool dtls_flight_add(struct dtls_flight *f, const struct dtls_record *r)
{
	if (r->type != DTLS_HANDSHAKE) {
		if (!dtls_flight_is_whole(f) || !begin(f, r, r->len, r->len))
			return false;
		put(f, r->body, r->len);
		return true;
	}
	struct rd body = rd_from(r->body, r->len);
	struct dtls_fragment m;
	bool good = r->len > 0;
	while (good && dtls_fragment_next(&body, &m))
		good = add_fragment(f, r, &m);
	return good && rd_end(&body);
}

static bool read_message(
	const struct dtls_flight *f, const struct dtls_item *i, struct dtls_fragment *out)
{
	struct rd r = rd_from(f->bytes + i->at, i->len);
	return is_message(i) && i->len == i->whole && dtls_fragment_next(&r, out);
}

bool dtls_flight_find(const struct dtls_flight *f, uint8_t hs_type, struct dtls_fragment *out)
{
	for (size_t i = 0; i < f->count; i++) {
		if (read_message(f, &f->items[i], out) && out->type == hs_type)
			return true;
	}
	return false;
}

size_t dtls_flight_finished(const struct dtls_flight *f, uint8_t out[DTLS_FINISHED_LEN])
{
	const struct dtls_item *const last = f->count > 0 ? &f->items[f->count - 1] : NULL;
	if (!last || !is_message(last) || last->epoch != 1 || last->len != last->whole ||
		last->len > DTLS_FINISHED_LEN)
		return 0;
	memcpy(out, f->bytes + last->at, last->len);
	return last->len;
}

size_t dtls_flight_memory(const struct dtls_flight *f)
{
	return f->room;
}

/* --- sending --------------------------------------------------------------------------------- */

/* What a sending keeps to. */
struct bounds {
	size_t datagram, text, fragment;
	bool alone;
};

/* Where a sending has come to. */
struct place {
	size_t item;
	size_t offset; /* in the body of its message */
};

/* What one record carries. */
struct piece {
	const struct dtls_item *item;
	size_t offset, len; /* of a plain message's body; else the item's all */
	size_t size;        /* of the record */
	bool cut;           /* a fragment of a message in epoch 0, whole or not */
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static struct bounds bounds_of(const struct dtls_sender *s)
{
	static const size_t shrunk[] = { SIZE_MAX, 548, 256, 128 };
	const size_t level = least(s->shrink, COUNT_OF(shrunk) - 1);
	const size_t datagram = least(s->datagram_max, shrunk[level]);
	struct bounds b = {
		.datagram = datagram > DTLS_DATAGRAM_MIN ? datagram : DTLS_DATAGRAM_MIN,
		.text = s->plain_max > DTLS_HS_HEADER ? s->plain_max : DTLS_PLAIN_MAX,
		.alone = level > 0,
	};
	b.fragment = b.text - DTLS_HS_HEADER;
	if (s->fragment_max > 0)
		b.fragment = least(b.fragment, s->fragment_max);
	return b;
}

static size_t size_on_wire(const struct dtls_item *i, const struct dtls_sender *s)
{
	if (i->epoch == 0)
		return DTLS_RECORD_HEADER + (size_t)i->len;
	return dtls_assoc_size(s->assoc, s->sealer, i->len);
}

/* A piece of a plain message for a datagram that has `used` octets. False: it is for the next. */
static bool cut(const struct bounds *b, size_t used, struct piece *p)
{
	const size_t total = p->item->len - (size_t)DTLS_HS_HEADER;
	const size_t left = total - p->offset;
	const size_t alone = least(b->fragment, b->datagram - FRAGMENT_HEADERS);
	p->cut = true;
	p->len = least(left, alone);
	if (used > 0) {
		if (used + FRAGMENT_HEADERS > b->datagram)
			return false;
		p->len = least(p->len, b->datagram - FRAGMENT_HEADERS - used);
		/* What a datagram of its own takes whole is not cut to fill this one. */
		if (p->len < left && (total <= alone || p->len < FRAGMENT_LEAST))
			return false;
	}
	p->size = FRAGMENT_HEADERS + p->len;
	return true;
}

/* What comes next in a datagram of which `used` octets are taken. */
static bool next_piece(const struct dtls_flight *f, const struct dtls_sender *s,
	const struct place *at, size_t used, struct piece *p)
{
	const struct bounds b = bounds_of(s);
	if (at->item == f->count || (used > 0 && b.alone))
		return false;
	const struct dtls_item *const i = &f->items[at->item];
	if (i->len < i->whole)
		return false; /* the last: not all of it was added */
	*p = (struct piece){ .item = i, .offset = at->offset };
	if (is_message(i) && i->epoch == 0)
		return cut(&b, used, p);
	p->len = i->len;
	p->size = size_on_wire(i, s);
	return used == 0 || used + p->size <= b.datagram;
}

static void move_on(struct place *at, const struct piece *p)
{
	at->offset += p->len;
	if (p->cut && at->offset + DTLS_HS_HEADER < p->item->len)
		return;
	at->item++;
	at->offset = 0;
}

static bool write_plain(const struct dtls_flight *f, const struct piece *p,
	const struct dtls_sender *s, uint8_t *out)
{
	const struct dtls_item *const i = p->item;
	const uint8_t *const body = f->bytes + i->at;
	const struct dtls_number n = { .type = i->type, .epoch = 0, .seq = (*s->plain_seq)++ };
	if (n.seq > DTLS_SEQ_MAX)
		return false;
	dtls_record_header(out, i->version, &n, p->size - DTLS_RECORD_HEADER);
	if (!p->cut) {
		memcpy(out + DTLS_RECORD_HEADER, body, p->len);
		return true;
	}
	struct wr w = wr_into(out + DTLS_RECORD_HEADER, p->size - DTLS_RECORD_HEADER);
	wr_bytes(&w, body, 6); /* type, length, message_seq */
	wr_u24(&w, (uint32_t)p->offset);
	wr_u24(&w, (uint32_t)p->len);
	wr_bytes(&w, body + DTLS_HS_HEADER + p->offset, p->len);
	return wr_ok(&w);
}

static bool write_piece(const struct dtls_flight *f, const struct piece *p,
	const struct dtls_sender *s, uint8_t *out)
{
	const struct dtls_item *const i = p->item;
	if (i->epoch == 0)
		return write_plain(f, p, s, out);
	memcpy(out + dtls_assoc_before(s->assoc), f->bytes + i->at, i->len);
	return dtls_assoc_seal(s->assoc, s->sealer, i->type, out, i->len) == p->size;
}

size_t dtls_flight_send(const struct dtls_flight *f, const struct dtls_sender *s)
{
	struct place at = { .item = 0 };
	struct piece p;
	size_t sealed = 0;
	while (next_piece(f, s, &at, 0, &p)) {
		size_t size = 0;
		struct place end = at;
		for (; next_piece(f, s, &end, size, &p); move_on(&end, &p))
			size += p.size;
		uint8_t *const out = s->owner->room(s->owner->ctx, s->path, size);
		bool good = out != NULL;
		/* The same pieces once more: a number is used only for what has room. */
		for (size_t used = 0; good && used < size; used += p.size) {
			good = next_piece(f, s, &at, used, &p) && write_piece(f, &p, s, out + used);
			sealed += good && p.item->epoch != 0;
			move_on(&at, &p);
		}
		if (out)
			s->owner->sent(s->owner->ctx, good ? size : 0);
		at = end;
	}
	return sealed;
}
