/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/census: the sessions that are awake, in numbers: by channel, kind of credential, suite
 *                 and age, how many are behind their credential, and whose link is up.
 *
 * Promise: GW_CENSUS_MAX sessions of a worker are looked at; of more, `sessions` still counts all.
 * Errors:  a session of which the store cannot tell is counted and not looked at.
 * Threads: adding: the worker's; summing: any.
 */
#ifndef LWG_GATEWAY_CENSUS_H
#define LWG_GATEWAY_CENSUS_H

#include "base/attr.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_session;

enum { GW_CENSUS_MAX = 20000, GW_CENSUS_SUITES = 16, GW_CENSUS_AGES = 5, GW_CENSUS_UPSTREAMS = 8 };

struct gw_census {
	uint64_t sessions, looked_at;
	uint64_t channels[POLICY_CHANNELS];
	uint64_t kinds[POLICY_KINDS];
	struct gw_census_suite {
		uint16_t suite; /* IANA number; 0: the rest */
		uint64_t sessions;
	} suites[GW_CENSUS_SUITES];
	size_t suites_len;
	uint64_t ages
		[GW_CENSUS_AGES]; /* since they were authenticated: [i] below gw_census_age_s(i) */
	uint64_t behind;          /* their credential has changed since */
	uint64_t links[GW_CENSUS_UPSTREAMS]; /* up, by upstream */
};

/* An hour, a day, a week, 30 days; UINT64_MAX. */
uint64_t gw_census_age_s(size_t i);
/* Always true: the next one, please. */
bool gw_census_add(struct gw_census *c, const struct gw_session *s);
void gw_census_sum(struct gw_census *to, const struct gw_census *c);

#endif
