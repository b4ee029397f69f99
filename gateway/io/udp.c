/* SPDX-License-Identifier: Apache-2.0 */
#include "io/udp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* It takes struct timespec from whoever was included before. */
#include <linux/errqueue.h>

static socklen_t name_from(union udp_name *name, const struct net_addr *a)
{
	memset(name, 0, sizeof(*name));
	if (a->family == NET_IPV6) {
		name->v6.sin6_family = AF_INET6;
		name->v6.sin6_port = htons(a->port);
		memcpy(&name->v6.sin6_addr, a->ip, sizeof(name->v6.sin6_addr));
		return sizeof(name->v6);
	}
	name->v4.sin_family = AF_INET;
	name->v4.sin_port = htons(a->port);
	memcpy(&name->v4.sin_addr, a->ip, sizeof(name->v4.sin_addr));
	return sizeof(name->v4);
}

/* False when net_addr has no place for it. *out is zeroed first. */
static bool addr_from(const union udp_name *name, struct net_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (name->any.sa_family == AF_INET) {
		out->family = NET_IPV4;
		out->port = ntohs(name->v4.sin_port);
		memcpy(out->ip, &name->v4.sin_addr, sizeof(name->v4.sin_addr));
		return true;
	}
	if (name->any.sa_family != AF_INET6)
		return false;
	out->family = NET_IPV6;
	out->port = ntohs(name->v6.sin6_port);
	memcpy(out->ip, &name->v6.sin6_addr, sizeof(name->v6.sin6_addr));
	return !IN6_IS_ADDR_LINKLOCAL(&name->v6.sin6_addr);
}

static bool set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* Bursts of a whole fleet must fit. More than the system's limit is for those who may; less is
   no error. */
static void widen(int fd)
{
	if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER))
		(void)set(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER);
	if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, UDP_BUFFER))
		(void)set(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER);
}

static bool configure_v4(int fd, const struct udp_options *o)
{
	return set(fd, IPPROTO_IP, IP_PKTINFO, 1) &&
	       set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) &&
	       (!o->free_bind || set(fd, IPPROTO_IP, IP_FREEBIND, 1)) &&
	       (!o->errors || set(fd, IPPROTO_IP, IP_RECVERR, 1));
}

static bool configure_v6(int fd, const struct udp_options *o)
{
	return set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
	       set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE) &&
	       (!o->free_bind || set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1)) &&
	       (!o->errors || set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1));
}

int udp_open(const struct udp_options *o)
{
	const bool v6 = o->bind.family == NET_IPV6;
	const int fd =
		socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	union udp_name name;
	const socklen_t len = name_from(&name, &o->bind);
	const bool good = (!o->reuse_port || set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
			  (!v6 || set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
			  (v6 ? configure_v6(fd, o) : configure_v4(fd, o)) &&
			  bind(fd, &name.any, len) == 0;
	if (!good) {
		const int error = errno;
		(void)close(fd);
		return -error;
	}
	widen(fd);
	return fd;
}

static bool is_set(int fd, int level, int option)
{
	int value = 0;
	socklen_t len = sizeof(value);
	return getsockopt(fd, level, option, &value, &len) == 0 && value != 0;
}

int udp_adopt(int fd, const struct udp_options *o)
{
	const bool v6 = o->bind.family == NET_IPV6;
	if (v6 && !is_set(fd, IPPROTO_IPV6, IPV6_V6ONLY))
		return -EAFNOSUPPORT; /* too late to change it */
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
		!(v6 ? configure_v6(fd, o) : configure_v4(fd, o)))
		return -errno;
	widen(fd);
	return 0;
}

bool udp_shares_port(int fd)
{
	return is_set(fd, SOL_SOCKET, SO_REUSEPORT);
}

bool udp_local(int fd, struct net_addr *out)
{
	union udp_name name;
	socklen_t len = sizeof(name);
	memset(&name, 0, sizeof(name));
	return getsockname(fd, &name.any, &len) == 0 && addr_from(&name, out);
}

bool udp_source_towards(const struct net_addr *peer, struct net_addr *out)
{
	const int fd =
		socket(peer->family == NET_IPV6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	union udp_name name;
	const socklen_t len = name_from(&name, peer);
	const bool good = connect(fd, &name.any, len) == 0 && udp_local(fd, out);
	(void)close(fd);
	out->port = 0;
	return good;
}

static void rewind_head(struct udp_rx *rx, size_t i)
{
	rx->heads[i].msg_hdr.msg_namelen = sizeof(rx->names[i]);
	rx->heads[i].msg_hdr.msg_controllen = sizeof(rx->controls[i]);
}

void udp_rx_init(struct udp_rx *rx)
{
	memset(rx, 0, sizeof(*rx));
	for (size_t i = 0; i < UDP_BATCH; i++) {
		rx->parts[i] =
			(struct iovec){ .iov_base = rx->data[i], .iov_len = UDP_DATAGRAM_MAX };
		rx->heads[i].msg_hdr = (struct msghdr){
			.msg_name = &rx->names[i],
			.msg_iov = &rx->parts[i],
			.msg_iovlen = 1,
			.msg_control = &rx->controls[i],
		};
		rewind_head(rx, i);
	}
}

/* Copies the address that the datagram was sent to; false when it was not one of ours alone. */
static bool local_from(struct msghdr *head, uint8_t ip[16])
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c; c = CMSG_NXTHDR(head, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(ip, &info.ipi_addr, sizeof(info.ipi_addr));
			return info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr;
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(ip, &info.ipi6_addr, sizeof(info.ipi6_addr));
			return !IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
		}
	}
	return false;
}

static bool take(struct udp_rx *rx, size_t i, bool local, struct udp_datagram *out)
{
	struct msghdr *head = &rx->heads[i].msg_hdr;
	uint8_t ip[16] = { 0 };
	if (rx->heads[i].msg_len == 0 || (head->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return false;
	if (!addr_from(&rx->names[i], &out->path.peer) || out->path.peer.port == 0)
		return false;
	if (!local_from(head, ip))
		return false;
	if (!local)
		memset(ip, 0, sizeof(ip));
	memcpy(out->path.local_ip, ip, sizeof(ip));
	out->data = rx->data[i];
	out->len = rx->heads[i].msg_len;
	return true;
}

struct udp_got udp_receive(struct udp_rx *rx, int fd, uint32_t sock, bool local)
{
	const int n = recvmmsg(fd, rx->heads, UDP_BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return (struct udp_got){ .idle = true };
	struct udp_got got = { .more = n == UDP_BATCH };
	for (size_t i = 0; i < (size_t)n; i++) {
		struct udp_datagram *d = &rx->got[got.len];
		d->path.sock = sock;
		if (take(rx, i, local, d))
			got.len++;
		else
			rx->unusable++;
		rewind_head(rx, i);
	}
	rx->received += got.len;
	return got;
}

static bool says_unreachable(struct msghdr *head)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c; c = CMSG_NXTHDR(head, c)) {
		const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
		const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
		if (!v4 && !v6)
			continue;
		struct sock_extended_err e;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		return e.ee_errno == ECONNREFUSED || e.ee_errno == EHOSTUNREACH ||
		       e.ee_errno == ENETUNREACH || e.ee_errno == EACCES;
	}
	return false;
}

bool udp_next_error(int fd, bool local, struct net_path *path, bool *unreachable)
{
	union udp_name name;
	union {
		size_t align;
		uint8_t bytes[512];
	} control;
	uint8_t datagram[64];
	struct iovec part = { .iov_base = datagram, .iov_len = sizeof(datagram) };
	struct msghdr head = {
		.msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	memset(&name, 0, sizeof(name));
	if (recvmsg(fd, &head, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	/* An error has no route, so that only its address tells, not whether it was ours
	   alone. */
	uint8_t ip[16] = { 0 };
	if (local)
		(void)local_from(&head, ip);
	*unreachable = says_unreachable(&head) && addr_from(&name, &path->peer);
	memcpy(path->local_ip, ip, sizeof(ip));
	return true;
}

void udp_tx_init(struct udp_tx *tx)
{
	memset(tx, 0, sizeof(*tx));
}

uint8_t *udp_tx_room(struct udp_tx *tx, int fd, const struct net_path *path, size_t cap)
{
	assert(!tx->open);
	if (cap > UDP_DATAGRAM_MAX)
		return NULL;
	if (tx->len == UDP_BATCH)
		udp_tx_flush(tx);
	tx->fds[tx->len] = fd;
	tx->paths[tx->len] = *path;
	tx->open = true;
	return tx->data[tx->len];
}

void udp_tx_done(struct udp_tx *tx, size_t len)
{
	assert(tx->open && len <= UDP_DATAGRAM_MAX);
	tx->open = false;
	tx->lens[tx->len] = len;
	if (len > 0)
		tx->len++;
}

/* Writes the control message that makes a datagram leave from our address on the path. */
static socklen_t control_from(union udp_control *control, const struct net_path *path)
{
	static const uint8_t unknown[sizeof(path->local_ip)];
	if (memcmp(path->local_ip, unknown, sizeof(unknown)) == 0)
		return 0;
	struct cmsghdr head = { .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO };
	if (path->peer.family == NET_IPV6) {
		struct in6_pktinfo info = { .ipi6_ifindex = 0 };
		memcpy(&info.ipi6_addr, path->local_ip, sizeof(info.ipi6_addr));
		head = (struct cmsghdr){ .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO };
		head.cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(control->bytes, &head, sizeof(head));
		memcpy(control->bytes + CMSG_LEN(0), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	struct in_pktinfo info = { .ipi_ifindex = 0 };
	memcpy(&info.ipi_spec_dst, path->local_ip, sizeof(info.ipi_spec_dst));
	head.cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(control->bytes, &head, sizeof(head));
	memcpy(control->bytes + CMSG_LEN(0), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

/* Makes head number n from datagram i. */
static void prepare(struct udp_tx *tx, size_t n, size_t i)
{
	const socklen_t name_len = name_from(&tx->names[n], &tx->paths[i].peer);
	const socklen_t control_len = control_from(&tx->controls[n], &tx->paths[i]);
	tx->parts[n] = (struct iovec){ .iov_base = tx->data[i], .iov_len = tx->lens[i] };
	tx->heads[n].msg_hdr = (struct msghdr){
		.msg_name = &tx->names[n],
		.msg_namelen = name_len,
		.msg_iov = &tx->parts[n],
		.msg_iovlen = 1,
		.msg_control = control_len > 0 ? &tx->controls[n] : NULL,
		.msg_controllen = control_len,
	};
}

static void refuse(struct udp_tx *tx, const struct net_path *path, int error)
{
	tx->dropped++;
	if (tx->failed_len < UDP_BATCH)
		tx->failed[tx->failed_len++] =
			(struct udp_failure){ .path = *path, .error = error };
}

/* Sends heads [0, n) from one socket; order[k] is the datagram of head k. */
static void send_heads(struct udp_tx *tx, int fd, size_t n, const uint8_t *order)
{
	bool again = false;
	for (size_t at = 0; at < n;) {
		const int r = sendmmsg(fd, tx->heads + at, (unsigned)(n - at), MSG_DONTWAIT);
		if (r > 0) {
			tx->sent += (uint64_t)r;
			at += (size_t)r;
			again = false;
			continue;
		}
		if (errno == EAGAIN || errno == ENOBUFS) {
			tx->dropped += n - at;
			return;
		}
		/* The first error may be that of an earlier datagram, which ICMP brought. */
		if (errno != EINTR && again)
			refuse(tx, &tx->paths[order[at++]], errno);
		again = errno == EINTR ? again : !again;
	}
}

void udp_tx_flush(struct udp_tx *tx)
{
	assert(!tx->open);
	uint8_t order[UDP_BATCH];
	uint64_t waiting = tx->len == UDP_BATCH ? UINT64_MAX : ((uint64_t)1 << tx->len) - 1;
	while (waiting != 0) {
		const size_t first = (size_t)__builtin_ctzll(waiting);
		const int fd = tx->fds[first];
		size_t n = 0;
		for (size_t i = first; i < tx->len; i++) {
			if (tx->fds[i] != fd)
				continue;
			waiting &= ~((uint64_t)1 << i);
			prepare(tx, n, i);
			order[n++] = (uint8_t)i;
		}
		send_heads(tx, fd, n, order);
	}
	tx->len = 0;
}
