/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/advice: what the log says at the start of a configuration that is right, but has a price.
 *
 * Promise: each caveat once; none of them stops the gateway.
 * Errors:  none.
 * Threads: the main thread.
 * Source:  RFC 7925 section 11; getrlimit(2).
 */
#ifndef LWG_GATEWAY_ADVICE_H
#define LWG_GATEWAY_ADVICE_H

#include <stdint.h>

struct conf_gateway;
struct cred_set;
struct log;

struct gw_allowance {    /* of the process */
	uint64_t files;  /* descriptors */
	uint64_t locked; /* bytes that are kept out of swap; UINT64_MAX: no bound */
};

/* Devices of the credentials file that prove what no listener takes: they would hear of a key or an
   authority that is not known, which is not what is wrong. */
void gw_advise_kinds(
	const struct log *log, const struct conf_gateway *conf, const struct cred_set *creds);
/* The part about timers, which a reload may change. */
void gw_advise_timers(const struct log *log, const struct conf_gateway *conf);
void gw_advise(const struct log *log, const struct conf_gateway *conf,
	const struct gw_allowance *allowance);

/* No advice, but a bound: how many links each upstream can have at once. A device that needs one
   more is told 5.03. */
void gw_say_ceilings(const struct log *log, const struct conf_gateway *conf);

#endif
