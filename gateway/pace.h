/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/pace: whose upstream link is opened next, so that the restart of a server, or of this
 *               gateway, becomes no storm of handshakes.
 *
 * Only who has something to send asks for a link (proxy/link), so nobody waits in front of a device
 * with a message for one without; and among these the order is that in which they asked, each once.
 *
 * Promise: pure. Handshakes with a server begin at most `rate` a second, after GW_PACE_SLACK_MS of
 *          them at once, and at most `under_way_max` are under way. Who would have to wait longer
 *          than GW_PACE_WAIT_MS is refused at once, where that is known, else when it has waited so
 *          long: its device has 5.03 before it gives up by itself (RFC 7252 section 4.8.2:
 *          MAX_TRANSMIT_SPAN is 45 s), and what it sends later is not stale.
 * Memory:  the owner's: a place in what it waits for. No timer of its own.
 * Threads: the worker's own. The clock is told.
 * Source:  issue 7 point 4; lwgate.conf(5), upstream.handshakes_per_s.
 */
#ifndef LWG_GATEWAY_PACE_H
#define LWG_GATEWAY_PACE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	GW_PACE_WORKER = 200,     /* a second, where nothing else is said: each worker's share */
	GW_PACE_UNDER_WAY = 1024, /* the same, at once: a server that is silent holds each for 45 s
				     and more */
	GW_PACE_SLACK_MS = 50,
	GW_PACE_WAIT_MS = 30000,
};

enum gw_pace_state { GW_PACE_OUT, GW_PACE_WAITS, GW_PACE_UNDER };

struct gw_pace_place { /* zeroed: out */
	struct gw_pace_place *next, *previous;
	uint32_t since_s;
	uint8_t state; /* enum gw_pace_state */
};

struct gw_pace {
	uint64_t ease_us;  /* from one to the next */
	uint64_t empty_us; /* the bucket */
	uint32_t waiting, waiting_max;
	uint32_t under_way, under_way_max;
	uint64_t refused; /* ever */
	struct gw_pace_place *first, *last;
};

/* rate: a second, of all workers; 0: GW_PACE_WORKER for each. under_way_max: of each worker; 0:
   GW_PACE_UNDER_WAY. */
void gw_pace_init(struct gw_pace *p, uint32_t rate, uint32_t workers, uint32_t under_way_max);

enum gw_pace_answer { GW_PACE_NOW, GW_PACE_LATER, GW_PACE_NEVER };
/* One that is out asks. NOW: it is under way; LATER: it will be given by gw_pace_next(); NEVER: too
   many wait. */
MUST_USE enum gw_pace_answer gw_pace_ask(
	struct gw_pace *p, struct gw_pace_place *place, uint64_t now_ms);
/* Who may begin now, and is under way; NULL: nobody yet. */
MUST_USE struct gw_pace_place *gw_pace_next(struct gw_pace *p, uint64_t now_ms);
/* Who has waited too long, and is out; NULL: nobody. */
MUST_USE struct gw_pace_place *gw_pace_late(struct gw_pace *p, uint64_t now_ms);
/* It waits no more, or its handshake is over, well or not. One that is out stays so. */
void gw_pace_leave(struct gw_pace *p, struct gw_pace_place *place);
/* When one of the two above may have somebody; UINT64_MAX: not before something else happens. */
MUST_USE uint64_t gw_pace_next_ms(const struct gw_pace *p);

#endif
