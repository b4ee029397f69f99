/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include "ctl/json.h"
#include "ctl/show_counts.h"

#define FACT(member, label, unit) SHOW_COUNT(struct ctl_store_facts, member, label, unit)

/* First what is now, then what has happened since the start. */
static const struct show_count facts[] = {
	FACT(credentials, "credentials", "now, revoked ones, too"),
	FACT(associations, "stored associations", "now"),
	FACT(sessions, "stored sessions", "now"),
	FACT(resumable, "resumable sessions", "now"),
	FACT(staged, "learned credentials", "staged now"),
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
	show_counts_text(o, f, facts, COUNT_OF(facts));
}

static void json_bool(struct ctl_json *j, const char *key, bool b)
{
	ctl_json_key(j, key);
	ctl_json_bool(j, b);
}

void ctl_show_store_json(struct ctl_json *j, const struct ctl_store_facts *f)
{
	ctl_json_begin(j, '{');
	show_counts_json(j, f, facts, COUNT_OF(facts));
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
