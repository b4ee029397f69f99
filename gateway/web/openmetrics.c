/* SPDX-License-Identifier: Apache-2.0 */
#include "web/openmetrics.h"

#include "base/histogram.h"
#include "ctl/out.h"

#include <inttypes.h>

enum { MILLION = 1000000 };

static const char *type_word(enum om_type t)
{
	static const char *const words[] = { "gauge", "counter", "histogram", "info" };
	return words[t];
}

static const char *suffix(enum om_type t)
{
	return t == OM_COUNTER ? "_total" : t == OM_INFO ? "_info" : "";
}

/* A backslash, a quote and a line's end are written with a backslash before. */
static void put_value(struct ctl_out *o, const char *value)
{
	while (*value != '\0') {
		uint32_t code;
		const size_t len = ctl_utf8(value, &code);
		if (len == 0)
			ctl_out_text(o, "?");
		else if (code == '\n')
			ctl_out_text(o, "\\n");
		else if (code == '"' || code == '\\')
			ctl_out_form(o, "\\%c", (char)code);
		else
			ctl_out_bytes(o, value, len);
		value += len > 0 ? len : 1;
	}
}

static void put_labels(struct ctl_out *o, const struct om_label *labels, size_t len)
{
	if (len == 0)
		return;
	ctl_out_text(o, "{");
	for (size_t i = 0; i < len; i++) {
		ctl_out_form(o, "%s%s=\"", i > 0 ? "," : "", labels[i].name);
		put_value(o, labels[i].value);
		ctl_out_text(o, "\"");
	}
	ctl_out_text(o, "}");
}

/* As seconds. */
static void put_micros(struct ctl_out *o, uint64_t micros)
{
	ctl_out_form(o, "%" PRIu64 ".%06" PRIu64, micros / MILLION, micros % MILLION);
}

/* The older format knows no information, and a counter by the name of its samples. */
void om_begin(const struct om *o, const struct om_family *f)
{
	const char *const more = o->classic ? suffix(f->type) : "";
	const enum om_type type = o->classic && f->type == OM_INFO ? OM_GAUGE : f->type;
	ctl_out_form(o->out, "# TYPE %s%s %s\n", f->name, more, type_word(type));
	if (f->unit && !o->classic)
		ctl_out_form(o->out, "# UNIT %s %s\n", f->name, f->unit);
	ctl_out_form(o->out, "# HELP %s%s %s\n", f->name, more, f->help);
}

static void put_name(
	struct ctl_out *o, const struct om_family *f, const struct om_label *labels, size_t len)
{
	ctl_out_form(o, "%s%s", f->name, suffix(f->type));
	put_labels(o, labels, len);
	ctl_out_text(o, " ");
}

void om_count(const struct om *o, const struct om_family *f, const struct om_label *labels,
	size_t len, uint64_t value)
{
	put_name(o->out, f, labels, len);
	ctl_out_form(o->out, "%" PRIu64 "\n", value);
}

void om_micros(const struct om *o, const struct om_family *f, const struct om_label *labels,
	size_t len, uint64_t micros)
{
	put_name(o->out, f, labels, len);
	put_micros(o->out, micros);
	ctl_out_text(o->out, "\n");
}

/* A whole one has its point, too: Prometheus compares the text. */
static void put_bound(struct ctl_out *o, uint64_t us)
{
	ctl_out_form(o, us % MILLION == 0 ? "%.1f" : "%g", (double)us / MILLION);
}

void om_histogram(const struct om *om, const struct om_family *f, const struct histogram *h)
{
	struct ctl_out *const o = om->out;
	uint64_t sum = 0;
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		sum += h->counts[i];
		ctl_out_form(o, "%s_bucket{le=\"", f->name);
		if (i == HISTOGRAM_BOUNDS)
			ctl_out_text(o, "+Inf");
		else
			put_bound(o, histogram_bound_us(i));
		ctl_out_form(o, "\"} %" PRIu64 "\n", sum);
	}
	ctl_out_form(o, "%s_count %" PRIu64 "\n%s_sum ", f->name, sum, f->name);
	put_micros(o, h->sum_us);
	ctl_out_text(o, "\n");
}

void om_end(const struct om *o)
{
	if (!o->classic)
		ctl_out_text(o->out, "# EOF\n");
}
