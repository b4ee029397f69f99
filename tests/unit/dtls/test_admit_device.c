/* SPDX-License-Identifier: Apache-2.0 */
/* A device that is libssl, with its own timers, at an address from which many have failed. */
#include "device.h"

/* Counts the ClientHellos of the client. */
static struct fate fate_hellos(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	(void)len;
	p->victim += from == CLIENT && d[0] == DTLS_HANDSHAKE &&
		     d[DTLS_RECORD_HEADER] == DTLS_HS_CLIENT_HELLO;
	return (struct fate){ .copies = 1 };
}

/* Every source has, as often as is counted. */
static void suspect_all(struct pair *p)
{
	struct dtls_failures *const f = &p->side[SERVER].e->suspects.sources;
	for (size_t row = 0; row < DTLS_SKETCH_ROWS; row++)
		for (size_t i = 0; i < DTLS_SKETCH_CELLS; i++)
			f->free_ms[row][i] =
				p->now_ms + (uint64_t)DTLS_FAILURES_MAX * DTLS_FORGIVE_MS;
}

/* Somebody is asked to wait, and with that the first turn begins. */
static void somebody_waits(struct pair *p)
{
	const struct net_path path = line_path(CLIENT, 1);
	pair_connect(p, 1);
	pair_deliver(p);
	dtls_connect_cancel(p->side[CLIENT].e, &path);
	assert_int_equal(dtls_stats(p->side[SERVER].e).deferred, 1);
}

static void one_retransmission(uint64_t after_ms)
{
	struct pair *const p = pair_new(1, NULL);
	suspect_all(p);
	somebody_waits(p);
	pair_run(p, p->now_ms + after_ms);
	p->fate = fate_hellos;
	struct device *const d = device_new(p, NULL);
	device_connect(d);
	assert_int_equal(p->victim, 2); /* without and with a cookie */
	assert_int_equal(dtls_stats(p->side[SERVER].e).deferred, 2);
	device_run(d, p->now_ms + 1500);
	assert_true(d->up);
	assert_int_equal(p->victim, 3); /* and that once more */
	assert_device_talks(d);
	device_free(d);
	pair_free(p);
}

static void test_R057_a_device_of_libssl_is_in_after_one_retransmission(void **state)
{
	(void)state;
	for (uint64_t after_ms = 0; after_ms < 1200; after_ms += 60)
		one_retransmission(after_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R057_a_device_of_libssl_is_in_after_one_retransmission),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
