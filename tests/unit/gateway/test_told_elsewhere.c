/* SPDX-License-Identifier: Apache-2.0 */
/* S27: a healthy device that has moved, and was not asked since, is not told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/lost.h"
#include "gateway/session.h"
#include "town_moves.h"

static void test_S27_nobody_is_told_where_a_candidate_is(void **state)
{
	(void)state;
	for (int asleep = 0; asleep < 2; asleep++) {
		const struct town_cids cids = { .gateway = true };
		struct town *t = town_roaming(2, &cids);
		/* Its CID is worker 0's, its address worker 1's. */
		const size_t home = town_registered(t, 0, 0), second = town_moved(t, home, 1);
		town_updated(t, second);
		town_settle(t);
		if (asleep)
			town_night(t);
		struct gw_worker *const w = t->workers[1];
		w->profiles.told = (struct gw_told){
			.prefixes = { { .base = { .ip = { 127 }, .family = NET_IPV4 },
				.bits = 8 } },
			.len = 1,
			.rate = 10,
		};
		w->lost.speaks_ms = 0;
		/* Somebody sends a record for nobody in its name. */
		struct town_peer *const d = &t->devices;
		const uint8_t junk[] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 17, 0, 0, 0, 0,
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
		struct town_sheet *const s = &d->tape[d->tape_len++];
		s->path = (struct net_path){ .peer = t->gateway, .sock = (uint32_t)second };
		s->len = sizeof(junk);
		memcpy(s->data, junk, sizeof(junk));
		const size_t in = d->in[second];
		town_replay(d, d->tape_len - 1);
		town_turns(t, 12);
		assert_int_equal(dtls_stats(w->dtls).told_lost, 0);
		assert_int_equal(d->in[second], in);
		town_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S27_nobody_is_told_where_a_candidate_is),
	};
	return cmocka_run_group_tests_name("told_elsewhere", tests, NULL, NULL);
}
