/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms/rfm: remote file management of ETSI TS 102 226: what a server has a smartcard do, as command
 *          APDUs in the secured data of a command packet, and the card's answer in the data of the
 *          response packet (PoR).
 *
 *   compact     C-APDU after C-APDU; the answer: how many were executed, the last status word, and
 *               the data of the last
 *   expanded    AA L { 22 L C-APDU }*, or AE 80 { 22 L C-APDU }* 00 00; the answer:
 *               AB L [80 L number] { 23 L R-APDU }*, or AF 80 { ... }* 00 00
 *
 * A card keeps no file selected from one packet to the next, so each packet begins with SELECT.
 * APDUs of another kind (RAM: install, personalise) are the operator's own and are sent as they
 * are.
 *
 * Promise: pure, total. What is written fits `cap`, or is not begun; an answer is read to its last
 *          octet or refused. A card that has executed fewer commands than it was given has failed,
 *          whatever its last status word says.
 * Errors:  false, 0, or enum rfm_fault.
 * Memory:  none; what is read points into the caller's octets.
 * Threads: any. Clock: none.
 * Source:  TS 102 226 5.1, 5.2; TS 102 221 11.1; ISO 7816-4. The tags of the expanded format were
 *          not read in the standard itself: see ARCHITECTURE.md.
 */
#ifndef LWG_SMS_RFM_H
#define LWG_SMS_RFM_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rfm_format { RFM_COMPACT, RFM_EXPANDED, RFM_INDEFINITE, RFM_FORMATS };
enum {
	RFM_PATH_MAX = 16,          /* octets; two for each file */
	RFM_APDU_MAX = 5 + 255 + 1, /* CLA INS P1 P2 Lc data Le */
	RFM_OFFSET_MAX = 0x7fff,    /* of UPDATE BINARY */
};

/* "compact", "expanded", "indefinite" */
const char *rfm_format_name(enum rfm_format f);
MUST_USE bool rfm_format_named(const char *name, enum rfm_format *out);

/* --- what the card is to do ------------------------------------------------------------------- */

struct rfm_script { /* the secured data of one packet */
	enum rfm_format format;
	uint8_t *out;
	size_t cap, len;
	uint16_t commands;
};
/* out has cap octets, of which nothing is written before the first APDU. */
struct rfm_script rfm_begin(enum rfm_format f, uint8_t *out, size_t cap);
/* False: it does not fit, or its length is not what its octets say; nothing has changed. One of
   four octets (without P3) is for the expanded format only: in the other nobody could tell its
   end. */
MUST_USE bool rfm_add(struct rfm_script *s, const uint8_t *apdu, size_t len);
/* Its octets; 0: nothing was added. Nothing may be added after it. */
MUST_USE size_t rfm_end(struct rfm_script *s);

/* SELECT by file id (two octets) or by the path from the MF (more); 7FFF is the application that
   the TAR means. No answer but a status word. 0: path_len is odd, 0 or too much. */
MUST_USE size_t rfm_select(const uint8_t *path, size_t path_len, uint8_t apdu[RFM_APDU_MAX]);
/* UPDATE BINARY of 1 to 255 octets. 0: it cannot be. */
MUST_USE size_t rfm_update(
	uint16_t offset, const uint8_t *data, size_t len, uint8_t apdu[RFM_APDU_MAX]);

/* As many UPDATE BINARY as fit, with data at offset. How many octets of data they write. */
MUST_USE size_t rfm_update_all(
	struct rfm_script *s, uint16_t offset, const uint8_t *data, size_t len);
/* The operator's own APDUs, each behind its length in two octets: as many as fit, from *at on,
   which moves. False: malformed, or the next alone does not fit. *at == len: that was all. */
MUST_USE bool rfm_opaque(struct rfm_script *s, const uint8_t *list, size_t len, size_t *at);

/* --- what it says it did ---------------------------------------------------------------------- */

enum rfm_fault {
	RFM_GOOD,
	RFM_MALFORMED,  /* no answer of this format */
	RFM_BAD_FORMAT, /* the card could not read the commands */
	RFM_FEWER,      /* it has executed fewer than it was given */
	RFM_REFUSED,    /* a status word says no */
};
struct rfm_answer {
	uint16_t executed;
	uint16_t sw;         /* the first that says no, else the last; 0: there is none */
	const uint8_t *data; /* of the last command */
	size_t len;
};
/* commands: how many the packet had. *out is filled as far as could be read, all 0 after
   RFM_MALFORMED. A card may answer definite to indefinite length and the other way round. */
MUST_USE enum rfm_fault rfm_answer(enum rfm_format f, uint16_t commands, const uint8_t *data,
	size_t len, struct rfm_answer *out);
/* 9000; 91xx, 92xx below 40, 61xx, 9Fxx, 63Cx: done, with something to say. */
bool rfm_is_good(uint16_t sw);
/* For a person: "6982: security status not satisfied: the OTA keys may not update this file".
   Static; of one that is not known "the card refuses". */
const char *rfm_why(uint16_t sw);

#endif
