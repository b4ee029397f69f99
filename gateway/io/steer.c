/* SPDX-License-Identifier: Apache-2.0 */
#include "io/steer.h"

#include <assert.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Odd multipliers of MurmurHash3's finalizer and of Knuth's multiplicative hashing. */
static const uint32_t mix_word = 0x9e3779b1;
static const uint32_t mix_end = 0x85ebca6b;
enum { SHIFT_FIRST = 15, SHIFT_LAST = 13 };

enum { /* offsets from the IP header: RFC 791 3.1, RFC 8200 3 */
	IP4_SOURCE = 12,
	IP6_NEXT = 6,
	IP6_SOURCE = 8,
	IP6_LEN = 40,
};

enum { STEER_PORT = 0 /* scratch memory cell */, STEER_PROGRAM_MAX = 40 };

static uint32_t mix(uint32_t h, uint32_t word)
{
	return (h ^ word) * mix_word;
}

uint32_t steer_owner(const struct steer *s, const struct net_addr *peer)
{
	assert(s->owners > 0);
	uint32_t h = s->seed;
	const size_t words = peer->family == NET_IPV6 ? 4 : 1;
	for (size_t i = 0; i < words; i++) {
		uint32_t word = 0;
		memcpy(&word, peer->ip + 4 * i, sizeof(word));
		h = mix(h, ntohl(word));
	}
	h = mix(h, peer->port);
	h ^= h >> SHIFT_FIRST;
	h *= mix_end;
	h ^= h >> SHIFT_LAST;
	return h % s->owners;
}

struct program {
	struct sock_filter code[STEER_PROGRAM_MAX];
	unsigned short len;
};

static void put(struct program *p, int code, uint32_t k)
{
	assert(p->len < STEER_PROGRAM_MAX);
	p->code[p->len++] = (struct sock_filter){ .code = (uint16_t)code, .k = k };
}

static uint32_t from_network(uint32_t offset)
{
	return (uint32_t)SKF_NET_OFF + offset;
}

/* X holds the hash; A the word: X = A = mix(X, A). */
static void put_mix(struct program *p)
{
	put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	put(p, BPF_ALU | BPF_MUL | BPF_K, mix_word);
	put(p, BPF_MISC | BPF_TAX, 0);
}

/* A = A ^ A >> bits, X is lost. */
static void put_fold(struct program *p, uint32_t bits)
{
	put(p, BPF_MISC | BPF_TAX, 0);
	put(p, BPF_ALU | BPF_RSH | BPF_K, bits);
	put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
}

static void put_port(struct program *p, uint8_t family)
{
	if (family == NET_IPV4) {
		put(p, BPF_LDX | BPF_B | BPF_MSH, from_network(0)); /* X = length of the header */
		put(p, BPF_LD | BPF_H | BPF_IND, from_network(0));
	} else {
		put(p, BPF_LD | BPF_B | BPF_ABS, from_network(IP6_NEXT));
		put(p, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP);
		p->code[p->len - 1].jt = 2;
		put(p, BPF_LD | BPF_IMM, 0); /* an extension header: user space will correct us */
		put(p, BPF_JMP | BPF_JA, 1);
		put(p, BPF_LD | BPF_H | BPF_ABS, from_network(IP6_LEN));
	}
	put(p, BPF_ST, STEER_PORT);
}

bool steer_attach(const struct steer *s, int fd, uint8_t family)
{
	struct program p = { .len = 0 };
	const uint32_t source = family == NET_IPV4 ? IP4_SOURCE : IP6_SOURCE;
	const uint32_t words = family == NET_IPV4 ? 1 : 4;
	put_port(&p, family);
	put(&p, BPF_LDX | BPF_IMM, s->seed);
	for (uint32_t i = 0; i < words; i++) {
		put(&p, BPF_LD | BPF_W | BPF_ABS, from_network(source + 4 * i));
		put_mix(&p);
	}
	put(&p, BPF_LD | BPF_MEM, STEER_PORT);
	put_mix(&p);
	put_fold(&p, SHIFT_FIRST);
	put(&p, BPF_ALU | BPF_MUL | BPF_K, mix_end);
	put_fold(&p, SHIFT_LAST);
	put(&p, BPF_ALU | BPF_MOD | BPF_K, s->owners);
	put(&p, BPF_RET | BPF_A, 0);
	const struct sock_fprog prog = { .len = p.len, .filter = p.code };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)) == 0;
}
