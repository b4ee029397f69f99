/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SOCKET_BUFFER = 4 << 20, ROUNDS = 4, EVENTS = 64 };
/* Apart: since gcc 13 one unsigned constant makes its whole enum unsigned. */
enum { EXTRA = 0xffffffff };

union control {                /* of one message */
	struct cmsghdr header; /* for its alignment */
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct batch {
	struct mmsghdr messages[UDP_BATCH];
	struct iovec parts[UDP_BATCH];
	struct sockaddr_storage names[UDP_BATCH];
	union control controls[UDP_BATCH];
	uint8_t data[UDP_BATCH][UDP_DATAGRAM];
};

struct udp_set {
	int epoll;
	int extra; /* watched in epoll, or -1 */
	int *sockets;
	size_t len, max;
	struct epoll_event ready[EVENTS];
	int ready_len;
	uint32_t out_socket;
	unsigned out_len;
	uint64_t refused;
	struct batch in, out;
};

bool udp_parse(const char *text, struct net_addr *out)
{
	char host[NET_TEXT_MAX];
	const bool v6 = text[0] == '[';
	const char *colon = strrchr(text, ':');
	*out = (struct net_addr){ .family = v6 ? NET_IPV6 : NET_IPV4 };
	if (!colon || (v6 && colon[-1] != ']'))
		return false;
	const size_t len = (size_t)(colon - text) - (v6 ? 2 : 0);
	if (len >= sizeof(host))
		return false;
	memcpy(host, text + (v6 ? 1 : 0), len);
	host[len] = 0;
	char *end;
	const unsigned long port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end != 0 || port > UINT16_MAX)
		return false;
	out->port = (uint16_t)port;
	return inet_pton(v6 ? AF_INET6 : AF_INET, host, out->ip) == 1;
}

socklen_t udp_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == NET_IPV4) {
		struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port) };
		memcpy(&v4.sin_addr, a->ip, sizeof(v4.sin_addr));
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };
	memcpy(&v6.sin6_addr, a->ip, sizeof(v6.sin6_addr));
	memcpy(out, &v6, sizeof(v6));
	return sizeof(v6);
}

bool udp_from_sockaddr(const struct sockaddr_storage *s, struct net_addr *out)
{
	*out = (struct net_addr){ .family = 0 };
	if (s->ss_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, s, sizeof(v4));
		out->family = NET_IPV4;
		out->port = ntohs(v4.sin_port);
		memcpy(out->ip, &v4.sin_addr, sizeof(v4.sin_addr));
		return true;
	}
	if (s->ss_family != AF_INET6)
		return false;
	struct sockaddr_in6 v6;
	memcpy(&v6, s, sizeof(v6));
	out->family = NET_IPV6;
	out->port = ntohs(v6.sin6_port);
	memcpy(out->ip, &v6.sin6_addr, sizeof(v6.sin6_addr));
	return true;
}

static void set_options(int fd, bool v4)
{
	const int on = 1;
	const int size = SOCKET_BUFFER;
	const int probe = IP_PMTUDISC_PROBE; /* IPv6 has the same number */
	/* Smaller buffers or no DF only make the lab slower. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (v4) {
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
		(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
		return;
	}
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe));
}

int udp_socket(struct net_addr *local)
{
	struct sockaddr_storage name;
	socklen_t len = udp_to_sockaddr(local, &name);
	const int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	set_options(fd, local->family == NET_IPV4);
	if (bind(fd, (const struct sockaddr *)&name, len) == 0) {
		len = sizeof(name);
		if (getsockname(fd, (struct sockaddr *)&name, &len) == 0 &&
			udp_from_sockaddr(&name, local))
			return fd;
	}
	const int error = errno;
	close(fd);
	errno = error;
	return -1;
}

bool udp_source(const struct net_addr *to, struct net_addr *out)
{
	struct sockaddr_storage name;
	socklen_t len = udp_to_sockaddr(to, &name);
	const int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	const bool good = connect(fd, (const struct sockaddr *)&name, len) == 0;
	len = sizeof(name);
	const bool told = good && getsockname(fd, (struct sockaddr *)&name, &len) == 0;
	const int error = errno;
	close(fd);
	errno = error;
	if (!told || !udp_from_sockaddr(&name, out))
		return false;
	out->port = 0;
	return true;
}

static void wire_up(struct batch *b)
{
	for (size_t i = 0; i < UDP_BATCH; i++) {
		b->parts[i] = (struct iovec){ .iov_base = b->data[i], .iov_len = UDP_DATAGRAM };
		b->messages[i].msg_hdr = (struct msghdr){ .msg_name = &b->names[i],
			.msg_namelen = sizeof(b->names[i]),
			.msg_iov = &b->parts[i],
			.msg_iovlen = 1,
			.msg_control = &b->controls[i],
			.msg_controllen = sizeof(b->controls[i]) };
	}
}

struct udp_set *udp_set_new(size_t sockets_max)
{
	struct udp_set *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->extra = -1;
	s->max = sockets_max;
	s->sockets = calloc(sockets_max, sizeof(*s->sockets));
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!s->sockets || s->epoll < 0) {
		udp_set_free(s);
		return NULL;
	}
	wire_up(&s->in);
	wire_up(&s->out);
	return s;
}

void udp_set_free(struct udp_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->len; i++)
		close(s->sockets[i]);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->sockets);
	free(s);
}

bool udp_set_open(struct udp_set *s, struct net_addr *local, uint32_t *number)
{
	if (s->len == s->max) {
		errno = EMFILE;
		return false;
	}
	const int fd = udp_socket(local);
	if (fd < 0)
		return false;
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = (uint32_t)s->len };
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
		close(fd);
		return false;
	}
	*number = (uint32_t)s->len;
	s->sockets[s->len++] = fd;
	return true;
}

static void watch_extra(struct udp_set *s, int extra)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = EXTRA };
	if (extra == s->extra)
		return;
	if (s->extra >= 0)
		(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->extra, NULL);
	s->extra = extra >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, extra, &e) == 0 ? extra : -1;
}

bool udp_set_wait(struct udp_set *s, int extra, uint64_t wait_ms)
{
	const int wait = wait_ms > 60000 ? 60000 : (int)wait_ms;
	bool told = false;
	watch_extra(s, extra);
	s->ready_len = epoll_wait(s->epoll, s->ready, EVENTS, wait);
	for (int i = 0; i < s->ready_len; i++)
		told = told || s->ready[i].data.u32 == EXTRA;
	return told;
}

/* Our address that a datagram was sent to. */
static void local_of(struct msghdr *m, uint8_t ip[16])
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(ip, &info.ipi_addr, sizeof(info.ipi_addr));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(ip, &info.ipi6_addr, sizeof(info.ipi6_addr));
		}
	}
}

/* One batch; false when the socket is empty. */
static bool receive_batch(struct udp_set *s, uint32_t number, udp_taker *taker, void *ctx)
{
	struct batch *b = &s->in;
	for (size_t i = 0; i < UDP_BATCH; i++) {
		b->messages[i].msg_hdr.msg_namelen = sizeof(b->names[i]);
		b->messages[i].msg_hdr.msg_controllen = sizeof(b->controls[i]);
	}
	/* An error here is an ICMP message about something sent: the peers' timers deal with
	   that. */
	const int n = recvmmsg(s->sockets[number], b->messages, UDP_BATCH, 0, NULL);
	for (int i = 0; i < n; i++) {
		struct net_path path = { .sock = number };
		struct mmsghdr *m = &b->messages[i];
		if ((m->msg_hdr.msg_flags & MSG_TRUNC) ||
			!udp_from_sockaddr(&b->names[i], &path.peer))
			continue;
		local_of(&m->msg_hdr, path.local_ip);
		taker(ctx, &path, b->data[i], m->msg_len);
	}
	return n == UDP_BATCH;
}

void udp_set_receive(struct udp_set *s, udp_taker *taker, void *ctx)
{
	for (int i = 0; i < s->ready_len; i++) {
		const uint32_t number = s->ready[i].data.u32;
		for (int round = 0; number != EXTRA && round < ROUNDS; round++) {
			if (!receive_batch(s, number, taker, ctx))
				break;
		}
	}
	s->ready_len = 0;
}

static void set_local(struct msghdr *m, union control *control, const struct net_path *path)
{
	static const uint8_t unknown[16];
	if (memcmp(path->local_ip, unknown, sizeof(unknown)) == 0) {
		m->msg_control = NULL;
		m->msg_controllen = 0;
		return;
	}
	memset(control, 0, sizeof(*control));
	m->msg_control = control;
	if (path->peer.family == NET_IPV4) {
		struct in_pktinfo info = { .ipi_ifindex = 0 };
		memcpy(&info.ipi_spec_dst, path->local_ip, sizeof(info.ipi_spec_dst));
		m->msg_controllen = CMSG_SPACE(sizeof(info));
		struct cmsghdr *c = CMSG_FIRSTHDR(m);
		*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
			.cmsg_type = IP_PKTINFO,
			.cmsg_len = CMSG_LEN(sizeof(info)) };
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		return;
	}
	struct in6_pktinfo info = { .ipi6_ifindex = 0 };
	memcpy(&info.ipi6_addr, path->local_ip, sizeof(info.ipi6_addr));
	m->msg_controllen = CMSG_SPACE(sizeof(info));
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IPV6,
		.cmsg_type = IPV6_PKTINFO,
		.cmsg_len = CMSG_LEN(sizeof(info)) };
	memcpy(CMSG_DATA(c), &info, sizeof(info));
}

uint8_t *udp_room(struct udp_set *s, const struct net_path *path, size_t cap)
{
	if (cap > UDP_DATAGRAM || path->sock >= s->len)
		return NULL;
	if (s->out_len == UDP_BATCH || (s->out_len > 0 && s->out_socket != path->sock))
		udp_flush(s);
	struct batch *b = &s->out;
	struct msghdr *m = &b->messages[s->out_len].msg_hdr;
	s->out_socket = path->sock;
	m->msg_namelen = udp_to_sockaddr(&path->peer, &b->names[s->out_len]);
	set_local(m, &b->controls[s->out_len], path);
	return b->data[s->out_len];
}

void udp_commit(struct udp_set *s, size_t len)
{
	if (len == 0)
		return;
	s->out.parts[s->out_len].iov_len = len;
	s->out_len++;
}

void udp_flush(struct udp_set *s)
{
	unsigned done = 0;
	while (done < s->out_len) {
		const int n = sendmmsg(
			s->sockets[s->out_socket], s->out.messages + done, s->out_len - done, 0);
		if (n > 0) {
			done += (unsigned)n;
			continue;
		}
		/* an ICMP error of earlier, or no room: that one is lost, as on any network */
		s->refused++;
		done++;
	}
	s->out_len = 0;
}

uint64_t udp_refused(const struct udp_set *s)
{
	return s->refused;
}
