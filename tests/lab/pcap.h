/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/pcap: writes UDP datagrams into a capture file (LINKTYPE_RAW) with made-up IP and UDP
 * headers.
 *
 * Promise: addresses, ports, bytes and time are the true ones; checksums are right; hop limit and
 *          id are made up.
 * Errors:  pcap_open() NULL with errno; a write that fails latches, pcap_close() then gives false.
 * Threads: one.
 * Source:  draft-ietf-opsawg-pcap section 4 and 5; RFC 791, RFC 8200, RFC 768.
 */
#ifndef LWG_LAB_PCAP_H
#define LWG_LAB_PCAP_H

#include "base/attr.h"
#include "base/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PCAP_HEADERS_MAX = 16 + 40 + 8, PCAP_DATAGRAM_MAX = 65507 };

struct pcap;

MUST_USE struct pcap *pcap_open(const char *file);
void pcap_write(struct pcap *p, const struct net_addr *from, const struct net_addr *to,
	const uint8_t *data, size_t len);
MUST_USE bool pcap_close(struct pcap *p);

/* The record header, IP header and UDP header of one datagram; returns their length. Pure. */
size_t pcap_headers(uint8_t out[PCAP_HEADERS_MAX], const struct net_addr *from,
	const struct net_addr *to, const uint8_t *data, size_t len, uint64_t time_us);

#endif
