/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/open_air.h"

#include <string.h>

#include "base/sip.h"
#include "base/wipe.h"
#include "base/wr.h"
#include "proxy/registration.h"
#include "proxy/relay.h"

enum { TIME_LEN = 4, HASH_LEN = 8, PEER_LEN = 1 + 16 + 2 };
_Static_assert((int)TIME_LEN + (int)HASH_LEN == (int)AIR_ECHO, "an Echo value is both");
_Static_assert((int)AIR_ECHO <= 40, "RFC 9175 section 2.2.1");

/* --- reading ---------------------------------------------------------------------------------- */

/* exact octets. Two names, or one that a careless server may find in another item, are
   none. */
static bool name_of(const struct pdu *m, char out[AIR_ENDPOINT_MAX + 1])
{
	static const char ep[] = "ep=", glued[] = "&ep=";
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	unsigned names = 0;
	while (pdu_next_of(&it, PDU_URI_QUERY, &o)) {
		const size_t head = sizeof(ep) - 1;
		if (memmem(o.value, o.len, glued, sizeof(glued) - 1))
			return false;
		if (o.len < head || memcmp(o.value, ep, head) != 0)
			continue;
		const size_t len = o.len - head;
		if (++names > 1 || len < 1 || len > AIR_ENDPOINT_MAX ||
			memchr(o.value + head, '\0', len))
			return false;
		memcpy(out, o.value + head, len);
		out[len] = '\0';
	}
	return names == 1;
}

static enum air_kind request_kind(struct air_look *l)
{
	static const char below_rd[] = "rd/";
	char path[RELAY_LOCATION_MAX];
	if (!registration_path(&l->m, path))
		return AIR_ASKS;
	if (strncmp(path, below_rd, sizeof(below_rd) - 1) == 0)
		return AIR_REGISTERED;
	if (l->m.code != PDU_POST || (strcmp(path, "rd") != 0 && strcmp(path, "bs") != 0))
		return AIR_ASKS;
	return name_of(&l->m, l->endpoint) ? AIR_BEGINS : AIR_NAMELESS;
}

static void find_echo(struct air_look *l)
{
	struct pdu_options it = pdu_options(&l->m);
	struct pdu_option o;
	unsigned found = 0;
	while (pdu_next_of(&it, PDU_ECHO, &o)) {
		l->echo = found++ == 0 ? o.value : NULL;
		l->echo_len = o.len;
	}
}

void air_read(const uint8_t *msg, size_t len, struct air_look *out)
{
	memset(out, 0, sizeof(*out));
	switch (pdu_parse(msg, len, &out->m)) {
	case PDU_OTHER_VERSION:
		return;
	case PDU_MALFORMED:
		out->kind = out->m.type == PDU_CON ? AIR_RESETS : AIR_NOTHING;
		return;
	case PDU_OK:
		break;
	}
	const bool begins = out->m.type == PDU_CON || out->m.type == PDU_NON;
	if (pdu_is_response(&out->m) && out->m.type != PDU_RST) {
		out->kind = AIR_ANSWERS;
	} else if (pdu_is_request(&out->m) && begins) {
		out->kind = request_kind(out);
		find_echo(out);
	} else if (out->m.type == PDU_CON) {
		out->kind = AIR_RESETS; /* a ping, say */
	} else if (out->m.code == PDU_EMPTY && out->m.type != PDU_NON) {
		out->kind = AIR_EMPTY;
	}
}

/* --- the address ------------------------------------------------------------------------------ */

static uint64_t hash_of(const struct sip_key *key, const struct net_addr *peer, uint32_t time_s)
{
	uint8_t octets[PEER_LEN + TIME_LEN];
	struct wr w = wr_into(octets, sizeof(octets));
	wr_u8(&w, peer->family);
	wr_bytes(&w, peer->ip, sizeof(peer->ip));
	wr_u16(&w, peer->port);
	wr_u32(&w, time_s);
	return sip_hash(key, octets, sizeof(octets));
}

static void write_echo(const struct sip_key *key, const struct net_addr *peer, uint32_t time_s,
	uint8_t out[AIR_ECHO])
{
	struct wr w = wr_into(out, AIR_ECHO);
	wr_u32(&w, time_s);
	wr_u64(&w, hash_of(key, peer, time_s));
}

void air_echo(const struct sip_key *key, const struct net_addr *peer, uint64_t now_ms,
	uint8_t out[AIR_ECHO])
{
	write_echo(key, peer, (uint32_t)(now_ms / 1000), out);
}

bool air_echo_good(const struct sip_key *key, const struct net_addr *peer, const struct air_look *l,
	uint64_t now_ms)
{
	uint8_t good[AIR_ECHO];
	if (!l->echo || l->echo_len != AIR_ECHO)
		return false;
	const uint32_t time_s = (uint32_t)l->echo[0] << 24 | (uint32_t)l->echo[1] << 16 |
				(uint32_t)l->echo[2] << 8 | l->echo[3];
	const uint32_t age_s = (uint32_t)(now_ms / 1000) - time_s; /* of the future: huge */
	write_echo(key, peer, time_s, good);
	return same_secret(good, l->echo, AIR_ECHO) && age_s <= AIR_ECHO_MS / 1000;
}

/* --- answers ---------------------------------------------------------------------------------- */

static size_t bound(const struct air_look *to)
{
	const size_t most = (size_t)AIR_FACTOR * to->m.len;
	return most < AIR_ANSWER_MAX ? most : AIR_ANSWER_MAX;
}

size_t air_answer(
	const struct air_look *to, const struct air_said *said, uint8_t out[AIR_ANSWER_MAX])
{
	const bool con = to->m.type == PDU_CON;
	uint16_t last = 0;
	if (said->code == 0) {
		pdu_write_empty(out, PDU_RST, to->m.mid);
		return PDU_EMPTY_LEN <= bound(to) ? PDU_EMPTY_LEN : 0;
	}
	if (!con && pdu_unwanted(&to->m, said->code))
		return 0;
	struct wr w = wr_into(out, bound(to));
	wr_u8(&w, (uint8_t)(1 << 6 | (con ? PDU_ACK : PDU_NON) << 4 | to->m.token_len));
	wr_u8(&w, said->code);
	wr_u16(&w, con ? to->m.mid : said->mid);
	wr_bytes(&w, to->m.token, to->m.token_len);
	if (said->echo)
		pdu_write_option(&w, &last,
			&(struct pdu_option){
				.value = said->echo, .len = AIR_ECHO, .number = PDU_ECHO });
	return wr_ok(&w) ? w.len : 0;
}

/* --- who has a session ------------------------------------------------------------------------ */

static bool is_copy(struct air_flow *f, uint16_t mid, uint64_t now_ms)
{
	for (size_t i = 0; i < AIR_COPIES; i++) {
		if (now_ms < f->copies_until_ms[i] && f->copies[i] == mid)
			return true;
	}
	f->copies[f->next_copy] = mid;
	f->copies_until_ms[f->next_copy] = now_ms + AIR_NON_MS;
	f->next_copy = (uint8_t)((f->next_copy + 1) % AIR_COPIES);
	return false;
}

/* It may answer again; who has seen the token once has it. */
static bool is_asked(const struct air_flow *f, const struct pdu *answer)
{
	for (size_t i = 0; i < AIR_TOKENS; i++) {
		const struct air_token *const t = &f->tokens[i];
		if (t->len > 0 && pdu_same_token(answer, t->octets, t->len))
			return true;
	}
	return false;
}

bool air_takes(struct air_flow *f, const struct air_look *l, size_t len, uint64_t now_ms)
{
	f->got += len;
	if (l->kind == AIR_NOTHING)
		return false;
	if (l->m.type == PDU_NON && is_copy(f, l->m.mid, now_ms))
		return false;
	if (l->kind == AIR_ANSWERS && is_asked(f, &l->m))
		f->proved = true;
	return true;
}

static void remember(struct air_flow *f, const uint8_t *msg, size_t len)
{
	struct pdu m;
	if (pdu_parse(msg, len, &m) != PDU_OK || !pdu_is_request(&m) ||
		m.token_len < AIR_TOKEN_MIN || is_asked(f, &m))
		return;
	struct air_token *const t = &f->tokens[f->next_token];
	t->len = m.token_len;
	memcpy(t->octets, m.token, m.token_len);
	f->next_token = (uint8_t)((f->next_token + 1) % AIR_TOKENS);
}

bool air_may_send(struct air_flow *f, const uint8_t *msg, size_t len)
{
	if (!f->proved && f->sent + len > AIR_FACTOR * f->got) {
		f->starved = true;
		return false;
	}
	f->sent += len;
	if (!f->proved)
		remember(f, msg, len);
	return true;
}
