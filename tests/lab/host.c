/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tests/lab/udp.h"

static uint8_t *room(void *ctx, const struct net_path *path, size_t cap)
{
	struct host *h = ctx;
	return udp_room(h->udp, path, cap);
}

static void sent(void *ctx, size_t len)
{
	struct host *h = ctx;
	udp_commit(h->udp, len);
}

static void fill_random(uint8_t *out, size_t len)
{
	while (len > 0) {
		const ssize_t n = getrandom(out, len, 0);
		if (n < 0 && errno != EINTR)
			abort(); /* no run without randomness */
		if (n > 0) {
			out += n;
			len -= (size_t)n;
		}
	}
}

static void draw(void *ctx, uint8_t *out, size_t len)
{
	struct host *h = ctx;
	if (len > sizeof(h->random)) {
		fill_random(out, len);
		return;
	}
	if (h->random_left < len) {
		fill_random(h->random, sizeof(h->random));
		h->random_left = sizeof(h->random);
	}
	h->random_left -= len;
	memcpy(out, h->random + h->random_left, len);
	memset(h->random + h->random_left, 0, len); /* drawn once */
}

/* NOLINTNEXTLINE(readability-non-const-parameter): dtls_input() opens it in place */
static void taken(void *ctx, const struct net_path *path, uint8_t *datagram, size_t len)
{
	struct host *h = ctx;
	const struct dtls_datagram d = { .path = path, .data = datagram, .len = len };
	if (h->refuses && h->refuses(h, path, datagram, len))
		return;
	dtls_input(h->engine, h->role, &d, 1, h->now_ms);
}

bool host_open(struct host *h, enum dtls_role role, const struct dtls_settings *set,
	struct dtls_owner *owner, size_t sockets_max)
{
	owner->ctx = h;
	owner->room = room;
	owner->sent = sent;
	owner->random = draw;
	h->role = role;
	h->now_ms = loop_now_ms();
	h->orders.fd = h->orders.signals = -1;
	wheel_init(&h->wheel, h->now_ms);
	h->udp = udp_set_new(sockets_max);
	h->engine = dtls_engine_new(set, owner, h->now_ms);
	if (h->udp && h->engine && orders_open(&h->orders))
		return true;
	(void)fprintf(stderr, "cannot start: %s\n", h->engine ? strerror(errno) : "no DTLS engine");
	host_close(h);
	return false;
}

void host_close(struct host *h)
{
	if (h->engine)
		dtls_engine_free(h->engine);
	if (h->udp)
		udp_flush(h->udp);
	udp_set_free(h->udp);
	orders_close(&h->orders);
	h->engine = NULL;
	h->udp = NULL;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool host_turn(struct host *h, uint64_t wake_ms, void (*step)(struct host *h))
{
	const uint64_t next =
		earlier(wake_ms, earlier(wheel_next_ms(&h->wheel), dtls_next_ms(h->engine)));
	const uint64_t now = loop_now_ms();
	const bool told = udp_set_wait(h->udp, h->orders.fd, next <= now ? 0 : next - now);
	h->now_ms = loop_now_ms();
	udp_set_receive(h->udp, taken, h);
	dtls_tick(h->engine, h->now_ms);
	wheel_run(&h->wheel, h->now_ms, h);
	step(h);
	udp_flush(h->udp);
	return told;
}
