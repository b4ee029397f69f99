/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web_facts.h"

#include "base/build.h"
#include "base/histogram.h"
#include "base/suite.h"
#include "ctl/json.h"
#include "ctl/out.h"
#include "gateway/chronicle.h"
#include "gateway/gateway_parts.h"
#include "gateway/rules.h"
#include "gateway/web_counts.h"
#include "web/openmetrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CENSUS_MS = 60000, LATE_MS = 5000, SECOND_US = 1000000, NUMBER_TEXT = 24 };

/* Families that are no plain number of a worker; in the order in which they are written. */
enum family {
	F_BUILD,
	F_UPTIME,
	F_FAILED,
	F_ANSWER,
	F_AWAKE,
	F_LOOKED,
	F_CHANNELS,
	F_KINDS,
	F_SUITES,
	F_AGES,
	F_BEHIND,
	F_LINKS,
	F_ADDRESSES,
	F_PASSED,
	F_LISTENER_BYTES,
	F_LISTENER_DATAGRAMS,
	F_LISTENER_HANDSHAKES,
	F_STORED,
	F_STORE_BYTES,
	F_STORE_COMMITS,
	F_STORE_COMMIT_TIME,
	F_STORE_OPERATIONS,
	F_STORE_FAILED,
	F_STORE_DAMAGED,
	F_STORE_LEASES,
	F_STORE_BROKEN,
	F_DECISIONS,
	F_JUDGED,
	F_WAITING,
	F_EVENTS_LOST,
	F_SUBSCRIBERS,
	F_FAMILIES
};

static const struct om_family families[F_FAMILIES] = {
	[F_BUILD] = { "lwgate_build", OM_INFO, NULL, "The version that runs" },
	[F_UPTIME] = { "lwgate_uptime_seconds", OM_GAUGE, "seconds",
		"Since this program began; an upgrade in place begins anew" },
	[F_FAILED] = { "lwgate_handshake_failures", OM_COUNTER, NULL,
		"Handshakes that failed, by cause; the log says who and what would mend it" },
	[F_ANSWER] = { "lwgate_relay_answer_seconds", OM_HISTOGRAM, "seconds",
		"From a request of a device to the first answer of its server" },
	[F_AWAKE] = { "lwgate_sessions_awake", OM_GAUGE, NULL,
		"Sessions in memory, at the last look (once a minute at most)" },
	[F_LOOKED] = { "lwgate_sessions_looked_at", OM_GAUGE, NULL,
		"Of these, those that the next families count: 20,000 of each worker at most" },
	[F_CHANNELS] = { "lwgate_sessions_by_channel", OM_GAUGE, NULL, "Sessions by channel" },
	[F_KINDS] = { "lwgate_sessions_by_kind", OM_GAUGE, NULL, "Sessions by kind of credential" },
	[F_SUITES] = { "lwgate_sessions_by_suite", OM_GAUGE, NULL, "Sessions by cipher suite" },
	[F_AGES] = { "lwgate_sessions_by_age", OM_GAUGE, NULL,
		"Sessions by the time since they were authenticated; each in one class" },
	[F_BEHIND] = { "lwgate_sessions_behind", OM_GAUGE, NULL,
		"Sessions whose credential has another generation by now: policy keeps them" },
	[F_LINKS] = { "lwgate_upstream_links", OM_GAUGE, NULL, "Links to a server that are up" },
	[F_ADDRESSES] = { "lwgate_upstream_addresses", OM_GAUGE, NULL, "Addresses of a server" },
	[F_PASSED] = { "lwgate_upstream_addresses_passed_over", OM_GAUGE, NULL,
		"Of these: not asked for a while, as handshakes there were not answered" },
	[F_LISTENER_BYTES] = { "lwgate_listener_bytes", OM_COUNTER, "bytes",
		"Octets of datagrams, without the headers of UDP" },
	[F_LISTENER_DATAGRAMS] = { "lwgate_listener_datagrams", OM_COUNTER, NULL, "Datagrams" },
	[F_LISTENER_HANDSHAKES] = { "lwgate_listener_handshakes", OM_COUNTER, NULL,
		"Handshakes that were done" },
	[F_STORED] = { "lwgate_stored", OM_GAUGE, NULL, "What the store has, asleep and awake" },
	[F_STORE_BYTES] = { "lwgate_store_bytes", OM_GAUGE, "bytes", "Files of the store" },
	[F_STORE_COMMITS] = { "lwgate_store_commits", OM_COUNTER, NULL,
		"Transactions that were made durable" },
	[F_STORE_COMMIT_TIME] = { "lwgate_store_commit_seconds", OM_HISTOGRAM, "seconds",
		"How long each of them took, to the disk" },
	[F_STORE_OPERATIONS] = { "lwgate_store_operations", OM_COUNTER, NULL,
		"Changes; many make one transaction" },
	[F_STORE_FAILED] = { "lwgate_store_operations_failed", OM_COUNTER, NULL,
		"Changes that were not made" },
	[F_STORE_DAMAGED] = { "lwgate_store_damaged", OM_COUNTER, NULL,
		"Values that did not open" },
	[F_STORE_LEASES] = { "lwgate_store_leases", OM_COUNTER, NULL,
		"Blocks of write numbers given" },
	[F_STORE_BROKEN] = { "lwgate_store_unwritable", OM_GAUGE, NULL,
		"1: nothing is written any more, or there is no room for new sessions" },
	[F_DECISIONS] = { "lwgate_policy_decisions", OM_COUNTER, NULL,
		"Decisions by rule; decided: carried out when the device wakes or a drain ends" },
	[F_JUDGED] = { "lwgate_policy_sessions_judged", OM_COUNTER, NULL,
		"Sessions that were looked at after a change" },
	[F_WAITING] = { "lwgate_policy_waiting", OM_GAUGE, NULL, "Sessions that wait for that" },
	[F_EVENTS_LOST] = { "lwgate_events_lost", OM_COUNTER, NULL,
		"Events that somebody has not got" },
	[F_SUBSCRIBERS] = { "lwgate_event_subscribers", OM_GAUGE, NULL, "Who follows the events" },
};

/* --- helpers --------------------------------------------------------------------------------- */

static void one(const struct om *o, enum family f, uint64_t value)
{
	om_begin(o, &families[f]);
	om_count(o, &families[f], NULL, 0, value);
}

static void by(
	const struct om *o, enum family f, const char *name, const char *word, uint64_t value)
{
	const struct om_label label = { name, word };
	om_count(o, &families[f], &label, 1, value);
}

/* --- what workers count ---------------------------------------------------------------------- */

static const char *cause_word(size_t cause)
{
	static const char *const words[DTLS_CAUSES] = {
		[DTLS_FAIL_TIMEOUT] = "timeout",
		[DTLS_FAIL_IDENTITY] = "unknown-identity",
		[DTLS_FAIL_KEY] = "wrong-key",
		[DTLS_FAIL_RAW_KEY] = "unknown-raw-public-key",
		[DTLS_FAIL_CERTIFICATE] = "certificate",
		[DTLS_FAIL_NAME] = "name",
		[DTLS_FAIL_SUITE] = "suite",
		[DTLS_FAIL_VERSION] = "version",
		[DTLS_FAIL_ALERT] = "alert",
		[DTLS_FAIL_PROTOCOL] = "protocol",
		[DTLS_FAIL_FULL] = "full",
		[DTLS_FAIL_UNREACHABLE] = "unreachable",
		[DTLS_FAIL_ANEW] = "begun-anew",
	};
	return words[cause];
}

static void put_failures(const struct om *o, const struct ctl_worker *sum)
{
	om_begin(o, &families[F_FAILED]);
	for (size_t role = 0; role < 2; role++) {
		for (size_t i = 0; i < DTLS_CAUSES; i++) {
			const struct om_label labels[] = {
				{ "with", role == DTLS_SERVER ? "device" : "server" },
				{ "cause", cause_word(i) },
			};
			om_count(o, &families[F_FAILED], labels, COUNT_OF(labels),
				sum->dtls.failed_by[role][i]);
		}
	}
	om_begin(o, &families[F_ANSWER]);
	om_histogram(o, &families[F_ANSWER], &sum->relay.answer);
}

static void put_listener(const struct om *o, enum family f, const struct ctl_listener *l)
{
	char text[NET_TEXT_MAX];
	struct om_label labels[] = {
		{ "listener", net_addr_text(&l->address, text) },
		{ "direction", "in" },
	};
	const bool bytes = f == F_LISTENER_BYTES;
	if (f == F_LISTENER_HANDSHAKES) {
		om_count(o, &families[f], labels, 1, l->handshakes);
		return;
	}
	om_count(o, &families[f], labels, 2, bytes ? l->octets_in : l->datagrams_in);
	labels[1].value = "out";
	om_count(o, &families[f], labels, 2, bytes ? l->octets_out : l->datagrams_out);
}

static void put_listeners(const struct om *o, const struct ctl_worker *sum)
{
	static const enum family all[] = { F_LISTENER_BYTES, F_LISTENER_DATAGRAMS,
		F_LISTENER_HANDSHAKES };
	for (size_t f = 0; f < COUNT_OF(all); f++) {
		om_begin(o, &families[all[f]]);
		for (size_t i = 0; i < sum->listeners_len; i++)
			put_listener(o, all[f], &sum->listeners[i]);
	}
}

static void add_parts(struct ctl_worker *sum, const struct ctl_worker *w)
{
	for (size_t role = 0; role < 2; role++) {
		for (size_t i = 0; i < DTLS_CAUSES; i++)
			sum->dtls.failed_by[role][i] += w->dtls.failed_by[role][i];
	}
	histogram_sum(&sum->relay.answer, &w->relay.answer);
	sum->listeners_len = w->listeners_len;
	for (size_t i = 0; i < w->listeners_len; i++) {
		struct ctl_listener *const to = &sum->listeners[i];
		const struct ctl_listener *const l = &w->listeners[i];
		to->address = l->address;
		to->datagrams_in += l->datagrams_in;
		to->datagrams_out += l->datagrams_out;
		to->octets_in += l->octets_in;
		to->octets_out += l->octets_out;
		to->handshakes += l->handshakes;
	}
	/* Each worker tries a server's addresses by itself: the worst view counts. */
	sum->upstreams_len = w->upstreams_len;
	for (size_t i = 0; i < w->upstreams_len; i++) {
		struct ctl_upstream *const to = &sum->upstreams[i];
		to->addresses = w->upstreams[i].addresses;
		if (w->upstreams[i].passed_over > to->passed_over)
			to->passed_over = w->upstreams[i].passed_over;
	}
}

static bool sum_workers(struct ctl_source *s, struct ctl_worker *sum)
{
	struct ctl_worker *const w = calloc(1, sizeof(*w));
	bool good = w != NULL;
	for (size_t i = 0; good && i < s->workers(s->ctx); i++) {
		good = s->worker(s->ctx, i, w);
		if (good) {
			gw_web_counts_sum(sum, w);
			add_parts(sum, w);
		}
	}
	free(w);
	return good;
}

/* --- who is there ---------------------------------------------------------------------------- */

/* One that was not whole says less than the one before. */
void gw_web_take_census(struct gw_gateway *g)
{
	const struct ctl_source source = gw_source(g);
	struct gw_census now = { .sessions = 0 };
	bool whole = true;
	if (1000 * source.uptime_s(g) < g->census_due_ms)
		return;
	for (size_t i = 0; i < g->len; i++) {
		struct gw_ask *const a = gw_source_ask(g, i, GW_ASK_CENSUS, 0);
		whole = whole && a;
		if (a)
			gw_census_sum(&now, &a->census);
		if (a)
			gw_ask_release(a);
	}
	if (whole)
		g->census = now;
	g->census_due_ms = 1000 * source.uptime_s(g) + (whole ? CENSUS_MS : LATE_MS);
}

static void put_ages(const struct om *o, const struct gw_census *c)
{
	static const char *const words[GW_CENSUS_AGES] = { "below-1h", "below-1d", "below-7d",
		"below-30d", "30d-and-more" };
	om_begin(o, &families[F_AGES]);
	for (size_t i = 0; i < GW_CENSUS_AGES; i++)
		by(o, F_AGES, "age", words[i], c->ages[i]);
}

static void put_census(const struct om *o, const struct gw_census *c)
{
	one(o, F_AWAKE, c->sessions);
	one(o, F_LOOKED, c->looked_at);
	om_begin(o, &families[F_CHANNELS]);
	for (size_t i = 0; i < POLICY_CHANNELS; i++)
		by(o, F_CHANNELS, "channel", policy_channel_word((enum policy_channel)i),
			c->channels[i]);
	om_begin(o, &families[F_KINDS]);
	for (size_t i = 0; i < POLICY_KINDS; i++)
		by(o, F_KINDS, "kind", policy_kind_word((enum policy_kind)i), c->kinds[i]);
	om_begin(o, &families[F_SUITES]);
	for (size_t i = 0; i < c->suites_len; i++) {
		const struct suite *const s = suite_find(c->suites[i].suite);
		by(o, F_SUITES, "suite", s ? s->name : "another", c->suites[i].sessions);
	}
	put_ages(o, c);
	one(o, F_BEHIND, c->behind);
}

static void put_upstreams(const struct om *o, const struct conf_gateway *conf,
	const struct ctl_worker *sum, const struct gw_census *c)
{
	om_begin(o, &families[F_LINKS]);
	for (size_t i = 0; i < conf->upstreams_len; i++)
		by(o, F_LINKS, "upstream", conf->upstreams[i].name, c->links[i]);
	om_begin(o, &families[F_ADDRESSES]);
	for (size_t i = 0; i < sum->upstreams_len; i++)
		by(o, F_ADDRESSES, "upstream", conf->upstreams[i].name,
			sum->upstreams[i].addresses);
	om_begin(o, &families[F_PASSED]);
	for (size_t i = 0; i < sum->upstreams_len; i++)
		by(o, F_PASSED, "upstream", conf->upstreams[i].name, sum->upstreams[i].passed_over);
}

/* --- the store, and what is decided ---------------------------------------------------------- */

static void put_store(const struct om *o, const struct ctl_store_facts *s)
{
	om_begin(o, &families[F_STORED]);
	by(o, F_STORED, "what", "credentials", s->credentials);
	by(o, F_STORED, "what", "sessions", s->sessions);
	by(o, F_STORED, "what", "associations", s->associations);
	by(o, F_STORED, "what", "resumable", s->resumable);
	by(o, F_STORED, "what", "staged", s->staged);
	om_begin(o, &families[F_STORE_BYTES]);
	by(o, F_STORE_BYTES, "file", "database", s->file_bytes);
	by(o, F_STORE_BYTES, "file", "hot", s->hot_bytes);
	one(o, F_STORE_COMMITS, s->commits);
	om_begin(o, &families[F_STORE_COMMIT_TIME]);
	om_histogram(o, &families[F_STORE_COMMIT_TIME], &s->commit);
	one(o, F_STORE_OPERATIONS, s->operations);
	om_begin(o, &families[F_STORE_FAILED]);
	by(o, F_STORE_FAILED, "reason", "error", s->failed);
	by(o, F_STORE_FAILED, "reason", "full", s->full);
	one(o, F_STORE_DAMAGED, s->damaged);
	one(o, F_STORE_LEASES, s->leases);
	one(o, F_STORE_BROKEN, s->is_broken || s->is_full);
}

static void put_rule(const struct om *o, const char *rule, const uint64_t entries[GW_OUTCOMES])
{
	static const char *const words[GW_OUTCOMES] = { [GW_DECIDED] = "decided",
		[GW_DONE] = "done",
		[GW_KEPT] = "kept",
		[GW_FAILED] = "failed" };
	for (size_t n = 0; n < GW_OUTCOMES; n++) {
		const struct om_label labels[] = { { "rule", rule }, { "outcome", words[n] } };
		om_count(o, &families[F_DECISIONS], labels, COUNT_OF(labels), entries[n]);
	}
}

/* Those in force that have not decided yet are there, too: what begins with 1 has no rise. */
static void put_decisions(const struct om *o, const struct gw_gateway *g)
{
	static const uint64_t none[GW_OUTCOMES] = { 0 };
	const struct policy *const p = g->rules ? gw_rules_policy(g->rules) : NULL;
	const struct gw_tally *tally = NULL;
	const size_t len = gw_chronicle_tally(g->chronicle, &tally);
	om_begin(o, &families[F_DECISIONS]);
	for (size_t i = 0; i < len; i++)
		put_rule(o, tally[i].rule, tally[i].entries);
	for (size_t n = 0; p && n <= policy_rules(p); n++) {
		const char *const name = policy_rule_name(p, n);
		size_t i = 0;
		while (i < len && strcmp(tally[i].rule, name) != 0)
			i++;
		if (i == len)
			put_rule(o, name, none);
	}
}

static void put_deciding(const struct om *o, const struct ctl_deciding *d)
{
	one(o, F_JUDGED, d->judged);
	one(o, F_WAITING, d->waiting);
	om_begin(o, &families[F_EVENTS_LOST]);
	by(o, F_EVENTS_LOST, "by", "memory", d->refused);
	by(o, F_EVENTS_LOST, "by", "file", d->unwritten);
	by(o, F_EVENTS_LOST, "by", "subscriber", d->unheard);
	one(o, F_SUBSCRIBERS, d->subscribers);
}

bool gw_web_metrics(struct gw_gateway *g, bool classic, struct ctl_out *to)
{
	const struct om om = { .out = to, .classic = classic }, *const out = &om;
	struct ctl_source source = gw_source(g);
	struct ctl_worker *const sum = calloc(1, sizeof(*sum));
	struct ctl_store_facts facts = { 0 };
	struct ctl_deciding deciding = { 0 };
	const struct om_label version = { "version", LWG_VERSION };
	if (!sum || !sum_workers(&source, sum)) {
		free(sum);
		return false;
	}
	const struct ctl_store_source store = gw_store_source(g);
	store.facts(store.ctx, &facts);
	gw_web_take_census(g);
	om_begin(out, &families[F_BUILD]);
	om_count(out, &families[F_BUILD], &version, 1, 1);
	one(out, F_UPTIME, source.uptime_s(source.ctx));
	gw_web_counts_write(out, sum);
	put_failures(out, sum);
	put_census(out, &g->census);
	put_upstreams(out, g->shared.conf, sum, &g->census);
	put_listeners(out, sum);
	put_store(out, &facts);
	put_decisions(out, g);
	if (source.deciding(source.ctx, &deciding))
		put_deciding(out, &deciding);
	om_end(out);
	free(sum);
	return !to->bad;
}

static void put_upstream(
	struct ctl_json *j, const char *name, const struct ctl_upstream *u, uint64_t links)
{
	ctl_json_begin(j, '{');
	ctl_json_key(j, "name");
	ctl_json_text(j, name);
	ctl_json_key(j, "addresses");
	ctl_json_number(j, u->addresses);
	ctl_json_key(j, "passed_over");
	ctl_json_number(j, u->passed_over);
	ctl_json_key(j, "links");
	ctl_json_number(j, links);
	ctl_json_end(j, '}');
}

bool gw_web_upstreams(struct gw_gateway *g, struct ctl_out *to)
{
	struct ctl_source source = gw_source(g);
	struct ctl_worker *const sum = calloc(1, sizeof(*sum));
	struct ctl_json j = { .out = to };
	const bool good = sum && sum_workers(&source, sum);
	if (good)
		gw_web_take_census(g);
	ctl_json_begin(&j, '[');
	for (size_t i = 0; good && i < sum->upstreams_len; i++)
		put_upstream(&j, g->shared.conf->upstreams[i].name, &sum->upstreams[i],
			g->census.links[i]);
	ctl_json_end(&j, ']');
	ctl_out_text(to, "\n");
	free(sum);
	return good && !to->bad;
}

/* --- for the man page ------------------------------------------------------------------------ */

static void print_family(FILE *to, const struct om_family *f)
{
	static const char *const words[] = { "gauge", "counter", "histogram", "info" };
	(void)fprintf(to, ".TP\n.B %s%s\n(%s) %s.\n", f->name,
		f->type == OM_COUNTER ? "_total"
		: f->type == OM_INFO  ? "_info"
				      : "",
		words[f->type], f->help);
}

/* Its rows, by what tells them apart: {reason="junk"}, {reason="forged"} */
static void print_rows(FILE *to, const struct gw_web_count *row, const struct gw_web_count *end)
{
	const char *between = ".br\n";
	do {
		for (size_t i = 0; i < GW_COUNT_LABELS && row->labels[i].name; i++) {
			(void)fprintf(to, "%s%s=\"%s\"", i > 0 ? "," : between, row->labels[i].name,
				row->labels[i].value);
			between = "; ";
		}
		row++;
	} while (row < end && !row->family.name);
	(void)fputs(between[0] == ';' ? "\n" : "", to);
}

void gw_web_metrics_table(FILE *to)
{
	size_t len;
	const struct gw_web_count *const counts = gw_web_counts(&len);
	for (size_t i = 0; i < len; i++) {
		if (!counts[i].family.name)
			continue;
		print_family(to, &counts[i].family);
		print_rows(to, &counts[i], counts + len);
	}
	for (size_t i = 0; i < F_FAMILIES; i++)
		print_family(to, &families[i]);
}
