/* SPDX-License-Identifier: Apache-2.0 */
/* bench-wakeup: a device's DTLS on our engine: one socket, one association at a time, messages as
   they are told on stdin. tests/bench/mbedtls has the same on another stack.

   Orders: connect (resumed, when the association before can be) | text HEX (appends to what is to
   be sent) | send | forget (the association, without a word to anybody) | quit. Events are JSON
   lines. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suite.h"
#include "conf/hex.h"
#include "dtls/engine.h"
#include "dtls/profile.h"
#include "tests/interop/identity.h"
#include "tests/lab/host.h"
#include "tests/lab/udp.h"

enum { TEXT_MAX = 1024, TIMER_MS = 9000, CRED = 1, GENERATION = 1, SOCKETS = 1 };

enum option_id {
	ADDRESS = 1,
	SUITE,
	IDENTITY,
	PSK,
	KEY,
	CERTIFICATE,
	ANCHORS,
	SERVER_NAME,
	PEER_KEY,
	RAW,
	CID,
	NO_ROUTABILITY,
	RESUME
};

static const struct option options[] = {
	{ "address", required_argument, NULL, ADDRESS },
	{ "suite", required_argument, NULL, SUITE },
	{ "identity", required_argument, NULL, IDENTITY },
	{ "psk", required_argument, NULL, PSK },
	{ "key", required_argument, NULL, KEY },
	{ "certificate", required_argument, NULL, CERTIFICATE },
	{ "anchors", required_argument, NULL, ANCHORS },
	{ "server-name", required_argument, NULL, SERVER_NAME },
	{ "peer-key", required_argument, NULL, PEER_KEY },
	{ "raw", no_argument, NULL, RAW },
	{ "cid", no_argument, NULL, CID },
	{ "no-routability", no_argument, NULL, NO_ROUTABILITY },
	{ "resume", no_argument, NULL, RESUME },
	{ NULL, 0, NULL, 0 },
};

struct device {
	struct host host; /* first */
	struct net_addr server;
	struct identity who;
	struct dtls_profile *profile;
	struct net_path path;
	struct dtls_conn *conn; /* NULL: none */
	struct dtls_resumable session;
	bool resume;
	uint8_t text[TEXT_MAX];
	size_t text_len;
};

static _Noreturn void give_up(const char *what)
{
	(void)fprintf(stderr, "bench-wakeup: %s\n", what);
	exit(2);
}

/* --- events ---------------------------------------------------------------------------------- */

static void up(void *ctx, struct dtls_conn *c)
{
	struct device *d = ctx;
	const struct dtls_conn_facts facts = dtls_conn_facts(c);
	const struct suite *suite = suite_find(facts.suite);
	d->conn = c;
	(void)printf(
		"{\"event\":\"up\",\"suite\":\"%s\",\"resumed\":%s,\"cid_in\":%u,\"cid_out\":%u"
		",\"routability\":%s}\n",
		suite ? suite->name : "none", dtls_conn_resumed(c) ? "true" : "false",
		facts.cid_in_len, facts.cid_out_len, facts.routability ? "true" : "false");
}

static void message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	(void)ctx;
	(void)c;
	(void)printf("{\"event\":\"message\",\"hex\":\"");
	for (size_t i = 0; i < len; i++)
		(void)printf("%02x", msg[i]);
	(void)printf("\"}\n");
}

static void down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct device *d = ctx;
	(void)c;
	d->conn = NULL;
	(void)printf("{\"event\":\"down\",\"why\":%d}\n", (int)why);
}

static void failed(void *ctx, const struct dtls_failure *f)
{
	(void)ctx;
	(void)printf("{\"event\":\"failed\",\"cause\":\"%s\",\"alert\":%u}\n",
		dtls_cause_text(f->cause), f->alert);
}

static void link_session_keep(void *ctx, void *user, const struct dtls_resumable *s)
{
	struct device *d = ctx;
	(void)user;
	d->session = *s;
}

static bool session_find(void *ctx, const uint8_t *id, size_t len, struct dtls_resumable *out)
{
	(void)ctx;
	(void)id;
	(void)len;
	(void)out;
	return false; /* server role only */
}

static void session_keep(void *ctx, const struct dtls_resumable *s)
{
	(void)ctx;
	(void)s;
}

static void session_drop(void *ctx, const uint8_t *id, size_t len)
{
	struct device *d = ctx;
	(void)id;
	(void)len;
	d->session.len = 0;
}

/* --- orders ---------------------------------------------------------------------------------- */

static void begin(struct device *d)
{
	const struct identity *who = &d->who;
	struct dtls_peer there = { .path = d->path,
		.identity = (const uint8_t *)who->identity,
		.identity_len = who->identity ? strlen(who->identity) : 0,
		.key = who->psk,
		.key_len = who->psk_len,
		.cred = CRED,
		.generation = GENERATION,
		.profile = d->profile,
		.resume = d->resume && d->session.len > 0 ? &d->session : NULL };
	if (dtls_connect(d->host.engine, &there, d->host.now_ms) != DTLS_OK)
		give_up("cannot begin a handshake");
}

static void append(struct device *d, const char *digits)
{
	const size_t len = strlen(digits);
	if (len / 2 > sizeof(d->text) - d->text_len ||
		!conf_hex_read(digits, len, d->text + d->text_len))
		give_up("text");
	d->text_len += len / 2;
}

/* False: the end. */
static bool obey(struct device *d, const char *order)
{
	if (strcmp(order, "quit") == 0)
		return false;
	if (strcmp(order, "connect") == 0) {
		begin(d);
	} else if (strncmp(order, "text ", 5) == 0) {
		append(d, order + 5);
	} else if (strcmp(order, "send") == 0) {
		if (!d->conn || dtls_send(d->host.engine, d->conn, d->text, d->text_len) != DTLS_OK)
			give_up("cannot send");
		d->text_len = 0;
	} else if (strcmp(order, "forget") == 0) {
		if (d->conn)
			dtls_sleep(d->host.engine, d->conn);
		d->conn = NULL;
	} else {
		give_up("no such order");
	}
	return true;
}

static void step(struct host *h)
{
	(void)h;
}

static void run(struct device *d)
{
	char order[ORDER_MAX];
	(void)puts("{\"event\":\"ready\"}");
	bool going = true;
	while (going) {
		const bool told = host_turn(&d->host, UINT64_MAX, step);
		while (told && going && orders_next(&d->host.orders, order)) {
			going = obey(d, order);
			udp_flush(d->host.udp);
		}
	}
}

/* --- who we are ------------------------------------------------------------------------------ */

static void take_option(struct device *d, int id)
{
	struct identity *who = &d->who;
	switch (id) {
	case ADDRESS:
		if (!udp_parse(optarg, &d->server))
			give_up("--address must be ADDR:PORT");
		break;
	case SUITE:
		who->suites = optarg;
		break;
	case IDENTITY:
		who->identity = optarg;
		break;
	case PSK:
		identity_psk(who, optarg);
		break;
	case KEY:
		who->key = optarg;
		break;
	case CERTIFICATE:
		who->certificate = optarg;
		break;
	case ANCHORS:
		who->anchors = optarg;
		break;
	case SERVER_NAME:
		who->server_name = optarg;
		break;
	case PEER_KEY:
		identity_peer_key(who, optarg);
		break;
	case RAW:
		who->raw = true;
		break;
	case CID: /* none of ours: what comes to a device needs no CID */
		who->cid = IDENTITY_CID_SEND;
		break;
	case NO_ROUTABILITY:
		who->no_routability = true;
		break;
	case RESUME:
		d->resume = true;
		break;
	default:
		give_up("unknown option");
	}
}

int main(int argc, char **argv)
{
	struct device *d = calloc(1, sizeof(*d));
	if (!d)
		return 1;
	d->who.initial_ms = TIMER_MS;
	for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;)
		take_option(d, id);
	if (d->server.family == 0 || !d->who.suites)
		give_up("--address and --suite are needed");
	d->profile = identity_profile(&d->who, false);
	struct dtls_owner owner = { .up = up, .message = message, .down = down, .failed = failed };
	if (d->resume) {
		owner.session_find = session_find;
		owner.session_keep = session_keep;
		owner.link_session_keep = link_session_keep;
		owner.session_drop = session_drop;
	}
	const struct dtls_settings set = dtls_settings_default();
	struct net_addr local = d->server; /* loopback: theirs is ours */
	local.port = 0;
	d->path = (struct net_path){ .peer = d->server };
	memcpy(d->path.local_ip, local.ip, sizeof(d->path.local_ip));
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (!host_open(&d->host, DTLS_CLIENT, &set, &owner, SOCKETS) ||
		!udp_set_open(d->host.udp, &local, &d->path.sock))
		give_up("cannot open a socket");
	run(d);
	host_close(&d->host);
	dtls_profile_unref(d->profile);
	free(d);
	return 0;
}
