/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/fleet_sms: very many simulated devices by short messages, and the network before them: an
 *                SMSC to which lwgate-smsd binds by SMPP. It proves scale, not conformance: what
 *                makes packets, UDH and SMPP is the code under test.
 *
 *   fleet_sms.c        options, the loop, orders
 *   fleet_sms_line.c   the SMSC: one bridge at a time, a window of messages that have no answer
 *   fleet_sms_peer.c   the devices: secured packets above tests/lab/device
 *   fleet_sms_gen.c    credentials of both sides
 *   fleet_sms_say.c    JSON lines
 *
 * Promise: nothing is lost here: what the bridge has not answered is said again, on the next
 *          connection, too. A device whose registration is lost registers again.
 * Threads: one.
 */
#ifndef LWG_LAB_FLEET_SMS_H
#define LWG_LAB_FLEET_SMS_H

#include "base/attr.h"
#include "base/wheel.h"
#include "sms-bridge/pdu/segments.h"
#include "sms-bridge/smpp/pdu.h"
#include "sms/packet.h"
#include "sms/profile.h"
#include "tests/lab/device.h"
#include "tests/lab/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FLEET_SMS_WINDOW = 32, /* deliver_sm without an answer */
	FLEET_SMS_OUT = 64 * 1024,
	FLEET_SMS_KEYS = 32,
	FLEET_SMS_NAME = 64,
};

struct fleet_sms_settings {
	const char *devices_file; /* of fleet_sms_generate() */
	uint32_t devices;         /* at most; 0: all */
	uint16_t port;
	uint32_t rate; /* first registrations a second; De-registers too */
	uint32_t duration_s;
	uint64_t seed;
	char own[WIRE_DIGITS_MAX + 1]; /* the gateway's number */
	struct device_settings device;
};

struct fleet_sms_message { /* a segment on its way to the gateway */
	struct fleet_sms_message *next;
	uint32_t device;   /* its number here, from 0 */
	uint32_t sequence; /* of the deliver_sm under way */
	bool header;
	uint8_t len, data[UDH_SPACE];
};
struct fleet_sms_queue {
	struct fleet_sms_message *first, **last;
	size_t len;
};

struct fleet_sms_device {
	struct device model;
	struct wheel_timer timer;
	uint32_t number;   /* from 0 */
	bool begun, waits; /* has been started; before it begins anew */
	char endpoint[FLEET_SMS_NAME];
	struct wire_number peer;
	struct sms_settings settings;
	struct sms_around around;
	uint64_t in, out; /* counters */
	uint16_t reference;
};

struct fleet_sms_counts {
	uint64_t mo, mo_segments, mt, mt_segments;
	uint64_t unknown; /* for a number of nobody's */
	uint64_t broken, forged, replayed, unwrapped;
	uint64_t refused, again; /* deliver_sm; registrations that were lost */
	uint64_t binds;
};

struct fleet_sms_line {
	int listener, fd; /* -1: none */
	bool bound;
	uint32_t sequence;
	size_t in_len, out_len;
	uint8_t in[SMPP_FRAME_MAX], out[FLEET_SMS_OUT];
};

struct fleet_sms {
	const struct fleet_sms_settings *set;
	struct fleet_sms_device *devices;
	uint32_t len;
	struct sms_cipher *cipher;
	struct segments *segments;
	struct wheel wheel;
	struct orders orders;
	struct device_owner owner;
	struct device_counts model_counts;
	struct fleet_sms_counts counts;
	struct fleet_sms_line line;
	struct fleet_sms_queue waiting, under_way;
	uint32_t registered, done;
	uint32_t started, stopped;
	uint64_t now_ms, begun_ms, all_ms, stop_ms, said_ms;
};

/* Is this what the command line wants? Then fleet_sms_run() has the rest of it. */
bool fleet_sms_is_wanted(int argc, char *const argv[]);
MUST_USE int fleet_sms_run(int argc, char *argv[]);

struct fleet_sms_gen {
	const char *credentials, *keys, *devices_file; /* the last: for this program */
	uint32_t devices;
	enum sms_profile profile;
};
MUST_USE bool fleet_sms_generate(const struct fleet_sms_gen *g);

/* --- fleet_sms_peer.c ------------------------------------------------------------------------- */

MUST_USE bool fleet_sms_load(struct fleet_sms *f);
void fleet_sms_begin(struct fleet_sms *f, struct fleet_sms_device *d);
void fleet_sms_leave(struct fleet_sms *f, struct fleet_sms_device *d);
/* A short message of the gateway's has come. */
void fleet_sms_heard(struct fleet_sms *f, const struct smpp_sm *m);

/* --- fleet_sms_line.c ------------------------------------------------------------------------- */

MUST_USE bool fleet_sms_listen(struct fleet_sms *f);
/* What has come, and what can go. */
void fleet_sms_serve(struct fleet_sms *f);
void fleet_sms_queue(struct fleet_sms *f, struct fleet_sms_message *m);
void fleet_sms_hang_up(struct fleet_sms *f);
void fleet_sms_forget(struct fleet_sms *f);

/* --- fleet_sms_say.c -------------------------------------------------------------------------- */

void fleet_sms_say(const struct fleet_sms *f, const char *event);
void fleet_sms_say_all(const struct fleet_sms *f, const char *event, bool whole);

#endif
