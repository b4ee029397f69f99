/* SPDX-License-Identifier: Apache-2.0 */
/* bench-handshake: what a handshake costs a server in CPU time, with our engine and with libssl
   alone, both over memory. Only what the server does is timed. Its clients are libssl's own, the
   same for both; turns of both are interleaved, so that a busy machine is busy for both. */
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dtls/engine.h"
#include "dtls/profile.h"
#include "tests/lab/loop.h"

enum { KEY = 16, STEPS = 32, MTU = 1232, WIRE_MAX = 16384, TURNS_MAX = 256, DAY_S = 86400 };

enum kind { PSK, ECDHE, PSK_RESUMED, ECDHE_RESUMED, KINDS };
static const char *const kind_names[KINDS] = { "psk", "ecdhe", "psk-resumed", "ecdhe-resumed" };

struct party { /* a key, and its certificate by the one authority */
	EVP_PKEY *key;
	X509 *certificate;
};

struct bench {
	enum kind kind;
	struct party authority, server, client;
	X509_STORE *anchors;
	SSL_CTX *clients, *servers;
	uint8_t kept[WIRE_MAX]; /* the session that the libssl server has written down */
	int kept_len;
	SSL_SESSION *sessions[2]; /* that the client resumes, of our engine and of libssl */
	bool libssl;              /* whose turn it is */
	struct dtls_profile *profile;
	struct dtls_engine *engine;
	struct dtls_resumable resumable; /* of our engine */
	struct dtls_conn *conn;          /* that came up */
	BIO *down;                       /* to the client */
	uint8_t room[WIRE_MAX];
	uint16_t port; /* of the client, another each time */
	uint64_t now_ms;
};

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "bench-handshake: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static double cpu_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static bool is_ecdhe(enum kind k)
{
	return k == ECDHE || k == ECDHE_RESUMED;
}

static bool is_resumed(enum kind k)
{
	return k == PSK_RESUMED || k == ECDHE_RESUMED;
}

/* --- certificates ---------------------------------------------------------------------------- */

static void extend(X509 *x, X509 *by, int nid, const char *value)
{
	X509V3_CTX c;
	X509V3_set_ctx(&c, by, x, NULL, NULL, 0);
	X509_EXTENSION *const e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
	if (!e || !X509_add_ext(x, e, -1))
		die("an extension");
	X509_EXTENSION_free(e);
}

/* by NULL: self-signed, an authority. */
static struct party make(const char *name, const struct party *by)
{
	const struct party p = { .key = EVP_EC_gen("P-256"), .certificate = X509_new() };
	X509 *const x = p.certificate;
	if (!p.key || !x || !X509_set_version(x, X509_VERSION_3))
		die("a certificate");
	X509_NAME *const subject = X509_get_subject_name(x);
	if (!ASN1_INTEGER_set(X509_get_serialNumber(x), by ? 2 : 1) ||
		!X509_NAME_add_entry_by_txt(
			subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) ||
		!X509_set_issuer_name(x, by ? X509_get_subject_name(by->certificate) : subject) ||
		!X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) ||
		!X509_gmtime_adj(X509_getm_notAfter(x), 30L * DAY_S) || !X509_set_pubkey(x, p.key))
		die("a certificate");
	X509 *const issuer = by ? by->certificate : x;
	extend(x, issuer, NID_basic_constraints, by ? "critical,CA:FALSE" : "critical,CA:TRUE");
	extend(x, issuer, NID_key_usage, by ? "digitalSignature" : "keyCertSign,cRLSign");
	if (by)
		extend(x, issuer, NID_subject_alt_name, "DNS:gateway.example");
	if (!X509_sign(x, by ? by->key : p.key, EVP_sha256()))
		die("a signature");
	return p;
}

static int64_t now_s(void *ctx)
{
	(void)ctx;
	return (int64_t)time(NULL);
}

/* --- libssl ---------------------------------------------------------------------------------- */

static unsigned server_psk(SSL *ssl, const char *identity, unsigned char *psk, unsigned max)
{
	(void)ssl;
	(void)identity;
	memset(psk, 'k', KEY);
	return max >= KEY ? KEY : 0;
}

static unsigned client_psk(SSL *ssl, const char *hint, char *identity, unsigned max_identity,
	unsigned char *psk, unsigned max)
{
	(void)hint;
	(void)snprintf(identity, max_identity, "device");
	return server_psk(ssl, identity, psk, max);
}

/* A cookie as a server without state makes it: an HMAC of the peer's address. */
static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned *len)
{
	static const uint8_t secret[2 * KEY], address[18];
	(void)ssl;
	return HMAC(EVP_sha256(), secret, sizeof(secret), address, sizeof(address), cookie, len) !=
	       NULL;
}

static int take_cookie(SSL *ssl, const unsigned char *cookie, unsigned len)
{
	uint8_t mine[EVP_MAX_MD_SIZE];
	unsigned mine_len = 0;
	return make_cookie(ssl, mine, &mine_len) && len == mine_len &&
	       CRYPTO_memcmp(cookie, mine, len) == 0;
}

static SSL_CTX *context(const struct bench *b, const struct party *self)
{
	char groups[] = "P-256"; /* the macro takes it for writable */
	SSL_CTX *const c = SSL_CTX_new(DTLS_method());
	if (!c || !SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION))
		die("SSL_CTX_new");
	SSL_CTX_set_security_level(c, 0); /* OpenSSL has had CCM_8 there since 3.2 */
	const bool ecdhe = is_ecdhe(b->kind);
	if (!SSL_CTX_set_cipher_list(c, ecdhe ? "ECDHE-ECDSA-AES128-CCM8" : "PSK-AES128-CCM8") ||
		!SSL_CTX_set1_groups_list(c, groups))
		die("the suite is not there");
	(void)SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_mode(c, SSL_MODE_NO_AUTO_CHAIN);
	if (!ecdhe)
		return c;
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set1_cert_store(c, b->anchors);
	if (!SSL_CTX_use_certificate(c, self->certificate) || !SSL_CTX_use_PrivateKey(c, self->key))
		die("the certificate is not taken");
	return c;
}

/* Sessions of a server that can be resumed after it: written down, and read again. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct bench *const b = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	uint8_t *at = b->kept;
	b->kept_len = i2d_SSL_SESSION(session, NULL);
	if (b->kept_len <= 0 || b->kept_len > (int)sizeof(b->kept))
		die("i2d_SSL_SESSION");
	(void)i2d_SSL_SESSION(session, &at);
	return 0;
}

static SSL_SESSION *find_session(SSL *ssl, const unsigned char *id, int len, int *copy)
{
	const struct bench *const b = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const uint8_t *at = b->kept;
	(void)id;
	(void)len;
	*copy = 0;
	return b->kept_len > 0 ? d2i_SSL_SESSION(NULL, &at, b->kept_len) : NULL;
}

static void make_contexts(struct bench *b)
{
	static const uint8_t name[] = "bench";
	b->clients = context(b, &b->client);
	b->servers = context(b, &b->server);
	SSL_CTX_set_psk_client_callback(b->clients, is_ecdhe(b->kind) ? NULL : client_psk);
	SSL_CTX_set_psk_server_callback(b->servers, is_ecdhe(b->kind) ? NULL : server_psk);
	/* What our engine does too, so that the same is compared. */
	(void)SSL_CTX_set_options(b->servers, SSL_OP_COOKIE_EXCHANGE);
	SSL_CTX_set_cookie_generate_cb(b->servers, make_cookie);
	SSL_CTX_set_cookie_verify_cb(b->servers, take_cookie);
	(void)SSL_CTX_set_session_id_context(b->servers, name, sizeof(name) - 1);
	if (!SSL_CTX_set_app_data(b->servers, b))
		die("SSL_CTX_set_app_data");
	(void)SSL_CTX_set_session_cache_mode(
		b->servers, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(b->servers, keep_session);
	SSL_CTX_sess_set_get_cb(b->servers, find_session);
}

static SSL *side(SSL_CTX *c, BIO *in, BIO *out)
{
	SSL *const ssl = SSL_new(c);
	if (!ssl || BIO_up_ref(in) != 1 || BIO_up_ref(out) != 1)
		die("SSL_new");
	SSL_set_bio(ssl, in, out);
	(void)SSL_set_mtu(ssl, MTU);
	return ssl;
}

static BIO *pipe_end(void)
{
	BIO *const p = BIO_new(BIO_s_mem());
	if (!p)
		die("BIO_new");
	(void)BIO_set_mem_eof_return(p, -1);
	return p;
}

static SSL *new_client(const struct bench *b, BIO *in, BIO *out)
{
	SSL *const ssl = side(b->clients, in, out);
	SSL_set_connect_state(ssl);
	if (b->sessions[b->libssl] && !SSL_set_session(ssl, b->sessions[b->libssl]))
		die("the session is not taken");
	return ssl;
}

/* A client's end: its session is the one that is resumed. */
static void end_client(struct bench *b, SSL *client)
{
	if (!SSL_is_init_finished(client))
		die("a handshake did not finish");
	SSL_SESSION **const session = &b->sessions[b->libssl];
	if (is_resumed(b->kind) && !*session)
		*session = SSL_get1_session(client);
	else if (is_resumed(b->kind) && !SSL_session_reused(client))
		die("a session was not resumed");
	(void)SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(client);
}

/* What a server does that lets libssl do everything: an SSL object from the first datagram on, gone
   with the last, as only what is left afterwards is another matter. */
static double libssl_step(const struct bench *b, SSL **server, BIO *up, BIO *down)
{
	const double begin = cpu_us();
	if (!*server) {
		*server = side(b->servers, up, down);
		SSL_set_accept_state(*server);
	}
	ERR_clear_error();
	(void)SSL_do_handshake(*server);
	if (SSL_is_init_finished(*server)) {
		(void)SSL_set_shutdown(*server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(*server);
		*server = NULL;
	}
	return cpu_us() - begin;
}

/* CPU of the server, in microseconds. */
static double libssl_once(struct bench *b)
{
	BIO *const up = pipe_end(), *const down = pipe_end();
	SSL *const client = new_client(b, down, up);
	SSL *server = NULL;
	double spent = 0;
	for (int i = 0; i < STEPS && !SSL_is_init_finished(client); i++) {
		(void)SSL_do_handshake(client);
		if (BIO_pending(up) > 0)
			spent += libssl_step(b, &server, up, down);
	}
	end_client(b, client);
	BIO_free(up);
	BIO_free(down);
	return spent;
}

/* --- our engine ------------------------------------------------------------------------------ */

static bool find_psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	(void)ctx;
	(void)identity;
	(void)len;
	memset(out->key, 'k', KEY);
	out->len = KEY;
	out->cred = 1;
	out->generation = 1;
	return true;
}

static bool find_certificate(void *ctx, const struct dtls_chain *chain, struct dtls_known *out)
{
	(void)ctx;
	(void)chain;
	*out = (struct dtls_known){ .cred = 1, .generation = 1 };
	return true;
}

static struct dtls_profile *profile(void *ctx, const struct net_path *path)
{
	const struct bench *const b = ctx;
	(void)path;
	return b->profile;
}

static uint8_t *room(void *ctx, const struct net_path *path, size_t cap)
{
	struct bench *const b = ctx;
	(void)path;
	return cap <= sizeof(b->room) ? b->room : NULL;
}

static void sent(void *ctx, size_t len)
{
	const struct bench *const b = ctx;
	if (len > 0 && BIO_write(b->down, b->room, (int)len) != (int)len)
		die("BIO_write");
}

static void up(void *ctx, struct dtls_conn *c)
{
	struct bench *const b = ctx;
	b->conn = c;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the engine's type */
static void message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	(void)ctx;
	(void)c;
	(void)msg;
	(void)len;
}

static void down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	(void)ctx;
	(void)c;
	(void)why;
}

static void failed(void *ctx, const struct dtls_failure *f)
{
	(void)ctx;
	die(f->detail ? f->detail : dtls_cause_text(f->cause));
}

static void fill_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	if (RAND_bytes(out, (int)len) != 1)
		die("RAND_bytes");
}

static bool session_find(void *ctx, const uint8_t *id, size_t len, struct dtls_resumable *out)
{
	const struct bench *const b = ctx;
	if (len != b->resumable.id_len || memcmp(id, b->resumable.id, len) != 0)
		return false;
	*out = b->resumable;
	return true;
}

static void session_keep(void *ctx, const struct dtls_resumable *s)
{
	struct bench *const b = ctx;
	b->resumable = *s;
}

static void session_drop(void *ctx, const uint8_t *id, size_t len)
{
	(void)ctx;
	(void)id;
	(void)len;
}

static void make_engine(struct bench *b)
{
	struct dtls_settings s = dtls_settings_default();
	const struct dtls_owner owner = {
		.ctx = b,
		.psk = find_psk,
		.certificate = find_certificate,
		.profile = profile,
		.room = room,
		.sent = sent,
		.up = up,
		.message = message,
		.down = down,
		.failed = failed,
		.random = fill_random,
		.session_find = session_find,
		.session_keep = session_keep,
		.session_drop = session_drop,
	};
	struct dtls_profile_settings p = dtls_profile_settings_default();
	const char *error = NULL;
	const char *const suite = is_ecdhe(b->kind) ? "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"
						    : "TLS_PSK_WITH_AES_128_CCM_8";
	p.suites[0] = suite_named(suite)->number;
	p.suites_len = 1;
	p.now_s = now_s;
	if (is_ecdhe(b->kind)) {
		p.key = b->server.key;
		p.certificate = b->server.certificate;
		p.anchors = b->anchors;
		p.names[0] = DTLS_NAME_CN;
		p.names[1] = DTLS_NAME_NONE;
	}
	b->now_ms = 1;
	b->profile = dtls_profile_new(&p, &error);
	if (!b->profile)
		die(error);
	b->engine = dtls_engine_new(&s, &owner, b->now_ms);
	if (!b->engine)
		die("dtls_engine_new");
}

/* What the client has written goes in as one datagram. */
static double engine_step(struct bench *b, BIO *up_end)
{
	static uint8_t wire[WIRE_MAX];
	const int n = BIO_read(up_end, wire, sizeof(wire));
	struct net_path path = { .peer = { .ip = { 10, 0, 0, 1 }, .family = NET_IPV4 } };
	if (n <= 0)
		return 0;
	path.peer.port = b->port;
	const struct dtls_datagram d = { .path = &path, .data = wire, .len = (size_t)n };
	const double begin = cpu_us();
	ERR_clear_error();
	dtls_input(b->engine, DTLS_SERVER, &d, 1, ++b->now_ms);
	return cpu_us() - begin;
}

static double engine_once(struct bench *b)
{
	BIO *const up_end = pipe_end();
	b->down = pipe_end();
	SSL *const client = new_client(b, b->down, up_end);
	double spent = 0;
	b->port = (uint16_t)(b->port % 60000 + 1);
	b->conn = NULL;
	for (int i = 0; i < STEPS && !(b->conn && SSL_is_init_finished(client)); i++) {
		(void)SSL_do_handshake(client);
		ERR_clear_error();
		spent += engine_step(b, up_end);
	}
	end_client(b, client);
	if (!b->conn)
		die("our engine did not finish a handshake");
	dtls_close(b->engine, b->conn);
	BIO_free(up_end);
	BIO_free(b->down);
	return spent;
}

/* --- main ------------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_size);
	return values[n / 2];
}

int main(int argc, char **argv)
{
	static struct bench b = { .kind = KINDS };
	static double ours[TURNS_MAX + 1], floor[TURNS_MAX + 1];
	if (argc != 3)
		die("usage: bench-handshake psk|ecdhe|psk-resumed|ecdhe-resumed TURNS");
	for (int k = 0; k < KINDS; k++) {
		if (strcmp(argv[1], kind_names[k]) == 0)
			b.kind = (enum kind)k;
	}
	const uint32_t turns = option_number("TURNS", argv[2], 1, TURNS_MAX);
	if (b.kind == KINDS)
		die("no such kind");
	b.authority = make("authority", NULL);
	b.server = make("gateway", &b.authority);
	b.client = make("device", &b.authority);
	b.anchors = X509_STORE_new();
	if (!b.anchors || !X509_STORE_add_cert(b.anchors, b.authority.certificate))
		die("X509_STORE_add_cert");
	make_contexts(&b);
	make_engine(&b);
	/* The first ones fetch, allocate, and make the sessions that are resumed. */
	for (uint32_t i = 0; i <= turns; i++) {
		b.libssl = false;
		ours[i] = engine_once(&b);
		b.libssl = true;
		floor[i] = libssl_once(&b);
	}
	(void)printf("{\"kind\":\"%s\",\"turns\":%u,\"engine_us\":%.2f,\"libssl_us\":%.2f}\n",
		argv[1], turns, median(ours + 1, turns), median(floor + 1, turns));
	return 0;
}
