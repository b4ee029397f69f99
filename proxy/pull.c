/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/pull.h"

#include "base/wr.h"
#include "proxy/coap.h"

#include <string.h>

enum {
	GET = 0x01,
	CONTENT = 0x45,
	VALID = 0x43,
	ETAG = 4,
	FORMAT = 12,
	SIZE2 = 28,
	SZX_MAX = 6,
	BLOCK_NUMBERS = 1 << 20,
	ACK_MS = 2000,      /* ACK_TIMEOUT, times up to 1.5: RFC 7252 4.8 */
	SEPARATE_MS = 93000 /* MAX_TRANSMIT_WAIT */
};

static size_t size_of(uint8_t szx)
{
	return (size_t)16 << szx;
}

/* --- asking ---------------------------------------------------------------------------------- */

static void ask_next(struct pull *p, uint64_t now_ms)
{
	p->token++;
	p->mid++;
	p->tries = 0;
	p->acked = false;
	p->wait_ms = ACK_MS + p->token * UINT32_C(2654435761) % (ACK_MS / 2);
	p->due_ms = now_ms;
}

void pull_begin(struct pull *p, const char *path, const struct pull_entity *known, uint32_t random,
	uint64_t now_ms)
{
	*p = (struct pull){
		.active = true, .szx = SZX_MAX, .token = random, .mid = (uint16_t)(random >> 16)
	};
	if (known)
		p->entity = *known;
	(void)strncat(p->path, path, PULL_PATH_MAX);
	ask_next(p, now_ms);
}

void pull_again(struct pull *p, uint64_t now_ms)
{
	if (p->active)
		ask_next(p, now_ms);
}

static void write_number(struct wr *w, uint16_t *last, uint16_t number, uint32_t v)
{
	const uint8_t all[] = { (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
	size_t skip = 0;
	while (skip < sizeof(all) && all[skip] == 0)
		skip++;
	pdu_write_option(w, last,
		&(struct pdu_option){
			.value = all + skip, .len = sizeof(all) - skip, .number = number });
}

static void write_path(struct wr *w, uint16_t *last, const char *path)
{
	for (;;) {
		const size_t len = strcspn(path, "/");
		pdu_write_option(w, last,
			&(struct pdu_option){ .value = (const uint8_t *)path,
				.len = len,
				.number = PDU_URI_PATH });
		if (path[len] == '\0')
			return;
		path += len + 1;
	}
}

static size_t write_request(const struct pull *p, uint8_t out[PULL_MESSAGE_MAX])
{
	struct wr w = wr_into(out, PULL_MESSAGE_MAX);
	uint16_t last = 0;
	wr_u8(&w, 1 << 6 | PDU_CON << 4 | sizeof(p->token));
	wr_u8(&w, GET);
	wr_u16(&w, p->mid);
	wr_u32(&w, p->token);
	if (p->offset == 0 && p->entity.etag_len > 0)
		pdu_write_option(&w, &last,
			&(struct pdu_option){ .value = p->entity.etag,
				.len = p->entity.etag_len,
				.number = ETAG });
	write_path(&w, &last, p->path);
	write_number(&w, &last, PDU_BLOCK2, (uint32_t)(p->offset / size_of(p->szx)) << 4 | p->szx);
	if (p->offset == 0)
		write_number(&w, &last, SIZE2, 0);
	return wr_ok(&w) ? w.len : 0;
}

size_t pull_send(struct pull *p, uint64_t now_ms, uint8_t out[PULL_MESSAGE_MAX])
{
	if (!p->active || p->acked || p->tries >= PULL_TRIES || now_ms < p->due_ms)
		return 0;
	p->due_ms = now_ms + (p->wait_ms << p->tries);
	p->tries++;
	return write_request(p, out);
}

bool pull_gives_up(struct pull *p, uint64_t now_ms)
{
	if (!p->active || now_ms < p->due_ms || (!p->acked && p->tries < PULL_TRIES))
		return false;
	p->active = false;
	return true;
}

uint64_t pull_next_ms(const struct pull *p)
{
	return p->active ? p->due_ms : UINT64_MAX;
}

/* --- being answered -------------------------------------------------------------------------- */

struct said {
	struct pull_entity entity;
	uint32_t num;
	uint8_t szx;
	bool has_block, more, is_bad;
};

static bool read_number(const struct pdu_option *o, size_t max, uint32_t *out)
{
	uint32_t v = 0;
	for (size_t i = 0; o->len <= max && i < o->len; i++)
		v = v << 8 | o->value[i];
	*out = v;
	return o->len <= max;
}

static void read_block(const struct pdu_option *o, struct said *s)
{
	uint32_t v;
	s->is_bad = s->is_bad || s->has_block || !read_number(o, 3, &v) || (v & 7) > SZX_MAX;
	if (s->is_bad)
		return;
	s->has_block = true;
	s->num = v >> 4;
	s->more = (v & 8) != 0;
	s->szx = v & 7;
}

/* What is critical and not known must not be passed over (RFC 7252 5.4.1). */
static struct said read_options(const struct pdu *m)
{
	struct said s = { .entity = { .format = PULL_NO_FORMAT, .max_age_s = PULL_MAX_AGE_S } };
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	uint32_t v;
	while (pdu_next(&it, &o)) {
		switch (o.number) {
		case ETAG:
			s.is_bad = s.is_bad || o.len == 0 || o.len > PULL_ETAG_MAX;
			if (s.is_bad)
				return s;
			s.entity.etag_len = (uint8_t)o.len;
			memcpy(s.entity.etag, o.value, o.len);
			break;
		case FORMAT:
			if (read_number(&o, 2, &v))
				s.entity.format = v;
			break;
		case PDU_MAX_AGE:
			if (read_number(&o, 4, &v))
				s.entity.max_age_s = v;
			break;
		case SIZE2:
			if (read_number(&o, 4, &v))
				s.entity.size = v;
			break;
		case PDU_BLOCK2:
			read_block(&o, &s);
			break;
		default:
			s.is_bad = s.is_bad || (o.number & 1) != 0;
		}
	}
	return s;
}

static bool same_etag(const struct pull_entity *a, const struct pull_entity *b)
{
	return a->etag_len == b->etag_len && memcmp(a->etag, b->etag, a->etag_len) == 0;
}

static void fail(struct pull *p, struct pull_got *out, uint8_t code, const char *why)
{
	p->active = false;
	out->what = PULL_FAILED;
	out->code = code;
	out->why = why;
}

static bool is_the_block(const struct pull *p, const struct said *s, size_t len)
{
	const size_t size = size_of(s->szx);
	if (!s->has_block)
		return p->offset == 0;
	return s->szx <= p->szx && (uint64_t)s->num * size == p->offset &&
	       (s->more ? len == size : len <= size) && s->num + 1 < BLOCK_NUMBERS;
}

static void take(struct pull *p, const struct pdu *m, uint64_t now_ms, struct pull_got *out)
{
	const struct said s = read_options(m);
	if (s.is_bad || !is_the_block(p, &s, m->payload_len)) {
		fail(p, out, PDU_BAD_GATEWAY, "the repository does not say what was asked for");
		return;
	}
	if (s.more && s.entity.etag_len == 0) {
		fail(p, out, PDU_BAD_GATEWAY, "the repository gives its image no ETag");
		return;
	}
	if (p->offset > 0 && !same_etag(&s.entity, &p->entity)) {
		p->active = false;
		out->what = PULL_OTHER;
		return;
	}
	if (p->offset == 0)
		p->entity = s.entity;
	if (s.has_block)
		p->szx = s.szx;
	out->what = PULL_DATA;
	out->data = m->payload;
	out->len = m->payload_len;
	out->last = !s.more;
	p->offset += m->payload_len;
	p->active = s.more;
	if (p->active)
		ask_next(p, now_ms);
}

static void answered(struct pull *p, const struct pdu *m, uint64_t now_ms, struct pull_got *out)
{
	if (m->code == CONTENT) {
		take(p, m, now_ms, out);
		return;
	}
	if (m->code == VALID && p->offset == 0 && p->entity.etag_len > 0) {
		const struct said s = read_options(m);
		if (s.is_bad || (s.entity.etag_len > 0 && !same_etag(&s.entity, &p->entity))) {
			fail(p, out, PDU_BAD_GATEWAY,
				"the repository says of another image that it is valid");
			return;
		}
		p->entity.max_age_s = s.entity.max_age_s;
		p->active = false;
		out->what = PULL_VALID;
		return;
	}
	if (m->code == PDU_NOT_FOUND)
		fail(p, out, PDU_NOT_FOUND, "the repository has no such image");
	else
		fail(p, out, PDU_BAD_GATEWAY, "the repository refuses it");
}

/* A response that no request waits for is acknowledged, too: it may be a copy (RFC 7252 4.2). */
static bool is_for(struct pull *p, const struct pdu *m, struct pull_got *out)
{
	uint8_t token[sizeof(p->token)];
	struct wr w = wr_into(token, sizeof(token));
	wr_u32(&w, p->token);
	if (m->type == PDU_CON) {
		out->acknowledge = true;
		pdu_write_empty(out->ack, PDU_ACK, m->mid);
	}
	return p->active && p->tries > 0 && pdu_same_token(m, token, sizeof(token)) &&
	       (m->type != PDU_ACK || m->mid == p->mid);
}

static void heard_empty(struct pull *p, const struct pdu *m, uint64_t now_ms, struct pull_got *out)
{
	if (m->type == PDU_CON) { /* a ping: RFC 7252 4.3 */
		out->acknowledge = true;
		pdu_write_empty(out->ack, PDU_RST, m->mid);
		return;
	}
	if (!p->active || m->mid != p->mid || p->tries == 0)
		return;
	if (m->type == PDU_RST)
		fail(p, out, PDU_BAD_GATEWAY, "the repository rejects the request");
	if (m->type == PDU_ACK && !p->acked) {
		p->acked = true;
		p->due_ms = now_ms + SEPARATE_MS;
	}
}

void pull_heard(
	struct pull *p, const uint8_t *msg, size_t len, uint64_t now_ms, struct pull_got *out)
{
	struct pdu m;
	*out = (struct pull_got){ .what = PULL_NOTHING };
	if (pdu_parse(msg, len, &m) != PDU_OK)
		return;
	if (m.code == PDU_EMPTY) {
		heard_empty(p, &m, now_ms, out);
		return;
	}
	if (pdu_is_response(&m) && is_for(p, &m, out))
		answered(p, &m, now_ms, out);
}
