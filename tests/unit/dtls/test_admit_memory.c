/* SPDX-License-Identifier: Apache-2.0 */
/* What handshakes under way take is counted as it is, and bounded in sum. */
#include "trust.h"

#include <malloc.h>

enum { LINES = 20, BLOCK = 16 /* of malloc, beside what is used */ };

/* --- libssl's heap --------------------------------------------------------------------------- */

static size_t heap; /* its hooks have no context */

static void *heap_take(size_t n, const char *file, int line)
{
	void *const p = malloc(n);
	(void)file;
	(void)line;
	heap += p ? malloc_usable_size(p) + BLOCK : 0;
	return p;
}

static void heap_give(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	heap -= p ? malloc_usable_size(p) + BLOCK : 0;
	free(p);
}

static void *heap_change(void *p, size_t n, const char *file, int line)
{
	const size_t before = p ? malloc_usable_size(p) + BLOCK : 0;
	void *const q = realloc(p, n);
	(void)file;
	(void)line;
	if (q)
		heap += malloc_usable_size(q) + BLOCK - before;
	return q;
}

/* --- handshakes that stop -------------------------------------------------------------------- */

/* Before the server's first flight is heard; before the client's Finished; before the server's. */
enum stop { AT_FLIGHT_4, AT_CLIENTS_FINISHED, AT_SERVERS_FINISHED, STOPS };

/* Octets of a datagram before its first CCS or protected record. */
static size_t clear_part(const uint8_t *d, size_t len)
{
	static uint8_t copy[DGRAM_MAX];
	uint8_t *at = copy;
	size_t left = len;
	struct dtls_record r;
	memcpy(copy, d, len);
	while (dtls_record_next(&at, &left, &r)) {
		if (r.epoch != 0 || r.type == DTLS_CCS)
			return (size_t)(r.body - copy) - DTLS_RECORD_HEADER;
	}
	return len;
}

static struct fate fate_stop(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	const enum stop stop = (enum stop)p->victim;
	const bool verify = d[DTLS_RECORD_HEADER] == DTLS_HS_HELLO_VERIFY;
	if (stop == AT_FLIGHT_4)
		return (struct fate){ .copies = from == CLIENT || verify };
	if (from != (stop == AT_CLIENTS_FINISHED ? CLIENT : SERVER))
		return (struct fate){ .copies = 1 };
	const size_t part = clear_part(d, len);
	if (part > 0)
		put_on_wire(p, 1 - from, line, d, part, p->now_ms);
	return (struct fate){ .copies = 0 };
}

static size_t counted(const struct pair *p)
{
	size_t sum = 0;
	for (unsigned i = 0; i < 2; i++) {
		const struct dtls_stats s = dtls_stats(p->side[i].e);
		sum += s.handshake_bytes - s.handshakes * sizeof(struct dtls_handshake);
	}
	return sum;
}

static size_t under_way_on(const struct pair *p, unsigned side)
{
	return dtls_stats(p->side[side].e).handshakes;
}

/* The client shows certificates that lead nowhere behind its own, as anybody may who has heard
   it. */
static void show_more(struct trust *t, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pki_one one = pki_make((struct pki_ask){ .cn = "x" }, NULL);
		assert_true(X509_up_ref(one.cert) && sk_X509_push(t->chain, one.cert));
		pki_free(&one);
	}
	dtls_profile_unref(t->profile[CLIENT]);
	t->profile[CLIENT] = NULL;
	(void)trust_profile(t, CLIENT);
}

static void measure(enum kind kind, uint16_t suite, enum stop stop, bool resume, unsigned junk)
{
	struct trust *const t = trust_new(1, kind, suite);
	struct pair *const p = t->p;
	trust_meet(t); /* whatever is made once is there now */
	show_more(t, junk);
	t->offer = resume;
	p->fate = fate_stop;
	p->victim = (size_t)stop;
	const size_t before = heap;
	for (unsigned line = 1; line <= LINES; line++)
		trust_connect(t, line);
	pair_deliver(p);
	/* Who says the last flight is done with it: the client when it resumes. */
	assert_int_equal(under_way_on(p, CLIENT), resume ? 0 : LINES);
	assert_int_equal(under_way_on(p, SERVER), stop == AT_SERVERS_FINISHED ? 0 : LINES);
	const size_t grown = heap - before;
	print_message("# kind %d stop %d resume %d: libssl %zu, counted %zu per line\n", kind, stop,
		resume, grown / LINES, counted(p) / LINES);
	assert_true(counted(p) >= grown);
	assert_true(counted(p) <= grown * 8 / 5); /* and not much more */
	trust_free(t);
}

static void test_R116_what_is_counted_is_what_is_there(void **state)
{
	(void)state;
	for (enum stop stop = AT_FLIGHT_4; stop < STOPS; stop++) {
		measure(KIND_PSK, 0xc0a8, stop, false, 0);
		measure(KIND_X509, 0xc0ae, stop, false, 0);
		measure(KIND_X509, 0xc023, stop, false, 0);
	}
	measure(KIND_X509, 0xc0ae, AT_CLIENTS_FINISHED, false, 34);
	measure(KIND_PSK, 0xc0a8, AT_CLIENTS_FINISHED, true, 0);
	measure(KIND_X509, 0xc0ae, AT_CLIENTS_FINISHED, true, 0);
}

/* --- the bound ------------------------------------------------------------------------------- */

static struct fate fate_bounded(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	const struct side *const s = &p->side[from];
	(void)line;
	(void)d;
	(void)len;
	assert_true(dtls_stats(s->e).handshake_bytes <= s->e->set.handshake_bytes_max);
	/* Out of order, and one in ten is lost. */
	const uint64_t n = pair_random(p);
	return (struct fate){ .copies = n % 10 > 0, .delay_ms = { n / 16 % 700 } };
}

static void test_R116_the_bound_holds_in_disorder_and_all_get_in(void **state)
{
	(void)state;
	struct dtls_settings set = dtls_settings_default();
	set.initial_ms[0] = set.initial_ms[1] = 1000;
	set.max_ms = 4000;
	set.mtu = 300;
	set.handshake_bytes_max = (size_t)5 << 20; /* for some 25 devices */
	struct trust *const t = trust_with(2, KIND_X509, 0xc0ae, &set);
	struct pair *const p = t->p;
	p->side[CLIENT].e->set.handshake_bytes_max = (size_t)64 << 20;
	p->fate = fate_bounded;
	for (unsigned line = 0; line < 60; line++) {
		trust_connect(t, line);
		pair_run(p, p->now_ms + 150);
	}
	pair_run(p, p->now_ms + 170000);
	assert_int_equal(dtls_stats(p->side[SERVER].e).conns, 60);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshake_bytes, 0);
	trust_free(t);
}

static void test_R096_R116_no_fragment_is_kept_over_the_bound(void **state)
{
	(void)state;
	struct trust *const t = trust_new(3, KIND_X509, 0xc0ae);
	struct pair *const p = t->p;
	struct dtls_engine *const e = p->side[SERVER].e;
	t->set[CLIENT].mtu = 200; /* the client's chain comes in pieces */
	p->fate = fate_stop;
	p->victim = AT_FLIGHT_4;
	trust_connect(t, 0);
	pair_deliver(p);
	const size_t bytes = dtls_stats(e).handshake_bytes;
	const size_t max = e->set.handshake_bytes_max;
	/* 700 octets are left; an eighth of all is not for devices. */
	e->set.handshake_bytes_max = (bytes + 700) * 8 / 7;
	p->fate = NULL;
	pair_run(p, p->now_ms + 30000);
	assert_int_equal(under_way_on(p, SERVER), 1);
	assert_in_range(dtls_stats(e).handshake_bytes, bytes + 1, bytes + 700);
	e->set.handshake_bytes_max = max;
	pair_run(p, p->now_ms + 120000);
	assert_int_equal(dtls_stats(e).conns, 1);
	trust_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R116_what_is_counted_is_what_is_there),
		cmocka_unit_test(test_R116_the_bound_holds_in_disorder_and_all_get_in),
		cmocka_unit_test(test_R096_R116_no_fragment_is_kept_over_the_bound),
	};
	if (CRYPTO_set_mem_functions(heap_take, heap_change, heap_give) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
