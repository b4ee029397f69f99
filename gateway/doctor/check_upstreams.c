/* SPDX-License-Identifier: Apache-2.0 */
/* Does somebody speak DTLS at the addresses of the servers? All are asked at once, three times. */
#include "doctor/doctor.h"

#include "base/net.h"
#include "doctor/hello_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PROBES = CONF_UPSTREAMS_MAX * CONF_ADDRESSES_MAX,
	TRIES = 3,
	TRY_MS = 1000, /* three seconds in all */
	DATAGRAM = 2048,
};

struct probe {
	const struct conf_upstream *upstream;
	const struct net_addr *to;
	int fd, error; /* error: errno */
	bool answered;
	enum hello_answer answer;
	uint8_t alert;
	uint8_t hello[HELLO_PROBE_MAX];
	size_t hello_len;
};

struct probes {
	size_t len;
	struct probe all[PROBES];
};

static int open_to(const struct net_addr *a)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };
	const bool six = a->family == NET_IPV6;
	const int s =
		socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	memcpy(&v4.sin_addr, a->ip, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->ip, sizeof(v6.sin6_addr));
	const struct sockaddr *const at =
		six ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
	if (s < 0 || connect(s, at, six ? sizeof(v6) : sizeof(v4)) == 0)
		return s;
	const int error = errno;
	(void)close(s);
	errno = error;
	return -1;
}

static void add(struct probes *all, const struct conf_upstream *u, size_t address)
{
	struct probe *const p = &all->all[all->len++];
	uint8_t random[HELLO_PROBE_RANDOM] = { 0 };
	(void)RAND_bytes(random, sizeof(random));
	*p = (struct probe){ .upstream = u, .to = &u->addresses[address], .fd = -1 };
	p->hello_len = hello_probe_write(u->dtls.suites, u->dtls.suites_len, random, p->hello);
	p->fd = open_to(p->to);
	p->error = p->fd < 0 ? errno : 0;
}

static bool is_open(const struct probe *p)
{
	return p->fd >= 0 && !p->answered && p->error == 0;
}

static void take(struct probe *p)
{
	uint8_t data[DATAGRAM];
	const ssize_t n = recv(p->fd, data, sizeof(data), 0);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		p->error = errno;
	if (n < 0)
		return;
	p->answered = true;
	p->answer = hello_probe_read(data, (size_t)n, &p->alert);
}

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until all have answered, or the time is over. */
static void wait_for(struct probes *all, int64_t until_ms)
{
	struct pollfd fds[PROBES];
	for (;;) {
		bool waits = false;
		for (size_t i = 0; i < all->len; i++) {
			const bool open = is_open(&all->all[i]);
			waits = waits || open;
			fds[i] = (struct pollfd){ .fd = open ? all->all[i].fd : -1,
				.events = POLLIN };
		}
		const int64_t left = until_ms - now_ms();
		if (!waits || left <= 0)
			return;
		if (poll(fds, all->len, (int)left) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < all->len; i++) {
			if (fds[i].fd >= 0 && fds[i].revents != 0)
				take(&all->all[i]);
		}
	}
}

static void ask(struct probes *all)
{
	for (int i = 0; i < TRIES; i++) {
		for (size_t n = 0; n < all->len; n++) {
			struct probe *const p = &all->all[n];
			if (is_open(p) && send(p->fd, p->hello, p->hello_len, 0) < 0)
				p->error = errno;
		}
		wait_for(all, now_ms() + TRY_MS);
	}
}

static void judge(struct doctor *d, const struct probe *p)
{
	const struct doctor_kind kind = { .id = "upstream",
		.severity = DOCTOR_PROBLEM,
		.setting = d->conf.routes_len > 0 ? "upstreams" : "upstream.address",
		.why = "devices that are led there cannot register: they get 5.04" };
	const struct doctor_kind refused = { .id = "upstream",
		.severity = DOCTOR_ADVICE,
		.setting = kind.setting,
		.why = "it may have no suite of upstream.suites, or want another first message" };
	char to[NET_TEXT_MAX], remedy[DOCTOR_REMEDY_MAX], text[NET_TEXT_MAX + 64];
	(void)net_addr_text(p->to, to);
	(void)snprintf(text, sizeof(text), "%s (%s)", to, p->upstream->name);
	if (p->error != 0) {
		(void)snprintf(remedy, sizeof(remedy),
			p->error == ECONNREFUSED
				? "start the server, or correct upstream.address and upstream.port"
				: "ip route get, and the network's way there");
		doctor_say(d, &kind, remedy, "%s: %s", text, strerror(p->error));
	} else if (!p->answered) {
		(void)snprintf(remedy, sizeof(remedy),
			"is it on, and does a firewall let UDP through? openssl s_client -dtls1_2 "
			"-connect %s",
			to);
		doctor_say(d, &kind, remedy, "%s: no answer to a DTLS ClientHello in %d s", text,
			TRIES * TRY_MS / 1000);
	} else if (p->answer == HELLO_ANSWER_NONE) {
		doctor_say(d, &kind, "upstream.port: CoAP with DTLS is at 5684",
			"%s: something answers, but it is no DTLS", text);
	} else if (p->answer == HELLO_ANSWER_OTHER) {
		doctor_say(d, &refused, "look into the server's log",
			"%s: sends DTLS, but no answer to a ClientHello", text);
	} else if (p->answer == HELLO_ANSWER_ALERT) {
		doctor_say(d, &refused, "look into the server's log",
			"%s: answers a ClientHello by alert %u", text, p->alert);
	} else {
		doctor_good(d, kind.id, "%s: answers", text);
	}
}

void doctor_check_upstreams(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "upstream",
		.severity = DOCTOR_PROBLEM,
		.setting = "upstream",
		.why = "not looked at" };
	struct probes *const all = calloc(1, sizeof(*all));
	if (all == NULL) {
		doctor_say(d, &kind, "free some", "no memory");
		return;
	}
	for (size_t i = 0; i < d->conf.upstreams_len; i++) {
		const struct conf_upstream *const u = &d->conf.upstreams[i];
		for (size_t k = 0; k < u->addresses_len && all->len < PROBES; k++)
			add(all, u, k);
	}
	ask(all);
	for (size_t i = 0; i < all->len; i++) {
		judge(d, &all->all[i]);
		if (all->all[i].fd >= 0)
			(void)close(all->all[i].fd);
	}
	free(all);
}
