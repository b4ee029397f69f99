/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms/card: brings a file's new content to one smartcard, by short messages under its OTA keys, and
 *           says when the card has proved that it has it.
 *
 *   card_begin()                        what is to be written: all of it, or what has changed
 *   card_is_due() ─▶ card_packet()      one command packet; sealed under the next OTA counter
 *   card_open() ─▶ CARD_PROVED ...      the card's answer (PoR)
 *   card_due_ms()                       when to look again
 *
 * One packet is under way at a time: a network may turn two around, and a card takes no counter
 * that is lower than the last. An answer to any try of a packet proves it, so one that is late or
 * comes twice does no harm. Content that needs more than one packet is written so that a device
 * which reads in between finds an empty file, never half of one: the head goes to 0 first and is
 * written last.
 *
 * Promise: pure: settings and a clock in, octets and events out. What is kept is in struct
 *          card_state, which the store's row has (card_save()); a process that ends anywhere goes
 *          on where the row was, and a try that nobody remembers does no harm. Only an answer with
 *          a checksum under the OTA keys changes anything (A12); one without is a hint for the log.
 *          Bounded tries, then CARD_GAVE_UP with the cause.
 * Errors:  0 or false; card_why() for a person.
 * Memory:  none but the caller's, who wipes it: the content has keys (I5).
 * Threads: any, one state each. Clock: milliseconds, given; of the wall, as it is kept.
 * Source:  TS 102 225, TS 102 226, TS 31.115.
 */
#ifndef LWG_SMS_CARD_H
#define LWG_SMS_CARD_H

#include "base/attr.h"
#include "sms/packet.h"
#include "sms/profile.h"
#include "sms/rfm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CARD_FILE_MAX = 960,   /* octets that can be delivered */
	CARD_STATE_MAX = 1024, /* that card_save() writes, at most */
	CARD_PID = 0x7f,       /* (U)SIM data download */
	CARD_DCS = 0xf6,       /* 8-bit, class 2 */
	CARD_MARKER = 0x70,
	CARD_SEGMENTS = 8,
};

/* The OTA side, as the credential and the configuration have it. */
struct card_ota { /* the holder wipes it */
	uint8_t spi2, kic, kid,
		cc_len; /* SPI1 is 16; spi2: 39 unless the operator says otherwise */
	uint8_t tar[3];
	uint8_t key_len; /* both together, KIc's first: 32, 48, 64 */
	uint8_t key[2 * SMS_KEY_MAX];
	uint8_t path[RFM_PATH_MAX];
	uint8_t path_len;
	uint8_t format; /* enum rfm_format */
};
struct card_settings { /* the holder wipes it */
	struct sms_settings ota;
	uint8_t path[RFM_PATH_MAX];
	uint8_t path_len, format;
	uint8_t segments;  /* short messages a packet may take: 1 to CARD_SEGMENTS */
	uint8_t tries;     /* of one packet */
	uint32_t retry_ms; /* the first wait for an answer; then twice as long ... */
	uint32_t wait_ms;  /* ... up to this; and for an answer that the card has announced */
};
/* The times and bounds are set to defaults (2 segments, 6 tries, 1 min, 15 min). False: *why says
   what is wrong and the remedy. An SPI2 that wants an answer must want a checksum in it. */
MUST_USE bool card_settings(
	const struct card_ota *o, bool allow_3des, struct card_settings *out, const char **why);

enum card_phase {
	CARD_NOTHING, /* nothing is to be brought; the content is what the card has, or unknown */
	CARD_TO_SEND, /* a packet is due at due_ms */
	CARD_WAITING, /* for an answer, until due_ms */
	CARD_HAS_IT,  /* all was proved, or (without PoR) has been given to the network */
	CARD_GIVEN_UP,
};
enum card_head {         /* of a file that takes more than one packet */
	CARD_HEAD_PLAIN, /* it does not */
	CARD_HEAD_BLANK, /* is to go to 0 with the first */
	CARD_HEAD_LAST,  /* is 0, and written last */
};
enum card_cause {
	CARD_NO_CAUSE,
	CARD_NO_ANSWER,   /* after all tries */
	CARD_BAD_STATUS,  /* of the PoR: see status */
	CARD_BAD_COMMAND, /* of a command: see sw */
	CARD_BAD_ANSWER,  /* it could not be read */
	CARD_BAD_FORMAT,  /* the card could not read the commands */
	CARD_TOO_LONG,    /* not even one octet fits a packet */
};

struct card_state { /* the holder wipes it */
	uint8_t phase, cause;
	uint8_t status;       /* of the last answer; 0xff: there was none */
	uint8_t head;         /* enum card_head */
	uint8_t tries;        /* of this packet */
	bool proved;          /* CARD_HAS_IT: the card itself has said so */
	uint16_t sw;          /* of the last answer */
	uint16_t packets;     /* that are done, for people */
	uint64_t first, last; /* OTA counters of this packet's tries; 0: none yet */
	uint64_t message;     /* the caller's: id of the last try in the box out */
	uint64_t due_ms;
	uint16_t from, to; /* what of the content is still to be written: from <= i < to */
	uint16_t len;
	uint8_t content[CARD_FILE_MAX];
};

/* What the card is to have. was: NULL, or what is known to be there (then only what differs is
   written, if that fits one packet). False: it cannot be; *s is CARD_GIVEN_UP with the cause. */
MUST_USE bool card_begin(struct card_state *s, const struct card_settings *c, const uint8_t *was,
	size_t was_len, const uint8_t *content, size_t len, uint64_t now_ms);
/* Is a packet to be sent now? Tells also that time has passed: it moves on, or gives up. */
MUST_USE bool card_is_due(struct card_state *s, const struct card_settings *c, uint64_t now_ms);
/* The packet that is due, without UDH; its length. counter: the next of the OTA keys (sms_next()).
   The state, the counter and the message out become durable together. 0: libcrypto, or out is too
   small (STORE_SMS_DATA_MAX is enough). */
MUST_USE size_t card_packet(struct card_state *s, const struct card_settings *c,
	struct sms_cipher *cipher, uint64_t counter, uint64_t now_ms, uint8_t *out, size_t cap);
/* What became of the message with this id: the network has it, or has refused it for good. Without
   PoR that is all that is ever known. */
void card_network(struct card_state *s, const struct card_settings *c, uint64_t message, bool has,
	uint64_t now_ms);

enum card_event {
	CARD_NOT_OURS, /* no answer of this card that opens, or to nothing that is under way */
	CARD_HINT,     /* without a checksum: *status may be told in the log, nothing has changed */
	CARD_LATER,    /* the card says that more comes */
	CARD_AGAIN,    /* it was not done; there will be another try */
	CARD_NEXT,     /* proved; the next packet is due */
	CARD_PROVED,   /* proved; that was all */
	CARD_GAVE_UP,
};
/* A response packet (0x71) of the number of this card. packet is deciphered in place. */
MUST_USE enum card_event card_open(struct card_state *s, const struct card_settings *c,
	struct sms_cipher *cipher, uint8_t *packet, size_t len, uint64_t now_ms, uint8_t *status);
/* When card_is_due() is to be asked; UINT64_MAX: never. */
uint64_t card_due_ms(const struct card_state *s);
/* "PoR 09: TAR unknown: check ota.tar"; of no cause "". Static. */
const char *card_why(const struct card_state *s);
/* For the row: at most CARD_STATE_MAX octets; 0: cap is too small. */
MUST_USE size_t card_save(const struct card_state *s, uint8_t *out, size_t cap);
/* False: damaged; *s is CARD_NOTHING. */
MUST_USE bool card_load(const uint8_t *octets, size_t len, struct card_state *s);

#endif
