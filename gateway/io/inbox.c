/* SPDX-License-Identifier: Apache-2.0 */
#include "io/inbox.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct inbox {
	pthread_mutex_t lock; /* all below */
	uint8_t *ring;
	size_t cap, head, used; /* bytes; head = first used */
	uint64_t refused;
	int fd; /* eventfd, readable while used > 0 */
};

struct envelope {
	uint32_t kind, len;
};

struct inbox *inbox_new(void)
{
	struct inbox *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->cap = INBOX_ROOM;
	b->ring = malloc(b->cap);
	if (!b->ring)
		goto no_ring;
	b->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (b->fd < 0)
		goto no_fd;
	if (pthread_mutex_init(&b->lock, NULL) != 0)
		goto no_lock;
	return b;

no_lock:
	(void)close(b->fd);
no_fd:
	free(b->ring);
no_ring:
	free(b);
	return NULL;
}

void inbox_free(struct inbox *b)
{
	if (!b)
		return;
	(void)pthread_mutex_destroy(&b->lock);
	(void)close(b->fd);
	free(b->ring);
	free(b);
}

int inbox_fd(const struct inbox *b)
{
	return b->fd;
}

static void ring_put(struct inbox *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	const size_t at = (b->head + b->used) % b->cap;
	const size_t first = len < b->cap - at ? len : b->cap - at;
	memcpy(b->ring + at, data, first);
	memcpy(b->ring, (const uint8_t *)data + first, len - first);
	b->used += len;
}

static void ring_get(struct inbox *b, void *out, size_t len)
{
	const size_t first = len < b->cap - b->head ? len : b->cap - b->head;
	memcpy(out, b->ring + b->head, first);
	memcpy((uint8_t *)out + first, b->ring, len - first);
	b->head = (b->head + len) % b->cap;
	b->used -= len;
}

static bool grow(struct inbox *b)
{
	const size_t used = b->used;
	uint8_t *bigger = malloc(b->cap * 2);
	if (!bigger)
		return false;
	ring_get(b, bigger, used);
	free(b->ring);
	b->ring = bigger;
	b->cap *= 2;
	b->head = 0;
	b->used = used;
	return true;
}

static bool make_room(struct inbox *b, enum inbox_grade grade, size_t len)
{
	if (grade == INBOX_LOSSY)
		return b->used + len <= INBOX_ROOM / 2;
	return b->used + len <= b->cap || grow(b);
}

bool inbox_post(
	struct inbox *b, enum inbox_grade grade, uint32_t kind, const void *data, size_t len)
{
	assert(len <= INBOX_MESSAGE_MAX);
	const struct envelope e = { .kind = kind, .len = (uint32_t)len };
	(void)pthread_mutex_lock(&b->lock);
	const bool room = make_room(b, grade, sizeof(e) + len);
	if (room) {
		if (b->used == 0)
			(void)eventfd_write(b->fd, 1);
		ring_put(b, &e, sizeof(e));
		ring_put(b, data, len);
	} else {
		b->refused++;
	}
	(void)pthread_mutex_unlock(&b->lock);
	return room;
}

bool inbox_take(struct inbox *b, struct inbox_message *out)
{
	struct envelope e = { .kind = 0 };
	(void)pthread_mutex_lock(&b->lock);
	const bool some = b->used > 0;
	if (some) {
		ring_get(b, &e, sizeof(e));
		ring_get(b, out->data, e.len);
	}
	if (some && b->used == 0) {
		eventfd_t ignored;
		(void)eventfd_read(b->fd, &ignored);
	}
	(void)pthread_mutex_unlock(&b->lock);
	out->kind = e.kind;
	out->len = e.len;
	return some;
}

uint64_t inbox_refused(struct inbox *b)
{
	(void)pthread_mutex_lock(&b->lock);
	const uint64_t refused = b->refused;
	(void)pthread_mutex_unlock(&b->lock);
	return refused;
}
