/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/rouse: sessions come back from the store with the first record of their device or server,
 *                or because something is due, and go back when they have been idle.
 *
 * Promise: a sleeper becomes resident only after a record has authenticated; those who send what
 *          does not are slowed down, per source prefix and per association (S24). The credential is
 *          looked at each time (S28). Going to sleep writes nothing to the disk.
 * Errors:  none; a session that cannot be brought back is as if nobody slept there.
 * Threads: the worker's own.
 */
#ifndef LWG_GATEWAY_ROUSE_H
#define LWG_GATEWAY_ROUSE_H

#include "base/attr.h"
#include "dtls/engine.h"
#include "gateway/ruling.h"
#include "gateway/session.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_op;
struct gw_worker;

enum gw_verdict { /* on a sleeper */
	GW_WAKE,
	GW_WAKE_GAP,   /* with a window that begins at the read ceiling (S11) */
	GW_WAKE_PROBE, /* its window has to be proven (S12) */
	GW_FAREWELL,   /* its credential has changed, or nothing is known for sure (S30, S6) */
};

struct gw_waking { /* between asleep() and woken() */
	struct store_assoc assoc;
	enum gw_verdict verdict;
	struct gw_ruling ruling; /* what a policy wants of its session */
	uint64_t bucket;         /* hashes of whom to blame */
	uint64_t prefix;
};

/* For the engine's owner. */
bool gw_woken(void *worker, struct dtls_conn *c, const struct dtls_sleeper *s);

/* Brings the session of a credential back without a record. NULL: there is none, or it cannot
   be. */
struct gw_session *gw_rouse(struct gw_worker *w, uint32_t cred);
/* Brings back the link of a session whose device has come back otherwise; row is what the store
   has. */
void gw_rouse_link(struct gw_session *s, const struct store_session *row);
/* A session of a credential whose seat is empty; NULL: it is not, or memory is short. */
MUST_USE struct gw_session *gw_session_seated(struct gw_worker *w, uint32_t cred);
/* Brings back nothing but the link of a session, to say goodbye on it when o is done. */
void gw_rouse_to_part(struct gw_session *s, struct gw_op *o, uint32_t place);
/* The other half of an operation with `rouse`. */
void gw_roused(struct gw_session *s, const struct store_session *row);

/* --- asleep.c ------------------------------------------------------------ */

/* For the engine's owner. */
bool gw_asleep(void *worker, enum dtls_role role, const struct net_path *path, uint64_t seq,
	struct dtls_sleeper *out);
bool gw_asleep_by_cid(void *worker, enum dtls_role role, const struct dtls_knock *knock,
	struct dtls_sleeper *out);
void gw_not_woken(void *worker, const struct dtls_sleeper *s);
/* Reads what is in a slot's row, and judges it. False: nobody is there. */
MUST_USE bool gw_sleeper_look(struct gw_worker *w, uint32_t place, struct gw_waking *out);
/* What the engine needs to bring it back, but for role and token. False: path is not known here,
   and not filled in. */
MUST_USE bool gw_sleeper_fill(
	const struct gw_worker *w, const struct store_assoc *a, struct dtls_sleeper *out);
/* What has just been tried came to nothing: its source, and the sleeper that it named, are slowed
   down (S24). */
void gw_sleeper_blame(struct gw_worker *w);
/* What the device of a sleeping association says comes to this worker. */
MUST_USE bool gw_sleeper_is_ours(const struct gw_worker *w, const struct store_assoc *a);

/* --- doze.c ------------------------------------------------------------ */

/* Lets a session go that nothing is under way for: rows and slots are all that is left of it. */
void gw_session_sleep(struct gw_session *s);
/* Its link alone. */
void gw_session_sleep_link(struct gw_session *s);
/* Lets those go that have been idle for long, some each time. */
void gw_sessions_doze(struct gw_worker *w);
/* At the end of the program: all that may; true when some are left. */
MUST_USE bool gw_sessions_sleep_all(struct gw_worker *w);
/* Something of the session of a credential may be due (GW_DUE). */
void gw_due_received(struct gw_worker *w, uint32_t cred);
/* Something of a credential is not as it was (GW_CHANGED); in judge_look.c. */
void gw_changed_received(struct gw_worker *w, uint32_t cred);

#endif
