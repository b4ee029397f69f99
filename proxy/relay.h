/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/relay: carries CoAP between each device and its own upstream link, and supervises LwM2M
 * registration.
 *
 * Model:   one device channel and one link per endpoint; messages pass with type, message id,
 *          token, options and payload untouched, and reliability stays end to end (the relay is a
 *          wire with a conscience, not a cache), but for devices on a slow radio or asleep, whose
 *          leg has timers of its own (proxy/governor, proxy/asleep), for message ids of a device
 *          that has shaken hands over a link that was kept (proxy/shift), and for what a request
 *          says of the way itself: a host and port that are ours, a count of hops, a name that is
 *          left to the channel (proxy/passage). What the relay itself must say, it says in CoAP:
 *          4.00 wrong endpoint (I4), 4.02 an option that is not known, 4.03 not permitted, 4.04 to
 *          an Update that ought to be a Register, 4.13 longer than the other leg takes,
 *          5.02 / 5.04 upstream, 5.08 too many hops.
 *
 * Promise: nothing crosses but between authenticated channels of one endpoint (I3, I4); before
 *          registration only /rd and /bs go up, of them what the credential is for, and
 *          nothing but answers comes down. What waits for a link is bounded per device and in
 *          total.
 * Errors:  said to the device in CoAP, counted in struct relay_stats.
 * Memory:  struct relay_device is the relay's, from relay_device_up() until relay_device_down(). No
 *          callback, of a channel neither, may call relay_device_down() or relay_free() before it
 *          returns.
 * Threads: the worker that owns the relay. No I/O; the clock is told (monotonic milliseconds).
 * Source:  RFC 7252 (messages, 5.7 proxies), RFC 7641, RFC 7959; LwM2M 1.0/1.1 Core 6.2 and
 *          Transport 6.4.
 */
#ifndef LWG_PROXY_RELAY_H
#define LWG_PROXY_RELAY_H

#include "base/attr.h"
#include "base/histogram.h"
#include "proxy/attributes.h"
#include "proxy/channel.h"
#include "proxy/radio.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pdu;
struct relay;
struct relay_device;

enum { RELAY_LOCATION_MAX = 64, RELAY_LIFETIME_DEFAULT_S = 86400 };

enum relay_link_end {           /* why a link could not be opened, or ended */
	RELAY_LINK_TIMEOUT,     /* nobody answered: 5.04 */
	RELAY_LINK_UNREACHABLE, /* the network said so: 5.02 */
	RELAY_LINK_REFUSED,     /* the handshake was refused, or the keys differ: 5.02 */
	RELAY_LINK_FULL,        /* no source address or no memory left here: 5.03 */
	RELAY_LINK_CLOSED,      /* it was up and the server closed it */
};

/* What a credential is for, and so what is asked in the channel that it opened. */
enum relay_purpose {
	RELAY_FOR_ANY,
	RELAY_FOR_SERVER,    /* no Bootstrap-Request */
	RELAY_FOR_BOOTSTRAP, /* nothing else */
};

/* What becomes of an Update in a channel newer than the registration (R-267, D-5). */
enum relay_update {
	RELAY_UPDATE_FORWARDED, /* identity decides: the server's affair */
	RELAY_UPDATE_REFUSED,   /* 4.04, after which a device registers anew */
	RELAY_UPDATE_BY_VERSION /* LwM2M 1.0: forwarded; 1.1 and newer: refused */
};

struct relay_settings {
	uint32_t queue_messages; /* per device, while its link is being opened; 4 */
	size_t queue_bytes;      /* of the whole relay; 8 MiB */
	uint32_t answer_ms;    /* upstream silent so long: 5.04. MAX_TRANSMIT_WAIT: 93000 */
	uint32_t retry_min_ms; /* a link that failed is not tried again before; doubles. 1000 */
	uint32_t retry_max_ms; /* 60000 */
	uint32_t message_max;  /* longest message relayed, bytes; 1280 */
	bool wrong_endpoint_403;                  /* 4.03 in place of 4.00 (D-6) */
	enum relay_update update_after_handshake; /* forwarded */
	/* The owner keeps registrations beyond the process. An Update of who is not known here is
	   refused then: the location may be another device's. */
	bool registrations_kept;
	/* Of devices on a slow radio only (see proxy/governor): */
	uint32_t radio_waiting;    /* requests of the server, per device, one being under way; 8 */
	size_t radio_device_bytes; /* what waits, flies or is kept for copies, per device; 16 KiB */
	size_t radio_bytes;        /* of the whole relay; 32 MiB */
	/* Of devices in queue mode; what waits for them counts in the bytes above. */
	uint32_t awake_ms; /* from each message of the device. MAX_TRANSMIT_WAIT: 93000 */
	bool awake_by_update;    /* only from Register and Update; else from any */
	bool asleep_refused;     /* a sleeping device's requests get 5.03; else they wait */
	uint32_t asleep_waiting; /* of them, per device; 4 */
	uint32_t asleep_wait_ms; /* each. EXCHANGE_LIFETIME: 247000 */
	uint32_t asleep_retry_s; /* Max-Age of these 5.03; 60 */
};

struct relay_stats {
	uint64_t up, down;       /* messages relayed towards the server, the device */
	uint64_t refused;        /* answered by the relay itself with 4.xx */
	uint64_t failed;         /* answered with 5.xx */
	uint64_t malformed;      /* */
	uint64_t dropped;        /* nobody to answer, or no room */
	uint64_t reset;          /* answered with RST */
	uint64_t registered;     /* Registers that the server accepted */
	struct histogram answer; /* from a device's request to the server's first answer */
	/* Of devices on a slow radio: */
	uint64_t suppressed;         /* copies that were not passed on */
	uint64_t repeated;           /* messages sent again by the relay's own timers */
	uint64_t answered_from_kept; /* copies that were answered with what was said before */
	uint64_t acknowledged;       /* requests that got the relay's own empty ACK */
	size_t kept_bytes;           /* now: what waits, flies, or is kept for copies */
	/* Requests for devices in queue mode that slept: */
	uint64_t asleep_held, asleep_refused; /* that waited; that were answered 5.03 instead */
	size_t devices, registrations, queued_bytes; /* now */
};

/* What happens in a bootstrap, which begins when the server has accepted a Bootstrap-Request, and
   lasts while it is talked about: the server's requests are relay_settings.answer_ms apart at most,
   and so is the device's answer to the last, Bootstrap-Finish. */
enum relay_bootstrap {
	RELAY_BOOTSTRAP_BEGINS,
	RELAY_BOOTSTRAP_ASKED,    /* the server's request m is about to be sent to the device */
	RELAY_BOOTSTRAP_ANSWERED, /* the device's response m is about to be sent to the server */
	RELAY_BOOTSTRAP_ENDS,     /* finished, or broken off: by time, by either channel's end */
};
struct relay_objection {
	uint8_t code;    /* 0: none */
	const char *why; /* static; the diagnostic */
};

/* What the relay asks of its owner. */
struct relay_owner {
	void *ctx;
	/* Begin to open the link of a device; relay_link_up() or relay_link_down() will follow,
	   maybe before this returns. */
	void (*open)(void *ctx, struct relay_device *d);
	/* Stop opening; no event follows. */
	void (*cancel)(void *ctx, struct relay_device *d);
	/* Something of the registration changed (up, update, gone), by an answer that has not been
	   passed on yet, or by time. */
	void (*changed)(void *ctx, struct relay_device *d);
	/* A random 16-bit number, where the relay must begin an own message. */
	uint16_t (*message_id)(void *ctx);
	/* Is told of bootstraps; NULL: of none. m: a sound message that will pass, else NULL; also
	   of copies. To what the server asks it may object, and then the server has that for an
	   answer, and the device never sees the request. */
	struct relay_objection (*bootstrap)(
		void *ctx, struct relay_device *d, enum relay_bootstrap what, const struct pdu *m);
	/* Somebody asks something of this device, which sleeps: it could be woken some other way (a
	   registration update trigger by SMS). Once for each sleep; may not call the relay. NULL:
	   nobody wants to know. */
	void (*wanted)(void *ctx, struct relay_device *d);
};

struct relay_registration {
	bool active;
	/* "rd/5a3f", segments joined by '/'; while not active: what it was, if it has left. */
	char location[RELAY_LOCATION_MAX];
	struct attributes attributes;
	bool stale; /* of a channel that was: the device has shaken hands since it registered */
	/* Channels that the device has had since its link began to be kept: message ids of each go
	   up as numbers of its own (see proxy/shift). Outlives the registration. */
	uint16_t channels;
	uint32_t lifetime_s;
	uint64_t expires_ms; /* relay time */
};

struct relay_settings relay_settings_default(void);
/* Both are copied. NULL when memory is short. */
MUST_USE struct relay *relay_new(
	const struct relay_settings *s, const struct relay_owner *o, uint64_t now_ms);
/* Closes nothing, frees all. */
void relay_free(struct relay *r);

/* A device channel is up for an endpoint. endpoint and user are borrowed for the life of the
   device. */
MUST_USE struct relay_device *relay_device_up(
	struct relay *r, const char *endpoint, void *user, struct channel *device);
/* The same, over a radio of that class; borrowed for the life of the device. relay_device_up() is
   this for RELAY_ETHERNET. */
MUST_USE struct relay_device *relay_device_up_radio(struct relay *r, const char *endpoint,
	void *user, struct channel *device, const struct relay_radio *radio);
/* Before the first message, or before relay_device_rebind(): the new channel is another listener's.
   Borrowed as above. */
void relay_device_set_radio(struct relay_device *d, const struct relay_radio *radio);
const struct relay_radio *relay_device_radio(const struct relay_device *d);
/* Before the first message; a new device's is RELAY_FOR_ANY. */
void relay_device_set_purpose(struct relay_device *d, enum relay_purpose purpose);
/* What is left of a registration when the device has shaken hands: all, but it is stale. */
void relay_registration_inherit(struct relay_registration *reg);
/* The endpoint has a new channel (a new handshake): registration and link stay (D-5); the old
   channel is forgotten (the owner closes it). */
void relay_device_rebind(struct relay_device *d, struct channel *device);
/* The device channel has ended. The link is closed with CHANNEL_DONE and d is gone. */
void relay_device_down(struct relay_device *d);
/* Of a device that has registered in queue mode (LwM2M 1.0 section 8.3; R-276): it listens for
   relay_settings.awake_ms after each of its messages, and after a handshake. What the server asks
   while it sleeps waits, and leaves after its next message, in order, or is given up with 5.03 in
   time: as long as it waits the device is not idle. The empty ACK goes in time, the answer is a
   separate one (see proxy/governor). Lost with the relay, and with relay_device_let_go(): then the
   device is taken for asleep until it speaks. */
struct relay_rest {
	bool queues; /* else it is never asleep, and nothing waits */
	bool asleep;
	uint64_t awake_until_ms; /* 0: not known: it sleeps */
	uint32_t waiting;        /* requests without an answer, not all of them sent yet */
};
struct relay_rest relay_device_rest(const struct relay_device *d, uint64_t now_ms);
/* Nobody waits for anything of d: it could be let go. */
MUST_USE bool relay_device_is_idle(const struct relay_device *d);
/* Forgets d without a word to either side: both channels, and the registration, are kept by the
   owner for a relay_device_up() and relay_device_adopt() to come. */
void relay_device_let_go(struct relay_device *d);
/* Takes over what was known of the registration: by another worker, or when d was let go. */
void relay_device_adopt(struct relay_device *d, const struct relay_registration *reg);

/* How much a policy lets through. */
enum relay_gate {
	RELAY_OPEN,
	/* No new exchange begins: a request of either side is answered 5.03, a notification (which
	   nothing may be answered but what ends its observation) is dropped; those under way may
	   end, and repeat themselves. */
	RELAY_DRAINING,
	/* There is no link, and none is opened: nothing goes up. The device is told 5.03 to each of
	   its requests, and RST to what it notifies. */
	RELAY_QUARANTINED,
};
/* retry_after_s: the Max-Age of these answers (RFC 7252 5.9.3.4); 0: not said. QUARANTINED first
   answers 5.03 to exchanges under way, of both sides, and closes the link, with which the
   server's observations end (RFC 7641 4.5); the device's end with the RST (3.6). OPEN: the next
   message opens a link. A gate outlives links and rebinding; it is not kept by what
   relay_device_let_go() leaves. */
void relay_device_gate(struct relay_device *d, enum relay_gate gate, uint32_t retry_after_s);
enum relay_gate relay_device_gated(const struct relay_device *d);
/* The device's association is about to be ended, and the link stays: exchanges under way are
   answered 5.03 to both sides, what waits for a link is dropped, opening one goes on. What
   the server observes goes on if the device says so in its next association. */
void relay_device_cut(struct relay_device *d);
/* Exchanges under way, of both sides: requests without their final answer (of each side the latest
   EXCHANGE_MAX), and messages that wait for a link. An observation is none. 0 does not mean
   relay_device_is_idle(), nor the other way round: an idle device may owe the server an answer. */
uint32_t relay_device_exchanges(const struct relay_device *d);

void relay_link_up(struct relay_device *d, struct channel *link, uint64_t now_ms);
void relay_link_down(struct relay_device *d, enum relay_link_end why, uint64_t now_ms);

/* One message as it came. The relay may not keep the pointer. */
void relay_from_device(struct relay_device *d, const uint8_t *msg, size_t len, uint64_t now_ms);
void relay_from_server(struct relay_device *d, const uint8_t *msg, size_t len, uint64_t now_ms);
/* One sound message of the device that was another's to deal with: it shows that it is awake
 */
void relay_device_heard(struct relay_device *d, const struct pdu *m, uint64_t now_ms);

void relay_tick(struct relay *r, uint64_t now_ms);
uint64_t relay_next_ms(const struct relay *r);

void *relay_device_user(const struct relay_device *d);
const char *relay_device_endpoint(const struct relay_device *d);
/* A bootstrap is under way: there are keys in its messages. */
bool relay_device_bootstraps(const struct relay_device *d);
const struct relay_registration *relay_device_registration(const struct relay_device *d);
struct channel *relay_device_link(const struct relay_device *d); /* NULL: not up */
struct relay_stats relay_stats(const struct relay *r);

#endif
