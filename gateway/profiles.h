/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/profiles: how one worker shakes hands: at each of its listeners, and with each server;
 *                   and what else of the configuration a reload changes.
 *
 * Promise: all of one material, or all of another; exchanged between two turns, and handshakes that
 *          have begun keep theirs.
 * Errors:  gw_profiles_make() false with a static sentence; *out is empty.
 * Threads: the worker's own.
 */
#ifndef LWG_GATEWAY_PROFILES_H
#define LWG_GATEWAY_PROFILES_H

#include "base/attr.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_profile;
struct gw_material;
struct gw_worker;

enum { GW_PROFILES_MAX = 16, GW_PROFILES_UPSTREAMS = 8 };

struct gw_told { /* who is told that he is not known (S27) */
	struct conf_prefix prefixes[CONF_TOLD_MAX];
	size_t len;    /* 0: nobody */
	uint32_t rate; /* at most so many a second, of the process */
};

struct gw_learn {                        /* what is learned from bootstrap (S31) */
	const char *uris[CONF_URIS_MAX]; /* of this gateway; see learn_watch_new() */
	size_t len;                      /* 0: nothing is */
	uint32_t settle_s;
};

struct gw_profiles { /* zeroed: none, PSK with CCM_8 everywhere; nobody is told */
	struct dtls_profile *listeners[GW_PROFILES_MAX], *upstreams[GW_PROFILES_UPSTREAMS];
	enum conf_move moves[GW_PROFILES_MAX]; /* of listeners */
	struct gw_told told;
	/* Of upstreams: links prove themselves with the gateway's own key. */
	bool upstream_keys[GW_PROFILES_UPSTREAMS];
};

MUST_USE bool gw_profiles_make(
	struct gw_profiles *out, const struct gw_material *m, const char **why);
void gw_profiles_fini(struct gw_profiles *p);
struct gw_renewed {                   /* GW_MATERIAL */
	struct gw_material *material; /* a reference, the worker's to let go */
};
void gw_profiles_received(struct gw_worker *w, const struct gw_renewed *r);

#endif
