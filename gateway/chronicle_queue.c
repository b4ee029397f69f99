/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/chronicle_parts.h"

#include "ctl/sp.h"

#include <stdlib.h>
#include <string.h>

enum { CAP_FIRST = 4096 };

void gw_queue_fini(struct gw_queue *q)
{
	free(q->data);
	*q = (struct gw_queue){ .most = q->most, .framed = q->framed };
}

static bool make_room(struct gw_queue *q, size_t len)
{
	if (q->cap - q->len >= len)
		return true;
	if (q->at > 0) {
		memmove(q->data, q->data + q->at, q->len - q->at);
		q->len -= q->at;
		q->at = 0;
	}
	if (len > q->most - q->len)
		return false;
	size_t cap = q->cap ? q->cap : CAP_FIRST;
	while (cap < q->len + len)
		cap *= 2;
	if (cap > q->most)
		cap = q->most;
	if (cap <= q->cap)
		return true;
	uint8_t *const data = realloc(q->data, cap);
	if (!data)
		return false;
	q->data = data;
	q->cap = cap;
	return true;
}

static void append(struct gw_queue *q, const void *octets, size_t len)
{
	memcpy(q->data + q->len, octets, len);
	q->len += len;
}

bool gw_queue_raw(struct gw_queue *q, const void *octets, size_t len)
{
	if (!make_room(q, len))
		return false;
	append(q, octets, len);
	return true;
}

static size_t frame_len(const struct gw_queue *q)
{
	return q->framed ? CTL_SP_FRAME_LEN : 0;
}

static void append_line(struct gw_queue *q, const char *line, size_t len)
{
	uint8_t frame[CTL_SP_FRAME_LEN];
	ctl_sp_frame(len, frame);
	append(q, frame, frame_len(q));
	append(q, line, len);
}

static size_t lost_line(const struct gw_queue *q, char out[GW_LOST_LINE])
{
	return q->lost > 0 ? gw_lost_line(q->lost_ms, q->lost, out, GW_LOST_LINE) : 0;
}

static bool lose(struct gw_queue *q, uint64_t wall_ms)
{
	q->lost++;
	q->lost_ms = wall_ms;
	return false;
}

bool gw_queue_add(struct gw_queue *q, const struct gw_piece *p)
{
	char lost[GW_LOST_LINE];
	const size_t lost_len = lost_line(q, lost);
	const size_t need = frame_len(q) + p->len + (lost_len > 0 ? frame_len(q) + lost_len : 0);
	/* Without memory for the line that tells of them they are told of with a later one. */
	if (!make_room(q, need) || (q->lost > 0 && lost_len == 0))
		return lose(q, p->wall_ms);
	if (lost_len > 0)
		append_line(q, lost, lost_len);
	q->lost = 0;
	append_line(q, p->line, p->len);
	return true;
}

const uint8_t *gw_queue_next(struct gw_queue *q, size_t *len)
{
	char lost[GW_LOST_LINE];
	const size_t lost_len = q->at == q->len ? lost_line(q, lost) : 0;
	if (lost_len > 0 && make_room(q, frame_len(q) + lost_len)) {
		append_line(q, lost, lost_len);
		q->lost = 0;
	}
	*len = q->len - q->at;
	return *len > 0 ? q->data + q->at : NULL;
}

void gw_queue_gone(struct gw_queue *q, size_t len)
{
	q->at += len;
	if (q->at == q->len)
		q->at = q->len = 0;
}
