/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/waves: changes that concern many sessions at once and no credential of theirs: the
 *                gateway's own key or certificate is another, the server is trusted no more, what
 *                vouches for certificates was read anew.
 *
 * Each has a generation of the store. An association that was born before it, and whose verdict is
 * older, has yet to be looked at: awake ones by the sweep, sleepers with their next record. All of
 * them come with a material, which has them: who judges by it sees no wave that is younger.
 *
 * What each material was is remembered in the store, by digests, so that it is also noticed when
 * it is another after a restart.
 *
 * Promise: durable before anybody sees it; survives a restart. A listener is known again by its
 *          address, an upstream by its name, wherever they stand in the file.
 * Errors:  gw_waves_follow(): false, when the store cannot; nothing has changed then.
 * Threads: follow: the main thread; the rest: any.
 * Source: .
 */
#ifndef LWG_GATEWAY_WAVES_H
#define LWG_GATEWAY_WAVES_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_material;
struct store;

enum gw_wave {
	GW_WAVE_OWN_DEVICE,   /* of a listener: its own key or certificate has changed */
	GW_WAVE_OWN_UPSTREAM, /* of an upstream: what the links prove */
	GW_WAVE_SERVER,       /* of an upstream: the server's pin, key or anchors */
	/* Of a listener: its anchors or lists. Of an upstream: its lists, or whatever else it is
	   trusted by, also when that is more than it was. */
	GW_WAVE_VOUCHING,
	GW_WAVES
};

enum { GW_WAVE_PLACES = 24, GW_WAVE_UPSTREAMS = 8, GW_WAVE_PROOF = 16 };

struct gw_waves {
	uint64_t at[GW_WAVES][GW_WAVE_PLACES]; /* generation of the newest; 0: there was none */
};

/* Compares m with the material before it, of this run or another, and gives it all waves that there
   are. *raised: a bit for each that has begun now. proof: by what the PSKs of the links to each
   upstream are known again, where links prove themselves so; zeroes: there is nothing. Before m is
   handed to anybody. Waits for the store's writer. */
MUST_USE bool gw_waves_follow(struct store *s, struct gw_material *m,
	const uint8_t proof[GW_WAVE_UPSTREAMS][GW_WAVE_PROOF], unsigned *raised);

#endif
