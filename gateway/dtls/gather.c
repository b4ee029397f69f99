/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/gather.h"

#include "base/wipe.h"

#include <stdlib.h>
#include <string.h>

void dtls_gather_init(struct dtls_gather *g, size_t max)
{
	*g = (struct dtls_gather){ .max = max };
}

/* --- memory ---------------------------------------------------------------------------------- */

static size_t pages_of(uint32_t total)
{
	return ((size_t)total + DTLS_GATHER_PAGE - 1) / DTLS_GATHER_PAGE;
}

static size_t table_size(uint32_t total)
{
	return pages_of(total) * sizeof(uint8_t *);
}

/* Octets of the body in page i. */
static size_t page_len(uint32_t total, size_t i)
{
	const size_t left = total - i * DTLS_GATHER_PAGE;
	return left < DTLS_GATHER_PAGE ? left : DTLS_GATHER_PAGE;
}

static size_t page_size(uint32_t total, size_t i)
{
	const size_t len = page_len(total, i);
	return len + (len + 7) / 8;
}

static void *claim(struct dtls_gather *g, size_t size)
{
	void *const p = calloc(1, size);
	if (p)
		g->held += size;
	return p;
}

static void give_back(struct dtls_gather *g, void *p, size_t size)
{
	if (!p)
		return;
	wipe(p, size);
	free(p);
	g->held -= size;
}

static void drop_pages(struct dtls_gather *g, struct dtls_gathered *m)
{
	if (!m->pages)
		return;
	for (size_t i = 0; i < pages_of(m->total); i++)
		give_back(g, m->pages[i], page_size(m->total, i));
	give_back(g, m->pages, table_size(m->total));
	m->pages = NULL;
}

static void forget(struct dtls_gather *g, struct dtls_gathered *m)
{
	drop_pages(g, m);
	give_back(g, m->body, m->body_room);
	*m = (struct dtls_gathered){ .used = false };
}

void dtls_gather_fini(struct dtls_gather *g)
{
	for (size_t i = 0; i < DTLS_GATHER_AHEAD; i++)
		forget(g, &g->slots[i]);
}

size_t dtls_gather_memory(const struct dtls_gather *g)
{
	return g->held;
}

static struct dtls_gathered *latest_after(struct dtls_gather *g, uint16_t message_seq)
{
	struct dtls_gathered *found = NULL;
	for (size_t i = 0; i < DTLS_GATHER_AHEAD; i++) {
		struct dtls_gathered *const m = &g->slots[i];
		if (m->used && m->message_seq > message_seq &&
			(!found || m->message_seq > found->message_seq))
			found = m;
	}
	return found;
}

/* Room within the bound for size octets of message m. Later ones go: or forged fragments of them
   could keep the one that is awaited out for good. */
static bool make_room(struct dtls_gather *g, const struct dtls_gathered *m, size_t size)
{
	while (g->held + size > g->max) {
		struct dtls_gathered *const later = latest_after(g, m->message_seq);
		if (!later)
			return false;
		forget(g, later);
	}
	return true;
}

/* --- the pieces ------------------------------------------------------------------------------ */

static size_t last_page(const struct dtls_fragment *f)
{
	return (f->offset + f->len - 1) / DTLS_GATHER_PAGE;
}

/* What is not there yet of the pages that f lies in. */
static size_t size_of_missing(const struct dtls_gathered *m, const struct dtls_fragment *f)
{
	size_t size = m->pages ? 0 : table_size(m->total);
	for (size_t i = f->offset / DTLS_GATHER_PAGE; i <= last_page(f); i++)
		size += m->pages && m->pages[i] ? 0 : page_size(m->total, i);
	return size;
}

static bool claim_pages(
	struct dtls_gather *g, struct dtls_gathered *m, const struct dtls_fragment *f)
{
	if (!make_room(g, m, size_of_missing(m, f)))
		return false;
	if (!m->pages)
		m->pages = claim(g, table_size(m->total));
	bool good = m->pages != NULL;
	for (size_t i = f->offset / DTLS_GATHER_PAGE; good && i <= last_page(f); i++) {
		if (!m->pages[i])
			m->pages[i] = claim(g, page_size(m->total, i));
		good = m->pages[i] != NULL;
	}
	return good;
}

/* The octets [at, at + len) of page i have come. */
static void mark(struct dtls_gathered *m, size_t i, size_t at, size_t len)
{
	uint8_t *const come = m->pages[i] + page_len(m->total, i);
	for (size_t k = at; k < at + len; k++) {
		const uint8_t bit = (uint8_t)(1U << k % 8);
		m->missing -= (come[k / 8] & bit) == 0;
		come[k / 8] |= bit;
	}
}

static void write_pages(struct dtls_gathered *m, const struct dtls_fragment *f)
{
	size_t done = 0;
	while (done < f->len) {
		const size_t at = (f->offset + done) % DTLS_GATHER_PAGE;
		const size_t i = (f->offset + done) / DTLS_GATHER_PAGE;
		const size_t room = page_len(m->total, i) - at;
		const size_t n = f->len - done < room ? f->len - done : room;
		memcpy(m->pages[i] + at, f->body + done, n);
		mark(m, i, at, n);
		done += n;
	}
}

/* All has come: the pages become one body. */
static bool join(struct dtls_gather *g, struct dtls_gathered *m)
{
	uint8_t *const body = claim(g, m->total);
	if (!body)
		return false;
	for (size_t i = 0; i < pages_of(m->total); i++)
		memcpy(body + i * DTLS_GATHER_PAGE, m->pages[i], page_len(m->total, i));
	drop_pages(g, m);
	m->body = body;
	m->body_room = m->total;
	return true;
}

/* In one piece, as most are. */
static bool keep_whole(
	struct dtls_gather *g, struct dtls_gathered *m, const struct dtls_fragment *f)
{
	drop_pages(g, m);
	m->missing = m->total;
	if (!make_room(g, m, f->len))
		return false;
	m->body = claim(g, f->len);
	if (!m->body)
		return false;
	m->body_room = f->len;
	memcpy(m->body, f->body, f->len);
	m->missing = 0;
	return true;
}

static bool is_whole(const struct dtls_gathered *m)
{
	return m->used && m->missing == 0 && (m->body || m->total == 0);
}

static bool keep(struct dtls_gather *g, struct dtls_gathered *m, const struct dtls_fragment *f)
{
	if (is_whole(m) || f->len == 0)
		return true;
	if (f->len == m->total)
		return keep_whole(g, m, f);
	if (!claim_pages(g, m, f))
		return false;
	write_pages(m, f);
	return m->missing > 0 || join(g, m);
}

/* --- the messages ---------------------------------------------------------------------------- */

static const struct dtls_gathered *slot_of(const struct dtls_gather *g, uint16_t message_seq)
{
	const struct dtls_gathered *const m = &g->slots[message_seq % DTLS_GATHER_AHEAD];
	return m->used && m->message_seq == message_seq ? m : NULL;
}

/* The slot for f's message; what contradicts f is forgotten. */
static struct dtls_gathered *slot_for(struct dtls_gather *g, const struct dtls_fragment *f)
{
	struct dtls_gathered *const m = &g->slots[f->message_seq % DTLS_GATHER_AHEAD];
	if (m->used && m->message_seq == f->message_seq && m->type == f->type &&
		m->total == f->total)
		return m;
	forget(g, m);
	m->used = true;
	m->message_seq = f->message_seq;
	m->type = f->type;
	m->total = f->total;
	m->missing = f->total;
	return m;
}

static void forget_before(struct dtls_gather *g, uint16_t next)
{
	for (size_t i = 0; i < DTLS_GATHER_AHEAD; i++) {
		if (g->slots[i].used && g->slots[i].message_seq < next)
			forget(g, &g->slots[i]);
	}
}

enum dtls_gathering dtls_gather_add(
	struct dtls_gather *g, const struct dtls_fragment *f, uint16_t next)
{
	forget_before(g, next);
	if (f->message_seq < next)
		return DTLS_GATHER_OLD;
	if (f->message_seq - next >= DTLS_GATHER_AHEAD || f->total > DTLS_GATHER_MAX ||
		f->offset > f->total || f->len > f->total - f->offset)
		return DTLS_GATHER_FULL;
	if (!keep(g, slot_for(g, f), f))
		return DTLS_GATHER_FULL;
	const struct dtls_gathered *const awaited = slot_of(g, next);
	return awaited && is_whole(awaited) ? DTLS_GATHER_WHOLE : DTLS_GATHER_MORE;
}

bool dtls_gather_take(const struct dtls_gather *g, uint16_t next, struct dtls_fragment *out)
{
	static const uint8_t nothing[1];
	const struct dtls_gathered *const m = slot_of(g, next);
	if (!m || !is_whole(m))
		return false;
	*out = (struct dtls_fragment){
		.type = m->type,
		.total = m->total,
		.message_seq = next,
		.body = m->body ? m->body : nothing,
		.len = m->total,
	};
	return true;
}

void dtls_gather_drop(struct dtls_gather *g, uint16_t next)
{
	if (slot_of(g, next))
		forget(g, &g->slots[next % DTLS_GATHER_AHEAD]);
}
