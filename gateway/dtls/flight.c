/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/flight.h"

#include "dtls/assoc.h"
#include "dtls/record.h"

#include <string.h>

bool dtls_flight_add(struct dtls_flight *f, const struct dtls_record *r)
{
	if (f->count == DTLS_FLIGHT_ITEMS || r->len > sizeof(f->bytes) - f->used)
		return false;
	f->items[f->count++] = (struct dtls_item){
		.type = r->type,
		.epoch = (uint8_t)r->epoch,
		.version = r->version,
		.at = (uint16_t)f->used,
		.len = (uint16_t)r->len,
	};
	memcpy(f->bytes + f->used, r->body, r->len);
	f->used += r->len;
	return true;
}

static size_t size_on_wire(const struct dtls_item *i)
{
	const size_t overhead = i->epoch == 0 ? DTLS_RECORD_HEADER : DTLS_RECORD_OVERHEAD;
	return overhead + i->len;
}

static bool write_item(const struct dtls_flight *f, const struct dtls_item *i,
	const struct dtls_sender *s, uint8_t *out)
{
	const uint8_t *const body = f->bytes + i->at;
	if (i->epoch != 0) {
		memcpy(out + DTLS_RECORD_HEADER + 8, body, i->len);
		return dtls_assoc_seal(s->assoc, s->aead, i->type, out, i->len);
	}
	const struct dtls_number n = { .type = i->type, .epoch = 0, .seq = (*s->plain_seq)++ };
	if (n.seq > DTLS_SEQ_MAX)
		return false;
	dtls_record_header(out, i->version, &n, i->len);
	memcpy(out + DTLS_RECORD_HEADER, body, i->len);
	return true;
}

/* The items from `first` on that share one datagram; at least one. Their size goes to *size. */
static size_t pack(const struct dtls_flight *f, size_t first, size_t datagram_max, size_t *size)
{
	*size = size_on_wire(&f->items[first]);
	size_t n = 1;
	while (first + n < f->count) {
		const size_t next = size_on_wire(&f->items[first + n]);
		if (*size + next > datagram_max)
			break;
		*size += next;
		n++;
	}
	return n;
}

size_t dtls_flight_send(const struct dtls_flight *f, const struct dtls_sender *s)
{
	size_t sealed = 0;
	size_t n = 0;
	for (size_t first = 0; first < f->count; first += n) {
		size_t size = 0;
		n = pack(f, first, s->datagram_max, &size);
		uint8_t *const out = s->owner->room(s->owner->ctx, s->path, size);
		if (!out)
			continue;
		bool good = true;
		size_t at = 0;
		for (size_t i = first; good && i < first + n; i++) {
			good = write_item(f, &f->items[i], s, out + at);
			at += size_on_wire(&f->items[i]);
			sealed += f->items[i].epoch != 0;
		}
		s->owner->sent(s->owner->ctx, good ? size : 0);
	}
	return sealed;
}
