/* SPDX-License-Identifier: Apache-2.0 */
/* Putting together. */
#include "sms-bridge/pdu/segments.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

enum { NONE = -1, TOTALS = 256 };

struct cell { /* one segment, or a free one */
	int32_t next;
	uint8_t number, len;
	uint8_t data[UDH_SPACE];
};

struct sender { /* free: no messages */
	struct wire_number number;
	uint32_t messages, cells;
};

struct message {                /* free: no cells */
	struct wire_text about; /* without data; len: of what is there */
	uint64_t begun;         /* order */
	uint64_t due_ms;        /* then nobody completes it any more */
	int32_t first;          /* its cells, by rising number */
	uint16_t sender;
	uint16_t reference;
	uint8_t total, have;
	bool wide;
};

struct segments {
	struct segments_limits limits;
	struct segments_stats stats;
	uint64_t births;
	int32_t free_cell;
	size_t messages_len; /* and as many senders */
	struct message *messages;
	struct sender *senders;
	struct cell *cells;
	uint8_t *whole; /* room for the longest */
	size_t whole_max;
};

struct segments_limits segments_limits_default(void)
{
	return (struct segments_limits){
		.octets = (size_t)1 << 20, .of_one = 4, .total_max = 16, .patience_ms = 600000
	};
}

/* --- its memory ------------------------------------------------------------------------------- */

static bool allocate(struct segments *s, size_t messages, size_t cells)
{
	s->messages = calloc(messages, sizeof(*s->messages));
	s->senders = calloc(messages, sizeof(*s->senders));
	s->cells = calloc(cells, sizeof(*s->cells));
	s->whole = calloc(s->whole_max, 1);
	if (!s->messages || !s->senders || !s->cells || !s->whole)
		return false;
	s->messages_len = messages;
	s->free_cell = 0;
	for (size_t i = 0; i < cells; i++)
		s->cells[i].next = i + 1 < cells ? (int32_t)(i + 1) : NONE;
	return true;
}

/* A message of two segments, and what it costs to know about it. */
static size_t share(void)
{
	return sizeof(struct message) + sizeof(struct sender) + 2 * sizeof(struct cell);
}

struct segments *segments_new(const struct segments_limits *l)
{
	enum { LEAST = 2, MOST = 1 << 15 };
	struct segments *const s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->limits = *l;
	s->whole_max = (size_t)l->total_max * UDH_SPACE;
	const size_t over = sizeof(*s) + s->whole_max;
	size_t messages = l->octets > over ? (l->octets - over) / share() : 0;
	if (messages > MOST)
		messages = MOST;
	if (messages >= LEAST && allocate(s, messages, 2 * messages))
		return s;
	segments_free(s);
	return NULL;
}

void segments_free(struct segments *s)
{
	if (!s)
		return;
	free(s->messages);
	free(s->senders);
	free(s->cells);
	free(s->whole);
	free(s);
}

static bool same_number(const struct wire_number *a, const struct wire_number *b)
{
	return a->type == b->type && a->len == b->len && memcmp(a->digits, b->digits, a->len) == 0;
}

static void drop(struct segments *s, struct message *m)
{
	struct sender *const of = &s->senders[m->sender];
	int32_t at = m->first;
	while (at != NONE) {
		struct cell *const c = &s->cells[at];
		const int32_t next = c->next;
		s->stats.octets -= c->len;
		c->next = s->free_cell;
		s->free_cell = at;
		at = next;
	}
	of->messages--;
	of->cells -= m->have;
	s->stats.under_way--;
	memset(m, 0, sizeof(*m));
}

/* --- who has to make room --------------------------------------------------------------------- */

static struct message *oldest_of(
	struct segments *s, const struct sender *of, const struct message *but)
{
	struct message *oldest = NULL;
	for (size_t i = 0; i < s->messages_len; i++) {
		struct message *const m = &s->messages[i];
		if (m->have > 0 && m != but && &s->senders[m->sender] == of &&
			(!oldest || m->begun < oldest->begun))
			oldest = m;
	}
	return oldest;
}

static struct sender *greediest(struct segments *s)
{
	struct sender *most = &s->senders[0];
	for (size_t i = 1; i < s->messages_len; i++) {
		if (s->senders[i].cells > most->cells)
			most = &s->senders[i];
	}
	return most;
}

/* but: is not to go. False: there is nobody else. */
static bool push_out(struct segments *s, const struct sender *of, const struct message *but)
{
	struct message *const m = oldest_of(s, of, but);
	if (!m)
		return false;
	drop(s, m);
	s->stats.pushed_out++;
	return true;
}

/* --- finding ---------------------------------------------------------------------------------- */

static bool contradicts(uint16_t there, uint16_t comes)
{
	return there != 0 && comes != 0 && there != comes;
}

static bool fits(const struct message *m, const struct segments_part *p)
{
	return m->total == p->udh.total && m->about.pid == p->text.pid &&
	       m->about.dcs == p->text.dcs && !contradicts(m->about.marker, p->udh.marker) &&
	       !contradicts(m->about.port, p->udh.ported ? p->udh.to_port : 0);
}

/* Of what contradicts each other nobody knows which is the sender's: each is kept apart, so that
   somebody in his name does not spoil what he says. */
static struct message *find(struct segments *s, const struct segments_part *p)
{
	for (size_t i = 0; i < s->messages_len; i++) {
		struct message *const m = &s->messages[i];
		if (m->have > 0 && m->reference == p->udh.reference && m->wide == p->udh.wide &&
			same_number(&m->about.peer, &p->text.peer) &&
			same_number(&m->about.own, &p->text.own) && fits(m, p))
			return m;
	}
	return NULL;
}

static struct message *find_free(struct segments *s)
{
	for (size_t i = 0; i < s->messages_len; i++) {
		if (s->messages[i].have == 0)
			return &s->messages[i];
	}
	return NULL;
}

/* NULL: nobody has that number, and no place is free. */
static struct sender *sender_of(struct segments *s, const struct wire_number *n)
{
	struct sender *spare = NULL;
	for (size_t i = 0; i < s->messages_len; i++) {
		struct sender *const x = &s->senders[i];
		if (x->messages > 0 && same_number(&x->number, n))
			return x;
		if (x->messages == 0 && !spare)
			spare = x;
	}
	if (spare)
		*spare = (struct sender){ .number = *n };
	return spare;
}

/* --- one more segment ------------------------------------------------------------------------- */

static struct cell *cell_of(const struct segments *s, const struct message *m, uint8_t number)
{
	for (int32_t at = m->first; at != NONE; at = s->cells[at].next) {
		if (s->cells[at].number == number)
			return &s->cells[at];
	}
	return NULL;
}

/* NULL: everything is full, and m alone has filled it. */
static struct message *begin(struct segments *s, const struct segments_part *p)
{
	struct sender *of = sender_of(s, &p->text.peer);
	if (of && of->messages >= s->limits.of_one)
		(void)push_out(s, of, NULL);
	struct message *m = find_free(s);
	if (!m && push_out(s, greediest(s), NULL))
		m = find_free(s);
	of = sender_of(s, &p->text.peer);
	if (!m || !of)
		return NULL;
	*m = (struct message){ .about = p->text,
		.begun = s->births++,
		.first = NONE,
		.sender = (uint16_t)(of - s->senders),
		.reference = p->udh.reference,
		.total = p->udh.total,
		.wide = p->udh.wide };
	m->about.data = NULL;
	m->about.len = 0;
	m->about.marker = 0;
	m->about.port = 0;
	return m;
}

static void link_in(struct segments *s, struct message *m, int32_t place)
{
	int32_t *at = &m->first;
	while (*at != NONE && s->cells[*at].number < s->cells[place].number)
		at = &s->cells[*at].next;
	s->cells[place].next = *at;
	*at = place;
}

/* False: there is no room but m's own. */
static bool take_cell(struct segments *s, struct message *m, const struct segments_part *p)
{
	while (s->free_cell == NONE) {
		struct sender *const most = greediest(s);
		if (!push_out(s, most, m) && !push_out(s, &s->senders[m->sender], m))
			return false;
	}
	const int32_t place = s->free_cell;
	struct cell *const c = &s->cells[place];
	s->free_cell = c->next;
	c->number = p->udh.number;
	c->len = (uint8_t)p->text.len;
	if (p->text.len > 0)
		memcpy(c->data, p->text.data, p->text.len);
	link_in(s, m, place);
	return true;
}

static void count_in(struct segments *s, struct message *m, const struct segments_part *p)
{
	struct sender *const of = &s->senders[m->sender];
	if (m->have == 0) {
		of->messages++;
		s->stats.under_way++;
	}
	m->have++;
	m->about.len += p->text.len;
	of->cells++;
	s->stats.octets += p->text.len;
	if (p->udh.marker != 0)
		m->about.marker = p->udh.marker;
	if (p->udh.ported)
		m->about.port = p->udh.to_port;
}

static void put_together(struct segments *s, const struct message *m, struct wire_text *whole)
{
	size_t len = 0;
	for (int32_t at = m->first; at != NONE; at = s->cells[at].next) {
		const struct cell *const c = &s->cells[at];
		memcpy(s->whole + len, c->data, c->len);
		len += c->len;
	}
	*whole = m->about;
	whole->data = s->whole;
	whole->len = len;
}

static enum segments_result refuse(struct segments *s)
{
	s->stats.refused++;
	return SEGMENTS_REFUSED;
}

static enum segments_result doubled(struct segments *s, const struct message *m,
	const struct cell *c, const struct segments_part *p, struct wire_text *whole)
{
	if (c->len != p->text.len || (c->len > 0 && memcmp(c->data, p->text.data, c->len) != 0))
		return refuse(s);
	s->stats.doubled++;
	if (m->have < m->total)
		return SEGMENTS_DOUBLE;
	put_together(s, m, whole); /* nobody has taken it */
	return SEGMENTS_WHOLE;
}

static enum segments_result alone(
	struct segments *s, const struct segments_part *p, struct wire_text *whole)
{
	if (p->text.len > WIRE_DATA_MAX)
		return refuse(s);
	*whole = p->text;
	whole->marker = p->udh.marker;
	whole->port = p->udh.ported ? p->udh.to_port : 0;
	s->stats.whole++;
	return SEGMENTS_WHOLE;
}

/* One more of a message that is there, or the first of one. */
static enum segments_result joined(struct segments *s, struct message *m,
	const struct segments_part *p, uint64_t now_ms, struct wire_text *whole)
{
	if (m && m->about.len + p->text.len > WIRE_DATA_MAX)
		return refuse(s); /* nobody could be told of the whole */
	if (!m)
		m = begin(s, p);
	if (!m || !take_cell(s, m, p))
		return refuse(s);
	count_in(s, m, p);
	m->due_ms = now_ms + s->limits.patience_ms;
	if (m->have < m->total)
		return SEGMENTS_KEPT;
	put_together(s, m, whole);
	s->stats.whole++;
	return SEGMENTS_WHOLE;
}

enum segments_result segments_add(
	struct segments *s, const struct segments_part *p, uint64_t now_ms, struct wire_text *whole)
{
	if (!p->udh.joined)
		return alone(s, p, whole);
	if (p->udh.number == 0 || p->udh.number > p->udh.total ||
		p->udh.total > s->limits.total_max || p->text.len > UDH_SPACE)
		return refuse(s);
	/* A reference of 8 bits comes again: what is over its time is not in its way. */
	(void)segments_expire(s, now_ms);
	struct message *const m = find(s, p);
	const struct cell *const c = m ? cell_of(s, m, p->udh.number) : NULL;
	if (c)
		return doubled(s, m, c, p, whole);
	return joined(s, m, p, now_ms, whole);
}

void segments_forget(struct segments *s, const struct segments_part *p)
{
	struct message *const m = p->udh.joined ? find(s, p) : NULL;
	/* One that is not whole has begun since under the same reference. */
	if (m && m->have == m->total)
		drop(s, m);
}

/* --- time ------------------------------------------------------------------------------------- */

size_t segments_expire(struct segments *s, uint64_t now_ms)
{
	size_t gone = 0;
	for (size_t i = 0; s->stats.under_way > 0 && i < s->messages_len; i++) {
		if (s->messages[i].have == 0 || s->messages[i].due_ms > now_ms)
			continue;
		drop(s, &s->messages[i]);
		gone++;
	}
	s->stats.expired += gone;
	return gone;
}

uint64_t segments_next_ms(const struct segments *s)
{
	uint64_t next = UINT64_MAX;
	for (size_t i = 0; s->stats.under_way > 0 && i < s->messages_len; i++) {
		if (s->messages[i].have > 0 && s->messages[i].due_ms < next)
			next = s->messages[i].due_ms;
	}
	return next;
}

struct segments_stats segments_stats(const struct segments *s)
{
	return s->stats;
}
