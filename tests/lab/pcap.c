/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/pcap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/wr.h"

enum {
	RECORD = 16,
	UDP = 8,
	IPV4 = 20,
	IPV6 = 40,
	PROTOCOL_UDP = 17,
	HOPS = 64,
	LINKTYPE_RAW = 101
};

struct pcap {
	FILE *file;
	bool bad;
};

/* RFC 1071. */
static uint32_t sum(uint32_t acc, const uint8_t *bytes, size_t len)
{
	uint64_t wide = acc;
	for (size_t i = 0; i + 1 < len; i += 2)
		wide += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (len % 2 != 0)
		wide += (uint32_t)bytes[len - 1] << 8;
	while (wide >> 16 != 0)
		wide = (wide & 0xffff) + (wide >> 16);
	return (uint32_t)wide;
}

static void put_u16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* The two addresses lie one after the other in the IP header, as in the pseudo header. */
static uint32_t pseudo_sum(const uint8_t *addresses, size_t len, size_t udp_len)
{
	const uint32_t acc = sum(PROTOCOL_UDP, addresses, len);
	return acc + (uint32_t)udp_len;
}

static void write_ipv4(
	struct wr *w, const struct net_addr *from, const struct net_addr *to, size_t udp_len)
{
	uint8_t *start = w->data + w->len;
	wr_u8(w, 4 << 4 | IPV4 / 4);
	wr_u8(w, 0);
	wr_u16(w, (uint16_t)(IPV4 + udp_len));
	wr_u16(w, 0);
	wr_u16(w, 0x4000); /* DF */
	wr_u8(w, HOPS);
	wr_u8(w, PROTOCOL_UDP);
	wr_u16(w, 0);
	wr_bytes(w, from->ip, 4);
	wr_bytes(w, to->ip, 4);
	put_u16(start + 10, ~sum(0, start, IPV4) & 0xffff);
}

static void write_ipv6(
	struct wr *w, const struct net_addr *from, const struct net_addr *to, size_t udp_len)
{
	wr_u32(w, 6U << 28);
	wr_u16(w, (uint16_t)udp_len);
	wr_u8(w, PROTOCOL_UDP);
	wr_u8(w, HOPS);
	wr_bytes(w, from->ip, 16);
	wr_bytes(w, to->ip, 16);
}

static uint32_t swap32(uint32_t v)
{
	return __builtin_bswap32(v);
}

/* The file is little-endian, which its magic number tells the reader. */
static void write_record(struct wr *w, uint64_t time_us, size_t packet_len)
{
	wr_u32(w, swap32((uint32_t)(time_us / 1000000)));
	wr_u32(w, swap32((uint32_t)(time_us % 1000000)));
	wr_u32(w, swap32((uint32_t)packet_len));
	wr_u32(w, swap32((uint32_t)packet_len));
}

size_t pcap_headers(uint8_t out[PCAP_HEADERS_MAX], const struct net_addr *from,
	const struct net_addr *to, const uint8_t *data, size_t len, uint64_t time_us)
{
	const bool v4 = from->family == NET_IPV4;
	const size_t ip_len = v4 ? IPV4 : IPV6;
	const size_t address_len = v4 ? 4 : 16;
	struct wr w = wr_into(out, PCAP_HEADERS_MAX);
	write_record(&w, time_us, ip_len + UDP + len);
	if (v4)
		write_ipv4(&w, from, to, UDP + len);
	else
		write_ipv6(&w, from, to, UDP + len);
	uint8_t *udp = w.data + w.len;
	wr_u16(&w, from->port);
	wr_u16(&w, to->port);
	wr_u16(&w, (uint16_t)(UDP + len));
	wr_u16(&w, 0);
	uint32_t check = pseudo_sum(udp - 2 * address_len, 2 * address_len, UDP + len);
	check = sum(sum(check, udp, UDP), data, len);
	put_u16(udp + 6,
		check == 0xffff ? 0xffff : ~check & 0xffff); /* RFC 768: 0 would mean none */
	return w.len;
}

struct pcap *pcap_open(const char *file)
{
	uint8_t header[24];
	struct wr w = wr_into(header, sizeof(header));
	wr_u32(&w, swap32(0xa1b2c3d4)); /* microseconds */
	wr_u16(&w, 0x0200);             /* version 2.4 */
	wr_u16(&w, 0x0400);
	wr_u32(&w, 0);
	wr_u32(&w, 0);
	wr_u32(&w, swap32(PCAP_DATAGRAM_MAX + IPV6 + UDP));
	wr_u32(&w, swap32(LINKTYPE_RAW));
	struct pcap *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	p->file = fd < 0 ? NULL : fdopen(fd, "wb");
	if (p->file) {
		p->bad = fwrite(header, sizeof(header), 1, p->file) != 1;
		return p;
	}
	if (fd >= 0)
		close(fd);
	free(p);
	return NULL;
}

void pcap_write(struct pcap *p, const struct net_addr *from, const struct net_addr *to,
	const uint8_t *data, size_t len)
{
	uint8_t headers[PCAP_HEADERS_MAX];
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	const uint64_t us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	const size_t n = pcap_headers(headers, from, to, data, len, us);
	if (fwrite(headers, n, 1, p->file) != 1 || (len > 0 && fwrite(data, len, 1, p->file) != 1))
		p->bad = true;
}

bool pcap_close(struct pcap *p)
{
	const bool bad = fclose(p->file) != 0 || p->bad;
	free(p);
	return !bad;
}
