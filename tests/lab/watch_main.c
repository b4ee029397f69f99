/* SPDX-License-Identifier: Apache-2.0 */
/* watch: sees every UDP datagram on the loopback interface and counts nonces that come twice. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rd.h"
#include "tests/lab/loop.h"
#include "tests/lab/nonces.h"
#include "tests/lab/pcap.h"

enum option_id { FROM = 1, TO, RECORD, HELP };
enum {
	PORTS_MAX = 16,
	BLOCK = 1 << 20,
	BLOCKS = 96,
	FRAME = 1 << 11,
	RETIRE_MS = 20,
	PROTO_UDP = 17,
	UDP_HEADER = 8,
};

static const struct option options[] = {
	{ "from", required_argument, NULL, FROM },
	{ "to", required_argument, NULL, TO },
	{ "record", required_argument, NULL, RECORD },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: watch [--from PORT]... [--to PORT]... [--record FILE]\n"
	"Sees the UDP datagrams over IPv4 on the loopback interface (root only) that come from or "
	"go to one of the ports,\n"
	"which is to be each datagram once, where its maker sent it: a repetition by somebody on "
	"the path must go to and\n"
	"come from other ports. Prints {\"event\":\"listening\"}, then on stdin: status, quit. The "
	"summary has what came twice.\n"
	"  --record FILE   a capture (pcap) of what was seen\n";

struct watch {
	int fd;
	uint8_t *ring;
	unsigned block; /* the next that is ours */
	uint16_t from[PORTS_MAX], to[PORTS_MAX];
	size_t from_len, to_len;
	struct nonces *nonces;
	struct pcap *record;
	uint64_t dropped; /* by the kernel, for want of room */
	bool short_of_memory;
};

static bool listed(const uint16_t *ports, size_t len, uint16_t port)
{
	for (size_t i = 0; i < len; i++) {
		if (ports[i] == port)
			return true;
	}
	return false;
}

/* An Ethernet frame. */
static void take_frame(struct watch *w, const uint8_t *frame, size_t len)
{
	struct rd r = rd_from(frame, len);
	struct net_addr from = { .family = NET_IPV4 }, to = { .family = NET_IPV4 };
	rd_skip(&r, (size_t)2 * ETH_ALEN);
	const bool v4 = rd_u16(&r) == ETH_P_IP;
	const size_t words = rd_u8(&r) & 15U;
	rd_skip(&r, 8);
	const bool udp = rd_u8(&r) == PROTO_UDP;
	rd_skip(&r, 2);
	rd_copy(&r, from.ip, 4);
	rd_copy(&r, to.ip, 4);
	if (!v4 || !udp || words < 5)
		return;
	rd_skip(&r, sizeof(uint32_t) * words - 20);
	from.port = rd_u16(&r);
	to.port = rd_u16(&r);
	const size_t udp_len = rd_u16(&r);
	rd_skip(&r, 2);
	if (!rd_ok(&r) || udp_len < UDP_HEADER || udp_len - UDP_HEADER > r.left)
		return;
	if (!listed(w->from, w->from_len, from.port) && !listed(w->to, w->to_len, to.port))
		return;
	if (w->record)
		pcap_write(w->record, &from, &to, r.at, udp_len - UDP_HEADER);
	if (!nonces_take(w->nonces, &from, &to, r.at, udp_len - UDP_HEADER))
		w->short_of_memory = true;
}

static void take_blocks(struct watch *w)
{
	for (;;) {
		struct tpacket_block_desc *b = (void *)(w->ring + (size_t)w->block * BLOCK);
		if (!(__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			return;
		const uint8_t *at = (const uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
		for (uint32_t i = 0; i < b->hdr.bh1.num_pkts; i++) {
			struct tpacket3_hdr h;
			memcpy(&h, at, sizeof(h));
			take_frame(w, at + h.tp_mac, h.tp_snaplen);
			at += h.tp_next_offset;
		}
		__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		w->block = (w->block + 1) % BLOCKS;
	}
}

/* Each packet passes the loopback interface twice, going out and coming in: only coming in. */
static bool filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 65536),
	};
	const struct sock_fprog program = { .len = 4, .filter = code };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

static bool open_ring(struct watch *w)
{
	const int version = TPACKET_V3;
	const struct tpacket_req3 req = { .tp_block_size = BLOCK,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = FRAME,
		.tp_frame_nr = BLOCK / FRAME * BLOCKS,
		.tp_retire_blk_tov = RETIRE_MS };
	struct sockaddr_ll where = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex("lo") };
	/* Protocol 0: nothing comes before the filter is there. */
	w->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (w->fd < 0 || !filter(w->fd) ||
		setsockopt(w->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0 ||
		setsockopt(w->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) != 0)
		return false;
	w->ring = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
	return w->ring != MAP_FAILED &&
	       bind(w->fd, (const struct sockaddr *)&where, sizeof(where)) == 0;
}

static void count_dropped(struct watch *w)
{
	struct tpacket_stats_v3 s = { .tp_packets = 0 };
	socklen_t len = sizeof(s);
	if (getsockopt(w->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0)
		w->dropped += s.tp_drops; /* reading it sets it to 0 */
}

static void say(struct watch *w, const char *event)
{
	char from[NET_TEXT_MAX], to[NET_TEXT_MAX];
	const struct nonces_counts c = nonces_counts(w->nonces);
	size_t len;
	const struct nonces_twice *t = nonces_twice(w->nonces, &len);
	count_dropped(w);
	(void)printf("{\"event\":\"%s\",\"datagrams\":%llu,\"records\":%llu,\"protected\":%llu,"
		     "\"streams\":%llu,\"keys\":%llu,\"repeated\":%llu,\"same\":%llu,"
		     "\"plain\":%llu,\"malformed\":%llu,\"dropped\":%llu,\"whole\":%s,\"twice\":[",
		event, (unsigned long long)c.datagrams, (unsigned long long)c.records,
		(unsigned long long)c.protected_records, (unsigned long long)c.streams,
		(unsigned long long)c.keys, (unsigned long long)c.repeated,
		(unsigned long long)c.same, (unsigned long long)c.plain,
		(unsigned long long)c.malformed, (unsigned long long)w->dropped,
		w->dropped || w->short_of_memory ? "false" : "true");
	for (size_t i = 0; i < len; i++)
		(void)printf("%s{\"from\":\"%s\",\"to\":\"%s\",\"key\":%u,\"nonce\":\"%016llx\","
			     "\"same\":%s}",
			i ? "," : "", net_addr_text(&t[i].from, from), net_addr_text(&t[i].to, to),
			t[i].key, (unsigned long long)t[i].nonce, t[i].same ? "true" : "false");
	(void)puts("]}");
	(void)fflush(stdout);
}

static void run(struct watch *w, struct orders *orders)
{
	struct pollfd fds[] = { { .fd = w->fd, .events = POLLIN },
		{ .fd = orders->fd, .events = POLLIN } };
	char order[ORDER_MAX];
	for (;;) {
		(void)poll(fds, 2, 1000);
		take_blocks(w);
		while (orders_next(orders, order)) {
			/* What was sent before the order is in a block that the kernel has yet to
			   hand over. */
			(void)usleep(4 * RETIRE_MS * 1000);
			take_blocks(w);
			if (strcmp(order, "quit") == 0)
				return;
			if (strcmp(order, "status") == 0)
				say(w, "status");
		}
	}
}

static void add_port(uint16_t *ports, size_t *len, const char *name)
{
	if (*len == PORTS_MAX) {
		(void)fprintf(stderr, "watch: too many ports\n");
		exit(2);
	}
	ports[(*len)++] = (uint16_t)option_number(name, optarg, 1, UINT16_MAX);
}

static const char *read_options(struct watch *w, int argc, char **argv)
{
	const char *record = NULL;
	for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (id == FROM) {
			add_port(w->from, &w->from_len, "from");
		} else if (id == TO) {
			add_port(w->to, &w->to_len, "to");
		} else if (id == RECORD) {
			record = optarg;
		} else {
			(void)fputs(usage, id == HELP ? stdout : stderr);
			exit(id == HELP ? 0 : 2);
		}
	}
	return record;
}

int main(int argc, char **argv)
{
	struct watch w = { .fd = -1 };
	struct orders orders;
	const char *record = read_options(&w, argc, argv);
	w.nonces = nonces_new();
	if (record && !(w.record = pcap_open(record))) {
		(void)fprintf(stderr, "watch: %s: %s\n", record, strerror(errno));
		return 1;
	}
	if (!w.nonces || !open_ring(&w) || !orders_open(&orders)) {
		(void)fprintf(stderr, "watch: cannot see packets: %s\n", strerror(errno));
		return 1;
	}
	(void)puts("{\"event\":\"listening\"}");
	(void)fflush(stdout);
	run(&w, &orders);
	say(&w, "summary");
	orders_close(&orders);
	const bool recorded = !w.record || pcap_close(w.record);
	nonces_free(w.nonces);
	return recorded && fflush(stdout) == 0 ? 0 : 1;
}
