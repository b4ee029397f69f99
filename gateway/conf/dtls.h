/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/dtls: what lwgate.conf says about DTLS at one place: a listener, or the way to the server.
 *
 * Promise: what config_load() gives out fits together: suites that the keys can serve, a key for
 *          every certificate, somebody to trust for everybody who proves himself by one.
 * Memory:  strings are owned by the struct.
 * Threads: any; not changed once it is read.
 * Source:  lwgate.conf(5); areas C, E, F and K of the requirements.
 */
#ifndef LWG_CONF_DTLS_H
#define LWG_CONF_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONF_SUITES_MAX = 8, CONF_NAME_RULES = 6, CONF_PINS_MAX = 4, CONF_DIGEST_LEN = 32 };

/* What we prove to the server. */
enum conf_proof {
	CONF_BY_PSK, /* of each device */
	CONF_BY_RAW_KEY,
	CONF_BY_CERTIFICATE,
};

/* Where a device's name stands in its certificate. */
enum conf_name_rule {
	CONF_NAME_EUI64,
	CONF_NAME_URI,
	CONF_NAME_DNS,
	CONF_NAME_CN,
	CONF_NAME_SERIAL,
	CONF_NAME_NONE /* ends a list */
};

enum conf_cid {        /* connection ids (RFC 9146) */
	CONF_CID_OFF,  /* not offered, not answered */
	CONF_CID_SEND, /* the peer may have one; we have none */
	CONF_CID_ON,
};

/* What shows that a device that comes from a new address is there. */
enum conf_move {
	CONF_MOVE_CHECK,     /* it answers there: RFC 9853, or else a CoAP request of ours */
	CONF_MOVE_CHECK_OLD, /* the same, but it is asked at its old address first */
	CONF_MOVE_TRUST,     /* its newest record, not too often: for closed networks */
};

struct conf_pin {                        /* a public key of the server */
	char *file;                      /* NULL: digest */
	uint8_t digest[CONF_DIGEST_LEN]; /* SHA-256 of its SubjectPublicKeyInfo */
};

struct conf_dtls {
	uint16_t suites[CONF_SUITES_MAX]; /* in the order of preference */
	size_t suites_len;                /* >= 1 */
	uint32_t initial_ms;
	uint32_t max_ms, lifetime_ms; /* 0: as handshake.max_ms, handshake.lifetime_s */
	uint16_t mtu;                 /* 0: the engine's default */
	bool server_preference, mac_then_encrypt, tickets;
	bool raw_public_key; /* ours is one, or may be one */
	/* Paths, or NULL: none. */
	char *private_key_file, *certificate_file, *anchors_file, *crl_file;
	uint8_t chain_max;                          /* certificates besides the anchor */
	enum conf_name_rule names[CONF_NAME_RULES]; /* a listener's; ended by NONE */
	bool refuses_without_clock;
	enum conf_cid cid;
	enum conf_move move; /* a listener's */
	/* Of the upstream alone. */
	enum conf_proof proof;
	char *server_name;     /* NULL: none */
	struct conf_pin *pins; /* room for CONF_PINS_MAX, or NULL */
	size_t pins_len;
	uint16_t fragment_max; /* octets; 0: not asked for */
};

#endif
