/* SPDX-License-Identifier: Apache-2.0 */
/* bench-padding: how long it takes to refuse a forged CBC record: much text and little
   padding, little text and much padding, wrong padding; all of one length, in random turns. Beside
   our two openers, a naive one that stops at the first fault: what its times differ by is what an
   attacker would see (Lucky Thirteen, padding oracles).

   usage: bench-padding [ROUNDS]
   A line for each opener: its name, the median in ns for much text, and of what the two other sorts
   took more than that in the same round. */
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/wipe.h"
#include "dtls/guard.h"
#include "dtls/record.h"

enum {
	SORTS = 3,    /* much text, much padding, wrong padding */
	OPENERS = 3,  /* naive, mte, etm */
	SAMPLES = 64, /* different records of a sort */
	ROUNDS = 20000,
	BLOCKS = 320,
	BODY = 16 + BLOCKS,
	MAC = 32,
	MUCH = 241, /* octets of padding: 240 of text less, which are four blocks of SHA-256 */
};

struct bench {
	struct dtls_guards *guards;
	EVP_CIPHER_CTX *cbc;
	EVP_MAC_CTX *mac;
	struct dtls_key key;
	uint8_t body[SORTS][SAMPLES][BODY];
	int32_t *ns[OPENERS][SORTS];
	size_t rounds;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "bench-padding: %s\n", what);
	exit(1);
}

static bool crypt(struct bench *b, const uint8_t *iv, int sealing, uint8_t *blocks, size_t len)
{
	int done = 0;
	return EVP_CipherInit_ex2(b->cbc, NULL, b->key.key, iv, sealing, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_padding(b->cbc, 0) == 1 &&
	       EVP_CipherUpdate(b->cbc, blocks, &done, blocks, (int)len) == 1;
}

/* Nothing in it is right but, of the first two sorts, the padding. */
static void make_record(struct bench *b, int sort, uint8_t body[BODY])
{
	must(RAND_bytes(body, BODY) == 1, "no random octets");
	uint8_t *const end = body + BODY;
	if (sort == 0)
		end[-1] = 0;
	if (sort == 1)
		memset(end - MUCH, MUCH - 1, MUCH);
	if (sort == 2) {
		end[-1] = MUCH - 1;
		end[-2] = 0;
	}
	must(crypt(b, body, 1, body + 16, BLOCKS), "no AES");
}

static bool naive_mac(struct bench *b, const struct dtls_record *r, size_t len, uint8_t *out)
{
	const struct dtls_number n = { .type = r->type, .epoch = r->epoch, .seq = r->seq };
	uint8_t head[DTLS_RECORD_HEADER]; /* as long as what the MAC begins with */
	size_t got = 0;
	dtls_record_header(head, r->version, &n, len);
	return EVP_MAC_init(b->mac, b->key.mac, sizeof(b->key.mac), NULL) == 1 &&
	       EVP_MAC_update(b->mac, head, sizeof(head)) == 1 &&
	       EVP_MAC_update(b->mac, r->body + 16, len) == 1 &&
	       EVP_MAC_final(b->mac, out, &got, MAC) == 1;
}

/* As RFC 5246 6.2.3.2 warns not to. */
static bool naive_open(struct bench *b, const struct dtls_record *r)
{
	const uint8_t *const last = r->body + r->len - 1;
	uint8_t mac[MAC];
	if (!crypt(b, r->body, 0, r->body + 16, BLOCKS))
		return false;
	if (memcmp(last - *last, last - *last + 1, *last) != 0) /* each is as its neighbour */
		return false;
	const size_t len = BLOCKS - 1 - *last - MAC;
	return naive_mac(b, r, len, mac) && same_secret(mac, r->body + 16 + len, MAC);
}

static uint64_t now(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void measure(struct bench *b, size_t round, int opener, int sort)
{
	uint8_t body[BODY];
	uint8_t *plain;
	size_t len;
	const struct dtls_record r = {
		.type = DTLS_DATA,
		.version = DTLS_VERSION_1_2,
		.epoch = 1,
		.seq = round,
		.body = body,
		.len = BODY,
	};
	memcpy(body, b->body[sort][round % SAMPLES], BODY);
	const uint64_t begin = now();
	bool good;
	if (opener == 0)
		good = naive_open(b, &r);
	else
		good = dtls_guard_open(b->guards, opener == 1 ? DTLS_GUARD_MTE : DTLS_GUARD_ETM,
			&b->key, &r, &plain, &len);
	b->ns[opener][sort][round] = (int32_t)(now() - begin);
	must(!good, "a forged record opened");
}

/* All openers and sorts once, in an order that is another each time. */
static void turn(struct bench *b, size_t round)
{
	uint8_t order[OPENERS * SORTS] = { 0 };
	uint8_t random[OPENERS * SORTS];
	must(RAND_bytes(random, sizeof(random)) == 1, "no random octets");
	for (unsigned i = 0; i < sizeof(order); i++) {
		const unsigned at = random[i] % (i + 1);
		order[i] = order[at];
		order[at] = (uint8_t)i;
	}
	for (unsigned i = 0; i < sizeof(order); i++)
		measure(b, round, order[i] / SORTS, order[i] % SORTS);
}

static int by_size(const void *a, const void *b)
{
	const int32_t x = *(const int32_t *)a;
	const int32_t y = *(const int32_t *)b;
	return (x > y) - (x < y);
}

/* The mean of the fifth around the median: finer than the clock. */
static double median(int32_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), by_size);
	double sum = 0;
	const size_t from = n * 2 / 5;
	const size_t to = n * 3 / 5 + 1;
	for (size_t i = from; i < to; i++)
		sum += ns[i];
	return sum / (double)(to - from);
}

/* Sorts are compared within a round, as a machine is not as fast in each. */
static void tell(const char *name, int32_t *ns[SORTS], size_t rounds)
{
	for (int sort = 1; sort < SORTS; sort++) {
		for (size_t i = 0; i < rounds; i++)
			ns[sort][i] -= ns[0][i];
	}
	(void)printf("%s", name);
	for (int sort = 0; sort < SORTS; sort++)
		(void)printf(" %.2f", median(ns[sort], rounds));
	(void)printf("\n");
}

static void set_up(struct bench *b)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_CIPHER *const cbc = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
	EVP_MAC *const mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	b->guards = dtls_guards_new();
	b->cbc = EVP_CIPHER_CTX_new();
	b->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	must(b->guards && b->cbc && b->mac, "no guards");
	must(EVP_CipherInit_ex2(b->cbc, cbc, NULL, NULL, 1, NULL) == 1, "no AES-128-CBC");
	must(EVP_MAC_CTX_set_params(b->mac, params) == 1, "no HMAC-SHA256");
	EVP_CIPHER_free(cbc);
	EVP_MAC_free(mac);
	must(RAND_bytes((uint8_t *)&b->key, sizeof(b->key)) == 1, "no random octets");
	for (int sort = 0; sort < SORTS; sort++) {
		for (size_t i = 0; i < SAMPLES; i++)
			make_record(b, sort, b->body[sort][i]);
		for (int opener = 0; opener < OPENERS; opener++) {
			b->ns[opener][sort] = calloc(b->rounds, sizeof(int32_t));
			must(b->ns[opener][sort], "no memory");
		}
	}
}

int main(int argc, char **argv)
{
	static const char *const names[OPENERS] = { "naive", "mte", "etm" };
	static struct bench b;
	const long asked = argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS;
	must(asked > 0, "usage: bench-padding [ROUNDS]");
	b.rounds = (size_t)asked;
	set_up(&b);
	for (size_t i = 0; i < b.rounds; i++)
		turn(&b, i);
	for (int opener = 0; opener < OPENERS; opener++) {
		tell(names[opener], b.ns[opener], b.rounds);
		for (int sort = 0; sort < SORTS; sort++)
			free(b.ns[opener][sort]);
	}
	EVP_CIPHER_CTX_free(b.cbc);
	EVP_MAC_CTX_free(b.mac);
	dtls_guards_free(b.guards);
	return 0;
}
