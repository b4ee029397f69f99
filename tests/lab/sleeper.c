/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/sleeper.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/wipe.h"

enum { LOOPBACK = 127, DEVICES = 128, LINKS = 64, HASH = 32 };

static bool key_of(uint32_t number, enum sleeper_leg leg, unsigned way, struct dtls_key *out)
{
	char text[64];
	uint8_t hash[HASH];
	unsigned len = 0;
	const int n = snprintf(
		text, sizeof(text), "lwgate lab sleeper %u %u %u", number, (unsigned)leg, way);
	if (n <= 0 || EVP_Digest(text, (size_t)n, hash, &len, EVP_sha256(), NULL) != 1)
		return false;
	*out = (struct dtls_key){ .key = { 0 } };
	memcpy(out->key, hash, sizeof(out->key));
	memcpy(out->iv, hash + sizeof(out->key), sizeof(out->iv));
	wipe(hash, sizeof(hash));
	return true;
}

bool sleeper_keys(uint32_t number, enum sleeper_leg leg, struct sleeper_keys *out)
{
	return key_of(number, leg, 0, &out->in) && key_of(number, leg, 1, &out->out);
}

static struct net_addr address(unsigned base, uint32_t host, uint16_t port)
{
	const struct net_addr a = { .ip = { LOOPBACK, (uint8_t)(base + (host >> 16)),
					    (uint8_t)(host >> 8), (uint8_t)host },
		.port = port,
		.family = NET_IPV4 };
	return a;
}

struct net_addr sleeper_device(uint32_t number, uint16_t port)
{
	return address(DEVICES, number, port);
}

struct net_addr sleeper_link(uint32_t number, uint16_t port)
{
	return address(LINKS, number, port);
}

void sleeper_endpoint(uint32_t number, char out[SLEEPER_NAME_MAX])
{
	(void)snprintf(out, SLEEPER_NAME_MAX, "urn:lwgate:sleeper-%07u", number);
}

void sleeper_location(uint32_t number, char out[SLEEPER_NAME_MAX])
{
	(void)snprintf(out, SLEEPER_NAME_MAX, "rd/%u", number);
}

size_t sleeper_seal(struct dtls_guards *g, const struct dtls_key *key, uint64_t seq,
	const uint8_t *msg, size_t len, uint8_t *out)
{
	const struct dtls_number n = { .type = DTLS_DATA, .epoch = 1, .seq = seq };
	const struct dtls_sealing s = { .key = key, .n = &n };
	memcpy(out + DTLS_RECORD_HEADER + dtls_guard_before(DTLS_GUARD_CCM_8), msg, len);
	return dtls_guard_seal(g, DTLS_GUARD_CCM_8, &s, out, len);
}

bool sleeper_open(struct dtls_guards *g, const struct dtls_key *key, uint8_t *datagram, size_t len,
	uint8_t **msg, size_t *msg_len)
{
	struct dtls_record r;
	return dtls_record_next(&datagram, &len, &r) && r.type == DTLS_DATA && r.epoch == 1 &&
	       dtls_guard_open(g, DTLS_GUARD_CCM_8, key, &r, msg, msg_len);
}
