/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/material: what the gateway proves itself with and whom it trusts: keys, certificates,
 *                   anchors, revocation lists, for each listener and for the way to each server,
 *                   with the settings that go with them, and what else a reload changes, as which
 *                   session goes to which server.
 *
 * Promise: read whole and checked, or not at all. Not changed afterwards: a reload makes another
 *          one, and handshakes that have begun keep what they began with.
 * Errors:  NULL with *error: the file, what is wrong, and what would be right.
 * Memory:  counted; what the library has in it is shared by the profiles of all workers.
 * Threads: new: the main thread; the rest: any.
 * Source: .
 */
#ifndef LWG_GATEWAY_MATERIAL_H
#define LWG_GATEWAY_MATERIAL_H

#include "base/attr.h"
#include "conf/dtls.h"
#include "dtls/profile.h"
#include "gateway/vouch.h"
#include "gateway/waves.h"

#include <stddef.h>
#include <stdint.h>

struct conf_error;
struct conf_gateway;
struct gw_material;
struct gw_learn;
struct gw_routes;
struct gw_told;
struct log;
struct store_proof;

enum {
	GW_MATERIAL_UPSTREAM = 16, /* a place: of the first; listeners are 0 .. */
	GW_MATERIAL_UPSTREAMS = 8, /* their places, at most */
	GW_MATERIAL_PLACES = GW_MATERIAL_UPSTREAM + GW_MATERIAL_UPSTREAMS,
	GW_WARN_DAYS = 30,
};

/* conf is not kept. */
MUST_USE struct gw_material *gw_material_new(
	const struct conf_gateway *conf, struct conf_error *error);
struct gw_material *gw_material_ref(struct gw_material *m);
void gw_material_unref(struct gw_material *m);
size_t gw_material_listeners(const struct gw_material *m);
size_t gw_material_upstreams(const struct gw_material *m);
const struct gw_routes *gw_material_routes(const struct gw_material *m);
/* A place's profile, for the caller's thread. NULL: *why is a static sentence. */
MUST_USE struct dtls_profile *gw_material_profile(
	const struct gw_material *m, size_t place, const char **why);
/* How a listener checks the new address of a device. */
enum conf_move gw_material_move(const struct gw_material *m, size_t listener);
const struct gw_told *gw_material_told(const struct gw_material *m);
/* What is learned from bootstrap. Lives as long as m. */
const struct gw_learn *gw_material_learn(const struct gw_material *m);
/* Could a device at this listener prove itself by a PSK, a raw public key, a certificate? */
struct gw_kinds {
	bool psk, raw_key, certificate;
};
struct gw_kinds gw_material_kinds(const struct gw_material *m, size_t listener);
/* Where a listener looks for the name in a certificate; ended by DTLS_NAME_NONE. */
const enum dtls_name_rule *gw_material_names(const struct gw_material *m, size_t listener);
/* Do the links to an upstream prove themselves with the gateway's own key? False: with the PSK of
   each device. */
bool gw_material_has_upstream_key(const struct gw_material *m, size_t upstream);

/* The newest wave that concerns a place; 0: there was none. m may be NULL. */
uint64_t gw_material_wave(const struct gw_material *m, enum gw_wave which, size_t place);
/* The newest of all. */
uint64_t gw_material_newest(const struct gw_material *m);
/* Before m is handed to anybody. */
void gw_material_set_waves(struct gw_material *m, const struct gw_waves *w);

/* Would who was believed by p at a place be believed still? p without a chain, and m NULL: fine. */
enum gw_vouch gw_material_vouches(
	const struct gw_material *m, size_t place, const struct store_proof *p, uint64_t wall_ms);

/* What a material is, to be known again: digests, zeroes for what there is not. */
enum { GW_TRACE_PINS = 4 };
struct gw_trace {
	uint8_t own[GW_TRACE];                 /* key and certificate */
	uint8_t anchors[GW_TRACE];             /* of the upstream: and the server's name */
	uint8_t revoked[GW_TRACE];             /* what the lists name */
	uint8_t pins[GW_TRACE_PINS][GW_TRACE]; /* of the server's keys; the upstream's */
};
/* False: the library failed. */
MUST_USE bool gw_material_trace(const struct gw_material *m, size_t place, struct gw_trace *out);
/* Its name: "listener ADDRESS:PORT", "upstream", "upstream NAME". */
const char *gw_material_name(const struct gw_material *m, size_t place);

enum gw_material_say { GW_SAY_ALL, GW_SAY_WARNINGS };
/* Tells the log of each certificate and key of ours, of waivers, of certificates that end
   within GW_WARN_DAYS, and of a clock that is not to be trusted (now_s negative). WARNINGS: of the
   last two. */
void gw_material_say(const struct gw_material *m, const struct log *log, int64_t now_s,
	enum gw_material_say what);

#endif
