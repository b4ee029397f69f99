/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/web_counts: which family of metrics each number of struct ctl_worker belongs to.
 *
 * Promise: a number is summed once, though two families may show it. Errors: none.
 * Threads: any.
 */
#ifndef LWG_GATEWAY_WEB_COUNTS_H
#define LWG_GATEWAY_WEB_COUNTS_H

#include "web/openmetrics.h"

#include <stddef.h>
#include <stdint.h>

struct ctl_worker;

enum { GW_COUNT_LABELS = 2 };

/* Rows of one family follow each other; of the later ones only what differs is said. */
struct gw_web_count {
	struct om_family family; /* name NULL: the one before */
	struct om_label labels[GW_COUNT_LABELS];
	size_t at, size; /* in struct ctl_worker */
};

const struct gw_web_count *gw_web_counts(size_t *len);
/* All of them. w: the sum over the workers. */
void gw_web_counts_write(const struct om *o, const struct ctl_worker *w);
/* Adds one worker's numbers to the sum. */
void gw_web_counts_sum(struct ctl_worker *sum, const struct ctl_worker *w);

#endif
