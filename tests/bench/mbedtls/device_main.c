/* SPDX-License-Identifier: Apache-2.0 */
/* mbedtls-device: a device's DTLS on Mbed TLS, whose own client sends no messages of ours. The
   same orders and events as bench-wakeup has (tests/bench/wakeup_main.c). A peer of the tests. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

enum { TEXT_MAX = 1024, KEY_MAX = 64, LINE_MAX_LEN = 64, TIMER_MS = 9000, TIMER_MAX_MS = 60000 };

enum option_id {
	PORT = 1,
	SUITE,
	IDENTITY,
	PSK,
	KEY,
	CERTIFICATE,
	ANCHORS,
	SERVER_NAME,
	CID,
	RESUME,
	MTU,
	TIMER
};

static const struct option options[] = {
	{ "port", required_argument, NULL, PORT },
	{ "suite", required_argument, NULL, SUITE },
	{ "identity", required_argument, NULL, IDENTITY },
	{ "psk", required_argument, NULL, PSK },
	{ "key", required_argument, NULL, KEY },
	{ "certificate", required_argument, NULL, CERTIFICATE },
	{ "anchors", required_argument, NULL, ANCHORS },
	{ "server-name", required_argument, NULL, SERVER_NAME },
	{ "cid", no_argument, NULL, CID },
	{ "resume", no_argument, NULL, RESUME },
	{ "mtu", required_argument, NULL, MTU },
	{ "timer-ms", required_argument, NULL, TIMER },
	{ NULL, 0, NULL, 0 },
};

struct plan {
	uint16_t port;
	const char *suite, *identity, *key, *certificate, *anchors, *server_name;
	uint8_t psk[KEY_MAX];
	size_t psk_len;
	uint32_t timer_ms;
	uint16_t mtu; /* 0: the library's */
	bool cid, resume;
};

enum state { IDLE, HANDSHAKE, UP };

struct device {
	struct plan plan;
	int fd, suites[2];
	enum state state;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
	mbedtls_ssl_config conf;
	mbedtls_ssl_context ssl;
	mbedtls_timing_delay_context timer;
	mbedtls_x509_crt certificate, anchors;
	mbedtls_pk_context key;
	mbedtls_ssl_session session;
	bool has_session;
	uint8_t text[TEXT_MAX];
	size_t text_len;
	char line[LINE_MAX_LEN];
	size_t line_len;
};

static _Noreturn void give_up(const char *what)
{
	(void)fprintf(stderr, "mbedtls-device: %s\n", what);
	exit(2);
}

static void need(int result, const char *what)
{
	if (result != 0)
		give_up(what);
}

static size_t read_hex(const char *digits, uint8_t *out, size_t cap)
{
	size_t len = 0;
	for (; digits[0] && digits[1]; digits += 2) {
		const char octet[] = { digits[0], digits[1], 0 };
		char *end;
		if (len == cap)
			give_up("too long");
		out[len++] = (uint8_t)strtoul(octet, &end, 16);
		if (*end != 0)
			give_up("no hexadecimal digits");
	}
	return len;
}

/* --- the library ----------------------------------------------------------------------------- */

static int to_net(void *ctx, const unsigned char *data, size_t len)
{
	const struct device *d = ctx;
	const ssize_t n = send(d->fd, data, len, 0);
	if (n >= 0)
		return (int)n;
	/* what the network says of an earlier one is no reason to give up */
	return errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_WRITE : (int)len;
}

static int from_net(void *ctx, unsigned char *data, size_t cap)
{
	const struct device *d = ctx;
	const ssize_t n = recv(d->fd, data, cap, MSG_DONTWAIT);
	return n > 0 ? (int)n : MBEDTLS_ERR_SSL_WANT_READ;
}

static void prove_ourselves(struct device *d)
{
	const struct plan *p = &d->plan;
	if (p->identity) {
		need(mbedtls_ssl_conf_psk(&d->conf, p->psk, p->psk_len,
			     (const unsigned char *)p->identity, strlen(p->identity)),
			"--psk");
		return;
	}
	if (!p->key || !p->certificate || !p->anchors)
		give_up("--identity, or --key, --certificate and --anchors");
	need(mbedtls_pk_parse_keyfile(&d->key, p->key, NULL, mbedtls_ctr_drbg_random, &d->random),
		"--key");
	need(mbedtls_x509_crt_parse_file(&d->certificate, p->certificate), "--certificate");
	need(mbedtls_x509_crt_parse_file(&d->anchors, p->anchors), "--anchors");
	need(mbedtls_ssl_conf_own_cert(&d->conf, &d->certificate, &d->key), "--certificate");
	mbedtls_ssl_conf_ca_chain(&d->conf, &d->anchors, NULL);
	mbedtls_ssl_conf_authmode(&d->conf, MBEDTLS_SSL_VERIFY_REQUIRED);
}

static void prepare(struct device *d)
{
	mbedtls_entropy_init(&d->entropy);
	mbedtls_ctr_drbg_init(&d->random);
	mbedtls_ssl_config_init(&d->conf);
	mbedtls_ssl_init(&d->ssl);
	mbedtls_x509_crt_init(&d->certificate);
	mbedtls_x509_crt_init(&d->anchors);
	mbedtls_pk_init(&d->key);
	mbedtls_ssl_session_init(&d->session);
	need((int)psa_crypto_init(), "no PSA");
	need(mbedtls_ctr_drbg_seed(&d->random, mbedtls_entropy_func, &d->entropy, NULL, 0),
		"no randomness");
	need(mbedtls_ssl_config_defaults(&d->conf, MBEDTLS_SSL_IS_CLIENT,
		     MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT),
		"no configuration");
	mbedtls_ssl_conf_rng(&d->conf, mbedtls_ctr_drbg_random, &d->random);
	mbedtls_ssl_conf_min_tls_version(&d->conf, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(&d->conf, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_handshake_timeout(&d->conf, d->plan.timer_ms, TIMER_MAX_MS);
	mbedtls_ssl_conf_session_tickets(&d->conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
	d->suites[0] = mbedtls_ssl_get_ciphersuite_id(d->plan.suite);
	if (d->suites[0] == 0)
		give_up("--suite");
	mbedtls_ssl_conf_ciphersuites(&d->conf, d->suites);
	prove_ourselves(d);
	/* None of ours: what comes to a device needs no CID. */
	if (d->plan.cid)
		need(mbedtls_ssl_conf_cid(&d->conf, 0, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE), "--cid");
	need(mbedtls_ssl_setup(&d->ssl, &d->conf), "no context");
	if (d->plan.mtu > 0)
		mbedtls_ssl_set_mtu(&d->ssl, d->plan.mtu);
	mbedtls_ssl_set_bio(&d->ssl, d, to_net, from_net, NULL);
	mbedtls_ssl_set_timer_cb(
		&d->ssl, &d->timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
}

/* --- events ---------------------------------------------------------------------------------- */

static void say_up(struct device *d, bool resumed)
{
	unsigned char cid[MBEDTLS_SSL_CID_OUT_LEN_MAX];
	size_t len = 0;
	int enabled = MBEDTLS_SSL_CID_DISABLED;
	if (mbedtls_ssl_get_peer_cid(&d->ssl, &enabled, cid, &len) != 0 ||
		enabled == MBEDTLS_SSL_CID_DISABLED)
		len = 0;
	(void)printf(
		"{\"event\":\"up\",\"suite\":\"%s\",\"resumed\":%s,\"cid_in\":0,\"cid_out\":%zu"
		",\"routability\":false}\n",
		mbedtls_ssl_get_ciphersuite(&d->ssl), resumed ? "true" : "false", len);
}

static void say_failed(struct device *d, int error)
{
	(void)printf("{\"event\":\"failed\",\"cause\":\"-0x%04x\"}\n", (unsigned)-error);
	d->state = IDLE;
}

/* An abbreviated handshake keeps the session's id and start, a full one has others. */
static bool is_resumed(const struct device *d, const mbedtls_ssl_session *now)
{
	return d->has_session && d->session.private_id_len == now->private_id_len &&
	       now->private_id_len > 0 &&
	       memcmp(d->session.private_id, now->private_id, now->private_id_len) == 0;
}

static void shaken(struct device *d)
{
	mbedtls_ssl_session now;
	mbedtls_ssl_session_init(&now);
	need(mbedtls_ssl_get_session(&d->ssl, &now), "no session");
	const bool resumed = is_resumed(d, &now);
	mbedtls_ssl_session_free(&d->session);
	d->session = now;
	d->has_session = true;
	d->state = UP;
	say_up(d, resumed);
}

static void take(struct device *d)
{
	unsigned char text[TEXT_MAX];
	while (d->state == UP) {
		const int n = mbedtls_ssl_read(&d->ssl, text, sizeof(text));
		if (n == MBEDTLS_ERR_SSL_WANT_READ || n == MBEDTLS_ERR_SSL_WANT_WRITE)
			return;
		if (n <= 0) {
			(void)printf("{\"event\":\"down\",\"why\":\"-0x%04x\"}\n", (unsigned)-n);
			d->state = IDLE;
			return;
		}
		(void)printf("{\"event\":\"message\",\"hex\":\"");
		for (int i = 0; i < n; i++)
			(void)printf("%02x", text[i]);
		(void)printf("\"}\n");
	}
}

static void proceed(struct device *d)
{
	if (d->state == HANDSHAKE) {
		const int result = mbedtls_ssl_handshake(&d->ssl);
		if (result == 0)
			shaken(d);
		else if (result != MBEDTLS_ERR_SSL_WANT_READ &&
			 result != MBEDTLS_ERR_SSL_WANT_WRITE)
			say_failed(d, result);
	}
	take(d);
}

/* --- orders ---------------------------------------------------------------------------------- */

static void begin(struct device *d)
{
	need(mbedtls_ssl_session_reset(&d->ssl), "cannot begin again");
	if (d->plan.server_name)
		need(mbedtls_ssl_set_hostname(&d->ssl, d->plan.server_name), "--server-name");
	if (d->plan.cid)
		need(mbedtls_ssl_set_cid(&d->ssl, MBEDTLS_SSL_CID_ENABLED, NULL, 0), "--cid");
	if (d->plan.resume && d->has_session)
		need(mbedtls_ssl_set_session(&d->ssl, &d->session), "no session");
	d->state = HANDSHAKE;
}

static void obey(struct device *d, const char *order)
{
	if (strcmp(order, "quit") == 0)
		exit(0);
	if (strcmp(order, "connect") == 0) {
		begin(d);
	} else if (strncmp(order, "text ", 5) == 0) {
		d->text_len +=
			read_hex(order + 5, d->text + d->text_len, sizeof(d->text) - d->text_len);
	} else if (strcmp(order, "send") == 0) {
		if (d->state != UP ||
			mbedtls_ssl_write(&d->ssl, d->text, d->text_len) != (int)d->text_len)
			give_up("cannot send");
		d->text_len = 0;
	} else if (strcmp(order, "forget") == 0) {
		d->state = IDLE;
	} else {
		give_up("no such order");
	}
}

/* False: stdin is at its end. */
static bool read_orders(struct device *d)
{
	char chunk[256];
	const ssize_t n = read(STDIN_FILENO, chunk, sizeof(chunk));
	for (ssize_t i = 0; i < n; i++) {
		if (chunk[i] != '\n') {
			if (d->line_len + 1 == sizeof(d->line))
				give_up("too long an order");
			d->line[d->line_len++] = chunk[i];
			continue;
		}
		d->line[d->line_len] = 0;
		d->line_len = 0;
		obey(d, d->line);
		proceed(d);
	}
	return n > 0;
}

static void run(struct device *d)
{
	enum { LOOK_MS = 50 }; /* the library's timer asks to be looked at */
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = d->fd, .events = POLLIN } };
	(void)puts("{\"event\":\"ready\"}");
	for (;;) {
		if (poll(fds, 2, d->state == HANDSHAKE ? LOOK_MS : -1) < 0 && errno != EINTR)
			give_up(strerror(errno));
		if (fds[0].revents && !read_orders(d))
			return;
		if (d->state == IDLE) { /* nobody reads it */
			unsigned char nothing[1];
			(void)recv(d->fd, nothing, sizeof(nothing), MSG_DONTWAIT);
		}
		proceed(d);
	}
}

static void take_option(struct plan *p, int id)
{
	const char **const texts[] = { [SUITE] = &p->suite,
		[IDENTITY] = &p->identity,
		[KEY] = &p->key,
		[CERTIFICATE] = &p->certificate,
		[ANCHORS] = &p->anchors,
		[SERVER_NAME] = &p->server_name };
	switch (id) {
	case PORT:
		p->port = (uint16_t)strtoul(optarg, NULL, 10);
		break;
	case PSK:
		p->psk_len = read_hex(optarg, p->psk, sizeof(p->psk));
		break;
	case CID:
		p->cid = true;
		break;
	case RESUME:
		p->resume = true;
		break;
	case MTU:
		p->mtu = (uint16_t)strtoul(optarg, NULL, 10);
		break;
	case TIMER:
		p->timer_ms = (uint32_t)strtoul(optarg, NULL, 10);
		break;
	case SUITE:
	case IDENTITY:
	case KEY:
	case CERTIFICATE:
	case ANCHORS:
	case SERVER_NAME:
		*texts[id] = optarg;
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
	d->plan.timer_ms = TIMER_MS;
	for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;)
		take_option(&d->plan, id);
	const struct sockaddr_in there = { .sin_family = AF_INET,
		.sin_port = htons(d->plan.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (d->plan.port == 0 || !d->plan.suite)
		give_up("--port and --suite are needed");
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (d->fd < 0 || connect(d->fd, (const struct sockaddr *)&there, sizeof(there)) != 0)
		give_up(strerror(errno));
	prepare(d);
	run(d);
	return 0;
}
