/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/worker_parts: what the files of a worker share: its turn (worker.c), what it
 *                       is told (worker_inbox.c), its making (worker_make.c), its sockets for
 *                       links (worker_links.c). For them only.
 */
#ifndef LWG_GATEWAY_WORKER_PARTS_H
#define LWG_GATEWAY_WORKER_PARTS_H

#include "base/attr.h"
#include "gateway/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_BOOTTIME */
uint64_t gw_worker_clock_ms(void);
void gw_worker_watch(struct gw_worker *w);
void gw_worker_watch_socket(struct gw_worker *w, struct gw_socket *s, int fd);
void gw_worker_dispatch(struct gw_worker *w, struct inbox_message *m);
/* Datagrams of devices: those that are another worker's go there. */
struct udp_datagram;
void gw_worker_from_devices(struct gw_worker *w, const struct udp_datagram *got, size_t len);

/* False: memory is short. */
MUST_USE bool gw_worker_make_upstreams(struct gw_worker *w);
void gw_worker_free_upstreams(struct gw_worker *w);
/* Opens the sockets of earlier runs again, on the ports that their links know. False: memory is
   short. */
MUST_USE bool gw_worker_restore_links(struct gw_worker *w, const struct gw_sockets *sockets);
/* A name stands for other addresses now. */
struct gw_resolved;
void gw_worker_resolved(struct gw_worker *w, const struct gw_resolved *r);
/* Looks at some source slots whose links sleep: those that no link has any more are given back. */
void gw_worker_reclaim(struct gw_worker *w);
/* When it is to be called next. */
uint64_t gw_worker_reclaim_ms(const struct gw_worker *w);

#endif
