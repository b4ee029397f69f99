/* SPDX-License-Identifier: Apache-2.0 */
/* dtls-peer: our DTLS engine on a UDP socket, as a server that answers or as a client that asks,
   for the interoperability tests. Says what happens as JSON lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suite.h"
#include "dtls/engine.h"
#include "dtls/profile.h"
#include "tests/interop/identity.h"
#include "tests/interop/plan.h"
#include "tests/lab/host.h"
#include "tests/lab/udp.h"

enum { SESSIONS = 16, CRED = 1, GENERATION = 1 };

struct peer {
	struct host host; /* first */
	struct plan plan;
	struct dtls_profile *profile;
	struct dtls_resumable sessions[SESSIONS]; /* of the server; of the client: the first */
	size_t session_next;
	uint32_t round;    /* of the client: sessions begun */
	bool idle, failed; /* of the client: the next round may begin; it is over */
	uint64_t began_ms;
	struct dtls_conn *conn; /* of the client */
	uint32_t answered;      /* messages of this session */
};

/* --- events ---------------------------------------------------------------------------------- */

static void say_octets(const char *name, const uint8_t *octets, size_t len)
{
	(void)printf("\"%s\":\"", name);
	for (size_t i = 0; i < len; i++)
		(void)printf("%02x", octets[i]);
	(void)printf("\"");
}

static void say_up(struct peer *p, struct dtls_conn *c)
{
	const struct dtls_conn_facts facts = dtls_conn_facts(c);
	const struct suite *suite = suite_find(facts.suite);
	(void)printf("{\"event\":\"up\",\"suite\":\"%s\",\"resumed\":%s,\"etm\":%s,\"fragment\":%u,"
		     "\"routability\":%s,\"ms\":%llu,",
		suite ? suite->name : "none", dtls_conn_resumed(c) ? "true" : "false",
		facts.encrypt_then_mac ? "true" : "false", facts.fragment_max,
		facts.routability ? "true" : "false",
		(unsigned long long)(p->host.now_ms - p->began_ms));
	say_octets("cid_in", facts.cid_in, facts.cid_in_len);
	(void)printf(",");
	say_octets("cid_out", facts.cid_out, facts.cid_out_len);
	(void)printf("}\n");
}

static void ask(struct peer *p, struct dtls_conn *c)
{
	if (dtls_send(p->host.engine, c, p->plan.text, p->plan.text_len) == DTLS_OK)
		return;
	(void)printf("{\"event\":\"failed\",\"cause\":\"cannot send\"}\n");
	p->failed = true;
}

static void up(void *ctx, struct dtls_conn *c)
{
	struct peer *p = ctx;
	say_up(p, c);
	if (p->plan.server) {
		dtls_conn_set_user(c, NULL);
		return;
	}
	p->conn = c;
	p->answered = 0;
	ask(p, c);
}

static void say_message(const uint8_t *msg, size_t len)
{
	(void)printf("{\"event\":\"message\",\"len\":%zu,", len);
	say_octets("hex", msg, len < PLAN_TEXT_MAX ? len : PLAN_TEXT_MAX);
	(void)printf("}\n");
}

/* The answer to a CoAP message, made of it in place: 2.05 piggybacked, or RST (RFC 7252 4.2). */
static size_t coap_answer(uint8_t *msg, size_t len)
{
	enum { HEAD = 4, CON = 0, ACK = 2, RST = 3, CONTENT = 0x45 };
	if (len < HEAD || (msg[0] >> 4 & 3) != CON)
		return 0;
	const size_t token = msg[0] & 15;
	const bool request = msg[1] > 0 && msg[1] < 32 && len >= HEAD + token;
	msg[0] = request ? (uint8_t)(0x40 | ACK << 4 | token) : 0x40 | RST << 4;
	msg[1] = request ? CONTENT : 0;
	if (!request)
		return HEAD;
	static const uint8_t payload[] = "\xffhere";
	memcpy(msg + HEAD + token, payload, sizeof(payload) - 1);
	return HEAD + token + sizeof(payload) - 1;
}

static void answer(struct peer *p, struct dtls_conn *c, const uint8_t *msg, size_t len)
{
	uint8_t out[PLAN_TEXT_MAX + 16];
	if (len > PLAN_TEXT_MAX || p->plan.hush)
		return;
	memcpy(out, msg, len);
	const size_t out_len = p->plan.coap ? coap_answer(out, len) : len;
	if (out_len > 0 && dtls_send(p->host.engine, c, out, out_len) != DTLS_OK)
		(void)printf("{\"event\":\"failed\",\"cause\":\"cannot send\"}\n");
}

static void close_it(struct peer *p, struct dtls_conn *c)
{
	(void)printf("{\"event\":\"closed\"}\n");
	dtls_close(p->host.engine, c);
}

static void message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct peer *p = ctx;
	say_message(msg, len);
	p->answered++;
	if (p->plan.server) {
		answer(p, c, msg, len);
		if (p->plan.close_after > 0 && p->answered % p->plan.close_after == 0)
			close_it(p, c);
		return;
	}
	if (p->answered < p->plan.exchanges) {
		ask(p, c);
		return;
	}
	if (p->plan.await_close)
		return;
	p->conn = NULL;
	p->idle = true;
	close_it(p, c);
}

static void down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	static const char *const names[] = { "close_notify", "alert", "replaced", "numbers",
		"forged" };
	struct peer *p = ctx;
	(void)printf("{\"event\":\"down\",\"why\":\"%s\"}\n", names[why]);
	if (c != p->conn)
		return;
	p->conn = NULL;
	p->idle = p->answered >= p->plan.exchanges;
	p->failed = !p->idle;
}

static void moved(void *ctx, struct dtls_conn *c, const struct net_path *from)
{
	char there[NET_TEXT_MAX], here[NET_TEXT_MAX];
	(void)ctx;
	(void)printf("{\"event\":\"moved\",\"from\":\"%s\",\"to\":\"%s\"}\n",
		net_addr_text(&from->peer, there), net_addr_text(&dtls_conn_path(c)->peer, here));
}

/* On loopback nobody else forwards anything. */
static enum dtls_moving moving(void *ctx, struct dtls_conn *c, const struct net_path *to)
{
	(void)ctx;
	(void)to;
	return dtls_conn_facts(c).routability ? DTLS_MOVE_CHECK : DTLS_MOVE_TRUST;
}

static void failed(void *ctx, const struct dtls_failure *f)
{
	struct peer *p = ctx;
	(void)printf("{\"event\":\"failed\",\"cause\":\"%s\",\"alert\":%u,\"detail\":\"%s\"}\n",
		dtls_cause_text(f->cause), f->alert, f->detail ? f->detail : "");
	p->failed = true;
}

/* --- whom we know ---------------------------------------------------------------------------- */

static bool find_psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	const struct identity *who = &((struct peer *)ctx)->plan.who;
	if (!who->identity || len != strlen(who->identity) ||
		memcmp(identity, who->identity, len) != 0)
		return false;
	memcpy(out->key, who->psk, who->psk_len);
	out->len = who->psk_len;
	out->cred = CRED;
	out->generation = GENERATION;
	return true;
}

static struct dtls_profile *profile_of(void *ctx, const struct net_path *path)
{
	(void)path;
	return ((struct peer *)ctx)->profile;
}

static bool find_raw_key(void *ctx, const uint8_t digest[32], struct dtls_known *out)
{
	const struct identity *who = &((struct peer *)ctx)->plan.who;
	*out = (struct dtls_known){ .cred = CRED, .generation = GENERATION };
	return who->peer_key_known && memcmp(digest, who->peer_key, sizeof(who->peer_key)) == 0;
}

static bool find_certificate(void *ctx, const struct dtls_chain *chain, struct dtls_known *out)
{
	const struct identity *who = &((struct peer *)ctx)->plan.who;
	*out = (struct dtls_known){ .cred = CRED, .generation = GENERATION };
	return who->peer_name && chain->name_len == strlen(who->peer_name) &&
	       memcmp(chain->name, who->peer_name, chain->name_len) == 0;
}

static struct dtls_resumable *session_of(struct peer *p, const uint8_t *id, size_t len)
{
	for (size_t i = 0; i < SESSIONS; i++) {
		struct dtls_resumable *s = &p->sessions[i];
		if (s->len > 0 && s->id_len == len && memcmp(s->id, id, len) == 0)
			return s;
	}
	return NULL;
}

static bool session_find(void *ctx, const uint8_t *id, size_t len, struct dtls_resumable *out)
{
	const struct dtls_resumable *s = session_of(ctx, id, len);
	if (s)
		*out = *s;
	return s != NULL;
}

static void session_keep(void *ctx, const struct dtls_resumable *s)
{
	struct peer *p = ctx;
	p->sessions[p->session_next++ % SESSIONS] = *s;
}

static void link_session_keep(void *ctx, void *user, const struct dtls_resumable *s)
{
	struct peer *p = ctx;
	(void)user;
	p->sessions[0] = *s;
}

static void session_drop(void *ctx, const uint8_t *id, size_t len)
{
	struct dtls_resumable *s = session_of(ctx, id, len);
	if (s)
		s->len = 0;
}

/* --- the client ------------------------------------------------------------------------------ */

static void next_round(struct peer *p)
{
	const struct identity *who = &p->plan.who;
	struct net_addr local = p->plan.address; /* loopback: theirs is ours */
	local.port = 0;
	struct dtls_peer there = { .path.peer = p->plan.address,
		.identity = (const uint8_t *)who->identity,
		.identity_len = who->identity ? strlen(who->identity) : 0,
		.key = who->psk,
		.key_len = who->psk_len,
		.cred = CRED,
		.generation = GENERATION,
		.profile = p->profile };
	if (p->plan.resume && p->sessions[0].len > 0)
		there.resume = &p->sessions[0];
	memcpy(there.path.local_ip, local.ip, sizeof(there.path.local_ip));
	p->idle = false;
	p->began_ms = p->host.now_ms;
	/* each from a port of its own, as most clients */
	if (udp_set_open(p->host.udp, &local, &there.path.sock) &&
		dtls_connect(p->host.engine, &there, p->host.now_ms) == DTLS_OK)
		return;
	(void)printf("{\"event\":\"failed\",\"cause\":\"cannot begin\"}\n");
	p->failed = true;
}

static void step(struct host *h)
{
	struct peer *p = (struct peer *)h;
	if (p->plan.server || p->failed || !p->idle || p->round == p->plan.rounds)
		return;
	p->round++;
	next_round(p);
}

static bool is_over(const struct peer *p)
{
	if (p->plan.server)
		return false;
	return p->failed || (p->idle && p->round == p->plan.rounds) ||
	       p->host.now_ms > p->began_ms + p->plan.give_up_ms;
}

static int run(struct peer *p)
{
	char order[ORDER_MAX];
	p->idle = !p->plan.server;
	p->began_ms = p->host.now_ms;
	while (!is_over(p)) {
		const uint64_t wake =
			p->plan.server ? UINT64_MAX : p->began_ms + p->plan.give_up_ms + 1;
		const bool told = host_turn(&p->host, p->idle ? 0 : wake, step);
		while (told && orders_next(&p->host.orders, order)) {
			if (strcmp(order, "quit") == 0)
				return 0;
		}
	}
	if (!p->failed && !p->idle)
		(void)printf("{\"event\":\"failed\",\"cause\":\"no end within %u ms\"}\n",
			p->plan.give_up_ms);
	return p->idle && !p->failed ? 0 : 1;
}

static void listen_at(struct peer *p)
{
	uint32_t number;
	struct net_addr local = p->plan.address;
	if (!udp_set_open(p->host.udp, &local, &number)) {
		perror("dtls-peer: cannot listen");
		exit(1);
	}
	(void)printf("{\"event\":\"listening\",\"port\":%u}\n", local.port);
}

int main(int argc, char **argv)
{
	struct peer *p = calloc(1, sizeof(*p));
	if (!p)
		return 1;
	plan_read(&p->plan, argc, argv);
	p->profile = identity_profile(&p->plan.who, p->plan.server);
	struct dtls_owner owner = { .psk = find_psk,
		.profile = profile_of,
		.raw_key = find_raw_key,
		.certificate = find_certificate,
		.up = up,
		.message = message,
		.down = down,
		.failed = failed,
		.moving = moving,
		.moved = moved };
	if (p->plan.resume) {
		owner.session_find = session_find;
		owner.session_keep = session_keep;
		owner.link_session_keep = link_session_keep;
		owner.session_drop = session_drop;
	}
	struct dtls_settings set = dtls_settings_default();
	set.cid_bucket = p->plan.bucket;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (!host_open(&p->host, p->plan.server ? DTLS_SERVER : DTLS_CLIENT, &set, &owner,
		    PLAN_ROUNDS_MAX))
		return 1;
	if (p->plan.server)
		listen_at(p);
	const int status = run(p);
	host_close(&p->host);
	dtls_profile_unref(p->profile);
	free(p);
	return status;
}
