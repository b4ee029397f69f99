/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/repository_parts: what the files of gateway/repository share. For them only.
 *
 *   repository.c        its life, and what workers ask
 *   repository_fetch.c  its thread: which image is fetched, and what comes of it
 *   repository_link.c   the link of that thread
 */
#ifndef LWG_GATEWAY_REPOSITORY_PARTS_H
#define LWG_GATEWAY_REPOSITORY_PARTS_H

#include "base/log.h"
#include "base/net.h"
#include "dtls/engine.h"
#include "gateway/repository.h"
#include "proxy/image.h"
#include "proxy/pull.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GW_REPOSITORY_KEY_MAX = 64,
	GW_REPOSITORY_DATAGRAM = 2048,
	GW_IMAGE_AGAIN_MS = 5000, /* what has failed is not tried again before */
	GW_IMAGE_ANEW = 3,        /* links, or images that change, for one pull */
};

/* Under the lock. What is chosen stays in its place, and is the thread's alone to change, which may
   read it without the lock; what is wanted stays as long as somebody waits for it. */
struct gw_image {
	char path[PULL_PATH_MAX + 1]; /* "": none */
	int fd;                       /* -1: none */
	bool looked;                  /* for it on disk */
	bool whole, wanted;
	bool crowded;   /* there was no place for somebody who wants it */
	uint8_t failed; /* code; 0: it has not */
	const char *why;
	uint64_t have;
	uint64_t fresh_until_ms; /* wall clock */
	uint64_t wanted_ms, used_ms, again_ms;
	struct pull_entity entity;
};

struct gw_image_waiter {
	bool used;
	struct gw_image_asker who;
	struct image_request request; /* its path names the image */
};

struct gw_repository {
	const struct conf_gateway *conf;
	struct inbox *const *inboxes;
	struct log log;
	struct net_path path;
	uint64_t size_max; /* octets on disk */
	uint8_t *key;      /* secret memory */
	size_t key_len;
	int folder, wake;
	bool running;
	pthread_t thread;
	pthread_mutex_t lock;
	/* Under the lock: */
	bool stopping;
	const struct gw_image *chosen; /* by the thread; NULL: none */
	struct gw_image images[GW_IMAGES];
	struct gw_image_waiter waiters[GW_IMAGE_WAITERS];
	/* The thread's own: */
	uint64_t now_ms;
	struct log_limit refused, unsent, unfetched; /* who is on the way can cause them */
	struct dtls_engine *dtls;
	struct dtls_conn *conn;
	bool connecting;
	int socket;
	uint64_t up_ms;
	struct pull pull;
	struct gw_image *pulled; /* NULL: none */
	unsigned anew;
	int part; /* the file that grows; -1: none. The image's own by then */
	uint8_t datagram[GW_REPOSITORY_DATAGRAM], received[GW_REPOSITORY_DATAGRAM];
};

/* --- repository.c --- */
uint64_t gw_repository_clock_ms(void);
uint64_t gw_repository_wall_ms(void);
/* Under the lock. The answer, if there is one; validated: the repository has said just now that it
   is what there is. */
MUST_USE size_t gw_image_answer(struct gw_repository *r, struct gw_image *i,
	const struct gw_image_waiter *w, bool validated, uint8_t out[IMAGE_MESSAGE_MAX]);
/* Under the lock. Answers those who wait for it, as far as it can. */
void gw_image_serve(struct gw_repository *r, struct gw_image *i, bool validated);
/* Under the lock. */
MUST_USE bool gw_image_is_waited_for(const struct gw_repository *r, const struct gw_image *i);
/* Under the lock. What there is of it is closed. */
void gw_image_close(struct gw_image *i);

/* --- repository_fetch.c --- */
void *gw_repository_run(void *repository);
void gw_fetch_heard(struct gw_repository *r, const uint8_t *msg, size_t len);
/* The link is up; or it is not to be had, or gone. */
void gw_fetch_link_up(struct gw_repository *r);
void gw_fetch_link_lost(struct gw_repository *r, uint8_t code, const char *why);

/* --- repository_link.c --- */
MUST_USE bool gw_repository_link_open(struct gw_repository *r);
void gw_repository_link_close(struct gw_repository *r);
/* Begins a link, if there is none. */
void gw_repository_link_want(struct gw_repository *r);
/* The one there is says nothing any more. */
void gw_repository_link_drop(struct gw_repository *r);
void gw_repository_link_send(struct gw_repository *r, const uint8_t *msg, size_t len);
/* Takes what has come. */
void gw_repository_link_read(struct gw_repository *r);

#endif
