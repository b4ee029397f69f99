/* SPDX-License-Identifier: Apache-2.0 */
/* Our half of nng's pair0 protocol, against nng's own dialer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/sms_door.h"
#include "sms-bridge/wire/wire.h"

enum { PATIENCE_MS = 10000, STEP_MS = 20, WORDS = 64, FILL = 3000 };

/* nng, which is only the peer here, forgets to free a dialer that is closed while it connects, or
   is being hung up on; what the door itself takes is not from there. */
/* NOLINTBEGIN: the sanitizer's name, which is reserved, and is not ours to choose */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
/* NOLINTEND */
{
	return "leak:libnng.so";
}

struct house {
	char folder[32], path[64], url[80];
	struct gw_sms_door *door;
	unsigned ups, downs, rooms, frames;
	size_t len;
	uint8_t last[WIRE_FRAME_MAX], most[WIRE_FRAME_MAX];
};

static void up(void *ctx)
{
	((struct house *)ctx)->ups++;
}

static void down(void *ctx)
{
	((struct house *)ctx)->downs++;
}

static void room(void *ctx)
{
	((struct house *)ctx)->rooms++;
}

static void frame(void *ctx, const uint8_t *data, size_t len)
{
	struct house *const h = ctx;
	h->frames++;
	h->len = len;
	memcpy(h->last, data, len);
}

static int set_up(void **state)
{
	struct house *const h = calloc(1, sizeof(*h));
	const struct gw_sms_door_owner owner = {
		.ctx = h, .up = up, .down = down, .frame = frame, .room = room
	};
	char error[256];
	assert_non_null(h);
	(void)snprintf(h->folder, sizeof(h->folder), "/tmp/sms-door-XXXXXX");
	assert_non_null(mkdtemp(h->folder));
	(void)snprintf(h->path, sizeof(h->path), "%s/sms", h->folder);
	(void)snprintf(h->url, sizeof(h->url), "ipc://%s", h->path);
	const struct gw_sms_door_place place = { .path = h->path, .group = "", .inherited = -1 };
	h->door = gw_sms_door_open(&place, &owner, error, sizeof(error));
	assert_non_null(h->door);
	*state = h;
	return 0;
}

static int tear_down(void **state)
{
	struct house *const h = *state;
	gw_sms_door_close(h->door);
	(void)rmdir(h->folder);
	free(h);
	return 0;
}

static void until(struct house *h, const unsigned *what, unsigned least)
{
	for (int ms = 0; *what < least && ms < PATIENCE_MS; ms += STEP_MS) {
		struct pollfd p = { .fd = gw_sms_door_fd(h->door), .events = POLLIN };
		(void)poll(&p, 1, STEP_MS);
		gw_sms_door_serve(h->door);
	}
	assert_true(*what >= least);
}

static nng_socket dial(const struct house *h)
{
	nng_socket s;
	assert_int_equal(nng_pair0_open(&s), 0);
	assert_int_equal(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, PATIENCE_MS), 0);
	assert_int_equal(nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, PATIENCE_MS), 0);
	assert_int_equal(nng_dial(s, h->url, NULL, NNG_FLAG_NONBLOCK), 0);
	return s;
}

static int raw(const struct house *h)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	(void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", h->path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static void test_nng_says_and_hears(void **state)
{
	struct house *const h = *state;
	uint8_t back[WORDS];
	size_t len = sizeof(back);
	assert_false(gw_sms_door_say(h->door, (const uint8_t *)"to nobody", 9));
	const nng_socket s = dial(h);
	until(h, &h->ups, 1);
	assert_true(gw_sms_door_is_up(h->door));
	memset(h->most, 'm', sizeof(h->most));
	assert_int_equal(nng_send(s, h->most, sizeof(h->most), 0), 0);
	until(h, &h->frames, 1);
	assert_int_equal(h->len, sizeof(h->most));
	assert_memory_equal(h->last, h->most, sizeof(h->most));
	assert_true(gw_sms_door_say(h->door, (const uint8_t *)"to the bridge", 13));
	assert_int_equal(nng_recv(s, back, &len, 0), 0);
	assert_int_equal(len, 13);
	assert_memory_equal(back, "to the bridge", 13);
	(void)nng_close(s);
	until(h, &h->downs, 1);
	assert_false(gw_sms_door_is_up(h->door));
}

static void test_the_newest_bridge_wins(void **state)
{
	struct house *const h = *state;
	const nng_socket first = dial(h);
	until(h, &h->ups, 1);
	const nng_socket second = dial(h);
	until(h, &h->ups, 2);
	assert_int_equal(h->downs, 1);
	char new[] = "new";
	assert_int_equal(nng_send(second, new, 3, 0), 0);
	until(h, &h->frames, 1);
	assert_memory_equal(h->last, "new", 3);
	(void)nng_close(first);
	(void)nng_close(second);
}

static void test_who_only_knocks_takes_nobodys_place(void **state)
{
	struct house *const h = *state;
	const nng_socket s = dial(h);
	until(h, &h->ups, 1);
	int knocks[4];
	for (size_t i = 0; i < sizeof(knocks) / sizeof(knocks[0]); i++) {
		knocks[i] = raw(h);
		if (i % 2)
			assert_int_equal(write(knocks[i], "\0SP", 3), 3);
		gw_sms_door_serve(h->door);
		gw_sms_door_serve(h->door);
	}
	char word[] = "still";
	assert_int_equal(nng_send(s, word, 5, 0), 0);
	until(h, &h->frames, 1);
	assert_int_equal(h->downs, 0);
	/* The last of them greets in pieces, and is the bridge then. */
	assert_int_equal(write(knocks[3], "\0\0\x10\0\0", 5), 5);
	until(h, &h->ups, 2);
	assert_int_equal(h->downs, 1);
	for (size_t i = 0; i < sizeof(knocks) / sizeof(knocks[0]); i++)
		(void)close(knocks[i]);
	(void)nng_close(s);
}

/* nng's own listener accepts nobody any more after this (nanomsg/nng issue 1518). */
static void test_one_who_hangs_up_while_greeting_harms_nobody(void **state)
{
	struct house *const h = *state;
	const int fd = raw(h);
	assert_int_equal(write(fd, "\0SP", 3), 3);
	gw_sms_door_serve(h->door);
	(void)close(fd);
	gw_sms_door_serve(h->door);
	const nng_socket s = dial(h);
	until(h, &h->ups, 1);
	(void)nng_close(s);
}

static void hung_up_on(struct house *h, const void *octets, size_t len)
{
	struct pollfd gone;
	char rest[WORDS];
	const int fd = raw(h);
	assert_int_equal(write(fd, octets, len), (ssize_t)len);
	gone = (struct pollfd){ .fd = fd, .events = POLLIN };
	ssize_t n = 1;
	for (int ms = 0; n != 0 && ms < PATIENCE_MS; ms += STEP_MS) {
		gw_sms_door_serve(h->door);
		if (poll(&gone, 1, STEP_MS) > 0)
			n = recv(fd, rest, sizeof(rest), 0);
		if (n < 0)
			n = 0; /* reset */
	}
	assert_int_equal(n, 0);
	(void)close(fd);
}

static void test_who_is_no_pair_is_hung_up_on(void **state)
{
	static const uint8_t req[] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0 };
	static const uint8_t long_one[] = { 0, 'S', 'P', 0, 0, 0x10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0,
		0 };
	static const uint8_t typed[] = { 0, 'S', 'P', 0, 0, 0x10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1,
		0 };
	struct house *const h = *state;
	hung_up_on(h, req, sizeof(req));
	assert_int_equal(h->ups, 0);
	hung_up_on(h, long_one, sizeof(long_one));
	hung_up_on(h, typed, sizeof(typed));
	assert_int_equal(h->frames, 0);
	assert_int_equal(h->downs, 2);
}

/* What does not fit waits with its owner, and nothing is cut or left out. */
static void test_who_reads_slowly_is_told_all_in_the_end(void **state)
{
	struct house *const h = *state;
	uint8_t many[FILL], got[FILL];
	unsigned said = 0, heard = 0;
	const nng_socket s = dial(h);
	until(h, &h->ups, 1);
	memset(many, 0, sizeof(many));
	for (bool fits = true; fits; said += fits) {
		many[0] = (uint8_t)said;
		fits = gw_sms_door_say(h->door, many, sizeof(many));
	}
	assert_true(said > 8);
	for (; heard < said; heard++) {
		size_t len = sizeof(got);
		gw_sms_door_serve(h->door);
		int r = nng_recv(s, got, &len, NNG_FLAG_NONBLOCK);
		for (int ms = 0; r != 0 && ms < PATIENCE_MS; ms += STEP_MS) {
			struct pollfd p = { .fd = gw_sms_door_fd(h->door), .events = POLLIN };
			(void)poll(&p, 1, STEP_MS);
			gw_sms_door_serve(h->door);
			len = sizeof(got);
			r = nng_recv(s, got, &len, NNG_FLAG_NONBLOCK);
		}
		assert_int_equal(r, 0);
		assert_int_equal(len, sizeof(got));
		assert_int_equal(got[0], (uint8_t)heard);
	}
	assert_true(h->rooms >= 1);
	(void)nng_close(s);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_nng_says_and_hears),
		EACH(test_the_newest_bridge_wins),
		EACH(test_who_only_knocks_takes_nobodys_place),
		EACH(test_one_who_hangs_up_while_greeting_harms_nobody),
		EACH(test_who_is_no_pair_is_hung_up_on),
		EACH(test_who_reads_slowly_is_told_all_in_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
