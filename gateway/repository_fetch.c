/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/repository_parts.h"

#include "store/images.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINK_OLD_MS = 5000, TRIES_OF_A_DEAD_LINK = 3 };
static const uint64_t image_max = UINT64_C(1) << 30; /* of the numbers of blocks (RFC 7959 2.2) */

static void lock(struct gw_repository *r)
{
	(void)pthread_mutex_lock(&r->lock);
}

static void unlock(struct gw_repository *r)
{
	(void)pthread_mutex_unlock(&r->lock);
}

/* --- how a pull ends ------------------------------------------------------------------------- */

/* Under the lock. */
static void is_done(struct gw_repository *r, struct gw_image *i, bool validated)
{
	i->wanted = i->crowded = false;
	r->chosen = r->pulled = NULL;
	r->pull.active = false;
	gw_image_serve(r, i, validated);
}

static void fails(struct gw_repository *r, uint8_t code, const char *why)
{
	struct gw_image *const i = r->pulled;
	if (!i)
		return;
	log_limited(&r->log, &r->unfetched, r->now_ms, LOG_LEVEL_WARN, "image-failed",
		"path=/%s why=\"%s\" octets=%llu", i->path, why,
		(unsigned long long)r->pull.offset);
	lock(r);
	if (r->part >= 0) { /* it is the image's */
		gw_image_close(i);
		images_drop(r->folder, i->path);
	}
	r->part = -1;
	i->failed = code;
	i->why = why;
	i->again_ms = gw_repository_clock_ms() + GW_IMAGE_AGAIN_MS; /* the disk may be slow */
	is_done(r, i, false);
	unlock(r);
}

static void begin_pull(struct gw_repository *r, struct gw_image *i)
{
	uint32_t number = 0;
	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		number = (uint32_t)r->now_ms; /* within DTLS it need not be a secret */
	pull_begin(&r->pull, i->path, i->whole && i->entity.etag_len > 0 ? &i->entity : NULL,
		number, r->now_ms);
	r->pulled = i;
}

static struct images_facts facts_of(const struct pull_entity *e, uint64_t size)
{
	struct images_facts f = {
		.format = e->format,
		.fresh_until_ms = gw_repository_wall_ms() + (uint64_t)e->max_age_s * 1000,
		.size = size,
		.etag_len = e->etag_len,
	};
	memcpy(f.etag, e->etag, sizeof(f.etag));
	return f;
}

/* --- what comes ------------------------------------------------------------------------------ */

static bool fits(const struct gw_repository *r, uint64_t size)
{
	return size <= r->size_max / 4 && size <= image_max;
}

/* The first block: what there was is another image, and no more what is served. */
static bool begins(struct gw_repository *r, struct gw_image *i)
{
	r->part = images_begin(r->folder, i->path);
	if (r->part < 0)
		return false;
	lock(r);
	gw_image_close(i);
	i->looked = true;
	i->fd = r->part;
	i->failed = 0;
	i->entity = r->pull.entity;
	unlock(r);
	return true;
}

/* Disk that was given back is given back: what lost its name is not read on. */
static void forget_removed(struct gw_repository *r)
{
	struct stat st;
	lock(r);
	for (size_t n = 0; n < GW_IMAGES; n++) {
		struct gw_image *const i = &r->images[n];
		if (i->whole && i->fd >= 0 && (fstat(i->fd, &st) != 0 || st.st_nlink == 0))
			gw_image_close(i);
	}
	unlock(r);
}

static bool is_complete(struct gw_repository *r, struct gw_image *i)
{
	const struct images_facts f = facts_of(&r->pull.entity, r->pull.offset);
	if (!images_make_room(r->folder, IMAGES_HEADER + f.size, r->size_max) ||
		!images_commit(r->folder, r->part, i->path, &f))
		return false;
	forget_removed(r);
	log_say(&r->log, LOG_LEVEL_INFO, "image-fetched", "path=/%s octets=%llu", i->path,
		(unsigned long long)f.size);
	lock(r);
	i->whole = true;
	i->have = f.size;
	i->fresh_until_ms = f.fresh_until_ms;
	r->part = -1;
	is_done(r, i, true);
	unlock(r);
	return true;
}

static void take(struct gw_repository *r, const struct pull_got *got)
{
	struct gw_image *const i = r->pulled;
	const uint64_t at = r->pull.offset - got->len;
	const uint64_t hint = r->pull.entity.size;
	if (!fits(r, r->pull.offset) || !fits(r, hint)) {
		fails(r, PDU_BAD_GATEWAY, "the image is larger than the gateway keeps");
		return;
	}
	if ((at == 0 && r->part < 0 && !begins(r, i)) ||
		!images_write(r->part, at, got->data, got->len) ||
		(got->last && !is_complete(r, i))) {
		fails(r, PDU_UNAVAILABLE, "the gateway cannot keep the image now");
		return;
	}
	if (got->last)
		return;
	lock(r);
	i->have = r->pull.offset;
	gw_image_serve(r, i, false);
	unlock(r);
}

static void is_valid(struct gw_repository *r)
{
	struct gw_image *const i = r->pulled;
	struct pull_entity e = i->entity;
	e.max_age_s = r->pull.entity.max_age_s;
	const struct images_facts f = facts_of(&e, i->have);
	/* Not under the lock, for which workers wait: it takes as long as the disk does. */
	if (!images_renew(i->fd, i->path, &f))
		log_say(&r->log, LOG_LEVEL_WARN, "image", "path=/%s is not renewed on disk: %s",
			i->path, strerror(errno));
	lock(r);
	i->entity.max_age_s = e.max_age_s;
	i->fresh_until_ms = f.fresh_until_ms;
	i->failed = 0;
	is_done(r, i, true);
	unlock(r);
}

static void begins_anew(struct gw_repository *r)
{
	struct gw_image *const i = r->pulled;
	if (r->anew++ >= GW_IMAGE_ANEW) {
		fails(r, PDU_UNAVAILABLE, "the image changes while it is fetched");
		return;
	}
	lock(r);
	gw_image_close(i);
	i->looked = true;
	unlock(r);
	images_drop(r->folder, i->path);
	r->part = -1;
	begin_pull(r, i);
}

void gw_fetch_heard(struct gw_repository *r, const uint8_t *msg, size_t len)
{
	struct pull_got got;
	pull_heard(&r->pull, msg, len, r->now_ms, &got);
	if (got.acknowledge)
		gw_repository_link_send(r, got.ack, sizeof(got.ack));
	switch (got.what) {
	case PULL_NOTHING:
		return;
	case PULL_DATA:
		take(r, &got);
		return;
	case PULL_VALID:
		is_valid(r);
		return;
	case PULL_OTHER:
		begins_anew(r);
		return;
	case PULL_FAILED:
		fails(r, got.code, got.why);
		return;
	}
}

void gw_fetch_link_up(struct gw_repository *r)
{
	pull_again(&r->pull, r->now_ms);
}

void gw_fetch_link_lost(struct gw_repository *r, uint8_t code, const char *why)
{
	if (code != 0 || r->anew++ >= GW_IMAGE_ANEW)
		fails(r, code != 0 ? code : PDU_BAD_GATEWAY, why);
}

/* --- a turn ---------------------------------------------------------------------------------- */

/* Under the lock: who has waited longest. */
static struct gw_image *next_wanted(struct gw_repository *r)
{
	struct gw_image *first = NULL;
	for (size_t n = 0; n < GW_IMAGES; n++) {
		struct gw_image *const i = &r->images[n];
		if (i->wanted && (!first || i->wanted_ms < first->wanted_ms))
			first = i;
	}
	return first;
}

/* What was kept by an earlier run. Its sums are compared without the lock: nobody else makes
   anything of an image that is chosen. */
static void look_for(struct gw_repository *r, struct gw_image *i)
{
	struct images_facts f;
	const int fd = images_load(r->folder, i->path, &f);
	lock(r);
	i->looked = true;
	if (fd >= 0) {
		const uint64_t now_ms = gw_repository_wall_ms();
		const uint64_t left_ms = f.fresh_until_ms > now_ms ? f.fresh_until_ms - now_ms : 0;
		i->fd = fd;
		i->whole = true;
		i->have = f.size;
		i->fresh_until_ms = f.fresh_until_ms;
		i->entity = (struct pull_entity){ .format = f.format,
			.max_age_s = (uint32_t)((left_ms + 999) / 1000),
			.etag_len = f.etag_len };
		memcpy(i->entity.etag, f.etag, sizeof(f.etag));
	} else if (errno == EBADMSG) {
		log_say(&r->log, LOG_LEVEL_WARN, "image-damaged", "path=/%s is fetched again",
			i->path);
	}
	gw_image_serve(r, i, false);
	unlock(r);
}

static void choose(struct gw_repository *r)
{
	while (!r->pulled) {
		lock(r);
		struct gw_image *const i = next_wanted(r);
		r->chosen = i;
		unlock(r);
		if (!i)
			return;
		if (!i->looked)
			look_for(r, i);
		if (i->fd >= 0)
			images_used(i->fd);
		lock(r);
		gw_image_serve(r, i, false);
		const bool go_on = gw_image_is_waited_for(r, i) || (i->fd < 0 && i->crowded);
		i->wanted = go_on;
		i->crowded = i->crowded && go_on;
		r->chosen = go_on ? i : NULL;
		unlock(r);
		if (!go_on)
			continue;
		r->anew = 0;
		r->part = -1;
		begin_pull(r, i);
		gw_repository_link_want(r);
	}
}

static void step(struct gw_repository *r)
{
	uint8_t out[PULL_MESSAGE_MAX];
	r->now_ms = gw_repository_clock_ms();
	choose(r);
	if (r->now_ms >= dtls_next_ms(r->dtls))
		dtls_tick(r->dtls, r->now_ms);
	if (r->pulled && !r->conn)
		gw_repository_link_want(r);
	if (!r->pulled || !r->conn)
		return;
	if (pull_gives_up(&r->pull, r->now_ms)) {
		fails(r, PDU_GATEWAY_TIMEOUT, "the repository does not answer");
		gw_repository_link_drop(r);
		return;
	}
	if (r->pull.tries >= TRIES_OF_A_DEAD_LINK && !r->pull.acked &&
		r->now_ms >= r->pull.due_ms && r->now_ms - r->up_ms > LINK_OLD_MS &&
		r->anew++ < GW_IMAGE_ANEW) {
		gw_repository_link_drop(r); /* who was there may have forgotten it */
		gw_repository_link_want(r);
		return;
	}
	const size_t len = pull_send(&r->pull, r->now_ms, out);
	if (len > 0)
		gw_repository_link_send(r, out, len);
}

static int wait_ms(const struct gw_repository *r)
{
	uint64_t next_ms = dtls_next_ms(r->dtls);
	if (r->pulled && r->conn && pull_next_ms(&r->pull) < next_ms)
		next_ms = pull_next_ms(&r->pull);
	if (next_ms == UINT64_MAX)
		return -1;
	const uint64_t now_ms = gw_repository_clock_ms();
	if (next_ms <= now_ms)
		return 0;
	return next_ms - now_ms < 60000 ? (int)(next_ms - now_ms) : 60000;
}

static bool is_stopping(struct gw_repository *r)
{
	lock(r);
	const bool stops = r->stopping;
	unlock(r);
	return stops;
}

void *gw_repository_run(void *repository)
{
	struct gw_repository *const r = repository;
	uint64_t count;
	(void)pthread_setname_np(pthread_self(), "images");
	while (!is_stopping(r)) {
		step(r);
		struct pollfd all[] = { { .fd = r->socket, .events = POLLIN },
			{ .fd = r->wake, .events = POLLIN } };
		(void)poll(all, sizeof(all) / sizeof(all[0]), wait_ms(r));
		while (read(r->wake, &count, sizeof(count)) > 0)
			;
		r->now_ms = gw_repository_clock_ms();
		gw_repository_link_read(r);
	}
	gw_repository_link_drop(r); /* says goodbye */
	return NULL;
}
