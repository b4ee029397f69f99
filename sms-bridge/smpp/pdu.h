/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/smpp/pdu: the protocol data units of SMPP 3.4, from octets to a struct and back.
 *
 * Both directions of all that a transceiver and its SMSC say, so that a test can be either.
 *
 * Promise: pure, total, bounded (I7). More is read than the specification allows to be written, as
 *          SMSCs are: reserved types of numbers, statuses of vendors, answers with an error and a
 *          body, answers without one, unknown TLVs, octets behind an answer.
 * Errors:  smpp_read(): the status to refuse it with; id, status and sequence are there even then.
 *          smpp_write(): 0, it does not fit or a field is beyond its bound.
 * Memory:  what was read points into the frame; texts end with NUL there.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  SMPP 3.4 issue 1.2: 3.2 (layout), 4 (units), 5.1.3 (status), 5.3 (TLVs).
 */
#ifndef LWG_SMS_BRIDGE_SMPP_PDU_H
#define LWG_SMS_BRIDGE_SMPP_PDU_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SMPP_HEADER = 16,      /* command_length, command_id, command_status, sequence_number */
	SMPP_FRAME_MAX = 4096, /* ours: the specification has no bound */
	SMPP_VERSION = 0x34,
	SMPP_TEXT_MAX = 254,      /* of short_message */
	SMPP_MESSAGE_ID_MAX = 64, /* without NUL */
};
#define SMPP_RESP         0x80000000U
#define SMPP_SEQUENCE_MAX 0x7fffffffU

enum smpp_id { /* command_id; of an answer with SMPP_RESP */
	SMPP_SUBMIT_SM = 0x4,
	SMPP_DELIVER_SM = 0x5,
	SMPP_UNBIND = 0x6,
	SMPP_BIND_TRANSCEIVER = 0x9,
	SMPP_ENQUIRE_LINK = 0x15,
	SMPP_ALERT = 0x102, /* alert_notification: nobody answers it; its body is not read */
	SMPP_DATA_SM = 0x103,
};
#define SMPP_GENERIC_NACK SMPP_RESP

enum smpp_status { /* command_status, those that this program knows */
	SMPP_OK = 0,
	SMPP_BAD_TEXT_LENGTH = 0x01, /* ESME_RINVMSGLEN */
	SMPP_BAD_LENGTH = 0x02,      /* ESME_RINVCMDLEN */
	SMPP_BAD_ID = 0x03,          /* ESME_RINVCMDID */
	SMPP_BAD_STATE = 0x04,       /* ESME_RINVBNDSTS */
	SMPP_ALREADY_BOUND = 0x05,
	SMPP_SYSTEM_ERROR = 0x08,
	SMPP_BAD_DESTINATION = 0x0B,
	SMPP_BIND_FAILED = 0x0D,
	SMPP_BAD_PASSWORD = 0x0E,
	SMPP_BAD_SYSTEM_ID = 0x0F,
	SMPP_QUEUE_FULL = 0x14,
	SMPP_SUBMIT_FAILED = 0x45,
	SMPP_BAD_SYSTEM_TYPE = 0x53,
	SMPP_THROTTLED = 0x58,
	SMPP_LATER = 0x64,    /* ESME_RX_T_APPN: the receiver's error, for now */
	SMPP_NEVER = 0x65,    /* ESME_RX_P_APPN: for good */
	SMPP_BAD_TLVS = 0xC0, /* ESME_RINVOPTPARSTREAM */
	SMPP_TLV_NOT_ALLOWED = 0xC1,
	SMPP_BAD_TLV_LENGTH = 0xC2, /* ESME_RINVPARLEN */
	SMPP_UNKNOWN_ERROR = 0xFF,
	SMPP_VENDOR_MIN = 0x400,
	SMPP_VENDOR_MAX = 0x4FF,
};

enum {                           /* esm_class */
	SMPP_ESM_TYPE = 0x3c,    /* of deliver_sm: what it is; 0: a message */
	SMPP_ESM_RECEIPT = 0x04, /* of the SMSC */
	SMPP_ESM_HEADER = 0x40,  /* UDHI */
};

struct smpp_address {
	uint8_t ton, npi;
	const char *digits; /* at most 20; whatever the SMSC says there */
};

struct smpp_sm {                  /* submit_sm, deliver_sm; data_sm has no pid, times and text */
	const char *service_type; /* at most 5 */
	struct smpp_address source, destination;
	uint8_t esm_class, pid, priority;
	const char *schedule, *validity; /* at most 16 */
	uint8_t registered, replace, dcs, default_id;
	const uint8_t *text; /* short_message */
	size_t text_len;     /* at most SMPP_TEXT_MAX */
	/* TLVs */
	const uint8_t *payload; /* message_payload; NULL: none */
	size_t payload_len;
	bool sar; /* all three of them are there: */
	uint16_t sar_reference;
	uint8_t sar_total, sar_number;
	uint8_t subunit; /* dest_addr_subunit; 0: none */
};
struct smpp_bind {
	const char *system_id;   /* at most 15 */
	const char *password;    /* at most 8 */
	const char *system_type; /* at most 12 */
	uint8_t version, ton, npi;
	const char *address_range; /* at most 40 */
};

struct smpp_pdu {
	uint32_t id, status, sequence;
	union {
		struct smpp_sm sm;
		struct smpp_bind bind;
		const char *name; /* of an answer: message_id, or system_id of the SMSC; "": none */
	};
};

enum smpp_frame { SMPP_MORE, SMPP_WHOLE, SMPP_BROKEN };

/* Does data begin with a whole frame, of *frame octets? Broken: it can never be one. */
MUST_USE enum smpp_frame smpp_frame(const uint8_t *data, size_t len, size_t *frame);
/* One whole frame. SMPP_BAD_ID: a request that we do not know; what an answer that we do not know
   has in it is not read. */
MUST_USE enum smpp_status smpp_read(const uint8_t *frame, size_t len, struct smpp_pdu *out);
/* NULL texts are empty ones. An answer with a status has no body, but for deliver_sm_resp and
   data_sm_resp. */
MUST_USE size_t smpp_write(const struct smpp_pdu *p, uint8_t *out, size_t cap);

#endif
