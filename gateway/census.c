/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/census.h"

#include "gateway/facts.h"
#include "gateway/session.h"

uint64_t gw_census_age_s(size_t i)
{
	static const uint64_t ages[GW_CENSUS_AGES] = { 3600, 86400, 604800, 2592000, UINT64_MAX };
	return ages[i];
}

static void add_suite(struct gw_census *c, uint16_t suite, uint64_t sessions)
{
	size_t i = 0;
	while (i < c->suites_len && c->suites[i].suite != suite)
		i++;
	if (i == GW_CENSUS_SUITES)
		i--; /* nobody has so many */
	else if (i == c->suites_len)
		c->suites[c->suites_len++].suite = suite;
	c->suites[i].sessions += sessions;
}

bool gw_census_add(struct gw_census *c, const struct gw_session *s)
{
	struct gw_facts f;
	size_t age = 0;
	c->sessions++;
	if (c->looked_at >= GW_CENSUS_MAX || !gw_facts_of_session(s, &f))
		return true;
	c->looked_at++;
	c->channels[f.facts.channel]++;
	c->kinds[f.facts.kind]++;
	if (f.facts.suite != 0)
		add_suite(c, f.facts.suite, 1);
	while (f.facts.age_s >= gw_census_age_s(age) && age + 1 < GW_CENSUS_AGES)
		age++;
	c->ages[age]++;
	c->behind += f.mark.generation != f.facts.generation;
	if (f.facts.upstream_up && s->upstream < GW_CENSUS_UPSTREAMS)
		c->links[s->upstream]++;
	return true;
}

void gw_census_sum(struct gw_census *to, const struct gw_census *c)
{
	to->sessions += c->sessions;
	to->looked_at += c->looked_at;
	to->behind += c->behind;
	for (size_t i = 0; i < POLICY_CHANNELS; i++)
		to->channels[i] += c->channels[i];
	for (size_t i = 0; i < POLICY_KINDS; i++)
		to->kinds[i] += c->kinds[i];
	for (size_t i = 0; i < c->suites_len; i++)
		add_suite(to, c->suites[i].suite, c->suites[i].sessions);
	for (size_t i = 0; i < GW_CENSUS_AGES; i++)
		to->ages[i] += c->ages[i];
	for (size_t i = 0; i < GW_CENSUS_UPSTREAMS; i++)
		to->links[i] += c->links[i];
}
