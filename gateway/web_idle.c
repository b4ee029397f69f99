/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web_idle.h"

#include "base/attr.h"
#include "io/udp.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 256 };

/* It is the address of this end, of TCP, and there is another end. */
static bool is_one(int fd, const struct net_addr *address)
{
	union udp_name peer;
	struct net_addr own;
	int type = 0;
	socklen_t len = sizeof(type), peer_len = sizeof(peer);
	return udp_local(fd, &own) && net_addr_same(&own, address) &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
	       getpeername(fd, &peer.any, &peer_len) == 0;
}

static bool is_silent(int fd, uint32_t idle_ms)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_last_data_recv >= idle_ms;
}

/* 1: one too many. */
static size_t look_at(
	struct gw_web_idle *x, int number, const struct net_addr *address, uint32_t idle_ms)
{
	if (!is_one(number, address))
		return 0;
	const int fd = fcntl(number, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	size_t more = 0;
	if (is_one(fd, address)) {
		more = x->round >= GW_WEB_CONNECTIONS;
		if (more > 0 || is_silent(fd, idle_ms))
			(void)shutdown(fd, SHUT_RDWR);
		else
			x->round++;
	}
	(void)close(fd);
	return more;
}

/* By one call the kernel says which numbers are in use. */
static size_t look_at_batch(
	struct gw_web_idle *x, size_t len, const struct net_addr *address, uint32_t idle_ms)
{
	struct pollfd fds[BATCH];
	size_t more = 0;
	for (size_t i = 0; i < len; i++)
		fds[i] = (struct pollfd){ .fd = x->at + (int)i };
	const bool told = poll(fds, len, 0) >= 0;
	for (size_t i = 0; i < len && told; i++) {
		if ((fds[i].revents & POLLNVAL) == 0)
			more += look_at(x, fds[i].fd, address, idle_ms);
	}
	x->at += (int)len;
	return more;
}

size_t gw_web_idle_look(struct gw_web_idle *x, const struct net_addr *address, uint32_t idle_ms)
{
	struct rlimit most = { 0 };
	size_t more = 0, looked = 0;
	if (getrlimit(RLIMIT_NOFILE, &most) != 0)
		return 0;
	const rlim_t end = most.rlim_cur < INT32_MAX ? most.rlim_cur : INT32_MAX;
	while (looked < GW_WEB_LOOKED_AT && (rlim_t)x->at < end) {
		const rlim_t left = end - (rlim_t)x->at;
		const size_t len = left < BATCH ? (size_t)left : (size_t)BATCH;
		more += look_at_batch(x, len, address, idle_ms);
		looked += len;
	}
	if ((rlim_t)x->at >= end)
		*x = (struct gw_web_idle){ .at = 0 };
	return more;
}
