/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/gateway_parts: what the files of the gateway's main thread share. For them only.
 *
 *   gateway.c          its life
 *   gateway_sockets.c  listeners: bound, or inherited
 *   gateway_store.c    the store: opened, asked and ordered about by the control room
 *   gateway_source.c   what else the control room asks
 *   gateway_policy.c   what it asks for those who write policies
 *   happened.c         what has gone wrong lately
 *   gateway_sweep.c    drives the sweep: has sessions judged after a change
 *   due.c              registrations of sleepers that end, credentials that expire, what was
 *                      learned and is not proved in time
 *   watchdog.c         tells the service manager that all threads answer
 */
#ifndef LWG_GATEWAY_GATEWAY_PARTS_H
#define LWG_GATEWAY_GATEWAY_PARTS_H

#include "base/attr.h"
#include "base/net.h"
#include "conf/config.h"
#include "ctl/control.h"
#include "gateway/ask.h"
#include "gateway/census.h"
#include "gateway/gateway.h"
#include "gateway/sweep.h"
#include "gateway/worker.h"
#include "store/kek.h"
#include "store/store.h"

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct gw_chronicle;
struct gw_credentials;
struct gw_inherited;
struct gw_material;
struct gw_self;
struct gw_sms_desk;
struct gw_sms_keeper;
struct gw_web;

/* fds[worker][listener]; bound in the order of the workers, as the kernel's filter counts. -1: not,
   or the worker's. */
typedef int gw_socket_table[CONF_WORKERS_MAX][CONF_LISTENERS_MAX];

struct gw_gateway {
	struct gw_shared shared;
	struct gw_material *material; /* the newest; NULL: none */
	struct gw_rules *rules;       /* the newest; NULL: none */
	const struct log *log;
	size_t len; /* workers */
	gw_socket_table fds;
	struct gw_inherited *inherited; /* NULL: nothing */
	struct kek kek;                 /* read while still root; wiped when the store is open */
	bool has_kek;
	bool discard_sessions;
	bool claims_store;
	bool pulse_missed; /* and it was told */
	uint32_t pulse;    /* what the workers were asked to show last */
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
	ev_timer watchdog;
	uint64_t pulse_ms;     /* since when */
	ev_timer day;          /* certificates are looked at */
	uint64_t due_after_ms; /* where the look at the deadlines goes on */
	uint32_t due_after_cred;
	uint64_t expiry_after_ms; /* the same of credentials that expire; wall clock */
	uint32_t expiry_after_cred;
	struct gw_chronicle *chronicle;
	ev_io chronicle_io;
	struct gw_web *web;      /* NULL: no status page */
	struct gw_census census; /* the last one, for the metrics */
	uint64_t census_due_ms;  /* of uptime: the next one */
	struct gw_sms_desk *sms; /* NULL: there are no short messages */
	struct gw_sms_keeper *keeper;
	struct gw_sweep sweep;
	ev_timer sweep_due;
	unsigned due_rounds;
	ev_child trial;     /* of the program that is to take over */
	ev_timer trial_due; /* when the answer to who asked is out; after it, of handshakes */
	uint64_t quiet_by_ms;
	bool trial_refused; /* the last one */
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
/* Something about a credential is not as it was: it is looked at. */
void gw_credential_changed(struct gw_gateway *g, uint32_t cred);
/* What m changes for those who are in, compared with the material before it, of this run or another
   see gateway/waves. False: the store cannot. */
MUST_USE bool gw_store_follow(struct gw_gateway *g, struct gw_material *m, unsigned *raised);

/* gateway_sweep.c */
void gw_sweeping_begin(struct gw_gateway *g);
void gw_sweeping_end(struct gw_gateway *g);
/* Rules, or what many are believed by, are others. */
void gw_sweeping_all(struct gw_gateway *g);
/* A credential is not what it was. */
void gw_sweeping_one(struct gw_gateway *g, uint32_t cred);
/* A member of struct ctl_source. */
bool gw_sweeping_facts(void *ctx, struct ctl_deciding *out);

/* gateway_source.c */
/* Asks one worker and waits. NULL: it did not answer. Else the caller releases it. */
struct gw_ask *gw_source_ask(
	struct gw_gateway *g, size_t number, enum gw_ask_what what, uint32_t cred);
/* Numbers of the credentials of an endpoint that are active, or else of those that were; how many.
   purpose: of those with it only, unless that is CTL_FOR_UNSAID. */
enum { GW_CREDS_OF = 3 };
size_t gw_source_find(struct gw_gateway *g, const char *endpoint, enum ctl_purpose purpose,
	uint32_t creds[GW_CREDS_OF]);
bool gw_source_is_awake(const struct gw_gateway *g, uint32_t cred);
/* The place that a row names may be another's by now: then this one has none. The caller wipes
   *out. */
MUST_USE bool gw_source_leg(struct gw_gateway *g, const struct store_session *row,
	enum store_role role, struct store_assoc *out);
/* store_time() of now. */
uint64_t gw_source_now(const struct gw_gateway *g);

/* gateway_policy.c: members of struct ctl_source. */
bool gw_policy_asked(void *ctx, struct ctl_policy *out);
bool gw_policy_facts(void *ctx, const char *endpoint, uint64_t *from, struct ctl_out *out);
bool gw_policy_about(
	void *ctx, const char *endpoint, enum ctl_purpose purpose, struct ctl_about *out);

/* watchdog.c */
void gw_watchdog_begin(struct gw_gateway *g);
void gw_watchdog_end(struct gw_gateway *g);

/* happened.c: a member of struct ctl_source. */
void gw_happened(void *ctx, struct ctl_recent *recent, struct ctl_out *out);

/* due.c */
void gw_due_begin(struct gw_gateway *g);
void gw_due_end(struct gw_gateway *g);

#endif
