/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/json.h"

struct fact {                     /* one number of struct ctl_store_facts */
	const char *name;         /* in JSON */
	const char *label, *unit; /* for people */
	size_t at;                /* offset of a uint64_t */
};

#define FACT(member, label, unit)                                                                  \
	{                                                                                          \
#member, label, unit, offsetof(struct ctl_store_facts, member)                     \
	}

/* First what is now, then what has happened since the start. */
static const struct fact facts[] = {
	FACT(credentials, "credentials", "now, revoked ones, too"),
	FACT(associations, "stored associations", "now"),
	FACT(sessions, "stored sessions", "now"),
	FACT(resumable, "resumable sessions", "now"),
	FACT(file_bytes, "database", "bytes now"),
	FACT(hot_bytes, "hot file", "bytes now"),
	FACT(commits, "commits", "done"),
	FACT(operations, "operations", "done"),
	FACT(failed, "operations", "failed"),
	FACT(full, "operations", "refused, disk full"),
	FACT(damaged, "damaged values", "did not open"),
	FACT(unseals, "values unsealed", "done"),
	FACT(leases, "leases", "given"),
	FACT(commit_us_last, "last commit", "us"),
	FACT(commit_us_max, "longest commit", "us"),
};

static uint64_t number_of(const struct ctl_store_facts *f, const struct fact *which)
{
	uint64_t n = 0;
	memcpy(&n, (const char *)f + which->at, sizeof(n));
	return n;
}

static const char *health(const struct ctl_store_facts *f)
{
	if (f->is_broken)
		return "broken: nothing is written any more; the log says why (store-broken)";
	if (f->is_full)
		return "full: no new sessions; make room on the disk";
	return f->in_memory ? "in memory, lost with the process" : "good";
}

static const char *start(const struct ctl_store_facts *f)
{
	if (f->fresh)
		return "new";
	return f->continuous ? "continuous: sessions are as they were" : "not continuous: ";
}

void ctl_show_store_text(struct ctl_out *o, const struct ctl_store_facts *f)
{
	ctl_out_form(o, "\n%-24s %s\n", "store", health(f));
	ctl_out_form(o, "%-24s %s", "  this start", start(f));
	if (!f->fresh && !f->continuous)
		ctl_out_clean(o, f->why);
	ctl_out_form(o, "%s\n%-24s %u\n", f->anchored ? ", anchored" : "", "  incarnation",
		f->incarnation);
	ctl_out_form(o, "%-24s %20s  %s\n", "COUNT", "VALUE", "UNIT");
	for (size_t i = 0; i < COUNT_OF(facts); i++)
		ctl_out_form(o, "%-24s %20" PRIu64 "  %s\n", facts[i].label,
			number_of(f, &facts[i]), facts[i].unit);
}

static void json_bool(struct ctl_json *j, const char *key, bool b)
{
	ctl_json_key(j, key);
	ctl_json_bool(j, b);
}

void ctl_show_store_json(struct ctl_json *j, const struct ctl_store_facts *f)
{
	ctl_json_begin(j, '{');
	for (size_t i = 0; i < COUNT_OF(facts); i++) {
		ctl_json_key(j, facts[i].name);
		ctl_json_number(j, number_of(f, &facts[i]));
	}
	json_bool(j, "in_memory", f->in_memory);
	json_bool(j, "is_full", f->is_full);
	json_bool(j, "is_broken", f->is_broken);
	json_bool(j, "fresh", f->fresh);
	json_bool(j, "continuous", f->continuous);
	json_bool(j, "anchored", f->anchored);
	ctl_json_key(j, "incarnation");
	ctl_json_number(j, f->incarnation);
	ctl_json_key(j, "why");
	ctl_json_text(j, f->why);
	ctl_json_end(j, '}');
}

void ctl_show_store(struct ctl_out *o, enum ctl_form form, const struct ctl_store_facts *f)
{
	struct ctl_json j = { .out = o };
	if (form == CTL_TEXT) {
		ctl_show_store_text(o, f);
		return;
	}
	ctl_show_store_json(&j, f);
	ctl_out_text(o, "\n");
}
