/* SPDX-License-Identifier: Apache-2.0 */
/* gateway/sms_parts: what the files of gateway/sms share. For them only; see gateway/sms.h. */
#ifndef LWG_GATEWAY_SMS_PARTS_H
#define LWG_GATEWAY_SMS_PARTS_H

#include "base/attr.h"
#include "gateway/sms.h"
#include "gateway/sms_keeper.h"
#include "gateway/trigger.h"
#include "proxy/coap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	GW_SMS_MO_MAX = STORE_SMS_DATA_MAX + SMS_HEAD + SMS_OVERHEAD_MAX + SMS_ENVELOPE_MAX,
	GW_SMS_DIGITS_MIN = 5,
	GW_SMS_COMMAND = 0x70,  /* markers of packets, 3GPP TS 31.115 4.2 */
	GW_SMS_RESPONSE = 0x71, /* ... of an answer of a card */
};

/* --- between the threads ---------------------------------------------------------------------- */

struct gw_sms_mo { /* GW_SMS_IN: to a worker */
	uint64_t id;
	uint32_t cred;
	uint8_t pid, dcs, marker;
	struct wire_number peer, own;
	size_t len;
	uint8_t data[GW_SMS_MO_MAX];
};

enum gw_sms_desk_kind {   /* what comes by the desk's inbox */
	GW_DESK_ANSWER,   /* struct gw_sms_answer */
	GW_DESK_SAY,      /* a frame, which is in the box out, too */
	GW_DESK_DATAGRAM, /* a frame, which is lost if the bridge is not there */
};
/* In the id of what is in no box. */
#define GW_SMS_DATAGRAM ((uint64_t)1 << 63)
struct gw_sms_answer {
	uint64_t id;
	enum wire_taken taken;
};

void gw_sms_number_put(const struct wire_number *n, uint8_t out[STORE_SMS_NUMBER_MAX]);
void gw_sms_number_get(const uint8_t in[STORE_SMS_NUMBER_MAX], struct wire_number *n);
/* What the bridge is told of a message of the box out. 0: its time is over. */
MUST_USE size_t gw_sms_mt_frame(
	const struct store_sms_message *m, uint64_t now_ms, uint8_t *out, size_t cap);
/* To the desk, which says it to the bridge. False: memory is short; it is said to the next one. */
bool gw_sms_post(const struct gw_shared *s, const struct store_sms_message *m, uint64_t now_ms);

/* --- a session's ------------------------------------------------------------------------------ */

struct gw_keys_change;

struct gw_sms_open { /* something in the box in */
	uint64_t id;
	uint64_t until_ms; /* CLOCK_BOOTTIME: nobody waits for the answer any more */
	uint16_t mid;
	uint8_t token_len, token[PDU_TOKEN_MAX];
	bool request; /* else it is answered by the empty ACK, or the RST */
	bool brief;   /* nothing answers it: it is done when it was passed on */
	bool lost;    /* its answer could not be kept: nothing answers it any more */
};

struct gw_sms {                     /* the holder wipes it */
	struct gw_session *session; /* NULL: a moment's */
	struct sms_settings settings;
	struct sms_around around;
	uint64_t proved; /* of the credential: of these keys */
	/* Keys that are renewed (sms/keyset): of the set that is sent under at the moment. */
	bool keyed;
	bool tells;                 /* what its registration means to its keys: */
	struct gw_keeper_told tale; /* goes with the answer, or is told at the end of the turn */
	bool mute;                  /* there is none: nothing can be said */
	uint8_t profile;            /* enum sms_profile */
	uint8_t how;                /* enum store_renew_how */
	uint64_t keys;              /* hash of it; 0: the credential's own, which are not renewed */
	uint64_t keys_until_ms;     /* store_time(): it ends; 0: it does not */
	uint64_t in, out;           /* counters */
	uint64_t heard_ms;
	uint64_t last_ms;  /* store_time() of the last that came */
	uint64_t until_ms; /* wall clock: the credential ends; 0: it does not */
	size_t room;
	struct wire_number peer, own;
	struct gw_sms_open open[STORE_SMS_IN];
	size_t open_len;
	bool fed;    /* the relay has what was in the box in */
	bool closed; /* it ends with this turn */
};

/* Keys and counters of a credential. endpoint: that it must be of; NULL: any. False: it is none, or
   cannot be served. */
MUST_USE bool gw_sms_load(
	struct gw_worker *w, uint32_t cred, const char *endpoint, struct gw_sms *out);
/* The set that is sent under may be another by now. */
void gw_sms_rekey(struct gw_session *s);
/* The number of a credential, or one of the configuration. */
void gw_sms_number_of(const uint8_t *digits, size_t len, struct wire_number *out);
/* How many short messages so many octets take. */
uint8_t gw_sms_segments(size_t len);
/* Seals one message of that peer, and has it written down. False: it is lost. */
MUST_USE bool gw_sms_seal_and_keep(struct gw_worker *w, uint32_t cred, struct gw_sms *x,
	const uint8_t *msg, size_t len, uint64_t answers);
/* By which the store knows it again. */
static inline uint64_t gw_sms_mark(const uint8_t cc[SMS_CC_MAX])
{
	uint64_t mark;
	_Static_assert((int)SMS_CC_MAX == (int)sizeof(mark), "a checksum is its own hash");
	memcpy(&mark, cc, sizeof(mark));
	return mark;
}

/* --- boxes ------------------------------------------------------------------------------------ */

struct gw_sms_packet { /* opened */
	uint64_t id, counter;
	const uint8_t *coap;
	size_t len;
	const struct gw_sms_mo *mo;
};
/* What is to be written down of it. */
void gw_sms_message_of(
	struct gw_session *s, const struct gw_sms_packet *p, struct store_sms_message *out);
/* It is durable: the relay gets it. */
void gw_sms_took(struct gw_session *s, struct store_sms_message *m);
/* One that is in the box out, and durable, is said. */
void gw_sms_say(struct gw_worker *w, const struct store_sms_message *m);
/* Has it written down; s gets it when it is durable. False: memory is short. */
MUST_USE bool gw_sms_take(struct gw_session *s, const struct gw_sms_packet *p);
/* What is in the box in goes to the relay. */
void gw_sms_feed(struct gw_session *s);
/* What of the box in this message answers; 0: nothing. It is not waited for any more. */
uint64_t gw_sms_answers(struct gw_sms *x, const uint8_t *msg, size_t len);
/* The highest counter that is being written down at the moment; 0: none. */
uint64_t gw_sms_last_used(const struct gw_smses *x, uint32_t cred, uint64_t proved, uint64_t keys);
/* What has been passed on, or is too old, is let go. */
void gw_sms_tidy(struct gw_session *s);
void gw_sms_answer(const struct gw_worker *w, uint64_t id, enum wire_taken taken);

/* --- what has come ---------------------------------------------------------------------------- */

/* Dropped without an answer: counted, told in the log seldom. */
void gw_sms_drop(
	struct gw_worker *w, const struct gw_sms_mo *m, uint64_t *counter, const char *why);
/* What is in its envelope. False: it was dropped. */
MUST_USE bool gw_sms_unwrap(struct gw_worker *w, const struct gw_sms_mo *m,
	const struct sms_opened *o, struct gw_sms_packet *p);
/* The session of a credential: awake, brought back, or a new one. NULL: it cannot be. */
struct gw_session *gw_sms_session(struct gw_worker *w, uint32_t cred);
/* sms_keyed.c: a packet of a device whose keys are renewed. */
void gw_sms_keyed(struct gw_worker *w, struct gw_sms_mo *m);
/* A change that is durable: what it has written is said, who is to be asked is, and it is told. */
void gw_sms_keys_follow(struct gw_worker *w, const char *endpoint, const struct gw_keys_change *x);
/* sms_wake.c: the device of a credential for short messages is told to begin something by itself,
   in the worker that seals for it. False: it cannot be told, or there is no room for it. */
bool gw_sms_trigger(struct gw_worker *w, uint32_t cred, enum gw_trigger what);

#endif
