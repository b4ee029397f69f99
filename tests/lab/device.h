/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/device: one simulated LwM2M device above its secure channel. Bytes and the time in, bytes
 * out.
 *
 * It registers, answers Read, Discover, Write, Execute, Observe and Cancel, notifies, updates and
 * de-registers. One own exchange at a time (NSTART 1), with CoAP's retransmission.
 *
 * Promise: every own exchange ends in exactly one of answered, refused, reset, timeout,
 *          abandoned: the sum of them in struct device_counts is `begun` when nothing is under
 *          way. A request seen before (same message id) is not executed again, a plain GET
 *          excepted; the last answer is repeated.
 * Errors:  state DEVICE_LOST: the host should make a new association and call device_start().
 * Threads: the owner's. No I/O, no clock, no allocation.
 * Source:  RFC 7252 section 4, RFC 7641, LwM2M 1.1 Core 6.2 and 6.3, Transport 6.4.
 */
#ifndef LWG_LAB_DEVICE_H
#define LWG_LAB_DEVICE_H

#include "base/attr.h"
#include "tests/lab/msg.h"
#include "tests/lab/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DEVICE_TX_MAX = 400,
	DEVICE_ANSWER_MAX = 320,
	DEVICE_SEEN = 8,
	DEVICE_NOTES = 4,
	DEVICE_PAYLOAD_MAX = 256,
	DEVICE_SERIAL = 4 + 4 + 1
};
#define DEVICE_SERIAL_MARK "lwgs"

enum device_state {
	DEVICE_OFF, /* no association */
	DEVICE_REGISTERING,
	DEVICE_REGISTERED,
	DEVICE_LEAVING, /* awaits the answer to De-register */
	DEVICE_GONE,    /* has left */
	DEVICE_LOST,    /* nobody answers, or Register was refused */
};

enum device_exchange {
	DEVICE_REGISTER,
	DEVICE_UPDATE,
	DEVICE_DEREGISTER,
	DEVICE_NOTIFY,
	DEVICE_LOAD,
	DEVICE_EXCHANGES
};

enum device_outcome {
	DEVICE_ANSWERED,
	DEVICE_REFUSED /* 4.xx, 5.xx */,
	DEVICE_RESET,
	DEVICE_TIMEOUT,
	DEVICE_ABANDONED /* the association ended */,
	DEVICE_OUTCOMES
};

enum device_served {
	DEVICE_READ,
	DEVICE_DISCOVER,
	DEVICE_WRITE,
	DEVICE_EXECUTE,
	DEVICE_OBSERVE,
	DEVICE_CANCEL,
	DEVICE_OTHER /* answered 4.xx */,
	DEVICE_SERVED
};

struct device_counts { /* of all devices that share it */
	uint64_t begun[DEVICE_EXCHANGES];
	uint64_t ended[DEVICE_EXCHANGES][DEVICE_OUTCOMES];
	uint64_t served[DEVICE_SERVED]; /* requests of the server */
	uint64_t notes;                 /* notifications, NON and CON */
	uint64_t retransmitted, duplicates, malformed, strangers /* answers to nothing */;
};

struct device_settings {         /* shared by all devices; outlives them */
	uint32_t ack_timeout_ms; /* ACK_TIMEOUT, RFC 7252 section 4.8; 2000 */
	uint32_t notify_ms;      /* between notifications; 0 = none */
	uint32_t con_every;      /* each so-manieth notification is CON; 0 = none */
	uint32_t notes_most;     /* notifications, ever; 0 = no bound */
	uint32_t update_ms;      /* between Updates; 0 = none */
	uint32_t lifetime_s;     /* of Register */
	bool queue_mode;         /* it registers so, and listens all the same */
	uint32_t load_bytes;     /* payload of device_load(), at most DEVICE_PAYLOAD_MAX */
	const char *load_get;    /* path: device_load() is a GET, without payload; NULL: POST /dp */
	const char *load_proxy;  /* Proxy-Uri of device_load() in place of a path; NULL: none */
	bool no_register; /* counts as registered from the start: for servers that know no LwM2M */
	uint32_t load_wait_ms; /* a NON request unanswered for so long is lost */
	/* Each load request has DEVICE_SERIAL bytes in front of its payload: "lwgs", a number
	   that no other of the device has, and at the end how often it was sent before; so every
	   copy that leaves a device is told from each other, and arrives once at most, or else
	   somebody repeated it. */
	bool load_serial;
};

struct device;
struct device_owner {
	void *ctx;
	void (*send)(void *ctx, struct device *d, const uint8_t *msg, size_t len);
	/* An own exchange has ended; may be NULL. */
	void (*ended)(
		void *ctx, struct device *d, enum device_exchange what, enum device_outcome how);
	/* A request has come, repeated or not; may be NULL. */
	void (*asked)(void *ctx, struct device *d, const struct lab_head *head);
	const struct device_settings *settings;
	struct device_counts *counts;
};

struct device_tx { /* the own exchange under way */
	bool active;
	bool acked; /* an empty ACK came: no retransmission, the answer comes separately */
	bool con;
	enum device_exchange what;
	struct lab_head head;
	uint64_t due_ms, timeout_ms, give_up_ms;
	uint8_t tries; /* retransmissions so far */
	uint16_t len;
	uint8_t msg[DEVICE_TX_MAX];
};

struct device {
	const struct device_owner *owner;
	const char *endpoint; /* outlives the device */
	enum device_state state;
	bool leave; /* device_stop() was called */
	struct rng rng;
	uint16_t next_id;
	char location[LAB_PATH_MAX];
	uint32_t lifetime_s;
	uint64_t update_ms; /* when the next Update is due; 0 = not */
	uint32_t serial;    /* of the load request sent last */
	struct device_tx tx;
	/* Requests of the server: what was answered. */
	uint16_t seen[DEVICE_SEEN];
	uint8_t seen_len, seen_at;
	uint16_t answer_id, answer_len; /* the last answer, to message id answer_id */
	uint8_t answer[DEVICE_ANSWER_MAX];
	/* The observation of /3/0/13. */
	bool observed;
	struct lab_head observer; /* its token */
	uint32_t observe_number;
	uint64_t notify_ms;              /* when the next notification is due */
	uint32_t notified;               /* ever */
	uint16_t note_ids[DEVICE_NOTES]; /* a RST to one of these cancels */
	uint8_t note_at, note_len;
};

void device_init(
	struct device *d, const struct device_owner *owner, const char *endpoint, uint64_t seed);
/* The association is up: Register. */
void device_start(struct device *d, uint64_t now_ms);
/* The association has ended: relations and exchanges of it are over (RFC 7252 section 9.1.1). */
void device_link_lost(struct device *d);
/* De-register as soon as nothing else is under way. */
void device_stop(struct device *d, uint64_t now_ms);
void device_input(struct device *d, const uint8_t *msg, size_t len, uint64_t now_ms);
void device_tick(struct device *d, uint64_t now_ms);
/* When to call device_tick() next; UINT64_MAX: never. */
uint64_t device_next_ms(const struct device *d);
/* Sends the load's request as NON or CON. False: another exchange is under way, or the device is
   not registered. */
MUST_USE bool device_load(struct device *d, bool con, uint64_t now_ms);

/* device_serve.c: the answer to a request of the server; 0 = none. */
size_t device_serve(struct device *d, const struct lab_msg *q, uint64_t now_ms);
/* The value of /3/0/13 as text; returns its length. */
size_t device_value(const struct device *d, char *out, size_t cap, uint64_t now_ms);

#endif
