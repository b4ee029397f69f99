/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web/openmetrics: metrics as text, written family by family: OpenMetrics 1.0, or the older text
 *                  format 0.0.4 of Prometheus for who knows no other.
 *
 * Promise: pure. What comes from outside goes into labels' values only, which are escaped; what
 *          is no UTF-8 becomes '?'. Names are the caller's constants.
 * Errors:  latched in the text: memory is short.
 * Threads: any, one each.
 * Source:  OpenMetrics 1.0.0 (prometheus/OpenMetrics), sections 4 and 5.
 */
#ifndef LWG_WEB_OPENMETRICS_H
#define LWG_WEB_OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_out;
struct histogram;

struct om {
	struct ctl_out *out;
	bool classic; /* 0.0.4 */
};

enum om_type { OM_GAUGE, OM_COUNTER, OM_HISTOGRAM, OM_INFO };

struct om_family {
	const char *name; /* without _total */
	enum om_type type;
	const char *unit; /* with which the name ends: "bytes", "seconds"; NULL: a count */
	const char *help; /* a sentence for people */
};

struct om_label {
	const char *name, *value;
};

/* What stands above the samples of a family; then these, and no other family's. */
void om_begin(const struct om *o, const struct om_family *f);
/* A sample with so many labels; of a counter and an info with their suffix. */
void om_count(const struct om *o, const struct om_family *f, const struct om_label *labels,
	size_t len, uint64_t value);
/* The same of a number that is counted in millionths: seconds. */
void om_micros(const struct om *o, const struct om_family *f, const struct om_label *labels,
	size_t len, uint64_t micros);
void om_histogram(const struct om *o, const struct om_family *f, const struct histogram *h);
void om_end(const struct om *o);

#endif
