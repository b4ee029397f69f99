/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-floor: the least that a relay between devices and one server can cost with the kernel's
 *              UDP and OpenSSL's EVP: what bench-relay measures lwgated against.
 *
 * One device socket, shared upstream sockets with a source address per device, recvmmsg and
 * sendmmsg in batches, and per datagram one AES_128_CCM_8 record opened and one sealed. Datagrams
 * pass as they are (a NAT), so the devices' DTLS ends at the server: load, server and scheduling
 * are the same as with lwgated in this program's place.
 *
 * Prints {"event":"listening"} when ready and {"event":"summary"} at its end (SIGTERM).
 */
#include "conf/address.h"
#include "io/sources.h"
#include "io/udp.h"
#include "tests/lab/loop.h"

#include <errno.h>
#include <getopt.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/*
 * What AES_128_CCM_8 costs at least: EVP only, none of gateway/dtls, as a slow record layer of ours
 * must not raise the floor. The context is re-keyed for each record (nobody keeps one per device),
 * and "TLS AAD" is the cheapest sequence of calls (EVP_EncryptInit(3)).
 */

enum {
	KEY = 16,
	PLAIN = 100, /* the payload that the goals speak of */
	TAG = 8,
	NONCE = 12,
	AAD = 13,
	RECORD = 8 + PLAIN + TAG, /* RFC 6655 section 3: explicit nonce, text, tag */
};

struct leg { /* one association */
	uint8_t in[KEY], out[KEY];
	uint8_t sealed[RECORD]; /* opens with `in` */
	uint64_t numbers;       /* written */
};

struct crypto {
	EVP_CIPHER_CTX *seal, *open;
};

static EVP_CIPHER_CTX *context(const EVP_CIPHER *ccm, int sealing)
{
	size_t nonce_len = NONCE;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &nonce_len),
		OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, TAG),
		OSSL_PARAM_construct_end(),
	};
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (ctx && EVP_CipherInit_ex2(ctx, ccm, NULL, NULL, sealing, params) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static void crypto_free(struct crypto *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->seal);
	EVP_CIPHER_CTX_free(c->open);
	free(c);
}

static struct crypto *crypto_new(void)
{
	struct crypto *c = calloc(1, sizeof(*c));
	EVP_CIPHER *ccm = EVP_CIPHER_fetch(NULL, "AES-128-CCM", NULL);
	if (c && ccm) {
		c->seal = context(ccm, 1);
		c->open = context(ccm, 0);
	}
	EVP_CIPHER_free(ccm);
	if (c && c->seal && c->open)
		return c;
	crypto_free(c);
	return NULL;
}

static bool crypt(EVP_CIPHER_CTX *ctx, int sealing, const uint8_t key[KEY], uint64_t number,
	uint8_t record[RECORD])
{
	const size_t told = sealing ? RECORD - TAG : RECORD;
	uint8_t nonce[NONCE] = { 0 };
	uint8_t aad[AAD] = { 0 };
	memcpy(aad, &number, sizeof(number));
	aad[AAD - 1] = (uint8_t)told;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
			OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, aad, sizeof(aad)),
		OSSL_PARAM_construct_end(),
	};
	int done = 0;
	return EVP_CipherInit_ex2(ctx, NULL, key, nonce, sealing, params) == 1 &&
	       EVP_CipherUpdate(ctx, record, &done, record, RECORD) == 1;
}

/* Random keys, and the record that will be opened again and again. */
static bool leg_init(struct crypto *c, struct leg *leg)
{
	*leg = (struct leg){ .numbers = 0 };
	return RAND_bytes(leg->in, KEY) == 1 && RAND_bytes(leg->out, KEY) == 1 &&
	       crypt(c->seal, 1, leg->in, 0, leg->sealed);
}

/* Opens the record that came on one leg and seals its text for the other. */
static bool crypto_cross(struct crypto *c, const struct leg *from, struct leg *to)
{
	uint8_t record[RECORD];
	memcpy(record, from->sealed, sizeof(record));
	return crypt(c->open, 0, from->in, 0, record) &&
	       crypt(c->seal, 1, to->out, ++to->numbers, record);
}

enum { EVENTS = 64, BUCKETS = 1 << 15, ROUNDS = 4, DEVICE_SOCK = 0 };
/* Apart: since gcc 13 one unsigned constant makes its whole enum unsigned. */
enum { ORDERS = 0xffffffff };

struct device {
	struct device *next[2]; /* in the bucket of each side */
	struct net_path path[2];
	struct leg leg[2];
};

enum side { DOWN, UP };

struct plan {
	struct net_addr listen, to;
	struct conf_prefix prefix;
	bool crypto;
};

struct relay {
	const struct plan *plan;
	int epoll, listener;
	struct sources *sources;
	struct crypto *crypto;
	struct device *buckets[2][BUCKETS];
	struct udp_rx rx;
	struct udp_tx tx;
	uint64_t receives, empty, datagrams, devices, turns;
};

/* Devices differ in their own address, links in ours: both are in the path. No stranger is about:
   no keyed hash. */
static size_t bucket_of(const struct net_path *p)
{
	uint64_t ip, local;
	memcpy(&ip, p->peer.ip, sizeof(ip));
	memcpy(&local, p->local_ip, sizeof(local));
	const uint64_t mixed = (ip ^ (uint64_t)p->peer.port << 40 ^ local << 13 ^ p->sock) *
			       UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(mixed >> 40) % BUCKETS;
}

static struct device *find(const struct relay *r, enum side side, const struct net_path *path)
{
	for (struct device *d = r->buckets[side][bucket_of(path)]; d; d = d->next[side]) {
		if (net_path_same(&d->path[side], path))
			return d;
	}
	return NULL;
}

static void link_in(struct relay *r, struct device *d, enum side side)
{
	struct device **bucket = &r->buckets[side][bucket_of(&d->path[side])];
	d->next[side] = *bucket;
	*bucket = d;
}

static struct device *add(struct relay *r, const struct net_path *path)
{
	const uint32_t slot = sources_take(r->sources, 0);
	struct device *d = calloc(1, sizeof(*d));
	if (!d || slot == SOURCES_NONE || !leg_init(r->crypto, &d->leg[DOWN]) ||
		!leg_init(r->crypto, &d->leg[UP])) {
		(void)fprintf(stderr, "bench-floor: no place for one more device\n");
		exit(1);
	}
	d->path[DOWN] = *path;
	d->path[UP] = sources_path(r->sources, slot);
	link_in(r, d, DOWN);
	link_in(r, d, UP);
	r->devices++;
	return d;
}

static void forward(struct relay *r, enum side from, const struct udp_datagram *got)
{
	const enum side to = from == DOWN ? UP : DOWN;
	struct device *d = find(r, from, &got->path);
	if (!d && from == DOWN)
		d = add(r, &got->path);
	if (!d)
		return;
	if (r->plan->crypto && !crypto_cross(r->crypto, &d->leg[from], &d->leg[to])) {
		(void)fprintf(stderr, "bench-floor: a record did not open\n");
		exit(1);
	}
	const int fd = to == DOWN ? r->listener : sources_fd(r->sources, d->path[UP].sock);
	uint8_t *room = udp_tx_room(&r->tx, fd, &d->path[to], got->len);
	if (!room)
		return;
	memcpy(room, got->data, got->len);
	udp_tx_done(&r->tx, got->len);
}

static void take(struct relay *r, uint32_t sock)
{
	const bool down = sock == DEVICE_SOCK;
	const int fd = down ? r->listener : sources_fd(r->sources, sock);
	for (int round = 0; round < ROUNDS; round++) {
		const struct udp_got got =
			udp_receive(&r->rx, fd, sock, down || sources_use_local(r->sources));
		struct net_path path;
		bool unreachable;
		while (got.idle && udp_next_error(fd, false, &path, &unreachable))
			; /* read, or it would wake us for ever */
		r->receives++;
		r->empty += got.len == 0;
		r->datagrams += got.len;
		for (size_t i = 0; i < got.len; i++)
			forward(r, down ? DOWN : UP, &r->rx.got[i]);
		if (!got.more)
			break;
	}
}

static bool watch(struct relay *r, uint32_t number, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = number };
	return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool opened(void *ctx, uint32_t sock, int fd)
{
	return watch(ctx, sock, fd);
}

/* False: the end. */
static bool obey(struct orders *orders)
{
	char order[ORDER_MAX];
	while (orders_next(orders, order)) {
		if (strcmp(order, "quit") == 0)
			return false;
	}
	return true;
}

static void run(struct relay *r, struct orders *orders)
{
	struct epoll_event ready[EVENTS];
	for (bool going = true; going;) {
		const int n = epoll_wait(r->epoll, ready, EVENTS, -1);
		r->turns++;
		for (int i = 0; i < n; i++) {
			if (ready[i].data.u32 == ORDERS)
				going = obey(orders);
			else
				take(r, ready[i].data.u32);
		}
		udp_tx_flush(&r->tx);
	}
}

static bool set_up(struct relay *r, const struct orders *orders)
{
	const struct udp_options o = { .bind = r->plan->listen, .errors = false };
	struct sources_settings s = {
		.upstream = r->plan->to,
		.prefixes = { { .base = r->plan->prefix.base, .bits = r->plan->prefix.bits } },
		.prefixes_len = r->plan->prefix.base.family != 0,
		.sockets_max = 4096,
		.first_sock = DEVICE_SOCK + 1,
		.ctx = r,
		.opened = opened,
	};
	udp_rx_init(&r->rx);
	udp_tx_init(&r->tx);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->listener = udp_open(&o);
	r->sources = sources_new(&s);
	r->crypto = crypto_new();
	return r->listener >= 0 && r->sources && r->crypto && watch(r, ORDERS, orders->fd) &&
	       watch(r, DEVICE_SOCK, r->listener) && udp_local(r->listener, &s.upstream) &&
	       printf("{\"event\":\"listening\",\"port\":%u}\n", s.upstream.port) > 0 &&
	       fflush(stdout) == 0;
}

static void summary(const struct relay *r)
{
	(void)printf("{\"event\":\"summary\",\"devices\":%llu,\"turns\":%llu,\"receives\":%llu,"
		     "\"empty\":%llu,\"datagrams\":%llu,\"sent\":%llu,\"dropped\":%llu}\n",
		(unsigned long long)r->devices, (unsigned long long)r->turns,
		(unsigned long long)r->receives, (unsigned long long)r->empty,
		(unsigned long long)r->datagrams, (unsigned long long)r->tx.sent,
		(unsigned long long)r->tx.dropped);
}

static void refuse(const char *option, const char *text, const char *why)
{
	(void)fprintf(stderr, "bench-floor: --%s %s %s\n", option, text, why);
	exit(2);
}

static void take_address(const char *option, char *text, struct net_addr *out)
{
	char *colon = strrchr(text, ':');
	if (!colon)
		refuse(option, text, "has no :PORT");
	*colon = 0;
	const char *why = conf_address_parse(
		text, (uint16_t)option_number(option, colon + 1, 0, UINT16_MAX), out);
	if (why)
		refuse(option, text, why);
}

static const struct option options[] = {
	{ "listen", required_argument, NULL, 'l' },
	{ "to", required_argument, NULL, 't' },
	{ "sources", required_argument, NULL, 's' },
	{ "no-crypto", no_argument, NULL, 'n' },
	{ NULL, 0, NULL, 0 },
};

static struct plan read_options(int argc, char **argv)
{
	struct plan p = { .crypto = true };
	for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		const char *why = NULL;
		if (id == 'l')
			take_address("listen", optarg, &p.listen);
		else if (id == 't')
			take_address("to", optarg, &p.to);
		else if (id == 's')
			why = conf_prefix_parse(optarg, &p.prefix);
		else if (id == 'n')
			p.crypto = false;
		else
			exit(2);
		if (why)
			refuse("sources", optarg, why);
	}
	if (p.listen.family == 0 || p.to.family == 0)
		refuse("listen", "and --to", "are needed");
	return p;
}

int main(int argc, char **argv)
{
	const struct plan plan = read_options(argc, argv);
	struct orders orders;
	struct relay *r = calloc(1, sizeof(*r));
	if (!r)
		return 1;
	r->plan = &plan;
	const bool good = orders_open(&orders) && set_up(r, &orders);
	if (good) {
		run(r, &orders);
		summary(r);
	} else {
		(void)fprintf(stderr, "bench-floor: cannot listen: %s\n", strerror(errno));
	}
	crypto_free(r->crypto);
	sources_free(r->sources);
	free(r); /* devices, sockets: the system's in a moment */
	return good && fflush(stdout) == 0 ? 0 : 1;
}
