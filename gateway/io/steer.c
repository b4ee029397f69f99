/* SPDX-License-Identifier: Apache-2.0 */
#include "io/steer.h"

#include "base/cid.h"

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

enum { /* what is hashed of a CID: the random octets that every one has */
	HASHED = CID_ROUTE,
	HASHED_WORDS = CID_RANDOM_MIN / 4,
	RECORD_MIN = CID_IN_RECORD + CID_MIN, /* less is no record with a CID of ours */
};

enum { STEER_PORT = 0 /* scratch memory cell */, STEER_PROGRAM_MAX = 80 };

static uint32_t mix(uint32_t h, uint32_t word)
{
	return (h ^ word) * mix_word;
}

/* h is mixed with all words. */
static uint32_t finish(const struct steer *s, uint32_t h)
{
	h ^= h >> SHIFT_FIRST;
	h *= mix_end;
	h ^= h >> SHIFT_LAST;
	return h % s->owners;
}

static uint32_t word_at(const uint8_t *from)
{
	uint32_t word;
	memcpy(&word, from, sizeof(word));
	return ntohl(word);
}

uint32_t steer_owner(const struct steer *s, const struct net_addr *peer)
{
	assert(s->owners > 0);
	uint32_t h = s->seed;
	const size_t words = peer->family == NET_IPV4 ? 1 : 4;
	for (size_t i = 0; i < words; i++)
		h = mix(h, word_at(peer->ip + 4 * i));
	return finish(s, mix(h, peer->port));
}

uint32_t steer_owner_of_cid(const struct steer *s, const uint8_t *cid, size_t len)
{
	assert(s->owners > 0 && len >= CID_MIN);
	(void)len;
	if (cid[CID_NODE] == s->node && cid[CID_WORKER] < s->owners)
		return cid[CID_WORKER];
	uint32_t h = s->seed;
	for (size_t i = 0; i < HASHED_WORDS; i++)
		h = mix(h, word_at(cid + HASHED + 4 * i));
	return finish(s, h);
}

uint32_t steer_owner_of(
	const struct steer *s, const struct net_addr *peer, const uint8_t *data, size_t len)
{
	if (len < RECORD_MIN || data[0] != CID_TYPE || data[CID_IN_RECORD] < CID_FORM_MIN ||
		data[CID_IN_RECORD] > CID_FORM_MAX)
		return steer_owner(s, peer);
	return steer_owner_of_cid(s, data + CID_IN_RECORD, len - CID_IN_RECORD);
}

/* --- the same for the kernel ----------------------------------------------------------------- */

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

/* X holds the hash, A the word: X = A = mix(X, A). */
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

/* A holds the hash: the program ends. */
static void put_finish(struct program *p, const struct steer *s)
{
	put_fold(p, SHIFT_FIRST);
	put(p, BPF_ALU | BPF_MUL | BPF_K, mix_end);
	put_fold(p, SHIFT_LAST);
	put(p, BPF_ALU | BPF_MOD | BPF_K, s->owners);
	put(p, BPF_RET | BPF_A, 0);
}

/* By the address. */
static void put_peer(struct program *p, const struct steer *s, uint8_t family)
{
	const uint32_t source = family == NET_IPV4 ? IP4_SOURCE : IP6_SOURCE;
	const uint32_t words = family == NET_IPV4 ? 1 : 4;
	put_port(p, family);
	put(p, BPF_LDX | BPF_IMM, s->seed);
	for (uint32_t i = 0; i < words; i++) {
		put(p, BPF_LD | BPF_W | BPF_ABS, from_network(source + 4 * i));
		put_mix(p);
	}
	put(p, BPF_LD | BPF_MEM, STEER_PORT);
	put_mix(p);
	put_finish(p, s);
}

/* A jump, one of whose targets is not known yet. Returns where it is. */
static unsigned short put_jump(struct program *p, int code, uint32_t k)
{
	put(p, BPF_JMP | code | BPF_K, k);
	return (unsigned short)(p->len - 1);
}

/* From the jump there to what is put next. */
static uint8_t distance(const struct program *p, unsigned short from)
{
	return (uint8_t)(p->len - from - 1);
}

/* By the CID, where there is one: offsets are of the datagram's data (socket(7)). Who has none is
   for what follows. */
static void put_cid(struct program *p, const struct steer *s)
{
	put(p, BPF_LD | BPF_W | BPF_LEN, 0); /* a load beyond the end would end the program */
	const unsigned short is_long = put_jump(p, BPF_JGE, RECORD_MIN);
	put(p, BPF_LD | BPF_B | BPF_ABS, 0);
	const unsigned short has_type = put_jump(p, BPF_JEQ, CID_TYPE);
	put(p, BPF_LD | BPF_B | BPF_ABS, CID_IN_RECORD);
	const unsigned short above = put_jump(p, BPF_JGE, CID_FORM_MIN);
	const unsigned short beyond = put_jump(p, BPF_JGT, CID_FORM_MAX);
	put(p, BPF_LD | BPF_B | BPF_ABS, CID_IN_RECORD + CID_NODE);
	const unsigned short is_ours = put_jump(p, BPF_JEQ, s->node);
	put(p, BPF_LD | BPF_B | BPF_ABS, CID_IN_RECORD + CID_WORKER);
	const unsigned short is_gone = put_jump(p, BPF_JGE, s->owners);
	put(p, BPF_RET | BPF_A, 0);
	p->code[is_ours].jf = distance(p, is_ours);
	p->code[is_gone].jt = distance(p, is_gone);
	put(p, BPF_LDX | BPF_IMM, s->seed);
	for (uint32_t i = 0; i < HASHED_WORDS; i++) {
		put(p, BPF_LD | BPF_W | BPF_ABS, CID_IN_RECORD + HASHED + 4 * i);
		put_mix(p);
	}
	put_finish(p, s);
	p->code[is_long].jf = distance(p, is_long);
	p->code[has_type].jf = distance(p, has_type);
	p->code[above].jf = distance(p, above);
	p->code[beyond].jt = distance(p, beyond);
}

bool steer_attach(const struct steer *s, int fd, uint8_t family)
{
	struct program p = { .len = 0 };
	put_cid(&p, s);
	put_peer(&p, s, family);
	const struct sock_fprog prog = { .len = p.len, .filter = p.code };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)) == 0;
}
