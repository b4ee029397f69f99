/* SPDX-License-Identifier: Apache-2.0 */
/* lwgate-labserver: an upstream LwM2M server for the lab, with libcoap's own DTLS. */
#include <arpa/inet.h>
#include <getopt.h>
#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/labserver.h"
#include "tests/lab/loop.h"
#include "tests/lab/udp.h"

enum option_id {
	LISTEN = 1,
	PORT,
	KEYS,
	OPS,
	NOTIFICATIONS,
	ROUNDS,
	PAUSE_MS,
	TIMEOUT,
	NOTIFY_S,
	ACK_MS,
	TRIES,
	QUIET,
	NON,
	HELP
};

static const struct option options[] = {
	{ "listen", required_argument, NULL, LISTEN },
	{ "port", required_argument, NULL, PORT },
	{ "keys", required_argument, NULL, KEYS },
	{ "ops", required_argument, NULL, OPS },
	{ "notifications", required_argument, NULL, NOTIFICATIONS },
	{ "rounds", required_argument, NULL, ROUNDS },
	{ "pause-ms", required_argument, NULL, PAUSE_MS },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "notify-s", required_argument, NULL, NOTIFY_S },
	{ "ack-ms", required_argument, NULL, ACK_MS },
	{ "tries", required_argument, NULL, TRIES },
	{ "quiet", no_argument, NULL, QUIET },
	{ "non", no_argument, NULL, NON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: lwgate-labserver --keys FILE [option ...]\n"
	"An LwM2M server that takes registrations and drives operations. Prints a JSON object a "
	"line: what happens, and a\n"
	"summary at the end. Orders on stdin: finish (no new rounds; {\"event\":\"idle\"} when all "
	"have ended), status, mark (the\n"
	"summary's \"reached\": devices that have answered since), round [ENDPOINT] (one more "
	"round of all, or of that\n"
	"one, when they have done theirs), quit.\n"
	"  --listen ADDR      127.0.0.1\n"
	"  --port P           0: the system picks; it is printed\n"
	"  --keys FILE        lines: identity hexkey [endpoint]; mode 0600\n"
	"  --ops LIST         read,discover,write,execute,observe,cancel\n"
	"  --notifications N  to wait for after Observe (3)\n"
	"  --rounds N         of the list per registration; 0: until told to finish (1)\n"
	"  --pause-ms N       between rounds (1000)\n"
	"  --timeout S        for an answer, its retransmissions included (95)\n"
	"  --notify-s S       for each notification (30)\n"
	"  --ack-ms N         ACK_TIMEOUT; libcoap takes no less than 1000 (2000)\n"
	"  --tries N          transmissions of a CON: MAX_RETRANSMIT and the first (5)\n"
	"  --quiet            no event for each operation and notification\n"
	"  --non              operations are NON\n"
	"  -v                 libcoap's log\n";

struct plan {
	struct server_settings set;
	const char *listen, *keys;
	uint16_t port;
	coap_log_t level;
};

static void parse_ops(const char *text, struct server_settings *set)
{
	set->ops_len = 0;
	while (*text) {
		const size_t len = strcspn(text, ",");
		if (set->ops_len == SERVER_OPS_MAX ||
			!server_op_named(text, len, &set->ops[set->ops_len])) {
			(void)fprintf(
				stderr, "--ops: %.*s: unknown, or too many\n", (int)len, text);
			exit(2);
		}
		set->ops_len++;
		text += len + (text[len] == ',');
	}
}

static void take_setting(struct server_settings *s, int id, const char *text)
{
	switch (id) {
	case OPS:
		parse_ops(text, s);
		break;
	case NOTIFICATIONS:
		s->notifications = option_number("notifications", text, 0, 1000000);
		break;
	case ROUNDS:
		s->rounds = option_number("rounds", text, 0, UINT32_MAX);
		break;
	case PAUSE_MS:
		s->pause_ms = option_number("pause-ms", text, 1, 3600000);
		break;
	case TIMEOUT:
		s->timeout_ms = 1000 * option_number("timeout", text, 1, 3600);
		break;
	case NOTIFY_S:
		s->notify_ms = 1000 * option_number("notify-s", text, 1, 3600);
		break;
	case ACK_MS:
		s->ack_ms = option_number("ack-ms", text, 1000, 60000);
		break;
	case TRIES:
		s->tries = (uint16_t)option_number("tries", text, 1, 20);
		break;
	case QUIET:
		s->quiet = true;
		break;
	case NON:
		s->non = true;
		break;
	default:
		(void)fputs(usage, stderr);
		exit(2);
	}
}

static struct plan read_options(int argc, char **argv)
{
	struct plan p = { .listen = "127.0.0.1",
		.level = LOG_ERR,
		.set = { .notifications = 3,
			.rounds = 1,
			.pause_ms = 1000,
			.timeout_ms = 95000,
			.notify_ms = 30000,
			.ack_ms = 2000,
			.tries = 5 } };
	parse_ops("read,discover,write,execute,observe,cancel", &p.set);
	for (int id; (id = getopt_long(argc, argv, "v", options, NULL)) != -1;) {
		if (id == LISTEN) {
			p.listen = optarg;
		} else if (id == PORT) {
			p.port = (uint16_t)option_number("port", optarg, 0, UINT16_MAX);
		} else if (id == KEYS) {
			p.keys = optarg;
		} else if (id == 'v') {
			p.level = p.level == LOG_ERR ? LOG_INFO : LOG_DEBUG;
		} else if (id == HELP) {
			(void)fputs(usage, stdout);
			exit(0);
		} else {
			take_setting(&p.set, id, optarg);
		}
	}
	if (!p.keys) {
		(void)fputs(usage, stderr);
		exit(2);
	}
	return p;
}

static const coap_bin_const_t *key_of(
	coap_bin_const_t *identity, coap_session_t *session, void *arg)
{
	struct server *s = arg;
	size_t number;
	(void)session;
	if (identity && keyfile_find(&s->keys, identity->s, identity->length, &number))
		return &s->psk[number];
	s->counts.strangers++;
	return NULL;
}

static bool load_keys(struct server *s, const char *file)
{
	char error[256];
	if (!keyfile_load(&s->keys, file, error, sizeof(error))) {
		(void)fprintf(stderr, "lwgate-labserver: %s\n", error);
		return false;
	}
	s->psk = calloc(s->keys.len, sizeof(*s->psk));
	s->peers = calloc(s->keys.len, sizeof(*s->peers));
	for (size_t i = 0; s->psk && s->peers && i < s->keys.len; i++) {
		s->psk[i] = (coap_bin_const_t){ .length = s->keys.entries[i].key_len,
			.s = s->keys.entries[i].key };
		s->peers[i].entry = &s->keys.entries[i];
	}
	return s->psk && s->peers;
}

/* Opens the DTLS endpoint and tells where. */
static bool open_endpoint(struct server *s, const struct plan *p)
{
	coap_dtls_spsk_t psk = { .version = COAP_DTLS_SPSK_SETUP_VERSION,
		.validate_id_call_back = key_of,
		.id_call_back_arg = s };
	struct net_addr a = { .family = strchr(p->listen, ':') ? NET_IPV6 : NET_IPV4,
		.port = p->port };
	struct sockaddr_storage name;
	coap_address_t address;
	if (inet_pton(a.family == NET_IPV6 ? AF_INET6 : AF_INET, p->listen, a.ip) != 1)
		return false;
	if (a.port == 0) { /* libcoap does not tell a port that the system picked: pick it here */
		const int fd = udp_socket(&a);
		if (fd < 0 || close(fd) != 0)
			return false;
	}
	coap_address_init(&address);
	address.size = udp_to_sockaddr(&a, &name);
	memcpy(&address.addr, &name, address.size);
	coap_context_set_max_handshake_sessions(s->context, 100000);
	if (!coap_context_set_psk2(s->context, &psk) ||
		!coap_new_endpoint(s->context, &address, COAP_PROTO_DTLS))
		return false;
	(void)printf(
		"{\"event\":\"listening\",\"address\":\"%s\",\"port\":%u}\n", p->listen, a.port);
	(void)fflush(stdout);
	return true;
}

/* False: the end. */
static bool obey(struct server *s, const char *order)
{
	if (strcmp(order, "finish") == 0)
		s->finishing = true;
	else if (strcmp(order, "status") == 0)
		server_say_summary(s);
	else if (strncmp(order, "round", 5) == 0 && (order[5] == 0 || order[5] == ' '))
		server_ops_again(s, order[5] ? order + 6 : NULL);
	for (size_t i = 0; strcmp(order, "mark") == 0 && i < s->keys.len; i++)
		s->peers[i].answered_mark = s->peers[i].answered;
	return strcmp(order, "quit") != 0;
}

static void run(struct server *s, struct orders *orders)
{
	struct pollfd fds[] = { { .fd = coap_context_get_coap_fd(s->context), .events = POLLIN },
		{ .fd = orders->fd, .events = POLLIN } };
	char order[ORDER_MAX];
	bool idle_said = false;
	for (;;) {
		const uint64_t now = loop_now_ms();
		const uint64_t next = server_ops_run(s, now);
		coap_tick_t ticks;
		coap_ticks(&ticks);
		const unsigned own = coap_io_prepare_epoll(s->context, ticks);
		uint64_t wait = next <= now ? 0 : next - now;
		if (own != 0 && own < wait)
			wait = own;
		(void)poll(fds, 2, wait > 1000 ? 1000 : (int)wait);
		while (orders_next(orders, order)) {
			if (!obey(s, order))
				return;
		}
		/* libcoap leaves errors of one session in OpenSSL's queue, and then takes them for
		   the next one's. One datagram is read a turn. */
		ERR_clear_error();
		(void)coap_io_process(s->context, COAP_IO_NO_WAIT);
		if (s->finishing && !idle_said && server_ops_idle(s)) {
			idle_said = true;
			(void)puts("{\"event\":\"idle\"}");
			(void)fflush(stdout);
		}
	}
}

/* Ends all sessions first: the gateway is told by close_notify. */
static void release(struct server *s)
{
	for (size_t i = 0; s->peers && i < s->keys.len; i++) {
		if (s->peers[i].session)
			coap_session_release(s->peers[i].session);
		s->peers[i].session = NULL;
		free(s->peers[i].serials);
	}
	if (s->context)
		coap_free_context(s->context);
	free(s->peers);
	free(s->psk);
	keyfile_free(&s->keys);
}

/* OpenSSL has had the CCM_8 suites at security level 0 since 3.2, and libcoap has no setting for
   the level. To be called before libcoap's first use of OpenSSL. */
static bool allow_ccm8(void)
{
	static const char text[] = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
				   "[c]\nCipherString = DEFAULT:@SECLEVEL=0\n";
	BIO *bio = BIO_new_mem_buf(text, -1);
	CONF *conf = NCONF_new(NULL);
	const bool done =
		bio && conf && OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 &&
		NCONF_load_bio(conf, bio, NULL) > 0 && CONF_modules_load(conf, NULL, 0) > 0;
	NCONF_free(conf);
	BIO_free(bio);
	return done;
}

int main(int argc, char **argv)
{
	struct plan p = read_options(argc, argv);
	struct server s = { .set = &p.set };
	struct orders orders;
	int status = 1;
	if (!allow_ccm8()) {
		(void)fputs("lwgate-labserver: OpenSSL takes no settings\n", stderr);
		return 1;
	}
	coap_startup();
	coap_set_log_level(p.level);
	coap_dtls_set_log_level(p.level);
	s.context = coap_new_context(NULL);
	if (s.context && load_keys(&s, p.keys) && orders_open(&orders)) {
		server_registry_init(&s, s.context);
		server_ops_init(&s, s.context);
		server_dp_init(s.context);
		if (open_endpoint(&s, &p)) {
			run(&s, &orders);
			server_say_summary(&s);
			status = 0;
		} else {
			(void)fprintf(stderr, "lwgate-labserver: cannot listen on %s port %u\n",
				p.listen, p.port);
		}
		orders_close(&orders);
	}
	release(&s);
	coap_cleanup();
	return status;
}
