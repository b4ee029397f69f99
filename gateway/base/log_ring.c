/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_ring.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct log_ring {
	pthread_mutex_t lock; /* all below */
	uint64_t newest;
	struct log_ring_line lines[LOG_RING_LINES];
};

struct log_ring *log_ring_new(void)
{
	struct log_ring *const r = calloc(1, sizeof(*r));
	if (r)
		(void)pthread_mutex_init(&r->lock, NULL);
	return r;
}

void log_ring_free(struct log_ring *r)
{
	if (!r)
		return;
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

void log_ring_add(struct log_ring *r, const struct log *l, enum log_level level, const char *event,
	const char *text, size_t len)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)pthread_mutex_lock(&r->lock);
	struct log_ring_line *const to = &r->lines[++r->newest % LOG_RING_LINES];
	to->number = r->newest;
	to->wall_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	to->level = level;
	(void)snprintf(to->source, sizeof(to->source), "%s", l->name);
	(void)snprintf(to->event, sizeof(to->event), "%s", event);
	const size_t n = len < sizeof(to->text) ? len : sizeof(to->text) - 1;
	memcpy(to->text, text, n);
	to->text[n] = '\0';
	(void)pthread_mutex_unlock(&r->lock);
}

size_t log_ring_read(struct log_ring *r, uint64_t after, struct log_ring_line *out, size_t cap)
{
	size_t n = 0;
	(void)pthread_mutex_lock(&r->lock);
	uint64_t at = r->newest > LOG_RING_LINES ? r->newest - LOG_RING_LINES + 1 : 1;
	if (after >= at && after <= r->newest)
		at = after + 1;
	for (; at <= r->newest && n < cap; at++)
		out[n++] = r->lines[at % LOG_RING_LINES];
	(void)pthread_mutex_unlock(&r->lock);
	return n;
}
