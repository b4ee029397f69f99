/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include <inttypes.h>

#include "ctl/json.h"
#include "ctl/show_counts.h"
#include "ctl/show_time.h"

#define FACT(member, label, unit) SHOW_COUNT(struct ctl_deciding, member, label, unit)

static const struct show_count facts[] = {
	FACT(sessions, "stored sessions", "now"),
	FACT(looked, "sessions looked at", "in this round, or the last"),
	FACT(found, "sessions concerned", "of these"),
	FACT(waiting, "decisions", "wait for their turn"),
	FACT(judged, "sessions judged", "since the start"),
	FACT(rounds, "rounds", "since the start"),
	FACT(entries, "events", "since the start"),
	FACT(refused, "events lost", "no memory"),
	FACT(unwritten, "events lost", "not in the file"),
	FACT(unheard, "events lost", "not heard by a subscriber"),
	FACT(subscribers, "subscribers", "now"),
};

static void round_text(struct ctl_out *o, const struct ctl_deciding *d)
{
	char began[CTL_TIME_MAX], ended[CTL_TIME_MAX];
	ctl_out_form(o, "%-24s ", "  round");
	if (!d->walking && !d->ended) {
		ctl_out_text(o, "none yet\n");
		return;
	}
	ctl_time_text(d->began_ms_ago, began);
	if (d->walking)
		ctl_out_form(o, "under way for %s: %" PRIu64 " of %" PRIu64 " looked at\n", began,
			d->looked, d->sessions);
	else
		ctl_out_form(o, "complete, %s ago\n", ctl_time_text(d->ended_ms_ago, ended));
}

void ctl_show_deciding_text(struct ctl_out *o, const struct ctl_totals *t)
{
	const struct ctl_deciding *const d = t->deciding;
	ctl_out_form(o, "\n%-24s ", "policy");
	ctl_out_clean(o, t->policy->name);
	ctl_out_form(o, ", %zu rule%s\n%-24s %" PRIu32 " decisions a second, at most\n", d->rules,
		d->rules == 1 ? "" : "s", "  pace", d->pace);
	round_text(o, d);
	show_counts_text(o, d, facts, COUNT_OF(facts));
}

static void number(struct ctl_json *j, const char *name, uint64_t n)
{
	ctl_json_key(j, name);
	ctl_json_number(j, n);
}

void ctl_show_deciding_json(struct ctl_json *j, const struct ctl_totals *t)
{
	const struct ctl_deciding *const d = t->deciding;
	if (d == NULL) {
		ctl_json_null(j);
		return;
	}
	ctl_json_begin(j, '{');
	ctl_json_key(j, "name");
	ctl_json_text(j, t->policy->name);
	number(j, "rules", d->rules);
	number(j, "pace", d->pace);
	ctl_json_key(j, "walking");
	ctl_json_bool(j, d->walking);
	if (d->walking || d->ended)
		number(j, "began_ms_ago", d->began_ms_ago);
	if (!d->walking && d->ended)
		number(j, "ended_ms_ago", d->ended_ms_ago);
	show_counts_json(j, d, facts, COUNT_OF(facts));
	ctl_json_end(j, '}');
}
