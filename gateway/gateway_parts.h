/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/gateway_parts: what the files of the gateway's main thread share. For them only.
 *
 *   gateway.c          its life
 *   gateway_sockets.c  listeners: bound, or inherited
 *   gateway_store.c    the store: opened, asked and ordered about by the control room
 *   gateway_source.c   what else the control room asks
 *   due.c              registrations of sleepers that end
 */
#ifndef LWG_GATEWAY_GATEWAY_PARTS_H
#define LWG_GATEWAY_GATEWAY_PARTS_H

#include "base/attr.h"
#include "base/net.h"
#include "conf/config.h"
#include "ctl/control.h"
#include "gateway/gateway.h"
#include "gateway/worker.h"
#include "store/kek.h"

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct gw_credentials;
struct gw_inherited;
struct gw_material;
struct gw_self;

/* fds[worker][listener]; bound in the order of the workers, as the kernel's filter counts. -1: not,
   or the worker's. */
typedef int gw_socket_table[CONF_WORKERS_MAX][CONF_LISTENERS_MAX];

struct gw_gateway {
	struct gw_shared shared;
	struct gw_material *material; /* the newest; NULL: none */
	const struct log *log;
	size_t len; /* workers */
	gw_socket_table fds;
	struct gw_inherited *inherited; /* NULL: nothing */
	struct kek kek;                 /* read while still root; wiped when the store is open */
	bool has_kek;
	bool discard_sessions;
	bool claims_store;
	struct gw_credentials *credentials;
	struct store_reader *reader; /* the main thread's */
	struct inbox *inboxes[CONF_WORKERS_MAX];
	struct gw_worker *workers[CONF_WORKERS_MAX];
	pthread_t threads[CONF_WORKERS_MAX];
	size_t running;       /* threads */
	time_t since_s;       /* CLOCK_BOOTTIME */
	struct ev_loop *loop; /* the main thread's */
	ev_io control_io;
	ev_signal term, interrupt, hangup, usr2;
	ev_timer due;
	ev_timer day;          /* certificates are looked at */
	uint64_t due_after_ms; /* where the look at the deadlines goes on */
	uint32_t due_after_cred;
	unsigned due_rounds;
	ev_child trial;     /* of the program that is to take over */
	ev_timer trial_due; /* when the answer to who asked for it is out */
	enum gw_end end;
	const struct gw_self *self;
};

/* gateway_sockets.c */
MUST_USE bool gw_bind_all(struct gw_gateway *g, struct conf_error *error);
void gw_close_all(gw_socket_table fds);

/* gateway_store.c */
/* While still root: folders, and the key that only root may read. */
MUST_USE bool gw_store_prepare(struct gw_gateway *g, struct conf_error *error);
MUST_USE bool gw_store_open(struct gw_gateway *g, struct conf_error *error);
void gw_store_close(struct gw_gateway *g);

/* due.c */
void gw_due_begin(struct gw_gateway *g);
void gw_due_end(struct gw_gateway *g);

#endif
