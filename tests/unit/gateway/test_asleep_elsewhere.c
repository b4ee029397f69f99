/* SPDX-License-Identifier: Apache-2.0 */
/* R-131, S24: who has seen a CID of a sleeper does not keep it from waking by what he sends. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_moves.h"

enum { QUIET_TURNS = 12, FLOOD = 100, SECOND = 1000 };

static void flood(struct town *t, int fd, const struct town_sheet *s, size_t n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(t->gateway.port) };
	memcpy(&to.sin_addr, t->gateway.ip, 4);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(
			sendto(fd, s->data, s->len, 0, (struct sockaddr *)&to, sizeof(to)), s->len);
		if (i % 16 == 15)
			town_turns(t, 2);
	}
	town_turns(t, 2);
}

static void test_R131_a_sleeper_wakes_in_spite_of_a_flood_from_elsewhere(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0);
	const struct sockaddr_in away = { .sin_family = AF_INET,
		.sin_addr.s_addr = inet_addr("127.250.250.250") };
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&away, sizeof(away)), 0);
	t->devices.tapes = true;
	t->devices.withholds = true;
	town_update(t, home);
	t->devices.tapes = false;
	t->devices.withholds = false;
	town_night(t);
	struct town_sheet *const s = &t->devices.tape[0];
	s->data[s->len - 1] ^= 1;
	flood(t, fd, s, FLOOD);
	for (size_t i = 0; i < 3; i++) {
		town_pass(SECOND);
		flood(t, fd, s, 8);
	}
	const size_t up = t->server.messages;
	town_update(t, home);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up + 1);
	(void)close(fd);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R131_a_sleeper_wakes_in_spite_of_a_flood_from_elsewhere),
	};
	return cmocka_run_group_tests_name("asleep_elsewhere", tests, NULL, NULL);
}
