/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/repository_parts.h"

#include "base/secret.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "conf/hex.h"
#include "conf/text.h"
#include "gateway/privilege.h"
#include "gateway/worker.h"
#include "io/inbox.h"
#include "store/images.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEY_MIN = 16, FULL_AGAIN_S = 5 };
_Static_assert((int)PULL_PATH_MAX == (int)IMAGES_PATH_MAX, "a path is a path");
_Static_assert((int)PULL_ETAG_MAX == (int)IMAGES_ETAG_MAX, "an ETag, too");
_Static_assert(sizeof(struct gw_image_answer) <= INBOX_MESSAGE_MAX, "an answer is one message");

static uint64_t clock_of(clockid_t id)
{
	struct timespec t;
	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t gw_repository_clock_ms(void)
{
	return clock_of(CLOCK_BOOTTIME);
}

uint64_t gw_repository_wall_ms(void)
{
	return clock_of(CLOCK_REALTIME);
}

/* --- making it ------------------------------------------------------------------------------- */

static bool read_key(struct gw_repository *r, struct conf_error *error)
{
	const char *const file = r->conf->repository.key_file;
	struct conf_text text;
	if (!conf_text_read(file, true, &text, error))
		return false;
	const size_t len = strspn(text.data, "0123456789abcdefABCDEF");
	const bool alone = text.data[len + strspn(text.data + len, "\r\n")] == '\0';
	r->key = secret_new(GW_REPOSITORY_KEY_MAX);
	const bool good = r->key && alone && len >= (size_t)2 * KEY_MIN &&
			  len <= (size_t)2 * GW_REPOSITORY_KEY_MAX &&
			  conf_hex_read(text.data, len, r->key);
	r->key_len = len / 2;
	conf_text_free(&text);
	if (!good)
		(void)snprintf(error->text, sizeof(error->text),
			"%s: holds no key; write 32 to 128 hexadecimal digits, and nothing else",
			file);
	return good;
}

static bool make_folder(struct gw_repository *r, struct conf_error *error)
{
	const struct conf_gateway *const conf = r->conf;
	struct stat st;
	if (stat(conf->repository.directory, &st) == 0)
		return true;
	error->text[0] = '\0';
	if (mkdir(conf->repository.directory, 0700) == 0 &&
		gw_privilege_give(conf->user, conf->group, conf->repository.directory, error))
		return true;
	if (error->text[0] == '\0')
		(void)snprintf(error->text, sizeof(error->text),
			"%s cannot be made: %s; make it, owned by the user of the gateway",
			conf->repository.directory, strerror(errno));
	return false;
}

bool gw_repository_open(const struct conf_gateway *conf, const struct log *log,
	struct inbox *const *inboxes, struct gw_repository **out, struct conf_error *error)
{
	*out = NULL;
	if (!conf->repository.prefix)
		return true;
	struct gw_repository *const r = calloc(1, sizeof(*r));
	if (!r)
		return false;
	*r = (struct gw_repository){
		.conf = conf,
		.inboxes = inboxes,
		.log = { .fd = log->fd, .level = log->level, .name = "images" },
		.path = { .peer = conf->repository.address },
		.size_max = (uint64_t)conf->repository.size_mib << 20,
		.folder = -1,
		.socket = -1,
		.part = -1,
		.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	for (size_t i = 0; i < GW_IMAGES; i++)
		r->images[i].fd = -1;
	(void)pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return r->wake >= 0 && read_key(r, error) && make_folder(r, error);
}

bool gw_repository_start(struct gw_repository *r, struct conf_error *error)
{
	if (!r)
		return true;
	r->folder = images_open(r->conf->repository.directory);
	if (r->folder < 0 || !gw_repository_link_open(r)) {
		(void)snprintf(error->text, sizeof(error->text),
			"%s: images cannot be kept there: %s; it must be a folder of the gateway's "
			"user",
			r->conf->repository.directory, strerror(errno));
		return false;
	}
	const int failed = pthread_create(&r->thread, NULL, gw_repository_run, r);
	r->running = failed == 0;
	if (failed != 0)
		(void)snprintf(error->text, sizeof(error->text),
			"the thread of the repository cannot be started: %s", strerror(failed));
	return r->running;
}

static void wake(struct gw_repository *r)
{
	const uint64_t one = 1;
	while (write(r->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void gw_repository_stop(struct gw_repository *r)
{
	if (!r || !r->running)
		return;
	(void)pthread_mutex_lock(&r->lock);
	r->stopping = true;
	(void)pthread_mutex_unlock(&r->lock);
	wake(r);
	(void)pthread_join(r->thread, NULL);
	r->running = false;
}

void gw_repository_free(struct gw_repository *r)
{
	if (!r)
		return;
	gw_repository_link_close(r);
	for (size_t i = 0; i < GW_IMAGES; i++)
		gw_image_close(&r->images[i]);
	if (r->folder >= 0)
		(void)close(r->folder);
	if (r->wake >= 0)
		(void)close(r->wake);
	secret_free(r->key, GW_REPOSITORY_KEY_MAX);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

/* --- images ---------------------------------------------------------------------------------- */

void gw_image_close(struct gw_image *i)
{
	if (i->fd >= 0)
		(void)close(i->fd);
	i->fd = -1;
	i->looked = i->whole = false;
	i->have = 0;
}

bool gw_image_is_waited_for(const struct gw_repository *r, const struct gw_image *i)
{
	for (size_t n = 0; n < GW_IMAGE_WAITERS; n++) {
		if (r->waiters[n].used && strcmp(r->waiters[n].request.path, i->path) == 0)
			return true;
	}
	return false;
}

/* Names that there is nothing of are asked for at no cost: they go before images, each of which is
   read whole, and its sum compared, when it is asked for next. */
static bool goes_before(const struct gw_image *a, const struct gw_image *b)
{
	if (!b || (a->fd < 0) != (b->fd < 0))
		return !b || a->fd < 0;
	return a->used_ms < b->used_ms;
}

/* One device is one waiter, however many names it has asked for. NULL: all are waited for. */
static struct gw_image *forsaken(struct gw_repository *r)
{
	for (size_t n = 0; n < GW_IMAGES; n++) {
		struct gw_image *const i = &r->images[n];
		if (i != r->chosen && !gw_image_is_waited_for(r, i))
			return i;
	}
	return NULL;
}

/* Its own, or that of the one which was not asked for longest. NULL: all are wanted. */
static struct gw_image *image_of(struct gw_repository *r, const char *path)
{
	struct gw_image *oldest = NULL;
	for (size_t n = 0; n < GW_IMAGES; n++) {
		struct gw_image *const i = &r->images[n];
		if (strcmp(i->path, path) == 0)
			return i;
		if (!i->wanted && i != r->chosen && goes_before(i, oldest))
			oldest = i;
	}
	if (!oldest)
		oldest = forsaken(r);
	if (!oldest)
		return NULL;
	gw_image_close(oldest);
	*oldest = (struct gw_image){ .fd = -1 };
	memcpy(oldest->path, path, strnlen(path, PULL_PATH_MAX));
	return oldest;
}

/* A clock that was set back must not make an image fresh for longer than was said. */
static uint64_t fresh_ms(const struct gw_image *i)
{
	const uint64_t now_ms = gw_repository_wall_ms();
	const uint64_t left_ms = i->fresh_until_ms > now_ms ? i->fresh_until_ms - now_ms : 0;
	const uint64_t most_ms = (uint64_t)i->entity.max_age_s * 1000;
	return left_ms <= most_ms ? left_ms : 0;
}

static bool read_part(const struct gw_image *i, const struct image_part *p, uint8_t *out)
{
	return pread(i->fd, out, p->len, (off_t)(IMAGES_HEADER + p->offset)) == (ssize_t)p->len;
}

size_t gw_image_answer(struct gw_repository *r, struct gw_image *i, const struct gw_image_waiter *w,
	bool validated, uint8_t out[IMAGE_MESSAGE_MAX])
{
	uint8_t data[IMAGE_BLOCK_MAX];
	struct image_part part;
	const uint64_t now_ms = gw_repository_clock_ms();
	const uint64_t left_ms = fresh_ms(i);
	if (i->fd < 0 || (i->whole && left_ms == 0 && w->request.num == 0 && !validated)) {
		if (i->failed == 0 || now_ms >= i->again_ms)
			return 0;
		return image_refuse(&w->request, i->failed, i->why,
			(uint32_t)((i->again_ms - now_ms + 999) / 1000), out);
	}
	const struct image image = {
		.entity = &i->entity,
		.have = i->have,
		.whole = i->whole,
		.max_age_s = (uint32_t)(left_ms / 1000),
	};
	if (!image_part(&image, &w->request, w->who.room, &part))
		return 0;
	if (part.code >= PDU_BAD_REQUEST)
		return image_refuse(&w->request, part.code, part.why, 0, out);
	if (!read_part(i, &part, data)) {
		if (r->chosen != i)
			gw_image_close(i); /* the disk has lost it: it is looked for anew */
		return 0;
	}
	return image_write(&image, &w->request, &part, data, out);
}

/* --- who waits ------------------------------------------------------------------------------- */

static bool same_asker(const struct gw_image_asker *a, const struct gw_image_asker *b)
{
	return a->worker == b->worker && a->cred == b->cred;
}

/* A device's newest request is the one that it waits for. False: there is no room for it, and its
   repeat will be answered. */
static bool let_wait(struct gw_repository *r, const struct gw_image_waiter *w)
{
	struct gw_image_waiter *place = NULL;
	for (size_t n = 0; n < GW_IMAGE_WAITERS; n++) {
		struct gw_image_waiter *const one = &r->waiters[n];
		if (one->used && same_asker(&one->who, &w->who)) {
			place = one;
			break;
		}
		if (!one->used && !place)
			place = one;
	}
	if (place)
		*place = *w;
	return place != NULL;
}

static void post(struct gw_repository *r, const struct gw_image_asker *who, size_t len,
	struct gw_image_answer *a)
{
	a->cred = who->cred;
	a->tenure = who->tenure;
	a->len = (uint32_t)len;
	if (!inbox_post(r->inboxes[who->worker], INBOX_LOSSY, GW_IMAGE, a, sizeof(*a)))
		log_say(&r->log, LOG_LEVEL_DEBUG, "image", "an answer is lost: it is asked again");
}

void gw_image_serve(struct gw_repository *r, struct gw_image *i, bool validated)
{
	struct gw_image_answer a = { .len = 0 };
	for (size_t n = 0; n < GW_IMAGE_WAITERS; n++) {
		struct gw_image_waiter *const w = &r->waiters[n];
		if (!w->used || strcmp(w->request.path, i->path) != 0)
			continue;
		const size_t len = gw_image_answer(r, i, w, validated, a.msg);
		if (len == 0)
			continue;
		w->used = false;
		post(r, &w->who, len, &a);
	}
}

size_t gw_repository_ask(struct gw_repository *r, const struct gw_image_asker *who,
	const struct image_request *request, uint8_t out[IMAGE_MESSAGE_MAX])
{
	const struct gw_image_waiter w = { .used = true, .who = *who, .request = *request };
	const uint64_t now_ms = gw_repository_clock_ms();
	(void)pthread_mutex_lock(&r->lock);
	struct gw_image *const i = image_of(r, request->path);
	size_t len = 0;
	bool begins = false;
	if (i) {
		i->used_ms = now_ms;
		len = gw_image_answer(r, i, &w, false, out);
	} else {
		len = image_refuse(request, PDU_UNAVAILABLE, "too many images are asked for",
			FULL_AGAIN_S, out);
	}
	if (i && len == 0) {
		begins = !i->wanted;
		i->wanted_ms = begins ? now_ms : i->wanted_ms;
		i->wanted = true;
		i->crowded = !let_wait(r, &w) || i->crowded;
	}
	(void)pthread_mutex_unlock(&r->lock);
	if (begins)
		wake(r);
	return len;
}
