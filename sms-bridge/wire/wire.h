/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/wire: what the gateway and its SMS bridge say to each other, one message a frame.
 *
 * Model:   the gateway keeps what is to be sent (MT) until the bridge has told what became of it;
 *          the bridge keeps what has come (MO), or leaves it with the SMSC, until the gateway has
 *          taken it. Either may end at any time: what has no answer is said again, under the id
 *          that it has. An id that is known already is answered again, and nothing else happens.
 * Promise: pure, total, bounded (I7): a frame is at most WIRE_FRAME_MAX octets, and what was read
 *          is written again octet by octet. A frame of another version, with a value that is none,
 *          or with octets too many is not read.
 * Errors:  wire_read(): false, and *out is zero. wire_write(): 0, the frame does not fit or a field
 *          is beyond its bound.
 * Memory:  pointers that are read point into the frame.
 * Threads: any. Clock, I/O, allocation: none.
 */
#ifndef LWG_SMS_BRIDGE_WIRE_H
#define LWG_SMS_BRIDGE_WIRE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WIRE_VERSION = 1,
	WIRE_DIGITS_MAX = 20,  /* of a number, TS 23.040 9.1.2.5 */
	WIRE_DATA_MAX = 8192,  /* of one message, all of its segments together */
	WIRE_NAME_MAX = 32,    /* of a way to the network, as the bridge's configuration has it */
	WIRE_SMSC_ID_MAX = 64, /* what the SMSC calls a message, SMPP 3.4 5.2.23 */
	WIRE_FRAME_MAX = WIRE_DATA_MAX + 256,
};

enum wire_type {
	WIRE_HELLO = 1,  /* each side, first */
	WIRE_MT,         /* gateway: to be sent to a device */
	WIRE_MT_OUTCOME, /* bridge: what became of it so far */
	WIRE_MO,         /* bridge: has come from a device */
	WIRE_MO_ANSWER,  /* gateway */
};

struct wire_number { /* TS 23.040 9.1.2.5 */
	/* The octet of TON and NPI with its upper bit, 0x91: international E.164; 0: none. */
	uint8_t type;
	uint8_t len;                      /* of digits; 0: none */
	char digits[WIRE_DIGITS_MAX + 1]; /* 0-9*#abc; NUL behind */
};

struct wire_hello {
	uint64_t instance; /* random, of this run of who says it */
	char name[WIRE_NAME_MAX + 1];
};

/* What goes with the octets of a message in both directions. */
struct wire_text {
	uint64_t id; /* see the model; of an MT the gateway's number, of an MO one that the same
			octets from the same sender with the same time stamp have again */
	struct wire_number peer; /* the device */
	struct wire_number own;  /* the number that it sends to; len 0: as the way has it */
	uint8_t pid, dcs;        /* TP-PID, TP-DCS */
	uint8_t marker;          /* 0x70, 0x71: command or response packet (31.115); 0: neither */
	uint16_t port;           /* destination port of a UDH (23.040 9.2.3.24.4); 0: none */
	const uint8_t *data;     /* without any UDH, of all segments */
	size_t len;              /* at most WIRE_DATA_MAX */
};

struct wire_mt {
	struct wire_text text;
	uint16_t reference; /* of its concatenation, if it is cut; the same when it is sent again */
	uint32_t valid_s;   /* TP-VP; 0: as the SMSC has it */
};

enum wire_outcome {
	WIRE_ACCEPTED = 1, /* the network has all of it: the gateway may forget it */
	WIRE_REFUSED,      /* for good: nobody tries again */
	WIRE_EXPIRED,      /* valid_s has passed, nobody took it */
	WIRE_BUSY,         /* too much waits here: to be said again in a while */
};
struct wire_mt_outcome {
	uint64_t id;
	uint8_t outcome;  /* enum wire_outcome */
	uint8_t segments; /* that the network has been given: what it may cost */
	uint32_t code;    /* of the SMSC (command_status) or the modem (CMS error); 0: none */
	char way[WIRE_NAME_MAX + 1];
	char smsc_id[WIRE_SMSC_ID_MAX + 1]; /* of its last segment; "": none */
};

struct wire_mo {
	struct wire_text text;
	uint64_t at_ms; /* wall clock of the bridge */
	char way[WIRE_NAME_MAX + 1];
};

enum wire_taken {
	WIRE_TAKEN = 1, /* durable there, or known already, or of no use: never again */
	WIRE_LATER,     /* it cannot be kept now: the SMSC keeps it */
};
struct wire_mo_answer {
	uint64_t id;
	uint8_t taken; /* enum wire_taken */
};

struct wire_message {
	uint8_t type; /* enum wire_type */
	union {
		struct wire_hello hello;
		struct wire_mt mt;
		struct wire_mt_outcome mt_outcome;
		struct wire_mo mo;
		struct wire_mo_answer mo_answer;
	};
};

MUST_USE bool wire_read(const uint8_t *frame, size_t len, struct wire_message *out);
MUST_USE size_t wire_write(const struct wire_message *m, uint8_t *out, size_t cap);

/* Digits as LwM2M and E.164 write them: an international number without its "+". False: it is no
   number, or of another kind. Equal numbers have equal texts. */
MUST_USE bool wire_number_from_text(const char *text, struct wire_number *out);
/* The id of a message that has come: of who sent it, when, and what. scts: TP-SCTS or nothing. */
uint64_t wire_mo_id(const struct wire_text *t, const uint8_t *scts, size_t scts_len);

#endif
