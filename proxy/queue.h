/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/queue: the messages of one device that wait for its link, in order; bounded per device and
 * in total.
 *
 * Promise: a retransmission (CON of the same message id) takes the place of the copy that waits.
 *          What a message costs, its bookkeeping included, is charged to the budget until it is
 *          taken.
 * Errors:  full, or no memory: false, and nothing has changed.
 * Memory:  copies; an empty queue has none.
 * Threads: the worker of the relay.
 */
#ifndef LWG_PROXY_QUEUE_H
#define LWG_PROXY_QUEUE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pdu;

struct queue_budget {     /* of all queues */
	size_t used, max; /* bytes */
};

struct queue_entry {
	struct queue_entry *next;
	size_t len;
	uint16_t mid;
	bool confirmable;
	uint8_t data[];
};

struct queue { /* zeroed = empty */
	struct queue_entry *head;
	uint32_t count;
};

MUST_USE bool queue_put(
	struct queue *q, struct queue_budget *b, uint32_t count_max, const struct pdu *m);
/* A copy of m waits. */
MUST_USE bool queue_has(const struct queue *q, const struct pdu *m);
/* The oldest entry, now the caller's, to be freed with queue_drop(); NULL: empty. */
struct queue_entry *queue_take(struct queue *q);
void queue_drop(struct queue_budget *b, struct queue_entry *e);
void queue_clear(struct queue *q, struct queue_budget *b);

#endif
