/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/udp: UDP sockets that send and receive up to 64 datagrams per system call, and know on
 *         which address of ours each came and must leave.
 *
 * Promise: nothing here blocks or spins: what cannot be sent at once is dropped and counted (a
 *          datagram may be lost), and an error that waits in a socket is read, never left to
 *          wake the loop again. Every datagram leaves with "don't fragment" set. A datagram
 *          longer than UDP_DATAGRAM_MAX, one to a multicast or broadcast address, and one from a
 *          link-local IPv6 address (struct net_addr has no zone) is dropped and counted.
 * Errors:  udp_open() returns -errno. Failed sends are listed in struct udp_tx for the owner to
 *          look at when it may.
 * Memory:  the structs hold all buffers; no allocation.
 * Threads: one per struct.
 * Source:  ip(7), ipv6(7), udp(7); RFC 7252 section 4.6 (do not fragment).
 */
#ifndef LWG_IO_UDP_H
#define LWG_IO_UDP_H

#include "base/attr.h"
#include "base/net.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { UDP_BATCH = 64, UDP_DATAGRAM_MAX = 2048, UDP_BUFFER = 4 << 20, UDP_CONTROL_MAX = 64 };

struct udp_options {
	struct net_addr bind; /* port 0 = any; all zero address = every address of the family */
	bool reuse_port;      /* shared with other workers */
	bool free_bind;       /* source addresses of routed ranges that no interface has (AnyIP) */
	bool errors;          /* ICMP errors are kept for udp_next_error() */
};

/* A bound, non-blocking, close-on-exec socket, or -errno. */
MUST_USE int udp_open(const struct udp_options *o);
/* Makes a socket that another has bound to o->bind what udp_open() would have made of it. 0, or
   -errno; EAFNOSUPPORT: it is one of IPv6 that takes IPv4, too. */
MUST_USE int udp_adopt(int fd, const struct udp_options *o);
/* Was it bound for a group (SO_REUSEPORT)? */
MUST_USE bool udp_shares_port(int fd);
/* The address that fd is bound to; false when the system will not say. */
MUST_USE bool udp_local(int fd, struct net_addr *out);
/* The address of ours (port 0) that the kernel would choose towards peer; false when there is no
   route. */
MUST_USE bool udp_source_towards(const struct net_addr *peer, struct net_addr *out);

/* A socket address in each of its shapes. */
union udp_name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

union udp_control { /* room for one packet information message, aligned as cmsghdr wants it */
	size_t align;
	uint8_t bytes[UDP_CONTROL_MAX];
};

struct udp_datagram {
	struct net_path path;
	uint8_t *data; /* may be changed; until the next udp_receive() */
	size_t len;
};

/* What one receive brings. Big: belongs on the heap. */
struct udp_rx {
	struct udp_datagram got[UDP_BATCH];
	uint64_t received; /* usable datagrams, ever */
	uint64_t unusable; /* dropped here: too long, multicast, link-local, empty */
	struct mmsghdr heads[UDP_BATCH];
	struct iovec parts[UDP_BATCH];
	union udp_name names[UDP_BATCH];
	union udp_control controls[UDP_BATCH];
	uint8_t data[UDP_BATCH][UDP_DATAGRAM_MAX];
};

struct udp_got {
	size_t len; /* usable datagrams in rx->got */
	bool more;  /* the batch was full: there may be more */
	bool idle;  /* the socket had no datagram at all: look at udp_next_error() */
};

void udp_rx_init(struct udp_rx *rx);
/* Takes what is there, at most UDP_BATCH. sock goes into the paths; local: whether our address
   does too. */
struct udp_got udp_receive(struct udp_rx *rx, int fd, uint32_t sock, bool local);

/* Takes one ICMP error from the queue. False: none is left. *unreachable tells whether it says
   that nobody can be reached on *path; path->sock is left alone, path->local_ip is 0 unless
   local. */
MUST_USE bool udp_next_error(int fd, bool local, struct net_path *path, bool *unreachable);

struct udp_failure {
	struct net_path path;
	int error; /* errno */
};

/* What waits to be sent, for any sockets. Big: belongs on the heap. */
struct udp_tx {
	size_t len;       /* datagrams that wait */
	bool open;        /* udp_tx_room() was called, udp_tx_done() not yet */
	uint64_t sent;    /* ever */
	uint64_t dropped; /* ever: no room in the socket, or an error */
	size_t failed_len;
	struct udp_failure failed
		[UDP_BATCH]; /* datagrams refused for good; those over the bound are only counted */
	int fds[UDP_BATCH];
	struct net_path paths[UDP_BATCH];
	size_t lens[UDP_BATCH];
	struct mmsghdr heads[UDP_BATCH];
	struct iovec parts[UDP_BATCH];
	union udp_name names[UDP_BATCH];
	union udp_control controls[UDP_BATCH];
	uint8_t data[UDP_BATCH][UDP_DATAGRAM_MAX];
};

void udp_tx_init(struct udp_tx *tx);
/* Room for a datagram of at most cap bytes, from fd, on path; NULL when cap is too much. May
   flush. */
MUST_USE uint8_t *udp_tx_room(struct udp_tx *tx, int fd, const struct net_path *path, size_t cap);
/* The datagram in the last room is len bytes long; 0: it is not to be sent. */
void udp_tx_done(struct udp_tx *tx, size_t len);
/* Hands everything to the kernel, in order for each socket, with as few calls as there are
   sockets. */
void udp_tx_flush(struct udp_tx *tx);

#endif
