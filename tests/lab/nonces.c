/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/nonces.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rd.h"
#include "base/sip.h"

enum {
	HEADER = 13,
	EXPLICIT = 8,
	CCS = 20,
	HANDSHAKE = 22,
	DATA = 23,
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	RANDOM_AT = 12 + 2, /* handshake header, version */
	RANDOM = 32,
	FIRST_ROOM = 1 << 16,
};

struct stream {
	struct net_addr from, to;
	uint64_t hello;   /* hash of the newest random; 0 = none */
	uint64_t current; /* of the one that made the key */
	uint32_t key;     /* 0: none yet */
};

struct entry {
	uint32_t key;   /* 0: not in use */
	uint32_t check; /* hash of the octets */
	uint64_t nonce;
};

struct nonces {
	struct nonces_counts counts;
	struct sip_key sip;
	struct stream *streams;
	struct entry *entries;
	size_t streams_room, entries_room, entries_len;
	size_t twice_len;
	struct nonces_twice twice[NONCES_SHOWN];
};

struct nonces *nonces_new(void)
{
	struct nonces *n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->streams_room = n->entries_room = FIRST_ROOM;
	n->streams = calloc(n->streams_room, sizeof(*n->streams));
	n->entries = calloc(n->entries_room, sizeof(*n->entries));
	n->sip = (struct sip_key){ 0x6e6f6e63657321ULL, (uint64_t)time(NULL) };
	if (n->streams && n->entries)
		return n;
	nonces_free(n);
	return NULL;
}

void nonces_free(struct nonces *n)
{
	if (!n)
		return;
	free(n->streams);
	free(n->entries);
	free(n);
}

/* Where the stream is, or where it can be put. */
static struct stream *stream_slot(const struct nonces *n, struct stream *in, size_t room,
	const struct net_addr *from, const struct net_addr *to)
{
	struct net_addr both[2] = { *from, *to };
	size_t at = (size_t)sip_hash(&n->sip, both, sizeof(both)) & (room - 1);
	while (in[at].from.family != 0 &&
		(!net_addr_same(&in[at].from, from) || !net_addr_same(&in[at].to, to)))
		at = (at + 1) & (room - 1);
	return &in[at];
}

static bool grow_streams(struct nonces *n)
{
	const size_t room = 2 * n->streams_room;
	struct stream *more = calloc(room, sizeof(*more));
	if (!more)
		return false;
	for (size_t i = 0; i < n->streams_room; i++) {
		const struct stream *s = &n->streams[i];
		if (s->from.family != 0)
			*stream_slot(n, more, room, &s->from, &s->to) = *s;
	}
	free(n->streams);
	n->streams = more;
	n->streams_room = room;
	return true;
}

static struct stream *stream_of(
	struct nonces *n, const struct net_addr *from, const struct net_addr *to)
{
	if (2 * n->counts.streams >= n->streams_room && !grow_streams(n))
		return NULL;
	struct stream *s = stream_slot(n, n->streams, n->streams_room, from, to);
	if (s->from.family == 0) {
		*s = (struct stream){ .from = *from, .to = *to };
		n->counts.streams++;
	}
	return s;
}

static struct entry *entry_slot(
	const struct nonces *n, struct entry *in, size_t room, const struct entry *e)
{
	const uint64_t about[2] = { e->key, e->nonce };
	size_t at = (size_t)sip_hash(&n->sip, about, sizeof(about)) & (room - 1);
	while (in[at].key != 0 && (in[at].key != e->key || in[at].nonce != e->nonce))
		at = (at + 1) & (room - 1);
	return &in[at];
}

static bool grow_entries(struct nonces *n)
{
	const size_t room = 2 * n->entries_room;
	struct entry *more = calloc(room, sizeof(*more));
	if (!more)
		return false;
	for (size_t i = 0; i < n->entries_room; i++) {
		const struct entry *e = &n->entries[i];
		if (e->key != 0)
			*entry_slot(n, more, room, e) = *e;
	}
	free(n->entries);
	n->entries = more;
	n->entries_room = room;
	return true;
}

static void came_twice(
	struct nonces *n, const struct stream *s, const struct entry *old, const struct entry *e)
{
	const bool same = old->check == e->check;
	n->counts.repeated += !same;
	n->counts.same += same;
	if (n->twice_len < NONCES_SHOWN)
		n->twice[n->twice_len++] = (struct nonces_twice){
			.from = s->from, .to = s->to, .nonce = e->nonce, .key = e->key, .same = same
		};
}

static bool take_protected(struct nonces *n, struct stream *s, const uint8_t *body, size_t len)
{
	struct rd r = rd_from(body, len);
	struct entry e = { .check = (uint32_t)sip_hash(&n->sip, body, len) };
	e.nonce = (uint64_t)rd_u32(&r) << 32;
	e.nonce |= rd_u32(&r);
	if (s->key == 0) /* its handshake was not seen */
		s->key = (uint32_t)++n->counts.keys;
	e.key = s->key;
	n->counts.protected_records++;
	if (3 * n->entries_len >= 2 * n->entries_room && !grow_entries(n))
		return false;
	struct entry *at = entry_slot(n, n->entries, n->entries_room, &e);
	if (at->key != 0) {
		came_twice(n, s, at, &e);
		return true;
	}
	*at = e;
	n->entries_len++;
	return true;
}

static void take_plain(
	struct nonces *n, struct stream *s, uint8_t type, const uint8_t *body, size_t len)
{
	const bool hello = type == HANDSHAKE && len >= RANDOM_AT + RANDOM &&
			   (body[0] == CLIENT_HELLO || body[0] == SERVER_HELLO);
	n->counts.plain += type == DATA;
	if (hello)
		s->hello = sip_hash(&n->sip, body + RANDOM_AT, RANDOM) | 1;
	if (type != CCS || s->hello == s->current)
		return;
	s->current = s->hello;
	s->key = (uint32_t)++n->counts.keys;
}

bool nonces_take(struct nonces *n, const struct net_addr *from, const struct net_addr *to,
	const uint8_t *data, size_t len)
{
	struct stream *s = stream_of(n, from, to);
	struct rd r = rd_from(data, len);
	if (!s)
		return false;
	n->counts.datagrams++;
	while (r.left > 0) {
		const uint8_t type = rd_u8(&r);
		const uint16_t version = rd_u16(&r);
		const uint16_t epoch = rd_u16(&r);
		rd_skip(&r, 6); /* the record's number: the nonce says what was used */
		const size_t body_len = rd_u16(&r);
		const uint8_t *body = rd_bytes(&r, body_len);
		const bool sound = rd_ok(&r) && type >= CCS && type <= DATA &&
				   (version == 0xfefd || version == 0xfeff) &&
				   (epoch == 0 || body_len >= EXPLICIT);
		if (!sound) {
			n->counts.malformed++;
			return true;
		}
		n->counts.records++;
		if (epoch == 0)
			take_plain(n, s, type, body, body_len);
		else if (!take_protected(n, s, body, body_len))
			return false;
	}
	return true;
}

struct nonces_counts nonces_counts(const struct nonces *n)
{
	return n->counts;
}

const struct nonces_twice *nonces_twice(const struct nonces *n, size_t *len)
{
	*len = n->twice_len;
	return n->twice;
}
