/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/repository: images of firmware for devices, each fetched once from the repository behind
 *                     the gateway.
 *
 * A thread of its own has the link to the repository and the folder of the images; workers ask it
 * for one message at a time. A device's request that cannot be answered yet waits here, at most one
 * of each credential and GW_IMAGE_WAITERS in all; its answer comes by GW_IMAGE. It is not
 * acknowledged before: so its repeat is answered if the answer is lost, and nothing about it needs
 * to be kept.
 *
 * Promise: one pull at a time, whoever and however many ask. A fresh image is answered without the
 *          repository, a stale one after it has said by ETag that it is what there is; blocks but
 *          the first one are answered of what is there, whose ETag says what it is. What is kept is
 *          bounded: GW_IMAGES in memory by name, and octets on disk by the configuration.
 * Errors:  the device is told 4.04, 5.02, 5.03 or 5.04, with the time before which nothing is
 *          tried again.
 * Threads: gw_repository_ask(): workers (one lock, held for a read of at most one block); the rest:
 *          the main thread.
 * Source:  lwgate.conf(5), repository; RFC 7252 5.6 (freshness, validation); RFC 7959 2.4.
 */
#ifndef LWG_GATEWAY_REPOSITORY_H
#define LWG_GATEWAY_REPOSITORY_H

#include "base/attr.h"
#include "proxy/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_error;
struct conf_gateway;
struct gw_repository;
struct gw_session;
struct gw_worker;
struct inbox;
struct log;

enum { GW_IMAGES = 64, GW_IMAGE_WAITERS = 1024 };

struct gw_image_asker {
	uint32_t worker, cred, tenure;
	size_t room; /* the longest message that the device takes */
};
struct gw_image_answer { /* GW_IMAGE; len octets of msg */
	uint32_t cred, tenure;
	uint32_t len;
	uint8_t msg[IMAGE_MESSAGE_MAX];
};

/* As root: the key is read, and the folder is made for whom we will be. *out is NULL where the
   configuration has no repository. conf, log and inboxes are borrowed. */
MUST_USE bool gw_repository_open(const struct conf_gateway *conf, const struct log *log,
	struct inbox *const *inboxes, struct gw_repository **out, struct conf_error *error);
/* Its thread begins; after privileges are dropped, when the inboxes are there. */
MUST_USE bool gw_repository_start(struct gw_repository *r, struct conf_error *error);
/* Its thread has ended when this returns: no GW_IMAGE follows. */
void gw_repository_stop(struct gw_repository *r);
void gw_repository_free(struct gw_repository *r);
/* The length of the answer; 0: it comes later. */
MUST_USE size_t gw_repository_ask(struct gw_repository *r, const struct gw_image_asker *who,
	const struct image_request *request, uint8_t out[IMAGE_MESSAGE_MAX]);

/* --- session_image.c ------------------------------------------------------------------------ */

/* Was that message of the device for the repository? Then it is dealt with. */
bool gw_session_image(struct gw_session *s, const uint8_t *msg, size_t len);
void gw_image_received(struct gw_worker *w, const struct gw_image_answer *a);

#endif
